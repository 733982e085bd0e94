"""A SPIFFE trust domain for tests: an authority, valid and invalid SVIDs, and a Workload API on a unix socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from grpc import aio

from proto.spiffe import workload_api_pb2 as pb

US, IDENTITY, OTHER = (f"spiffe://example.org/{name}" for name in ("realtime", "identity", "other"))


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_der(self) -> bytes:
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def pem_pair(self) -> tuple[bytes, bytes]:
        """Key and certificate, as grpc.ssl_server_credentials takes them."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key, self.certificate.public_bytes(Encoding.PEM)


@dataclass
class TrustDomain:
    """A certificate authority with its own key."""

    name: str = "example.org"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        builder = _builder("authority", self.key, timedelta(days=1)).issuer_name(_name("authority"))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = builder.add_extension(_usage(signs=True), critical=True).sign(self.key, hashes.SHA256())

    @property
    def bundle(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(self, *uris: str, life_s: float = 3600, ca: bool = False, signs: bool = False) -> Leaf:
        """An SVID that lasts `life_s` seconds. `ca`, `signs` and unsuitable URIs each make it invalid."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("workload", key, timedelta(seconds=life_s)).issuer_name(_name("authority"))
        if uris:
            names = [x509.UniformResourceIdentifier(uri) for uri in uris]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=signs), critical=True)
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        return Leaf(builder.add_extension(purposes, critical=False).sign(self.key, hashes.SHA256()), key)

    def server_credentials(self, leaf: Leaf) -> grpc.ServerCredentials:
        """Credentials of a gRPC server with this SVID; callers must present an SVID of this domain."""
        return grpc.ssl_server_credentials([leaf.pem_pair()], self.certificate.public_bytes(Encoding.PEM), True)

    def response(self, spiffe_id: str, leaf: Leaf, **federated: bytes) -> pb.X509SVIDResponse:
        """A response of the Workload API with this SVID."""
        svid = pb.X509SVID(spiffe_id=spiffe_id, x509_svid=leaf.der, x509_svid_key=leaf.key_der, bundle=self.bundle)
        return pb.X509SVIDResponse(svids=[svid], federated_bundles=federated)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(name: str, key: ec.EllipticCurvePrivateKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + life)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class WorkloadApi:
    """Sends `response` on each stream. When `give` replaces it, sends the new response, too.

    While `response` is None, it denies every call. `streams` counts the calls. `unmarked` counts the calls without the
    metadata that the SPIFFE standard requires.
    """

    path: Path
    response: pb.X509SVIDResponse | bytes | None = None
    denial: grpc.StatusCode = grpc.StatusCode.PERMISSION_DENIED
    streams: int = 0
    unmarked: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: aio.Server | None = None

    @property
    def socket(self) -> str:
        """The value of SPIFFE_ENDPOINT_SOCKET for this API."""
        return f"unix://{self.path}"

    def give(self, response: pb.X509SVIDResponse | bytes | None) -> None:
        self.response = response
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def start(self) -> None:
        self._server = aio.server()
        handler = grpc.unary_stream_rpc_method_handler(self._fetch, pb.X509SVIDRequest.FromString, _serialized)
        service = grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", {"FetchX509SVID": handler})
        self._server.add_generic_rpc_handlers((service,))
        self._server.add_insecure_port(f"unix:{self.path}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=0)
            self._server = None

    async def _fetch(self, request: pb.X509SVIDRequest, context: Any) -> AsyncIterator[pb.X509SVIDResponse | bytes]:
        self.streams += 1
        if dict(context.invocation_metadata()).get("workload.spiffe.io") != "true":
            self.unmarked += 1
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing")
        while True:
            changed = self._changed
            response = self.response
            if response is None:
                await context.abort(self.denial, "no identity issued")
                return
            yield response
            await changed.wait()


def _serialized(response: pb.X509SVIDResponse | bytes) -> bytes:
    """The bytes of a response. Bytes stay as they are, so that a test can send malformed answers."""
    return response if isinstance(response, bytes) else response.SerializeToString()


@asynccontextmanager
async def workload_api(path: Path, response: pb.X509SVIDResponse | None = None) -> AsyncIterator[WorkloadApi]:
    """A running Workload API that first sends this response."""
    api = WorkloadApi(path, response)
    await api.start()
    try:
        yield api
    finally:
        await api.stop()
