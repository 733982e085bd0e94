"""Findings about the file as such."""

import re
from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FALSE, TRUE, Configuration, tables
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

BOOLEANS: Final = re.compile(r"(\w+_)?enabled|insecure(_\w+)?|allow_\w+|include_connection_meta|temporary")


@RULES.rule("mixed-layouts", Severity.WARNING)
def mixed_layouts(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for key in configuration.left_over:
        yield Problem(
            key,
            "The file is in Centrifugo v6's layout, and v6 ignores this option of v5: what it allowed or forbade no "
            "longer holds.",
            "Say it in v6's layout (manage.py centrifugo_config prints one), or take it out.",
        )


@RULES.rule("v5-yaml-nested", Severity.ERROR)
def v5_yaml_nested(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Centrifugo v5.4.9 hands such lists to an encoder that knows no YAML tables."""
    if configuration.major != 5 or configuration.file_format != "yaml":
        return
    for key, value in configuration.tree.items():
        if any(_holds_table(inner) for item in tables(value) for inner in item.values()):
            yield Problem(
                key,
                "Centrifugo v5 does not start with tables inside a YAML list, though its checkconfig accepts them, and "
                "nobody can connect.",
                "Write the list as JSON text in quotes, as manage.py centrifugo_config does, or use JSON or TOML.",
            )


def _holds_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


@RULES.rule("boolean-invalid", Severity.ERROR)
def boolean_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """v5 takes them for false."""
    for path, value in _booleans("", configuration.tree) if configuration.major == 6 else ():
        if isinstance(value, str) and value not in {*TRUE, *FALSE, ""}:
            yield Problem(
                path,
                "Centrifugo does not start with a value that is neither true nor false, and nobody can connect.",
                "Write true or false: v6 takes yes, no, on and off for words, in YAML too.",
            )


def _booleans(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """The options that are switched on or off, wherever they are."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _booleans(f"{path}[{index}]", item)
    elif isinstance(node, dict):
        for key, value in node.items():
            inner = f"{path}.{key}" if path else key
            yield from [(inner, value)] if BOOLEANS.fullmatch(key) else _booleans(inner, value)
