"""Findings about the file as such."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.centrifugo.configuration import Configuration, tables
from centrifugo_proxy.centrifugo.expected import Expected
from centrifugo_proxy.centrifugo.findings import Problem, Register, Severity

RULES: Final = Register()


@RULES.rule("mixed-layouts", Severity.WARNING)
def mixed_layouts(configuration: Configuration, expected: Expected) -> Iterator[Problem]:
    for key in configuration.left_over:
        yield Problem(
            key,
            "The file is in Centrifugo v6's layout, and v6 ignores this option of v5: what it allowed or forbade no "
            "longer holds.",
            "Say it in v6's layout (manage.py centrifugo_config prints one), or take it out.",
        )


@RULES.rule("v5-yaml-nested", Severity.ERROR)
def v5_yaml_nested(configuration: Configuration, expected: Expected) -> Iterator[Problem]:
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
