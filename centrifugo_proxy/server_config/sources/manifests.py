"""Centrifugo's configuration in Kubernetes manifests, Helm values and Compose files."""

import base64
import binascii
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FromSecret, table, tables
from centrifugo_proxy.server_config.options import OPTIONS
from centrifugo_proxy.server_config.sources.source import Source
from centrifugo_proxy.server_config.sources.variables import NAMES, PREFIX, read_lines

FORMATS: Final = {"json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml"}
# What Centrifugo's own chart passes as flags: internal endpoints have a port of their own.
CHART_FLAGS: Final = {"http_server.internal_port": "9000", "internal_port": "9000"}
IMAGE: Final = "centrifugo"
HIDDEN: Final = FromSecret("from elsewhere")
Variables = dict[str, str]


def is_manifest(documents: list[Any]) -> bool:
    """True if these YAML documents contain a configuration, rather than being one."""
    return any(map(_is_one, documents))


def _is_one(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    return _is_kubernetes(document) or _is_compose(document) or bool(_chart_values(document))


def _is_kubernetes(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("kind"), str) and "apiVersion" in document


def _is_compose(document: Mapping[str, Any]) -> bool:
    services = document.get("services")
    return isinstance(services, dict) and any(
        isinstance(service, dict) and {"image", "build", "environment", "command"} & set(service)
        for service in services.values()
    )


def _chart_values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Values of Centrifugo's chart, by where they are: at the top, or below a name as in a chart of charts."""
    if _is_values(document):
        return {"": document}
    return {key: value for key, value in document.items() if key == IMAGE and _is_values(value)}


def _is_values(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("config"), dict | str)


def sources_of(documents: list[Any]) -> list[Source]:
    """Every Centrifugo configuration in these documents."""
    found: list[Source] = []
    objects = [each for document in documents for each in _objects(document)]
    for document in objects:
        if _is_compose(document):
            found += _compose(document)
        elif not _is_kubernetes(document):
            found += _helm(document, "")
        elif document["kind"] == "HelmRelease":
            found += _helm(table(table(document.get("spec")).get("values")), "spec.values")
    return found + _kubernetes([each for each in objects if _is_kubernetes(each)])


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and document.get("kind") == "List":
        for item in tables(document.get("items")):
            yield from _objects(item)
    elif isinstance(document, dict):
        yield document


def _helm(document: Mapping[str, Any], label: str) -> Iterator[Source]:
    for name, values in _chart_values(document).items():
        place = ".".join(filter(None, (label, name, "config")))
        config = values["config"]
        variables = {str(key): str(value) for key, value in table(values.get("env")).items()}
        variables |= {str(item.get("name")): HIDDEN for item in tables(values.get("envSecret"))}
        elsewhere = bool(values.get("existingSecret") or values.get("envFrom") or values.get("secrets"))
        text = config if isinstance(config, str) else json.dumps(config)
        yield Source(place, text, _format_of("", text), variables, CHART_FLAGS, elsewhere)


def _format_of(name: str, text: str) -> str:
    suffix = name.rpartition(".")[2].lower()
    return FORMATS.get(suffix) or ("json" if text.lstrip().startswith("{") else "yaml")


def _kubernetes(objects: list[dict[str, Any]]) -> list[Source]:
    """Files in ConfigMaps and Secrets, with the environment of the containers beside them."""
    files = [file for each in objects for file in _files(each)]
    variables: Variables = {}
    flags: Variables = {}
    elsewhere = False
    for container in _containers(objects):
        variables |= _container_variables(container)
        flags |= flags_of([*_list(container.get("command")), *_list(container.get("args"))])
        elsewhere = elsewhere or bool(container.get("envFrom") or (not files and container.get("volumeMounts")))
    for each in objects:
        variables |= {name: value for name, value in _entries(each) if name.startswith(PREFIX)}
    if files:
        return [Source(label, text, form, variables, flags, elsewhere) for label, text, form in files]
    known = {*NAMES[5], *NAMES[6]} & set(variables)
    return [Source("env", "", "json", variables, flags, elsewhere)] if known or flags else []


def _files(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    name = table(document.get("metadata")).get("name", "")
    for key, text in _entries(document):
        if key.rpartition(".")[2].lower() in FORMATS or text.lstrip().startswith("{"):
            yield f"{document['kind']} {name} {key}", text, _format_of(key, text)


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    encoded = document["kind"] == "Secret"
    for key, value in table(document.get("data")).items():
        if isinstance(value, str):
            yield str(key), _decoded(value) if encoded else value
    for key, value in table(document.get("stringData")).items():
        yield str(key), str(value)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return value


def _containers(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in objects:
        spec = table(document.get("spec"))
        pod = table(table(spec.get("template")).get("spec")) or spec
        for container in tables(pod.get("containers")) if isinstance(pod.get("containers"), list) else []:
            if IMAGE in str(container.get("image") or ""):
                yield container


def _container_variables(container: dict[str, Any]) -> Variables:
    listed = [item for item in _list(container.get("env")) if isinstance(item, dict)]
    return {str(item.get("name")): _value(item.get("value")) for item in listed}


def _value(value: Any) -> str:
    return HIDDEN if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _compose(document: dict[str, Any]) -> Iterator[Source]:
    services = {name: table(service) for name, service in table(document.get("services")).items()}
    ours = {name: service for name, service in services.items() if IMAGE in str(service.get("image") or "")}
    contents = [
        (f"configs.{name}.content", str(table(config)["content"]))
        for name, config in table(document.get("configs")).items()
        if "content" in table(config)
    ]
    for name, service in ours.items():
        variables, elsewhere = _compose_variables(service)
        flags = flags_of(_command(service.get("command")))
        if contents:
            yield from (
                Source(label, text, _format_of("", text), variables, flags, elsewhere) for label, text in contents
            )
        elif flags or any(variable.startswith(PREFIX) for variable in variables):
            yield Source(f"services.{name}", "", "json", variables, flags, elsewhere)


def _compose_variables(service: dict[str, Any]) -> tuple[Variables, bool]:
    given = service.get("environment")
    pairs = (
        table(given).items() if isinstance(given, dict) else (str(each).partition("=")[::2] for each in _list(given))
    )
    variables = {str(name): _interpolated(value) for name, value in pairs}
    return variables, bool(service.get("env_file") or service.get("volumes") or service.get("configs"))


def _interpolated(value: Any) -> str:
    """Compose replaces $NAME and ${NAME} with values that are unknown here; $$ is a dollar sign."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if value is None or "$" in text.replace("$$", ""):
        return HIDDEN
    return text.replace("$$", "$")


def _command(command: Any) -> list[Any]:
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            return []
    return _list(command)


def flags_of(words: list[Any]) -> Variables:
    """The options that a command line sets, by name."""
    flags: Variables = {}
    rest = [str(word) for word in words]
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not any(name in OPTIONS[major] for major in OPTIONS):
            continue
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("-") else "true"
        flags[name] = value
    return flags


def from_lines(text: str) -> list[Source]:
    """The configuration in a file of NAME=value lines, if it is one."""
    variables = read_lines(text)
    if not variables or not any(name.startswith(PREFIX) for name in variables):
        return []
    return [Source("", "", "json", variables)]
