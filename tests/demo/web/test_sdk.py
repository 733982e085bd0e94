"""The page's clients use Centrifugo if it runs and its JavaScript SDK is installed."""

from pathlib import Path

from demo.web.sdk import BUNDLE, find_sdk, why_direct


def test_the_bundle_is_taken_from_the_first_folder_that_has_it(tmp_path: Path) -> None:
    without, with_it = tmp_path / "without", tmp_path / "with"
    (with_it / BUNDLE).parent.mkdir(parents=True)
    (with_it / BUNDLE).touch()

    assert find_sdk((without, with_it)) == with_it / BUNDLE
    assert find_sdk((without,)) is None


def test_clients_use_centrifugo_if_nothing_is_missing() -> None:
    assert why_direct("ws://127.0.0.1:1", Path("centrifuge.js")) == ""


def test_a_missing_centrifugo_is_named_before_a_missing_sdk() -> None:
    assert why_direct(None, None) == "Centrifugo is not available. To build it with Go, run make centrifugo."
    assert "JavaScript SDK" in why_direct("ws://127.0.0.1:1", None)
