"""One Centrifugo configuration, as it was found in a file that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """A configuration file's text, and what Centrifugo's environment and flags add to it.

    `label` is its place in the outer file, "" if the file is the configuration itself. `variables` and `flags` are by
    name; a value stored elsewhere is a FromSecret. `more_elsewhere` is true if more options may come from a place that
    cannot be read, such as a Secret, an env file or a mounted file. If it is true and `text` is empty, there may be a
    configuration file in such a place.
    """

    label: str
    text: str = ""
    file_format: str = "json"
    variables: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    more_elsewhere: bool = False
