"""The adapters to the family service and the rpc backends, against real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from centrifugo_proxy.peers.backends import (
    AccessQuery,
    BackendDisconnect,
    BackendError,
    BackendFault,
    BackendUnavailable,
    Grant,
    RpcCall,
    RpcData,
)
from centrifugo_proxy.peers.backends_grpc import REFUSALS, RPC_SERVICE, GrpcFamilyService, GrpcRpcBackend
from centrifugo_proxy.peers.channels import RollingChannel
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.statuses import NO_ANSWER
from centrifugo_proxy.spans import OFF
from proto.realtime.v1 import channel_access_pb2, rpc_backend_pb2
from proto.realtime.v1.connect_proxy_pb2 import Disconnect, Error
from tests.harness.backends import family_service, grants, returns, rpc_backend, says
from tests.harness.channels import plain_channel
from tests.harness.generic_grpc import silent_ok_server
from tests.harness.identity import aborts

QUERY = AccessQuery("u-1", "f-1", "c-1", "room:1", publish=False)
CALL = RpcCall("diary.list", b"{}", "u-1", "f-1", "c-1", "pro", is_admin=False)
TEMPORARY = sorted({*NO_ANSWER, grpc.StatusCode.CANCELLED}, key=str)
FAULTS = [status for status in grpc.StatusCode if status not in {grpc.StatusCode.OK, *REFUSALS, *TEMPORARY}]
Ask = Callable[[], Awaitable[Any]]
Observed = list[tuple[str, float]]


def peer(channel: RollingChannel, observed: Observed) -> Peer:
    return Peer(channel=channel, deadline_s=5.0, observe=lambda *call: observed.append(call), tracer=OFF, name="diary")


@asynccontextmanager
async def family(script: Any, observed: Observed) -> AsyncIterator[Ask]:
    """A function that calls a family service. The service answers with `script`."""
    async with family_service(script) as stub, plain_channel(stub.address) as channel:
        client = GrpcFamilyService(peer(channel, observed))
        yield lambda: client.authorize(QUERY)


@asynccontextmanager
async def diary(script: Any, observed: Observed) -> AsyncIterator[Ask]:
    """A function that calls an rpc backend. The backend answers with `script`."""
    async with rpc_backend(script) as stub, plain_channel(stub.address) as channel:
        client = GrpcRpcBackend(peer(channel, observed))
        yield lambda: client.call(CALL)


NAMED = [(family, "family_service"), (diary, "rpc:diary")]
ACCESS, ANSWER = channel_access_pb2.AuthorizeResponse, rpc_backend_pb2.CallResponse


@pytest.mark.parametrize(
    ("service", "script", "expected"),
    [
        (family, grants(7), Grant(7)),
        (family, grants(0), Grant(0)),
        (family, grants(-7), Grant(1)),
        (family, says(ACCESS(grant=channel_access_pb2.Grant())), Grant(0)),
        (family, says(ACCESS(denial=Error(code=1, message="no"))), BackendError(1, "no")),
        (family, says(ACCESS(denial=Error(code=1, message="ж" * 5000))), BackendError(1, "ж" * 1024)),
        (diary, says(ANSWER(error=Error(code=1, message="ж" * 5000))), BackendError(1, "ж" * 1024)),
        (family, says(ACCESS(disconnect=Disconnect(code=2, reason="left"))), BackendDisconnect(2, "left")),
        (diary, returns(b"\xff"), RpcData(b"\xff")),
        (diary, returns(b""), RpcData(b"")),
        (diary, says(ANSWER(error=Error(code=1, message="no"))), BackendError(1, "no")),
        (diary, says(ANSWER(disconnect=Disconnect(code=2, reason="left"))), BackendDisconnect(2, "left")),
    ],
)
async def test_each_outcome_in_a_response_becomes_the_matching_answer(service: Any, script: Any, expected: Any) -> None:
    observed: Observed = []

    async with service(script, observed) as ask:
        answer = await ask()

    assert answer == expected
    assert [name for name, _ in observed] == ["OK"]


@pytest.mark.parametrize("status", list(REFUSALS))
@pytest.mark.parametrize("service", [family, diary])
async def test_a_status_such_as_not_found_is_a_refusal_and_not_a_failure(service: Any, status: grpc.StatusCode) -> None:
    observed: Observed = []

    async with service(aborts(status, "details"), observed) as ask:
        answer = await ask()

    assert answer == REFUSALS[status]
    assert [name for name, _ in observed] == [status.name]


@pytest.mark.parametrize("status", TEMPORARY)
@pytest.mark.parametrize(("service", "name"), NAMED)
async def test_a_temporary_failure_is_recognised_by_its_status_alone(
    service: Any, name: str, status: grpc.StatusCode
) -> None:
    async with service(aborts(status, "details"), []) as ask:
        with pytest.raises(BackendUnavailable, match=f"^{name}: {status.name}$"):
            await ask()


async def test_the_status_ok_without_a_message_is_a_temporary_failure() -> None:
    async with silent_ok_server(f"{RPC_SERVICE}/Call") as address, plain_channel(address) as channel:
        with pytest.raises(BackendUnavailable, match=r"^rpc:diary: OK$"):
            await GrpcRpcBackend(peer(channel, [])).call(CALL)


@pytest.mark.parametrize("status", FAULTS)
@pytest.mark.parametrize(("service", "name"), NAMED)
async def test_any_status_except_refusals_and_temporary_failures_is_a_fault_whose_message_omits_the_details(
    service: Any, name: str, status: grpc.StatusCode
) -> None:
    observed: Observed = []

    async with service(aborts(status, "details"), observed) as ask:
        with pytest.raises(BackendFault, match=f"^the call to {name} ended with the gRPC status {status.name}$"):
            await ask()

    assert [name for name, _ in observed] == [status.name]


@pytest.mark.parametrize(
    ("service", "response", "fault"),
    [
        (family, ACCESS(), "the answer of family_service has no outcome set"),
        (diary, ANSWER(), "the answer of rpc:diary has no outcome set"),
    ],
)
async def test_an_answer_without_an_outcome_is_a_fault(service: Any, response: Any, fault: str) -> None:
    async with service(says(response), []) as ask:
        with pytest.raises(BackendFault, match=f"^{fault}$"):
            await ask()
