"""Reads the command line of a container, for manifests and Compose files, and tells if it runs Centrifugo."""

from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FromSecret
from centrifugo_proxy.server_config.options import OPTIONS

FORMATS: Final = {"json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml"}
IMAGE: Final = "centrifugo"
HIDDEN: Final = FromSecret("from elsewhere")
Variables = dict[str, str]


def format_in(name: str, text: str) -> str:
    """The format of a text. The name's suffix decides it. For an unknown suffix, the first character decides."""
    suffix = name.rpartition(".")[2].lower()
    return FORMATS.get(suffix) or ("json" if text.lstrip().startswith("{") else "yaml")


def listed(value: Any) -> list[Any]:
    """The value if it is a list, otherwise an empty list."""
    return value if isinstance(value, list) else []


def runs_centrifugo(name: Any, image: Any, words: list[Any]) -> bool:
    """True if the image's name contains "centrifugo", or the container's name or its program is "centrifugo"."""
    program = str(words[0]).rpartition("/")[2] if words else ""
    return IMAGE in str(image or "") or IMAGE in (name, program)


def flags_of(words: list[Any]) -> Variables:
    """The options that a command line sets with long flags, and their values."""
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
