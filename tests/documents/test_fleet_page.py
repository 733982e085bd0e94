"""Runs a Redis with the configuration that docs/fleet.md shows."""

import re
import secrets
from pathlib import Path

import pytest
from django.conf import settings

from fallback.claims.opening import open_store
from fallback.claims.url import parse_claims_url
from tests.harness.paths import DOCS
from tests.harness.redis import needs_redis, redis_server

PAGE = (DOCS / "fleet.md").read_text()


def redis_options(password: str) -> dict[str, str]:
    """The Redis directives on the page, with this password."""
    section = PAGE.partition("### Setting up a Redis\n")[2].partition("\n### ")[0]
    lines = re.findall(r"^    (.+)$", section, re.MULTILINE)
    pairs = (line.replace(">PASSWORD", f">{password}").partition(" ") for line in lines)
    return {name.replace("-", "_"): value for name, _, value in pairs}


@needs_redis
@pytest.mark.processes
async def test_a_redis_with_the_configuration_on_the_page_starts_and_accepts_claims(tmp_path: Path) -> None:
    password = secrets.token_hex(8)

    with redis_server(tmp_path, **redis_options(password)) as redis:
        url = parse_claims_url(f"redis://realtime:{password}@127.0.0.1:{redis.port}")
        store = open_store(url, prefix=settings.FALLBACK_CLAIMS_PREFIX, pool="pool", deadline_s=10)
        try:
            before = await store.contact()
            answer = await store.claim("ticket")
            policy = await store.evicts()
        finally:
            await store.close()

    assert (before, answer, policy) == (0, (True, 1), "")
