"""What manifests and Compose files share: the command line of a container, and whether Centrifugo runs in it."""

from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FromSecret
from centrifugo_proxy.server_config.options import OPTIONS

FORMATS: Final = {"json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml"}
IMAGE: Final = "centrifugo"
HIDDEN: Final = FromSecret("from elsewhere")
Variables = dict[str, str]


def format_in(name: str, text: str) -> str:
    """The format of a file with this name, or else of this text."""
    suffix = name.rpartition(".")[2].lower()
    return FORMATS.get(suffix) or ("json" if text.lstrip().startswith("{") else "yaml")


def listed(value: Any) -> list[Any]:
    """The list, or none for another type."""
    return value if isinstance(value, list) else []


def runs_centrifugo(name: Any, image: Any, words: list[Any]) -> bool:
    """By the image, or else by the name or the program: an image of one's own may have any name."""
    program = str(words[0]).rpartition("/")[2] if words else ""
    return IMAGE in str(image or "") or IMAGE in (name, program)


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
