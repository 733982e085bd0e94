"""Centrifugo's configuration in Kubernetes manifests and Helm values."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from centrifugo_proxy.server_config.configuration import find, table, tables
from centrifugo_proxy.server_config.go_yaml import V5Loader
from centrifugo_proxy.server_config.options import TOP_LEVEL
from centrifugo_proxy.server_config.parsing import UnparsableError, parse
from centrifugo_proxy.server_config.sources.commands import (
    FORMATS,
    HIDDEN,
    IMAGE,
    Variables,
    flags_of,
    format_in,
    listed,
    runs_centrifugo,
)
from centrifugo_proxy.server_config.sources.compose import compose_sources, is_compose
from centrifugo_proxy.server_config.sources.source import Source
from centrifugo_proxy.server_config.sources.variables import NAMES, PREFIX, read_lines

# The flag with which Centrifugo's own chart gives internal endpoints a separate port: its name in v6, and in v5.
CHART_FLAGS: Final = {"http_server.internal_port": "9000", "internal_port": "9000"}


def is_manifest(documents: list[Any]) -> bool:
    """True if one of these documents is a Kubernetes manifest, a Compose file or values of Centrifugo's chart."""
    return any(map(_is_one, documents))


def _is_one(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    return _is_kubernetes(document) or is_compose(document) or bool(_chart_values(document))


def _is_kubernetes(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("kind"), str) and "apiVersion" in document


def _chart_values(document: Mapping[str, Any]) -> dict[str, Any]:
    """The values of Centrifugo's chart, by their key in an umbrella chart, or by "" if they are the whole document."""
    if _is_values(document):
        return {"": document}
    below = {key: value for key, value in document.items() if _is_values(value)}
    return {key: value for key, value in below.items() if key == IMAGE or is_configuration(value["config"])}


def _is_values(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("config"), dict | str)


def is_configuration(node: Any) -> bool:
    """True if at least half of a table's keys are Centrifugo options. Manifests also have files of other programs."""
    keys = [re.split(r"[.\[]", str(key).lower())[0] for key in node] if isinstance(node, dict) else []
    known = [key for key in keys if any(key in names for names in TOP_LEVEL.values())]
    return bool(known) and 2 * len(known) >= len(keys)


def sources_of(documents: list[Any]) -> list[Source]:
    """The Centrifugo configurations found in these documents."""
    found: list[Source] = []
    objects = [each for document in documents for each in _objects(document)]
    for document in objects:
        if is_compose(document):
            found += compose_sources(document)
        elif not _is_kubernetes(document):
            found += _helm(document, "")
        else:
            for path, values in _values_in(document):
                found += _helm(values, path)
    return found + _kubernetes([each for each in objects if _is_kubernetes(each)])


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and document.get("kind") == "List":
        for item in tables(document.get("items")):
            yield from _objects(item)
    elif isinstance(document, dict):
        yield document


def _values_in(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The values of charts in a manifest of Flux or Argo CD, with their paths."""
    if document["kind"] == "HelmRelease":
        yield "spec.values", table(find(document, "spec.values"))
    if document["kind"] != "Application":
        return
    several = enumerate(tables(find(document, "spec.sources")))
    named = {
        "spec.source": find(document, "spec.source"),
        **{f"spec.sources[{number}]": each for number, each in several},
    }
    for path, source in named.items():
        values = find(source, "helm.valuesObject")
        yield f"{path}.helm.valuesObject", table(values)
        if values is None:  # Argo CD ignores the text if there is a valuesObject
            yield f"{path}.helm.values", _parsed(find(source, "helm.values"))


def _parsed(text: Any) -> dict[str, Any]:
    try:
        return table(next(yaml.load_all(text, V5Loader), None)) if isinstance(text, str) else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def _helm(document: Mapping[str, Any], label: str) -> Iterator[Source]:
    for name, values in _chart_values(document).items():
        place = ".".join(filter(None, (label, name, "config")))
        config = values["config"]
        variables = {str(key): str(value) for key, value in table(values.get("env")).items()}
        variables |= {str(item.get("name")): HIDDEN for item in tables(values.get("envSecret"))}
        elsewhere = bool(values.get("existingSecret") or values.get("envFrom") or values.get("secrets"))
        text = config if isinstance(config, str) else json.dumps(config)
        yield Source(place, text, format_in("", text), variables, CHART_FLAGS, elsewhere)


def _kubernetes(objects: list[dict[str, Any]]) -> list[Source]:
    """The files in ConfigMaps and Secrets, each with the variables and flags of all Centrifugo containers."""
    files = [file for each in objects for file in _files(each)]
    variables: Variables = {}
    flags: Variables = {}
    elsewhere = False
    for container in _containers(objects):
        variables |= _container_variables(container)
        flags |= flags_of([*listed(container.get("command")), *listed(container.get("args"))])
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
        form = format_in(key, text)
        if (key.rpartition(".")[2].lower() in FORMATS or text.lstrip().startswith("{")) and _may_be_ours(text, form):
            yield f"{document['kind']} {name} {key}", text, form


def _may_be_ours(text: str, form: str) -> bool:
    """False for a file of another program. True for a file that cannot be parsed, so that the linter reports it."""
    try:
        content = parse(text, form)
    except (UnparsableError, RecursionError):
        return True
    return not content or is_configuration(content)


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    encoded = document["kind"] == "Secret"
    for key, value in table(document.get("data")).items():
        if isinstance(value, str):
            yield str(key), _decoded(value) if encoded else value
    for key, value in table(document.get("binaryData")).items():
        yield str(key), _decoded(str(value))
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
            words = [*listed(container.get("command")), *listed(container.get("args"))]
            if runs_centrifugo(container.get("name"), container.get("image"), words):
                yield container


def _container_variables(container: dict[str, Any]) -> Variables:
    given = [item for item in listed(container.get("env")) if isinstance(item, dict)]
    return {str(item.get("name")): _value(item.get("value")) for item in given}


def _value(value: Any) -> str:
    return HIDDEN if value is None else str(value)


def from_lines(text: str) -> list[Source]:
    """The configuration in NAME=value lines. Empty for any other file, and for lines without a CENTRIFUGO_ variable."""
    variables = read_lines(text)
    if not variables or not any(name.startswith(PREFIX) for name in variables):
        return []
    return [Source("", "", "json", variables)]
