"""Checks TLS files before a client uses them, so that a system check can report the problem."""

import ssl


def has_authorities(path: str) -> bool:
    """True if the readable file at `path` contains a PEM certificate."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        return False
    return True


def why_no_authorities(pem: bytes) -> str:
    """The problem with the content of a file of certificate authorities, in one or two words; "" if it can be used.

    Bytes outside ASCII are ignored: they are comments, or a byte order mark.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError) as error:
        return getattr(error, "reason", None) or "not PEM"
    return ""


def why_no_pair(certificate: str, key: str) -> str:
    """The problem with a client certificate and its key in these readable files; "" if they can be used.

    If `key` is empty, the certificate's file also contains the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:  # without `password`, OpenSSL would ask for the password of an encrypted key on the terminal
        context.load_cert_chain(certificate, key or None, password="")
    except ssl.SSLError as error:
        return f"not a certificate with its key, both in PEM ({error.reason or 'not PEM'})"
    return ""
