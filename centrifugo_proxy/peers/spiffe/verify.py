"""Checks that a certificate is a valid SVID. OpenSSL checks its chain, dates and extended key usage.

https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#5-validation
"""

from collections.abc import Collection

from cryptography import x509

from centrifugo_proxy.peers.spiffe.ids import LONGEST, is_workload_id


class WrongCertificate(Exception):
    """The certificate cannot be accepted. The message has no text from the peer. Only WrongId shows the peer's ID."""


class WrongId(WrongCertificate):
    """The certificate is a leaf SVID, but its ID is not one of the accepted IDs."""


def check(der: bytes, wanted: Collection[str]) -> str:
    """The ID of a peer's certificate, which is one of `wanted`. Raises WrongCertificate or WrongId."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise WrongCertificate("is not DER") from None
    found = leaf_id(certificate)
    if found not in wanted:
        raise WrongId(f"has the ID {printable(found)}")
    return found


def leaf_id(certificate: x509.Certificate) -> str:
    """The single SPIFFE ID of a certificate that is not a CA. Raises WrongCertificate."""
    try:
        uris = _uris(certificate)
        signs_others = _signs_others(certificate)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise WrongCertificate("has extensions that cannot be read") from None
    if len(uris) != 1:
        raise WrongCertificate(f"has {len(uris)} URI names instead of one")
    if signs_others:
        raise WrongCertificate("may sign other certificates")
    if not is_workload_id(uris[0]):
        raise WrongCertificate("has no SPIFFE ID of a workload")
    return uris[0]


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _signs_others(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign or usage.crl_sign


def printable(text: str) -> str:
    """Text from a peer, made safe for a log line: at most LONGEST characters, and no control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:LONGEST])
