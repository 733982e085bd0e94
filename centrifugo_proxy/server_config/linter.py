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
from centrifugo_proxy.server_config.layout import left_over, major_of
from centrifugo_proxy.server_config.parsing import UnparsableError, format_of, parse
from centrifugo_proxy.server_config.rules import access as rules_access
from centrifugo_proxy.server_config.rules import channels as rules_channels
from centrifugo_proxy.server_config.rules import exposure as rules_exposure
from centrifugo_proxy.server_config.rules import guard as rules_guard
from centrifugo_proxy.server_config.rules import headers as rules_headers
from centrifugo_proxy.server_config.rules import layout as rules_layout
from centrifugo_proxy.server_config.rules import limits as rules_limits
from centrifugo_proxy.server_config.rules import proxy as rules_proxy
from centrifugo_proxy.server_config.rules import references as rules_references
from centrifugo_proxy.server_config.rules import rights as rules_rights
from centrifugo_proxy.server_config.rules import start as rules_start
from centrifugo_proxy.server_config.rules import transforms as rules_transforms
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from common.files import TEXT_BYTES, read_file
from common.os_errors import reason

REGISTERS: Final = (
    rules_layout.RULES,
    rules_start.RULES,
    rules_proxy.RULES,
    rules_guard.RULES,
    rules_transforms.RULES,
    rules_access.RULES,
    rules_rights.RULES,
    rules_channels.RULES,
    rules_exposure.RULES,
    rules_headers.RULES,
    rules_references.RULES,
    rules_limits.RULES,
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


def lint(text: str, name: str, facts: ServiceFacts, major: int | None = None) -> Report:
    """The report on a file's text. Its name decides on the format; its layout, where `major` is None, on the major."""
    try:
        configuration = read(text, format_of(name, text), major)
        return Report(configuration.major, findings(RULES, configuration, facts))
    except UnparsableError as error:
        return Report(None, [unparsable(str(error), error.place)])
    except RecursionError:
        return Report(None, [too_deep()])


def read(text: str, file_format: str, major: int | None = None) -> Configuration:
    """As this major of Centrifugo reads it; each has parsers of its own, and v5's refuse less.

    Raises UnparsableError, and RecursionError.
    """
    tree = parse(text, file_format, 5)
    decided = major or major_of(tree)
    return configuration_of(tree if decided == 5 else parse(text, file_format, 6), file_format, decided)


def configuration_of(tree: dict[str, Any], file_format: str, major: int | None = None) -> Configuration:
    """The tree as this major reads it; without one, as that of its layout."""
    decided = major or major_of(tree)
    read_layout = layout5.read if decided == 5 else layout6.read
    return read_layout(tree, file_format, left_over(tree, decided))
