"""Both majors of Centrifugo accept the printed configuration, and refuse the files that the linter refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from centrifugo_proxy.protocol.codes import EVENTS, ResponseMode
from centrifugo_proxy.server_config.document import FORMATS, render
from centrifugo_proxy.server_config.generate import generate
from centrifugo_proxy.server_config.linter import lint_file
from centrifugo_proxy.server_config.parsing import UnparsableError, parse
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, BOTH, CONNECT_ONLY, findings_in
from tests.harness.centrifugo import READY, binary, complaint, guard_variables, layout, majors, start_log

pytestmark = pytest.mark.processes

EVENT_SETS = [("connect",), ("connect", "refresh"), EVENTS]
# The variables that the comments of the printed configuration require.
VARIABLES = guard_variables(5, "right-token") | guard_variables(6, "right-token")


@pytest.fixture(params=majors(), ids="v{}".format)
def centrifugo(request: pytest.FixtureRequest) -> Path:
    return centrifugo_of(request.param)


@pytest.fixture
def centrifugo_v6() -> Path:
    return centrifugo_of(6)


@pytest.fixture
def centrifugo_v5() -> Path:
    return centrifugo_of(5)


def centrifugo_of(major: int) -> Path:
    found = binary(major)
    if found is None:
        pytest.skip(f"no Centrifugo v{major}: `make centrifugos` builds it, or CENTRIFUGO_BIN names another major")
    return found


def printed(folder: Path, facts: ServiceFacts, major: int, file_format: str, *, with_secrets: bool) -> Path:
    file = folder / f"config.{file_format}"
    file.write_text(render(generate(facts, major, file_format, with_secrets=with_secrets), file_format))
    return file


@pytest.mark.parametrize("events", EVENT_SETS, ids=" ".join)
@pytest.mark.parametrize("mode", ResponseMode)
@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_accepts_the_printed_configuration(
    centrifugo: Path, tmp_path: Path, file_format: str, mode: ResponseMode, events: tuple[str, ...]
) -> None:
    guarded = replace(ALL_EVENTS, mode=mode, events=events, namespaces=dict.fromkeys(("", "family", "news"), BOTH))

    complaints = [
        complaint(centrifugo, printed(tmp_path, facts, layout(centrifugo), file_format, with_secrets=True))
        for facts in (guarded, replace(guarded, tokens=(), deadline_ms=60_000))
    ]

    assert complaints == ["", ""]


@pytest.mark.parametrize("tokens", [(), (b"right-token",)], ids=["unguarded", "guarded"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_starts_with_the_printed_configuration(
    centrifugo: Path, tmp_path: Path, file_format: str, tokens: tuple[bytes, ...]
) -> None:
    facts = replace(ALL_EVENTS, tokens=tokens)

    file = printed(tmp_path, facts, layout(centrifugo), file_format, with_secrets=True)

    assert READY in start_log(centrifugo, file, **VARIABLES)


@pytest.mark.parametrize("file_format", FORMATS)
def test_centrifugo_starts_with_the_token_from_its_environment(
    centrifugo: Path, tmp_path: Path, file_format: str
) -> None:
    file = printed(tmp_path, ALL_EVENTS, layout(centrifugo), file_format, with_secrets=False)

    assert READY in start_log(centrifugo, file, **VARIABLES)


def test_v5_refuses_a_yaml_file_whose_nested_table_the_linter_reports(centrifugo_v5: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(render(generate(CONNECT_ONLY, 5, "json"), "yaml"))

    assert "v5-yaml-nested" in [finding.id for finding in lint_file(file, CONNECT_ONLY).findings]
    assert b"error marshalling config" in start_log(centrifugo_v5, file, **VARIABLES)


@pytest.mark.parametrize(
    ("file_format", "text"),
    [
        ("json", '\ufeff{"foo": 1}'),
        ("json", '{"foo": 1, "foo": 2}'),
        ("json", '{"foo": NaN}'),
        ("json", '{"foo": 1e999}'),
        ("json", '{"foo": ' + "9" * 5000 + "}"),
        ("json", '{"foo": ' + "9" * 50 + "}"),
        ("json", "null"),
        ("json", ""),
        ("toml", "\ufefffoo = 1"),
        ("toml", "foo = 1\nfoo = 2"),
        ("toml", "foo = " + "9" * 19),
        ("toml", "foo = " + "9" * 18),
        ("toml", "foo = nan"),
        ("yaml", "\ufefffoo: 1"),
        ("yaml", "foo: 1\nfoo: 2"),
        ("yaml", "foo: [{bar: 1, 'bar': 2}]"),
        ("yaml", "foo: 1\nFoo: 2"),
        ("yaml", "foo: {<<: {bar: 1}, bar: 2}"),
        ("yaml", "foo: {<<: &x {<<: {bar: 1}, bar: 2}}\nbar: *x"),
        ("yaml", "foo: 2020-13-45"),
        ("yaml", "foo: !!int bar"),
        ("yaml", "foo: !!int '5'"),
        ("yaml", "foo: !!float 5"),
        ("yaml", "foo: !!bool yes"),
        ("yaml", "foo: !!null bar"),
        ("yaml", "foo: !bar {baz: 1}"),
        ("yaml", "foo: 1\n---\nbar: {"),
        ("yaml", "foo: &a {bar: *a}"),
        ("yaml", "foo: [&a 1, &a 2, *a]"),
        ("yaml", "foo: *bar"),
        ("yaml", "foo: !bar!baz 1"),
        ("yaml", "? [foo]\n: 1"),
        ("yaml", "<<: 1"),
        ("yaml", "foo: " + "9" * 5000),
        ("yaml", "foo: ="),
        ("yaml", "- foo"),
    ],
)
def test_the_linter_and_centrifugo_refuse_the_same_files(
    centrifugo: Path, tmp_path: Path, file_format: str, text: str
) -> None:
    file = tmp_path / f"config.{file_format}"
    file.write_text(text)

    try:
        parse(text, file_format, layout(centrifugo))
    except UnparsableError:
        assert complaint(centrifugo, file)
    else:
        assert complaint(centrifugo, file) == ""


@pytest.mark.parametrize("value", ["yes", "off", "tRue", "", "T", "0"])
def test_v6_refuses_the_booleans_that_the_linter_reports(centrifugo_v6: Path, tmp_path: Path, value: str) -> None:
    config = {"client": {"insecure_skip_token_signature_verify": value}}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))

    seen = {finding.id for finding in findings_in(config)}

    assert ("boolean-invalid" in seen) is ("ParseBool" in complaint(centrifugo_v6, file))


@pytest.mark.parametrize(("longer", "shorter"), [("1s", "no duration"), ("no duration", "1s")])
def test_v6_reads_dotted_keys_and_prefers_the_longer_one(
    centrifugo_v6: Path, tmp_path: Path, longer: str, shorter: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"client.stale_close_delay": longer, "client": {"stale_close_delay": shorter}}))

    assert ("invalid duration" in complaint(centrifugo_v6, file)) is (longer == "no duration")


def test_v6_refuses_a_reference_to_a_variable_that_is_not_set(centrifugo_v6: Path, tmp_path: Path) -> None:
    file = printed(tmp_path, CONNECT_ONLY, 6, "yaml", with_secrets=False)

    assert 'variable "CENTRIFUGO_VAR_PROXY_TOKEN" not found' in complaint(centrifugo_v6, file)
