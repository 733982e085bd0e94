"""The name of the gRPC method Validate, and the request that the benchmarks send."""

from typing import Final

from proto.realtime.v1 import connect_proxy_pb2 as pb

SERVICE: Final = pb.DESCRIPTOR.services_by_name["ConnectProxyService"].full_name
VALIDATE: Final = f"/{SERVICE}/Validate"
QUERY: Final = pb.ValidateRequest(ticket="t" * 43, client_id="c" * 36, transport="websocket", protocol="json")
