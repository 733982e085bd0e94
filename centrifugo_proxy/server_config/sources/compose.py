"""Centrifugo's configuration in Compose files."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import table
from centrifugo_proxy.server_config.sources.commands import (
    HIDDEN,
    Variables,
    flags_of,
    format_in,
    listed,
    runs_centrifugo,
)
from centrifugo_proxy.server_config.sources.source import Source
from centrifugo_proxy.server_config.sources.variables import PREFIX

WITH_DEFAULT: Final = re.compile(r"(?<!\$)\$\{\w+:?-([^${}]+)\}")


def is_compose(document: Mapping[str, Any]) -> bool:
    """True for a Compose file: it has a service with an image, a build, an environment or a command."""
    services = document.get("services")
    return isinstance(services, dict) and any(
        isinstance(service, dict) and {"image", "build", "environment", "command"} & set(service)
        for service in services.values()
    )


def compose_sources(document: dict[str, Any]) -> Iterator[Source]:
    """The configurations of all services in which Centrifugo runs."""
    services = {name: table(service) for name, service in table(document.get("services")).items()}
    words = {
        name: [*_command(service.get("entrypoint")), *_command(service.get("command"))]
        for name, service in services.items()
    }
    ours = {
        name: service for name, service in services.items() if runs_centrifugo(name, service.get("image"), words[name])
    }
    contents = [
        (f"configs.{name}.content", str(table(config)["content"]))
        for name, config in table(document.get("configs")).items()
        if "content" in table(config)
    ]
    for name, service in ours.items():
        variables, elsewhere = _compose_variables(service)
        flags = flags_of(words[name])
        if contents:
            yield from (
                Source(label, text, format_in("", text), variables, flags, elsewhere) for label, text in contents
            )
        elif flags or any(variable.startswith(PREFIX) for variable in variables):
            yield Source(f"services.{name}", "", "json", variables, flags, elsewhere)


def _compose_variables(service: dict[str, Any]) -> tuple[Variables, bool]:
    given = service.get("environment")
    pairs = (
        table(given).items() if isinstance(given, dict) else (str(each).partition("=")[::2] for each in listed(given))
    )
    variables = {str(name): _interpolated(value) for name, value in pairs}
    return variables, bool(service.get("env_file") or service.get("volumes") or service.get("configs"))


def _interpolated(value: Any) -> str:
    """The value after Compose has replaced the references in it. HIDDEN if the result is unknown here.

    Compose replaces $NAME and ${NAME} with the variable's value, which is unknown. For ${NAME:-text}, NAME is taken as
    not set, so the result is the text. $$ is a dollar sign.
    """
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    text = WITH_DEFAULT.sub(lambda found: found[1], text)
    if value is None or "$" in text.replace("$$", ""):
        return HIDDEN
    return text.replace("$$", "$")


def _command(command: Any) -> list[Any]:
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            return []
    return listed(command)
