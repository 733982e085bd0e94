"""Opening the store of a URL. Its library is imported only if a store is configured."""

import subprocess
import sys

import pytest

from fallback.claims.opening import open_store
from fallback.claims.store import StoreKind
from fallback.claims.url import parse_claims_url
from tests.fallback.claims.claiming import POOL
from tests.harness.paths import ROOT
from tests.harness.processes import environment

LOADED = "import sys, realtime_site.asgi; print({'redis', 'rich'} & set(sys.modules) or 'neither')"


@pytest.mark.processes
def test_a_service_without_claims_imports_neither_redis_nor_rich() -> None:
    command = [sys.executable, "-c", LOADED]
    ended = subprocess.run(command, cwd=ROOT, env=environment(1), capture_output=True, text=True, check=True)  # noqa: S603

    assert ended.stdout.splitlines()[-1] == "neither"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1:1", StoreKind.REDIS),
        ("rediss://127.0.0.1:1", StoreKind.REDIS),
        ("unix:///nowhere.sock", StoreKind.REDIS),
        ("redis+sentinel://127.0.0.1:1/service", StoreKind.REDIS),
        ("file:///proc/nowhere", StoreKind.FILE),
    ],
)
async def test_each_kind_of_url_opens_its_store_without_connecting(url: str, kind: StoreKind) -> None:
    store = open_store(parse_claims_url(url), prefix="test", pool=POOL, deadline_s=1.0)
    await store.close()

    assert store.kind is kind
