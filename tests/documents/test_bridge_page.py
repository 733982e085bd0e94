"""Compares docs/bridge.md with the bridge."""

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.commands import Mapped, Reason, Record
from bridge.mapping.mapper import RouteMapper
from bridge.routing.action_file import KEYS
from bridge.routing.file import DEFAULTS, ROUTE, TOP, read_routes
from bridge.routing.model import Routes
from tests.harness.manage import called_for_json

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bridge.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return re.split(rf"^## {title}.*$", TEXT, flags=re.MULTILINE)[1].split("\n## ")[0]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def routes_of(text: str) -> Routes:
    return read_routes(text, "routes.toml", lambda name: b"")


def test_the_first_example_maps_the_record_on_the_page_to_the_command_on_the_page() -> None:
    example, record, command = blocks("toml")[0], blocks("json")[0], blocks("json")[1].strip()
    value = orjson.dumps(json.loads(record))

    outcome = RouteMapper(routes_of(example)).outcome(
        Record("diary.entry.created.v1", 0, 0, 1_800_000_000_000, None, value), 1_800_000_000_000
    )

    assert isinstance(outcome, Mapped)
    assert [made.encoded.decode() for made in outcome.commands] == [command]


ROUTE_OF = '[[routes]]\nname = "entries"\ntopics = ["t"]\n{}\n[[routes.actions]]\n{}'


@pytest.mark.parametrize("line", [line for line in blocks("toml")[2].splitlines() if line])
def test_each_way_to_choose_the_published_data_is_accepted(line: str) -> None:
    action = f'do = "publish"\nchannel = "c"\n{line}'

    assert routes_of("version = 1\n" + ROUTE_OF.format("", action)).topics == ("t",)


def test_the_conditions_on_the_page_are_accepted() -> None:
    action = 'do = "publish"\nchannel = "c"\ndata = "*"'

    [route] = routes_of("version = 1\n" + ROUTE_OF.format(blocks("toml")[1], action)).routes

    assert (len(route.early), len(route.late)) == (1, 3)


def keys(first_cell: str) -> list[list[str]]:
    """The rows of the table in the section Reference whose first column has this heading."""
    table = section("Reference").split(f"| {first_cell} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def test_the_reference_names_every_key_of_a_routes_file_and_marks_those_that_have_a_default() -> None:
    of_file = [name.strip("[]") for cell, *_ in keys("Key of the file") for name in words(cell)]
    of_route = keys("Key of a route")
    of_action = keys("Key of an action")

    assert of_file == list(TOP)
    assert sorted(named(of_route)) == sorted(name.replace("actions", "[[routes.actions]]") for name in ROUTE)
    assert sorted(named(of_action)) == sorted({name for names in KEYS.values() for name in names})
    marked = [name for row in (*of_route, *of_action) if row[0].endswith(" D") for name in words(row[0])]
    assert sorted(marked) == sorted(DEFAULTS)


def named(table: list[list[str]]) -> list[str]:
    return [name for row in table for name in words(row[0])]


def test_the_reference_lists_exactly_the_keys_of_each_action() -> None:
    for do, accepted in KEYS.items():
        table = keys("Key of an action")
        of_this = [name for cell, of, *_ in table if of == "all" or do in of.split(", ") for name in words(cell)]

        assert sorted(of_this) == sorted(accepted), do


def test_every_reason_for_a_dead_letter_is_explained() -> None:
    explained = [name for cell, *_ in rows("What is refused") for name in words(cell)]

    assert sorted(explained) == sorted(Reason)


def test_the_page_shows_every_key_that_check_routes_prints_as_json(tmp_path: Path) -> None:
    routes, value = tmp_path / "routes.toml", tmp_path / "entry.json"
    routes.write_text(blocks("toml")[0])
    value.write_text(blocks("json")[0])
    options = ("--topic", "diary.entry.created.v1", "--value", str(value), "--timestamp", "1800000000000")

    _, printed = called_for_json("check_routes", str(routes), *options)

    assert keys_of(json.loads(blocks("json")[-1])) == keys_of(printed)


def keys_of(report: Any) -> list[list[str]]:
    """The keys of a report, of its first route, of its record, and of the record's first route."""
    return [list(each) for each in (report, report["routes"][0], report["record"], report["record"]["routes"][0])]
