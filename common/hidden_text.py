"""Text with a hidden representation, for `manage.py diffsettings`, tracebacks and messages."""

from common.without_credentials import without_credentials


class HiddenText(str):
    """A secret. It is a str in every other way: `str.encode`, f-strings and comparisons use its content."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'<hidden>'" if self else "''"


class UrlText(str):
    """A URL whose representation leaves out user, password and query: each of them may contain a secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(without_credentials(str(self)))
