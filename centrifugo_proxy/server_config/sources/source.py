"""One Centrifugo configuration that was found in a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a configuration file, and the environment variables and flags that Centrifugo adds to it.

    `label` is the place of the text in the outer file. It is "" if the file is the configuration itself. A value of
    `variables` or `flags` is a FromSecret if it is stored elsewhere. `more_elsewhere` is true if more options may come
    from a place that cannot be read, such as a Secret, an env file or a mounted file. If `text` is also empty, the
    configuration file itself may be in such a place.
    """

    label: str
    text: str = ""
    file_format: str = "json"
    variables: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    more_elsewhere: bool = False
