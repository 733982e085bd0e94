"""TLS contexts for connections to peers, made from an SVID without writing a file."""

import base64
import os
import ssl

from centrifugo_proxy.peers.spiffe.svid import Svid


class NoBundle(Exception):
    """No authorities are known for the peer's trust domain."""


def client_context(svid: Svid, peer_id: str) -> ssl.SSLContext:
    """A new context that presents `svid` and trusts the authorities of `peer_id`'s trust domain.

    The peer's ID is not checked here. Never load authorities into an existing context: the old authorities would stay
    trusted. Raises NoBundle.
    """
    bundle = svid.bundle_for(peer_id)
    if not bundle:
        raise NoBundle(peer_id)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # a SPIFFE ID is not a host name
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an authority in a bundle may be an intermediate certificate
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=bundle)
    _load_chain(context, svid)
    return context


def _load_chain(context: ssl.SSLContext, svid: Svid) -> None:
    """Load the chain and its key through a file in memory: ssl accepts only a path, and no key is written to a disk."""
    descriptor = os.memfd_create("svid", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(_pem("PRIVATE KEY", svid.key_der))
            for certificate in svid.chain_der:
                file.write(_pem("CERTIFICATE", certificate))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(der) + f"-----END {label}-----\n".encode()
