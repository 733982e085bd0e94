"""Findings about references such as ${NAME} that Centrifugo does not replace with a value."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, Proxy
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.generate import V5_HEADERS_VARIABLE
from centrifugo_proxy.server_config.options import Setting
from centrifugo_proxy.server_config.rules.guard import token_header
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

REFERENCE: Final = re.compile(r"\$\{(?P<name>[^}]*)\}")
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
FILLED_IN: Final = "CENTRIFUGO_VAR_"
SECRET: Final = re.compile(r"(key|secret|password|credentials_value|dsn|token)$")


@RULES.rule("reference-literal", Severity.ERROR)
def reference_literal(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    guarded = {proxy.static_headers.path: proxy for proxy in ours(configuration, facts)} if facts.tokens else {}
    for setting in configuration.settings:
        if setting.kind is None or setting.option.endswith("_regex"):
            continue
        proxy = guarded.get(setting.path)
        for text in _texts(setting.value if proxy is None else _without_the_token(proxy)):
            if found := next(_literal(text, setting, configuration.major), ""):
                yield Problem(setting.path, _effect(setting, found), _remedy(setting, configuration.major))
                break


def _without_the_token(proxy: Proxy) -> dict[str, str]:
    """The static headers without the header of the guard's token: the rule guard-header-wrong checks that header."""
    token = token_header(proxy)
    return {name: text for name, text in proxy.static_headers.value.items() if name != token}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _literal(text: str, setting: Setting, major: int) -> Iterator[str]:
    """The references that Centrifugo does not replace.

    v5 replaces none. v6.3 or newer replaces ${CENTRIFUGO_VAR_…}, but only in maps. The placeholder that
    `manage.py centrifugo_config` prints for v5 is left out: an environment variable replaces the whole map.
    """
    for found in REFERENCE.finditer(text):
        filled_in = major == 6 and setting.kind == "map" and found["name"].startswith(FILLED_IN)
        placeholder = major == 5 and setting.kind == "map" and found["name"] == V5_HEADERS_VARIABLE
        if not filled_in and not placeholder:
            # Text that is not the name of a variable may be a secret, so it is not shown.
            yield found[0] if VARIABLE.fullmatch(found["name"]) else "${…}"


def _effect(setting: Setting, found: str) -> str:
    if SECRET.search(setting.option):
        return f"Centrifugo does not replace {found} here. It uses this text as the secret, which anyone can guess."
    return f"Centrifugo does not replace {found} here. It uses this text as the value."


def _remedy(setting: Setting, major: int) -> str:
    variable = "CENTRIFUGO_" + re.sub(r"[.\-]", "_", setting.option).upper()
    in_list = "[" in setting.option
    if major == 6 and setting.kind == "map":
        return f"Rename the variable to ${{{FILLED_IN}…}}: Centrifugo 6.3.0 or newer replaces only such names."
    if in_list:
        return "Write the value itself. Or replace the reference with envsubst before Centrifugo reads the file."
    return (
        f"Remove it here, and set Centrifugo's environment variable {variable}. Or replace the reference with envsubst "
        "before Centrifugo reads the file, and check the result."
    )
