"""The fields of a connection's owner in info and in meta. Other clients see info, and no client sees meta."""

from typing import Any

import grpc
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.bodies import POOL_MARKS
from tests.harness.environment import service_settings_from
from tests.harness.fakes import FakeClock
from tests.harness.identity import IdentityStub, aborts, success
from tests.harness.service import service

ALL = {
    "family_id": "f-3",
    "subscription_tier": "pro",
    "is_admin": True,
    "parental_state": {
        "screen_time_lock": False,
        "feature_lock_chat": True,
        "feature_lock_diary": False,
        "feature_lock_flowcoach": True,
    },
}


def owner(**fields: Any) -> Any:
    """Answers every ticket with the owner in ALL."""
    return success(
        family_id="f-3",
        subscription_tier=pb.SUBSCRIPTION_TIER_PRO,
        is_admin=True,
        parental_state=pb.ParentalState(feature_lock_chat=True, feature_lock_flowcoach=True),
        **fields,
    )


def only(*names: str) -> dict[str, Any]:
    """These fields of ALL."""
    return {name: ALL[name] for name in names}


@pytest.mark.parametrize(
    ("variable", "info"),
    [
        ({}, ALL),
        ({"CENTRIFUGO_INFO_FIELDS": "family_id,subscription_tier,is_admin,parental_state"}, ALL),
        ({"CENTRIFUGO_INFO_FIELDS": "subscription_tier"}, only("subscription_tier")),
        ({"CENTRIFUGO_INFO_FIELDS": " parental_state , family_id "}, only("family_id", "parental_state")),
        ({"CENTRIFUGO_INFO_FIELDS": ""}, {}),
    ],
    ids=["unset", "all", "one", "two", "none"],
)
async def test_info_has_the_chosen_fields_and_meta_has_all_fields(
    identity: IdentityStub, variable: dict[str, str], info: dict[str, Any]
) -> None:
    identity.script = owner()

    async with service(identity.address, **service_settings_from(**variable)) as running:
        response = await running.connect()

    assert response.json() == {"result": {"user": "u-1", "info": info, "meta": ALL}}


@pytest.mark.parametrize("chosen", ["", "is_admin"])
async def test_identitys_degraded_mark_stays_in_info_and_meta(identity: IdentityStub, chosen: str) -> None:
    identity.script = owner(degraded=True)
    settings = service_settings_from(CENTRIFUGO_INFO_FIELDS=chosen)

    async with service(identity.address, **settings) as running:
        response = await running.connect()

    info = {**(only(chosen) if chosen else {}), "degraded": True}
    meta = {**ALL, "degraded": True}
    assert response.json() == {"result": {"user": "u-1", "info": info, "meta": meta, "data": {"degraded": True}}}


async def test_a_pool_connections_marks_stay_in_info_and_meta(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)
    settings = service_settings_from(CENTRIFUGO_INFO_FIELDS="")

    async with service(identity.address, tickets=["spare"], clock=clock, **settings) as running:
        await running.connect("another")
        clock.advance(5.001)
        result = (await running.connect("spare")).json()["result"]

    assert (result["info"], result["meta"]) == (POOL_MARKS, POOL_MARKS)


@pytest.mark.parametrize("lock", list(ALL["parental_state"]))  # type: ignore[call-overload]
async def test_each_parental_lock_is_passed_on_under_its_own_name(identity: IdentityStub, lock: str) -> None:
    identity.script = success(parental_state=pb.ParentalState(**{lock: True}))

    async with service(identity.address) as running:
        result = (await running.connect()).json()["result"]

    locks = dict.fromkeys(ALL["parental_state"], False)  # type: ignore[call-overload]
    assert result["meta"]["parental_state"] == {**locks, lock: True}
