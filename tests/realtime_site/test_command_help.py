"""manage.py COMMAND --help, for every command of this project."""

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile, takewhile

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandParser

from common.documented_command import filled

OWN = {app.name for app in apps.get_app_configs()}
OURS = sorted(name for name, app in get_commands().items() if app in OWN and app != "django.core")


def parser_of(name: str) -> CommandParser:
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def examples(text: str) -> Iterator[str]:
    """The lines below "example:" or "examples:", without their explanations."""
    for block in re.findall(r"^examples?:\n((?: +\S.*\n?)+)", text, re.MULTILINE):
        for line in block.splitlines():
            yield re.split(r"\s{2,}", line.strip())[0]


def command_line(example: str) -> tuple[str, list[str]]:
    """The command of an example and its arguments, up to a pipe or a redirection."""
    lexer = shlex.shlex(example, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    words = list(takewhile(lambda word: word not in {"|", ">"}, dropwhile(lambda word: word != "manage.py", lexer)))
    return words[1], words[2:]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("columns", [100, 160])
def test_help_fits_the_terminal(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    text = parser_of(name).format_help()

    assert [line for line in text.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("name", OURS)
def test_help_has_examples_that_the_commands_accept(name: str) -> None:
    lines = [command_line(example) for example in examples(parser_of(name).format_help())]

    for command, arguments in lines:
        parser_of(command).parse_args(arguments)  # CommandError otherwise
    assert name in [command for command, _ in lines]


def test_help_wraps_prose_and_keeps_the_layout_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    text = filled("One two three\nfour five.\n\nexit codes:\n  0  as it must be, and more\n")

    assert text == "One two three four\nfive.\n\nexit codes:\n  0  as it must\n     be, and more"
