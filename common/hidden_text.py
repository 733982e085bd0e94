"""Text with a hidden representation, for `manage.py diffsettings`, tracebacks and messages."""


class HiddenText(str):
    """A secret. It is a str in every other way: `str.encode`, f-strings and comparisons use its content."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'<hidden>'" if self else "''"
