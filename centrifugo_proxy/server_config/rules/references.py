"""Findings about ${…} that Centrifugo does not replace."""

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
    """The static headers, except that with the guard's token: guard-header-wrong reports a reference in it."""
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
    """The references that Centrifugo does not replace: in v5 all, in v6.3 or newer all but ${CENTRIFUGO_VAR_…} in maps.

    The placeholder in the printed configuration for v5 does not count: an environment variable replaces its whole map.
    """
    for found in REFERENCE.finditer(text):
        filled_in = major == 6 and setting.kind == "map" and found["name"].startswith(FILLED_IN)
        placeholder = major == 5 and setting.kind == "map" and found["name"] == V5_HEADERS_VARIABLE
        if not filled_in and not placeholder:
            yield found[0] if VARIABLE.fullmatch(found["name"]) else "${…}"  # the rest of it may be a secret


def _effect(setting: Setting, found: str) -> str:
    if SECRET.search(setting.option):
        return f"Centrifugo does not replace {found} here. It uses this text as the secret, and anyone can guess it."
    return f"Centrifugo does not replace {found} here. It uses this text as the value."


def _remedy(setting: Setting, major: int) -> str:
    variable = "CENTRIFUGO_" + re.sub(r"[.\-]", "_", setting.option).upper()
    in_list = "[" in setting.option
    if major == 6 and setting.kind == "map":
        return f"Rename the variable to ${{{FILLED_IN}…}}: Centrifugo 6.3.0 or newer replaces only those."
    if in_list:
        return "Write the value itself, or replace the reference before Centrifugo reads the file (envsubst)."
    return (
        f"Remove it here, and set Centrifugo's environment variable {variable}. Or replace the reference before "
        "Centrifugo reads the file (envsubst), and check the result."
    )
