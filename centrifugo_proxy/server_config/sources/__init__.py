"""Which Centrifugo configurations a file holds: it may be one, or have one inside."""

from typing import Any

import yaml

from centrifugo_proxy.server_config.parsing import format_of
from centrifugo_proxy.server_config.sources.manifests import from_lines, is_manifest, sources_of
from centrifugo_proxy.server_config.sources.source import Source


def sources_in(text: str, name: str) -> list[Source]:
    """Every configuration in the text; the text itself when it is not one of the files that hold others.

    An empty list means that the file is a manifest without a Centrifugo configuration.
    """
    file_format = format_of(name, text)
    if file_format in ("json", "yaml") and is_manifest(documents := _documents(text)):
        return sources_of(documents)
    return from_lines(text) or [Source("", text, file_format)]


def _documents(text: str) -> list[Any]:
    """The YAML documents, JSON being YAML; none where Centrifugo's own parser should report the mistake."""
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
