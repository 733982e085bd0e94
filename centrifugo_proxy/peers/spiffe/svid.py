"""Our own X.509 identity, read from an answer of the Workload API.

https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from centrifugo_proxy.peers.spiffe.ids import trust_domain
from centrifugo_proxy.peers.spiffe.verify import WrongCertificate, leaf_id


class BadSvid(Exception):
    """The answer has no usable identity. The message never contains a key."""


class SvidMessage(Protocol):
    """One identity of the answer."""

    spiffe_id: str
    x509_svid: bytes
    x509_svid_key: bytes
    bundle: bytes


@dataclass(frozen=True, slots=True)
class Svid:
    """An identity with its key, and the trusted authorities of each trust domain. `not_after` is in Unix seconds."""

    id: str
    chain_der: tuple[bytes, ...] = field(repr=False)
    key_der: bytes = field(repr=False)
    bundles: Mapping[str, bytes] = field(repr=False)
    serial: int
    not_after: float

    def bundle_for(self, spiffe_id: str) -> bytes:
        """The authorities of an ID's trust domain, as concatenated DER. b"" if that domain is not federated."""
        return self.bundles.get(trust_domain(spiffe_id), b"")


def read_svid(svids: Sequence[SvidMessage], federated: Mapping[str, bytes], wanted_id: str = "") -> Svid:
    """The identity with `wanted_id`, or the first identity of an answer if `wanted_id` is "". Raises BadSvid.

    `federated` maps the ID of each federated trust domain to its authorities, as concatenated DER.
    """
    if not svids:
        raise BadSvid("the answer has no SVID")
    message = next((svid for svid in svids if wanted_id in ("", svid.spiffe_id)), None)
    if message is None:
        raise BadSvid(f"the answer has no SVID with the ID {wanted_id}")
    for name in ("spiffe_id", "x509_svid", "x509_svid_key", "bundle"):
        if not getattr(message, name):
            raise BadSvid(f"the SVID has an empty {name}")
    chain = _certificates(message.x509_svid, "x509_svid")
    _certificates(message.bundle, "bundle")
    return Svid(
        id=_checked_id(chain[0], message),
        chain_der=tuple(split_der(message.x509_svid)),
        key_der=_checked_key(chain[0], message.x509_svid_key),
        bundles={**federated, trust_domain(message.spiffe_id): message.bundle},
        serial=chain[0].serial_number,
        not_after=chain[0].not_valid_after_utc.timestamp(),
    )


def _checked_id(leaf: x509.Certificate, message: SvidMessage) -> str:
    try:
        found = leaf_id(leaf)
    except WrongCertificate as wrong:
        raise BadSvid(f"the SVID's certificate {wrong}") from None
    if found != message.spiffe_id:
        raise BadSvid("the ID in the SVID's certificate differs from the answer's spiffe_id")
    return found


def _checked_key(leaf: x509.Certificate, key_der: bytes) -> bytes:
    try:
        belongs = load_der_private_key(key_der, password=None).public_key() == leaf.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadSvid(f"the SVID's key cannot be read ({type(error).__name__})") from None
    if not belongs:
        raise BadSvid("the SVID's key does not belong to its certificate")
    return key_der


def _certificates(der: bytes, name: str) -> list[x509.Certificate]:
    try:
        return [x509.load_der_x509_certificate(each) for each in split_der(der)]
    except ValueError:
        raise BadSvid(f"the SVID's {name} does not consist of DER certificates") from None


def split_der(concatenated: bytes) -> list[bytes]:
    """The DER values in a concatenation. Raises ValueError if a value is truncated or is not a sequence."""
    parts, rest = [], concatenated
    while rest:
        size = _der_size(rest)
        parts.append(rest[:size])
        rest = rest[size:]
    return parts


def _der_size(der: bytes) -> int:
    """The size of the first value in bytes, including its tag and length."""
    if len(der) < 2 or der[0] != 0x30:
        raise ValueError("not a DER sequence")
    length, head = der[1], 2
    if length & 0x80:
        head += length & 0x7F
        length = int.from_bytes(der[2:head])
    if not 0 < head + length <= len(der) or head > 6:
        raise ValueError("truncated DER sequence")
    return head + length
