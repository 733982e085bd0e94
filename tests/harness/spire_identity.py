"""An identity service with an SVID of a real agent, as a process: python -m tests.harness.spire_identity SOCKET ID

Prints its port. It presents the newest SVID on each new connection; callers must present an SVID of the trust domain.
"""

import asyncio
import base64
import sys

import grpc
from grpc import aio

from centrifugo_proxy.peers.spiffe.svid import Svid
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc
from tests.harness.identity import IdentityStub
from tests.harness.spiffe_reports import SpiffeReports


def configuration(svid: Svid) -> grpc.ServerCertificateConfiguration:
    """The certificates and keys of an SVID, as gRPC takes them."""
    chain = b"".join(_pem("CERTIFICATE", der) for der in svid.chain_der)
    roots = _pem("CERTIFICATE", svid.bundle_for(svid.id))
    return grpc.ssl_server_certificate_configuration([(_pem("PRIVATE KEY", svid.key_der), chain)], roots)


def _pem(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(der) + f"-----END {label}-----\n".encode()


async def main(socket: str, spiffe_id: str) -> None:
    source = SvidSource(socket, SpiffeReports(), spiffe_id)
    task = asyncio.create_task(source.run())
    await source.first.wait()

    def newest() -> grpc.ServerCertificateConfiguration:
        assert source.svid is not None
        return configuration(source.svid)

    credentials = grpc.dynamic_ssl_server_credentials(newest(), newest, True)
    server = aio.server()
    pb_grpc.add_ConnectProxyServiceServicer_to_server(IdentityStub(), server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await task


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
