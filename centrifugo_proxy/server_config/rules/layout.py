"""Findings about the file itself: its layout, the names of its options, and the form of its values."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, tables
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.options import OPTIONS, TABLES, Setting
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from centrifugo_proxy.server_config.values import accepted_instead

RULES: Final = Register()

SIMILAR: Final = 0.9
# Names that many tables have. Such a name alone does not identify an option.
EVERYDAY_NAMES: Final = frozenset({"enabled", "name", "type", "address", "port", "prefix", "timeout", "handler_prefix"})


@RULES.rule("mixed-layouts", Severity.WARNING)
def mixed_layouts(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    major = configuration.major
    for key in configuration.left_over:
        yield Problem(
            key,
            f"This option belongs to Centrifugo v{11 - major}. v{major} ignores it, so it has no effect.",
            f"Write it in the layout of v{major} (manage.py centrifugo_config prints an example), or remove it. If "
            f"this configuration is for Centrifugo v{11 - major}, check it with --major {11 - major}.",
        )


@RULES.rule("v5-yaml-nested", Severity.ERROR)
def v5_yaml_nested(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Centrifugo v5.4.9 encodes a list as JSON, and cannot encode a YAML table inside an entry."""
    if configuration.major != 5 or configuration.file_format != "yaml":
        return
    for key, value in configuration.tree.items():
        if isinstance(value, list) and any(_holds_table(inner) for item in tables(value) for inner in item.values()):
            yield Problem(
                key,
                "An entry of this list contains a table. Centrifugo v5 does not start with such an entry in YAML, "
                "although centrifugo checkconfig accepts it. No client can connect.",
                "Write the list as JSON text in quotes, as manage.py centrifugo_config does, or use JSON or TOML.",
            )


def _holds_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


@RULES.rule("boolean-invalid", Severity.ERROR)
def boolean_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for setting in _read(configuration):
        if setting.kind == "boolean" and accepted_instead(setting, configuration.major):
            yield Problem(
                setting.path,
                "The value is neither true nor false, so Centrifugo does not start. No client can connect.",
                "Write true or false. v6 reads yes, no, on and off as text, even in YAML.",
            )


@RULES.rule("value-invalid", Severity.ERROR)
def value_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    timeouts = {proxy.timeout.path for proxy in ours(configuration, facts)}  # the rule timeout-invalid reports these
    for setting in _read(configuration):
        wanted = accepted_instead(setting, configuration.major)
        if wanted and setting.kind != "boolean" and setting.path not in timeouts:
            yield Problem(
                setting.path,
                f"Centrifugo does not start with this value. No client can connect. The option takes {wanted}.",
                f"Correct the value{_migration(configuration, setting)}.",
            )


def _read(configuration: Configuration) -> Iterator[Setting]:
    """The settings that Centrifugo decodes."""
    unread = _unread_by_v5(configuration) if configuration.major == 5 else ()
    for setting in configuration.settings:
        if not setting.option.startswith(unread):
            yield setting


def _unread_by_v5(configuration: Configuration) -> tuple[str, ...]:
    """The prefixes of the options that v5 does not read with this configuration."""
    of_proxies = "proxy_" if configuration.chooses_proxies() else "proxies"
    return (of_proxies,) if configuration.is_on("uni_websocket") else (of_proxies, "uni_websocket_")


def _migration(configuration: Configuration, setting: Setting) -> str:
    if configuration.major == 6 and setting.kind == "table" and setting.option in OPTIONS[5]:
        return f": in v6 {setting.path} is a table with options of its own, such as {setting.path}.{_first(setting)}"
    return ""


def _first(setting: Setting) -> str:
    inner = [option for option in OPTIONS[6] if option.startswith(f"{setting.option}.")]
    return next((option for option in inner if option.endswith((".enabled", ".type"))), inner[0]).rpartition(".")[2]


@RULES.rule("option-misspelt", Severity.WARNING)
def option_misspelt(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Reports an unknown option only if its name is similar to a known one.

    Other unknown options may belong to a newer release or to Centrifugo PRO.
    """
    for setting in configuration.settings:
        if setting.kind or setting.path in configuration.left_over:
            continue
        if meant := meant_by(setting.option, configuration.major):
            yield Problem(
                setting.path,
                f"Centrifugo v{configuration.major} has no such option and ignores it, without an error. A similar "
                f"option is {meant}.",
                f"If you mean {meant}, use that name.",
            )


def meant_by(option: str, major: int) -> str:
    """The known option that was probably meant: a similar name, or the same name in another table of the section.

    Empty if there is no such option.
    """
    parent, _, name = option.rpartition(".")
    if parent and parent not in TABLES[major]:
        return ""
    siblings = [known for known in OPTIONS[major] if known.rpartition(".")[0] == parent]
    names = [known.rpartition(".")[2] for known in siblings]
    if near := get_close_matches(name, names, n=1, cutoff=SIMILAR):
        if not parent:  # PRO has lists such as brokers beside the table broker
            return "" if name == f"{near[0]}s" else near[0]
        return f"{parent}.{near[0]}"
    if not parent or name in EVERYDAY_NAMES:
        return ""
    return next((known for known in OPTIONS[major] if _is_elsewhere(known, parent, name)), "")


def _is_elsewhere(known: str, parent: str, name: str) -> bool:
    """True if the known option has this name, and its table is inside the parent table or directly around it."""
    table, _, known_name = known.rpartition(".")
    return known_name == name and (table.startswith(f"{parent}.") or table == parent.rpartition(".")[0] != "")
