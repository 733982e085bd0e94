"""The fallback pool over HTTP: which tickets are accepted, and how many remain."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import grpc
import pytest

from fallback import tickets
from tests.harness.bodies import POOL_MARKS, UNAVAILABLE
from tests.harness.fakes import FakeClock
from tests.harness.identity import DOWN, IdentityStub, aborts, success
from tests.harness.service import NO_CLAIMS, Service, degrade, service

LOW = "fallback ticket pool dropped below low-watermark"


async def pool(running: Service) -> dict[str, Any]:
    body: dict[str, Any] = (await running.http.get("/health")).json()["fallback_pool"]
    return body


@pytest.mark.parametrize(
    ("content", "status", "size"),
    [
        (b"a\nb\n", "loaded", 2),
        (b"\xef\xbb\xbfa\r\n\r\n# c\r\n  b \r\na\r\n", "loaded", 2),
        (b"# nobody\n", "empty", 0),
        (b"", "empty", 0),
        (b"a\n\xff\n", "unreadable", 0),
        (None, "missing", 0),
    ],
)
async def test_the_health_body_has_the_result_of_loading_the_pool(
    tmp_path: Path, content: bytes | None, status: str, size: int
) -> None:
    file = tmp_path / "tickets"
    if content is not None:
        file.write_bytes(content)

    async with service(loaded=tickets.load(str(file), 7)) as running:
        assert await pool(running) == {
            "size": size,
            "initial_size": size,
            "status": status,
            "low_watermark": 7,
            **NO_CLAIMS,
        }


@pytest.mark.parametrize("content", [b"a\nb\n", b"\xef\xbb\xbfa\r\nb\r\n", b"\n# all we have\n\tb\n a \na"])
async def test_blank_lines_and_comments_and_white_space_around_tickets_are_ignored(
    identity: IdentityStub, clock: FakeClock, tmp_path: Path, content: bytes
) -> None:
    identity.script = DOWN
    file = tmp_path / "tickets"
    file.write_bytes(content)

    async with service(identity.address, clock=clock, loaded=tickets.load(str(file), 0)) as running:
        await degrade(running, clock)
        statuses = [(await running.connect(ticket)).status_code for ticket in ("a", "b", "a", "b", "# all we have")]

    assert statuses == [200, 200, 503, 503, 503]


async def test_a_pool_connection_is_degraded_and_has_a_fallback_user_and_expires(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock, FALLBACK_CONNECT_TTL_S=60) as running:
        await degrade(running, clock)
        response = await running.connect("a")

    user = "fallback:" + hashlib.sha256(b"a").hexdigest()[:12]
    assert response.status_code == 200
    assert response.json() == {
        "result": {
            "user": user,
            "info": POOL_MARKS,
            "meta": POOL_MARKS,
            "data": POOL_MARKS,
            "expire_at": int(clock.wall) + 60,
        }
    }


async def test_the_degraded_marks_stay_in_info_when_other_fields_are_hidden(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock, CENTRIFUGO_INFO_FIELDS=frozenset()) as running:
        await degrade(running, clock)
        result = (await running.connect("a")).json()["result"]

    assert result["info"] == result["meta"] == POOL_MARKS


async def test_a_pool_ticket_is_accepted_once_and_a_ticket_outside_the_pool_never(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a", "b"], clock=clock) as running:
        await degrade(running, clock)
        await running.connect("a")
        again, unknown = await running.connect("a"), await running.connect("c")

        assert [(again.status_code, again.json()), (unknown.status_code, unknown.json())] == [(503, UNAVAILABLE)] * 2
        assert await pool(running) == {
            "size": 1,
            "initial_size": 2,
            "status": "loaded",
            "low_watermark": 0,
            **NO_CLAIMS,
        }
        assert await running.metric("realtime_fallback_pool_size") == 1


async def test_a_value_that_cannot_be_a_ticket_is_not_looked_up_in_the_pool(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["7"], clock=clock) as running:
        await degrade(running, clock)
        response = await running.connect(7)

        assert response.status_code == 401
        assert (await pool(running))["size"] == 1


async def test_the_pool_is_not_refilled_when_identity_comes_back(identity: IdentityStub, clock: FakeClock) -> None:
    async with service(identity.address, tickets=["a", "b"], clock=clock) as running:
        for _ in range(2):
            identity.script = DOWN
            await degrade(running, clock)
            await running.connect("a")
            identity.script = success()
            await running.connect("good")

        assert (await pool(running))["size"] == 1


async def test_no_pool_ticket_is_used_while_identity_answers(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.NOT_FOUND)

    async with service(identity.address, tickets=["a"], clock=clock) as running:
        clock.advance(3600)
        response = await running.connect("a")

        assert response.status_code == 503
        assert (await pool(running))["size"] == 1


async def test_one_warning_is_logged_when_the_low_watermark_is_crossed(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets="abcd", low_watermark=3, clock=clock) as running:
        await degrade(running, clock)
        warned = []
        for ticket in "abcd":
            await running.connect(ticket)
            warned.append(sum(record.message == LOW for record in caplog.records))

    assert warned == [0, 1, 1, 1]
    (record,) = (record for record in caplog.records if record.message == LOW)
    assert record.levelno == logging.WARNING
    assert (vars(record)["pool_remaining"], vars(record)["low_watermark"]) == (2, 3)


@pytest.mark.parametrize("watermark", [0, 1000])
async def test_a_watermark_of_zero_or_above_the_pools_size_is_never_crossed(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture, watermark: int
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets="ab", low_watermark=watermark, clock=clock) as running:
        await degrade(running, clock)
        for ticket in "ab":
            await running.connect(ticket)

    assert LOW not in caplog.messages
