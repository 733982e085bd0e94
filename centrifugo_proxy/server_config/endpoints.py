"""URLs of HTTP endpoints as Go reads them: https://pkg.go.dev/net/url#Parse"""

import re
from typing import Final

SCHEME: Final = re.compile(r"https?://")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
# In a host, Go accepts only two escapes: %25 before the zone of an IPv6 address, and the escape of a byte above 127.
NOT_IN_A_HOST: Final = re.compile(r"[ \\^`{|}]|%(?!25|[89A-Fa-f][0-9A-Fa-f])")
USER: Final = re.compile(r"(?:[A-Za-z0-9._:~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})*")
ADDRESS: Final = re.compile(r"(?P<host>\[[^]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)


def why_not_callable(endpoint: str) -> str:
    """The reason why no HTTP request can be sent to this endpoint. "" if there is no known reason.

    The reason is written so that it can follow the word "its", such as "host is empty". It never quotes the endpoint,
    which may contain a password. `endpoint` begins with http:// or https://.
    """
    if CONTROL.search(endpoint):
        return "text contains a line break, a tab or another control character"
    rest = SCHEME.sub("", endpoint, count=1).partition("#")[0]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if BAD_ESCAPE.search(rest.removeprefix(authority).partition("?")[0]):
        return "path contains a % without two hexadecimal digits"
    user, _, address = authority.rpartition("@")
    if not USER.fullmatch(user):
        return "user or password contains a character that must be percent-encoded"
    return _problem_of_address(address)


def _problem_of_address(address: str) -> str:
    parts = ADDRESS.fullmatch(address)
    if parts is None:
        return "host has too many colons or brackets; an IPv6 address needs brackets"
    if not parts["host"]:
        return "host is empty"
    if NOT_IN_A_HOST.search(parts["host"]):
        return "host contains a space or another character that a host name must not contain"
    return "" if _is_port(parts["port"] or "80") else "port is not a number from 1 to 65535"


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535
