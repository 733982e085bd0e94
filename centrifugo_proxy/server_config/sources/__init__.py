"""Finds the Centrifugo configurations in a file. The file may be a configuration itself, or contain several."""

import json
from typing import Any

import yaml

from centrifugo_proxy.server_config.go_yaml import V5Loader
from centrifugo_proxy.server_config.parsing import format_of
from centrifugo_proxy.server_config.sources.manifests import from_lines, is_manifest, sources_of
from centrifugo_proxy.server_config.sources.source import Source


def sources_in(text: str, name: str) -> list[Source]:
    """The configurations in the text. A file of an unknown kind counts as a configuration itself.
    An empty list means that the file is a manifest without a Centrifugo configuration.
    """
    file_format = format_of(name, text)
    if file_format in ("json", "yaml") and is_manifest(documents := _documents(text, file_format)):
        return sources_of(documents)
    return from_lines(text) or [Source("", text, file_format)]


def _documents(text: str, file_format: str) -> list[Any]:
    """The parsed documents. Empty if the text cannot be parsed: `parsing` then reports the error.
    Tags such as !reset are ignored.
    """
    try:
        return [json.loads(text)] if file_format == "json" else list(yaml.load_all(text, V5Loader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
