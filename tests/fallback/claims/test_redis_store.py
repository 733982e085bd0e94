"""Claims in a real Redis."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fallback.claims.claims import OnError, Result, SharedClaims, StoreDown, StoreEvicts, StoreUp
from fallback.claims.keys import ticket_key
from fallback.claims.redis_store import PROBE_S
from fallback.claims.store import KEPT_S, StoreKind
from realtime_site.settings import env
from tests.fallback.claims.claiming import POOL, claims_in, digest, remembered
from tests.harness.certificates import Authority
from tests.harness.paths import DOCS
from tests.harness.redis import RedisProcess, needs_redis, redis_sentinel, redis_server
from tests.harness.tcp_server import tcp_server
from tools.ports import free_port

pytestmark = [needs_redis, pytest.mark.processes]
TICKETS = [digest(f"ticket-{number}") for number in range(32)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with redis_server(tmp_path) as server:
        yield server


async def test_a_ticket_is_won_by_one_process_and_used_for_the_others(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as first, claims_in(redis.url) as second:
        results = [await claims.claim(TICKETS[0]) for claims in (first, second)]

        assert results == [Result.WON, Result.USED]
        assert (first.used, second.used) == (1, 1)


async def test_redis_stores_only_the_documented_keys_with_a_time_to_live(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as claims:
        await claims.contact()
        await claims.claim(digest("ticket-a"))

    ticket, count = "{test}:t:a3b50eafc99b2e4773bfd081054f2c16", f"{{test}}:n:{POOL}"
    [probe] = redis.ask("KEYS", "{test}:p:*")
    assert set(redis.ask("KEYS", "*")) == {ticket, count, probe}
    assert re.fullmatch(r"[0-9a-f]{16}", redis.ask("GET", ticket))
    assert redis.ask("GET", count) == "1"
    assert all(KEPT_S - 60 < redis.ask("TTL", key) <= KEPT_S for key in (ticket, count))
    assert 0 < redis.ask("TTL", probe) <= PROBE_S


async def test_neither_a_ticket_nor_its_digest_is_in_redis(redis: RedisProcess) -> None:
    ticket = secrets.token_urlsafe(32)
    async with claims_in(redis.url) as claims:
        await claims.claim(digest(ticket))

    stored = redis.everything()
    assert ticket_key(digest(ticket)) in stored
    assert ticket not in stored
    assert digest(ticket).hex()[:12] not in stored


async def test_used_tickets_are_counted_per_pool_and_each_contact_returns_the_count(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as first, claims_in(redis.url) as second, claims_in(redis.url, pool="b") as other:
        for ticket in TICKETS[:3]:
            await first.claim(ticket)
        await second.contact()
        await other.contact()

        assert (first.used, second.used, other.used) == (3, 3, 0)


async def test_another_pool_with_the_same_ticket_finds_it_used(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as old, claims_in(redis.url, pool="b") as new:
        assert [await old.claim(TICKETS[0]), await new.claim(TICKETS[0])] == [Result.WON, Result.USED]


async def test_a_ticket_can_be_claimed_once_under_each_prefix(redis: RedisProcess) -> None:
    async with claims_in(redis.url, prefix="one") as one, claims_in(redis.url, prefix="two") as two:
        assert [await one.claim(TICKETS[0]), await two.claim(TICKETS[0])] == [Result.WON, Result.WON]


async def test_a_claim_whose_answer_was_lost_is_won_by_the_same_process(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as claims, claims_in(redis.url) as other:
        await claims.store.claim(ticket_key(TICKETS[0]))  # recorded, but the answer is lost

        assert [await other.claim(TICKETS[0]), await claims.claim(TICKETS[0])] == [Result.USED, Result.WON]
        assert claims.used == 1


async def test_the_script_is_sent_again_after_redis_has_flushed_it(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as claims:
        before = await claims.claim(TICKETS[0])
        redis.ask("SCRIPT", "FLUSH")

        assert [before, await claims.claim(TICKETS[1]), await claims.claim(TICKETS[1])] == [Result.WON] * 3
        assert claims.used == 2


async def test_claims_wait_only_once_for_a_hanging_redis_and_late_answers_reach_no_other_claim(
    redis: RedisProcess,
) -> None:
    async with claims_in(redis.url, deadline_s=0.25) as claims, claims_in(redis.url) as other:
        await asyncio.gather(*(claims.claim(ticket) for ticket in TICKETS))  # every connection is open
        redis.pause()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        hanging = await asyncio.gather(*(claims.claim(digest(f"hung-{number}")) for number in range(16)))
        waited = loop.time() - begun
        at_once = await claims.claim(digest("hung-0"))
        after = loop.time() - begun - waited
        redis.resume()
        await until_contact(other)
        await until_contact(claims)
        lost = [await claims.claim(digest(f"hung-{number}")) for number in range(16)]
        fresh = [await claims.claim(digest(f"fresh-{number}")) for number in range(32)]
        elsewhere = [await other.claim(digest(f"fresh-{number}")) for number in range(32)]

    assert hanging == [Result.ERROR] * 16
    assert 0.2 <= waited < 2.0
    assert (at_once, after < 0.2) == (Result.ERROR, True)
    assert lost == [Result.WON] * 16  # no other process has claimed these tickets
    assert (fresh, elsewhere) == ([Result.WON] * 32, [Result.USED] * 32)


async def until_contact(claims: SharedClaims) -> None:
    async with asyncio.timeout(20):
        while not await claims.contact():
            await asyncio.sleep(0.02)


async def test_claims_fail_while_redis_is_down_and_its_return_is_detected(redis: RedisProcess) -> None:
    async with claims_in(redis.url) as claims:
        await claims.contact()
        redis.kill()
        down = [await claims.claim(TICKETS[0]) for _ in range(3)]
        redis.restart()
        await until_contact(claims)

        assert down == [Result.ERROR] * 3
        assert await claims.claim(TICKETS[0]) is Result.WON
        assert [type(notice) for notice in remembered(claims).notices] == [StoreDown, StoreUp]


async def test_after_a_restart_without_persistence_used_tickets_are_usable_again(redis: RedisProcess) -> None:
    """A documented limit: Redis has not kept the claims that it had acknowledged."""
    async with claims_in(redis.url) as first, claims_in(redis.url) as second:
        await first.claim(TICKETS[0])
        redis.kill()
        redis.restart()
        await until_contact(second)

        assert await second.claim(TICKETS[0]) is Result.WON


async def test_after_a_restart_with_an_append_only_file_used_tickets_stay_used(tmp_path: Path) -> None:
    with redis_server(tmp_path, appendonly="yes") as redis:
        async with claims_in(redis.url) as first, claims_in(redis.url) as second:
            await first.claim(TICKETS[0])
            redis.kill()
            redis.restart()
            await until_contact(second)

            assert (await second.claim(TICKETS[0]), second.used) == (Result.USED, 1)


async def test_a_failover_that_loses_claims_makes_their_tickets_usable_again(tmp_path: Path) -> None:
    """A documented limit: the guarantee does not hold across a failover that loses acknowledged writes."""
    (tmp_path / "replica").mkdir()
    with (
        redis_server(tmp_path) as primary,
        redis_server(tmp_path / "replica", replicaof=f"127.0.0.1 {primary.port}") as replica,
    ):
        async with claims_in(primary.url) as first, claims_in(replica.url) as second:
            await replicating(replica)
            await first.claim(TICKETS[0])
            replica.ask("REPLICAOF", "127.0.0.1", "1")  # the link is cut
            lost = await first.claim(TICKETS[1])
            primary.kill()
            replica.ask("REPLICAOF", "NO", "ONE")  # the replica is promoted

            assert lost is Result.WON
            assert await second.claim(TICKETS[1]) is Result.WON


async def replicating(replica: RedisProcess) -> None:
    async with asyncio.timeout(20):
        while replica.ask("INFO", "replication")["master_link_status"] != "up":
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"maxmemory": "1", "maxmemory_policy": "noeviction"}, "it is out of memory (OOM)"),
        ({"min_replicas_to_write": "1"}, "it answered NOREPLICAS"),
        ({"replicaof": "127.0.0.1 1"}, "it is a read-only replica (READONLY)"),
        ({"requirepass": "the-right-one"}, "it refuses the user or the password"),
    ],
)
async def test_a_redis_that_refuses_commands_is_detected_at_the_first_contact(
    tmp_path: Path, options: dict[str, str], reason: str
) -> None:
    with redis_server(tmp_path, **options) as redis:
        async with claims_in(
            f"redis://:a-wrong-one@127.0.0.1:{redis.port}" if "requirepass" in options else redis.url
        ) as claims:
            contacted = await claims.contact()
            result = await claims.claim(TICKETS[0])

    assert (contacted, result) == (False, Result.ERROR)
    assert remembered(claims).notices == [StoreDown(StoreKind.REDIS, reason, OnError.REFUSE)]
    assert "wrong-one" not in repr(claims)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("a..b", "cannot connect (malformed host name)"),
        ("does-not-exist.invalid", "cannot connect (Name or service not known)"),
        ("127.0.0.1:1", "cannot connect (Connection refused)"),
    ],
)
async def test_a_contact_with_an_unreachable_server_fails_with_the_reason(host: str, reason: str) -> None:
    async with claims_in(f"redis://{host}", deadline_s=20) as claims:
        contacted = await claims.contact()

    assert not contacted
    assert remembered(claims).notices == [StoreDown(StoreKind.REDIS, reason, OnError.REFUSE)]


async def test_the_new_primary_behind_the_same_address_is_used_after_a_failover(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with redis_server(folders[0]) as first, redis_server(folders[1]) as second:
        async with leading_to(primary := [first.port]) as port, claims_in(f"redis://127.0.0.1:{port}") as claims:
            await asyncio.gather(*(claims.claim(ticket) for ticket in TICKETS))  # every connection is open
            primary[0] = second.port
            first.ask("REPLICAOF", "127.0.0.1", str(second.port))
            contacts = [await claims.contact(), await claims.contact()]
            results = await asyncio.gather(*(claims.claim(digest(f"new-{number}")) for number in range(32)))

    assert contacts == [False, True]
    assert set(results) == {Result.WON}


@asynccontextmanager
async def leading_to(target: list[int]) -> AsyncIterator[int]:
    """The port of a load balancer. New connections lead to the current port in `target`; open ones keep theirs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, commands = await asyncio.open_connection("127.0.0.1", target[0])
        try:
            await asyncio.gather(pump(reader, commands), pump(replies, writer))
        finally:
            commands.close()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    async with tcp_server(serve) as port:
        yield port


NOT_REDIS = "it does not answer as Redis does"
OF_A_CLUSTER = "it is a node of a Redis Cluster, which is not supported"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NOT_REDIS),
        (b":5\r\n", NOT_REDIS),
        (b"*2\r\n:1\r\n$3\r\nabc\r\n", NOT_REDIS),
        (b"*2\r\n:1\r\n:-5\r\n", NOT_REDIS),
        (b"*0\r\n", NOT_REDIS),
        (b"*1\r\n" * 3000, NOT_REDIS),
        (b"-MOVED 1 10.0.0.1:1\r\n", OF_A_CLUSTER),
        (b"-CLUSTERDOWN Hash slot not served\r\n", OF_A_CLUSTER),
        (b"-ERR max number of clients reached\r\n", "it has reached its maximum number of clients"),
    ],
)
async def test_a_claim_fails_with_the_reason_if_the_server_is_unusable(reply: bytes, reason: str) -> None:
    async with answering(reply) as url, claims_in(url) as claims:
        result = await claims.claim(TICKETS[0])
        await claims.contact()

    assert result is Result.ERROR
    assert remembered(claims).notices == [StoreDown(StoreKind.REDIS, reason, OnError.REFUSE)]


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """The URL of a server that sends this reply to every command."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(reply)
        writer.close()

    async with tcp_server(serve) as port:
        yield f"redis://127.0.0.1:{port}"


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_an_eviction_policy_is_reported_but_claims_work(tmp_path: Path, policy: str) -> None:
    with redis_server(tmp_path, maxmemory_policy=policy) as redis:
        async with claims_in(redis.url) as claims:
            await claims.contact()
            await claims.contact()

            assert remembered(claims).notices == [StoreEvicts(policy)]
            assert await claims.claim(TICKETS[0]) is Result.WON


@pytest.mark.parametrize(("left_out", "notices"), [((), [StoreEvicts("allkeys-lru")]), (("+info",), [])])
async def test_the_documented_acl_is_sufficient_and_the_right_to_info_is_needed_only_to_warn_about_eviction(
    tmp_path: Path, left_out: tuple[str, ...], notices: list[StoreEvicts]
) -> None:
    [documented] = re.findall(r"^    user realtime on >PASSWORD (.+)$", (DOCS / "fleet.md").read_text(), re.MULTILINE)
    rights = [right.replace(env.defaults["FALLBACK_CLAIMS_PREFIX"], "test") for right in documented.split()]

    with redis_server(tmp_path, maxmemory_policy="allkeys-lru") as redis:
        redis.ask("ACL", "SETUSER", "claims", "on", ">pass", *[right for right in rights if right not in left_out])
        async with claims_in(f"redis://claims:pass@127.0.0.1:{redis.port}") as claims:
            answers = (await claims.contact(), await claims.claim(TICKETS[0]))

    assert answers == (True, Result.WON)
    assert remembered(claims).notices == notices


async def test_claims_work_over_a_unix_socket(tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    with redis_server(tmp_path, unixsocket=str(socket), password="made-up"):
        async with claims_in(f"unix://:made-up@{socket}?db=3") as claims:
            assert await claims.claim(TICKETS[0]) is Result.WON


async def test_tls_requires_a_certificate_for_the_host_from_the_configured_authority(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    certificate, key = authority.issue("localhost")
    options = {"tls_cert_file": str(certificate), "tls_key_file": str(key), "tls_ca_cert_file": str(authority.ca)}
    port = str(free_port())
    with redis_server(tmp_path, tls_port=port, **options):
        own = f"ssl_certfile={certificate}&ssl_keyfile={key}"
        async with (
            claims_in(f"rediss://localhost:{port}?{own}&ssl_ca_certs={authority.ca}") as claims,
            claims_in(f"rediss://127.0.0.1:{port}?{own}&ssl_ca_certs={authority.ca}") as misnamed,
            claims_in(f"rediss://localhost:{port}?{own}") as untrusting,
        ):
            results = [await each.claim(TICKETS[0]) for each in (claims, misnamed, untrusting)]

    assert results == [Result.WON, Result.ERROR, Result.ERROR]


@pytest.mark.parametrize(("kind", "problem"), [("fifo", "not a regular file"), ("absent", "No such file or directory")])
async def test_a_contact_fails_if_a_tls_file_cannot_be_read_and_does_not_block_the_event_loop(
    tmp_path: Path, kind: str, problem: str
) -> None:
    os.mkfifo(tmp_path / "fifo")

    async with claims_in(f"rediss://localhost:1?ssl_ca_certs={tmp_path / kind}") as claims:
        contacted = await claims.contact()

    assert not contacted
    reason = f"cannot read a TLS file ({problem})"
    assert remembered(claims).notices == [StoreDown(StoreKind.REDIS, reason, OnError.REFUSE)]


async def test_connections_over_tls_are_closed_at_once_even_if_the_server_hangs(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    certificate, key = authority.issue("localhost")
    port = str(free_port())
    options = {"tls_cert_file": str(certificate), "tls_key_file": str(key), "tls_ca_cert_file": str(authority.ca)}
    with redis_server(tmp_path, tls_port=port, tls_auth_clients="no", **options) as redis:
        async with asyncio.timeout(15), claims_in(f"rediss://localhost:{port}?ssl_ca_certs={authority.ca}") as claims:
            assert await claims.contact()
            redis.pause()


async def test_claims_follow_a_failover_by_sentinel(tmp_path: Path) -> None:
    for name in ("primary", "replica", "sentinel"):
        (tmp_path / name).mkdir()
    with (
        redis_server(tmp_path / "primary") as primary,
        redis_server(tmp_path / "replica", replicaof=f"127.0.0.1 {primary.port}") as replica,
        redis_sentinel(tmp_path / "sentinel", primary, "claims") as sentinel,
    ):
        async with claims_in(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/claims") as claims:
            first = await claims.claim(TICKETS[0])
            await known_to(sentinel, "num-slaves", "1")
            primary.kill()
            await until_contact(claims)

            assert first is Result.WON
            assert await claims.claim(TICKETS[1]) is Result.WON
            assert replica.ask("EXISTS", f"{{test}}:t:{ticket_key(TICKETS[1])}") == 1


async def known_to(sentinel: RedisProcess, field: str, value: str) -> None:
    async with asyncio.timeout(30):
        while sentinel.ask("SENTINEL", "MASTER", "claims")[field] != value:
            await asyncio.sleep(0.05)


async def test_a_burst_uses_no_more_than_the_maximum_number_of_connections(redis: RedisProcess) -> None:
    async with claims_in(redis.url, deadline_s=10) as claims:
        results = await asyncio.gather(*(claims.claim(digest(f"burst-{number}")) for number in range(500)))

        assert results == [Result.WON] * 500
        assert int(redis.ask("INFO", "clients")["connected_clients"]) <= 33
