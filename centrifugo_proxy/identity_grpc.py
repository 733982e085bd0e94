"""The identity service over gRPC: the adapter behind `IdentityClient`."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import grpc
from grpc import aio

from centrifugo_proxy import spans
from centrifugo_proxy.identity import (
    Identity,
    IdentityAnswer,
    IdentityDenied,
    IdentityDisconnect,
    IdentityError,
    IdentityFault,
    IdentityMalformed,
    IdentityUnavailable,
    ParentalState,
    ValidateQuery,
)
from centrifugo_proxy.unary import Failed, UnaryUnary
from proto.realtime.v1 import connect_proxy_pb2 as pb

SERVICE: Final = "realtime.v1.ConnectProxyService"
UNAVAILABLE: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
DENIED: Final = frozenset({
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
})  # fmt: skip
STATUS_NAMES: Final = tuple(status.name for status in grpc.StatusCode)
TIERS: Final = {
    pb.SUBSCRIPTION_TIER_FREE: "free",
    pb.SUBSCRIPTION_TIER_PRO: "pro",
    pb.SUBSCRIPTION_TIER_FAMILY: "family",
}

# https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h
CHANNEL_OPTIONS: Final = (
    # A peer that comes back is found within a second; a connection attempt that hangs ends after one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Ten silent seconds with a call under way, three more without an answer to a ping: the peer is dead.
    # Not while idle: stock servers answer such pings with GOAWAY.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    # Every address of the target takes its share, and lost ones are looked up again soon.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A ticket may be spent by a call that failed: nobody but the client tries again.
    ("grpc.enable_retries", 0),
)

ObserveCall = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for a TLS channel, each "" when not given; `server_name` overrides the target's."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""


def open_channel(target: str, tls: TlsFiles | None) -> aio.Channel:
    """A channel to `target`, plaintext when `tls` is None. Raises OSError for an unreadable file."""
    if tls is None:
        return aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    credentials = grpc.ssl_channel_credentials(_content(tls.ca), _content(tls.key), _content(tls.cert))
    override = (("grpc.ssl_target_name_override", tls.server_name),) if tls.server_name else ()
    return aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS + override)


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None


class GrpcIdentityClient:
    """`IdentityClient` over one shared channel. `observe` is told the status name and seconds of each call."""

    def __init__(
        self, grpc_channel: aio.Channel, deadline_s: float, observe: ObserveCall, tracer: spans.Tracer
    ) -> None:
        self._validate = UnaryUnary(
            grpc_channel, f"/{SERVICE}/Validate", pb.ValidateRequest.SerializeToString, pb.ValidateResponse.FromString
        )
        self._deadline_s = deadline_s
        self._observe = observe
        self._tracer = tracer

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        """One call, never repeated. The errors hold a status name, never what identity wrote beside it."""
        request = pb.ValidateRequest(
            ticket=query.ticket, client_id=query.client, transport=query.transport, protocol=query.protocol
        )
        span = self._tracer.client_span(SERVICE, "Validate")
        started = perf_counter()
        status = grpc.StatusCode.OK
        try:
            response = await self._validate(request, self._deadline_s, span.metadata)
        except Failed as failed:
            status = failed.status
            return _denial(failed)
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._observe(status.name, perf_counter() - started)
            span.end(status.value[0])
        return _answer(response)


def _denial(failed: Failed) -> IdentityDenied:
    if failed.status in DENIED:
        return IdentityDenied(failed.status.name)
    if failed.status in UNAVAILABLE:
        raise IdentityUnavailable(failed.status.name) from None
    raise IdentityFault(f"identity's Validate {failed}") from None


def _answer(response: pb.ValidateResponse) -> IdentityAnswer:
    match response.WhichOneof("outcome"):
        case "success":
            return _identity(response.success)
        case "disconnect":
            return IdentityDisconnect(response.disconnect.code, response.disconnect.reason)
        case "error":
            return IdentityError(response.error.code, response.error.message)
        case _:
            return IdentityMalformed("identity's answer to Validate has no outcome set")


def _identity(success: pb.Success) -> Identity | IdentityMalformed:
    if not success.user_id:
        return IdentityMalformed("identity's Success has an empty user_id")
    locks = success.parental_state
    return Identity(
        success.user_id,
        success.family_id,
        TIERS.get(success.subscription_tier, "unspecified"),
        success.is_admin,
        ParentalState(
            locks.screen_time_lock, locks.feature_lock_chat, locks.feature_lock_diary, locks.feature_lock_flowcoach
        ),
        success.expire_at,
        success.degraded,
    )
