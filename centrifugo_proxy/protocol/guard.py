"""Checks the caller: a signature over the body, a shared token, or both.

The received values are compared and never kept. A refusal contains a reason, but no value.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# The names of the headers as operators write them. In ASGI requests they are in lower case.
SIGNATURE_HEADER_NAME: Final = "X-Centrifugo-Proxy-Signature"
TOKEN_HEADER_NAME: Final = "X-Centrifugo-Proxy-Token"  # noqa: S105  (a name, not a token)
SIGNATURE_HEADER: Final = SIGNATURE_HEADER_NAME.lower().encode()
TOKEN_HEADER: Final = TOKEN_HEADER_NAME.lower().encode()
REASONS: Final = ("signature_missing", "signature_mismatch", "token_missing", "token_mismatch")

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, repr=False)
class Guard:
    """Checks the signature of a request if there are `secrets`, and its token if there are `tokens`.

    `secrets` and `tokens` each contain the current value and, during a rotation, also the previous value.
    """

    secrets: tuple[bytes, ...] = ()
    tokens: tuple[bytes, ...] = ()

    @property
    def enabled(self) -> bool:
        """True if the signature, the token or both are checked."""
        return bool(self.secrets or self.tokens)

    def refusal(self, headers: Headers, body: bytes) -> str | None:
        """One of REASONS, or None if the request is accepted."""
        if not self.enabled:
            return None
        if self.secrets and (reason := self._signature_refusal(headers, body)):
            return reason
        return self._token_refusal(headers) if self.tokens else None

    def _signature_refusal(self, headers: Headers, body: bytes) -> str | None:
        sent = _only(SIGNATURE_HEADER, headers)
        if not sent:
            return "signature_missing"
        expected = [hmac.digest(secret, body, hashlib.sha256).hex().encode() for secret in self.secrets]
        return None if _any_equal(sent.lower(), expected) else "signature_mismatch"

    def _token_refusal(self, headers: Headers) -> str | None:
        sent = _only(TOKEN_HEADER, headers) or _bearer(headers)
        if not sent:
            return "token_missing"
        return None if _any_equal(sent, self.tokens) else "token_mismatch"


def _only(wanted: bytes, headers: Headers) -> bytes:
    """The value of a header that must appear once, or b"" if it is missing. Repeated values are joined with commas."""
    return b",".join([value for name, value in headers if name == wanted])


def _bearer(headers: Headers) -> bytes:
    scheme, _, token = _only(b"authorization", headers).partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _any_equal(sent: bytes, accepted: Sequence[bytes]) -> bool:
    """Compares `sent` with every accepted value, in constant time."""
    matches = [hmac.compare_digest(sent, value) for value in accepted]
    return any(matches)
