"""The parser and the result file that the bench's commands share."""

import json
from pathlib import Path

import pytest

from bench import compare
from bench.parts.command import measured, parser_of
from bench.parts.processes import BenchError


def test_a_result_is_returned_and_written_to_the_file_that_the_option_names(tmp_path: Path) -> None:
    options = parser_of("invented", "Made up.").parse_args(["--json", str(tmp_path / "result.json")])

    result = measured(lambda: {"cpu_us": 1.5}, options.json)

    assert result == json.loads((tmp_path / "result.json").read_text()) == {"cpu_us": 1.5}


def test_a_failed_measurement_exits_with_its_message_and_writes_no_file(tmp_path: Path) -> None:
    def fails() -> None:
        raise BenchError("the service did not start")

    with pytest.raises(SystemExit, match="the service did not start"):
        measured(fails, tmp_path / "result.json")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trees", [["a/old", "b/old"], ["a/service"]])
def test_folders_whose_rows_would_have_the_same_name_are_refused(
    trees: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["compare", *(part for tree in trees for part in ("--against", tree))])

    with pytest.raises(SystemExit):
        compare.main()

    assert "accepted: folders with different names, not service" in capsys.readouterr().err
