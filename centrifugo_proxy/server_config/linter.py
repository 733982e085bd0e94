"""Holds a Centrifugo configuration against what this service expects."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from centrifugo_proxy.server_config import layout_v5 as layout5
from centrifugo_proxy.server_config import layout_v6 as layout6
from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.findings import (
    Finding,
    Register,
    Severity,
    findings,
    too_deep,
    unparsable,
    unreadable,
)
from centrifugo_proxy.server_config.parsing import UnparsableError, format_of, parse
from centrifugo_proxy.server_config.rules import access as rules_access
from centrifugo_proxy.server_config.rules import guard as rules_guard
from centrifugo_proxy.server_config.rules import layout as rules_layout
from centrifugo_proxy.server_config.rules import proxy as rules_proxy
from centrifugo_proxy.server_config.rules import transforms as rules_transforms
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from common.files import TEXT_BYTES, read_file
from common.os_errors import reason

REGISTERS: Final = (
    rules_layout.RULES,
    rules_proxy.RULES,
    rules_guard.RULES,
    rules_transforms.RULES,
    rules_access.RULES,
)
RULES: Final = Register(each for register in REGISTERS for each in register.items())


class Report(NamedTuple):
    """`major` is that of the file's layout, None when the file could not be read."""

    major: int | None
    findings: list[Finding]

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity is severity for finding in self.findings)


def lint_file(path: Path, facts: ServiceFacts) -> Report:
    """The report on a file; that it cannot be read is a finding too."""
    try:
        text = read_file(path, TEXT_BYTES).decode().replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        return Report(None, [unreadable(reason(error))])
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Report(None, [unparsable("not UTF-8", f"line {line}")])
    return lint(text, path.name, facts)


def lint(text: str, name: str, facts: ServiceFacts) -> Report:
    """The report on a file's text; its format is told by its name."""
    try:
        configuration = read(text, format_of(name, text))
        return Report(configuration.major, findings(RULES, configuration, facts))
    except UnparsableError as error:
        return Report(None, [unparsable(str(error), error.place)])
    except RecursionError:
        return Report(None, [too_deep()])


def read(text: str, file_format: str) -> Configuration:
    """As the Centrifugo of the file's layout reads it: each major has parsers of its own, and v5's refuse less.

    Raises UnparsableError, and RecursionError.
    """
    configuration = configuration_of(parse(text, file_format, 5), file_format)
    if configuration.major == 5:
        return configuration
    return configuration_of(parse(text, file_format, 6), file_format)


def configuration_of(tree: dict[str, Any], file_format: str) -> Configuration:
    """By its layout: v6 has sections, v5 has none of them and flat names instead."""
    v5_keys = layout5.keys_of(tree)
    if v5_keys and not layout6.is_of(tree):
        return layout5.read(tree, file_format)
    return layout6.read(tree, file_format, left_over=v5_keys)
