"""The modules that a serving process does not load."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from realtime_site.left_out import LEFT_OUT, leave_out
from tests.harness.processes import serve_command, started
from tools.ports import free_port

IMPORTED = re.compile(r"^import time:[ 0-9|]+\| +(\S+)$", re.MULTILINE)
# Each package, and what would need it, or why nothing needs it in a service without optional features.
NOT_NEEDED = {
    "django.db.models": "there is no database",
    "django.forms": "there is no page to fill in",
    "sqlparse": "comes with the ORM",
    "bridge.running": "run_bridge is another process",
    "bridge.routing.file": "BRIDGE_ROUTES_PATH is not set",
    "aiohttp": "the bridge's HTTP client",
    "confluent_kafka": "the bridge's Kafka client",
    "msgspec": "the session events and the bridge",
    "google.protobuf.json_format": "the bridge's records",
    "opentelemetry": "traces are off",
    "centrifugo_proxy.policy": "CHANNEL_POLICY_PATH is not set",
    "centrifugo_proxy.server_config": "the commands about Centrifugo's configuration",
    "centrifugo_proxy.fleet": "manage.py pods",
    "rich": "the terminal's tables and progress bars",
    "yaml": "the commands about Centrifugo's configuration",
    "redis": "FALLBACK_CLAIMS_URL is not set",
    "sqlite3": "FALLBACK_CLAIMS_URL is not set",
    "cryptography": "SPIFFE is off",
    "unittest": "tests",
}


@pytest.mark.processes
def test_a_service_without_optional_features_loads_nothing_for_them() -> None:
    port = free_port()
    interpreter, *arguments = serve_command(port)
    with started([interpreter, "-X", "importtime", *arguments], port) as process:
        process.wait_until_ready()
        assert process.http.post("/centrifugo/connect", json={"data": {"token": "made-up"}}).status_code == 503
        assert process.http.get("/metrics").status_code == 200

        assert process.terminate() == 0

        imported = IMPORTED.findall(process.stderr())
    assert "realtime_site.lifespan" in imported
    assert [name for name in imported if any(f"{name}.".startswith(f"{each}.") for each in NOT_NEEDED)] == []


@pytest.fixture
def module_name() -> Iterator[str]:
    yield (name := "module_that_is_left_out_in_this_test")
    sys.modules.pop(name, None)


def test_a_left_out_module_has_the_imported_names_as_classes_without_instances(module_name: str) -> None:
    leave_out({module_name: ("Model",)})

    assert not isinstance(0, sys.modules[module_name].Model)


def test_any_other_name_of_a_left_out_module_raises_an_error_with_the_remedy(module_name: str) -> None:
    leave_out({module_name: ()})

    with pytest.raises(AttributeError) as refused:
        sys.modules[module_name].Field  # noqa: B018
    assert str(refused.value) == (
        f"{module_name}.Field is not available: manage.py serve does not load {module_name}. If the service needs "
        "it, remove the module from LEFT_OUT in realtime_site/left_out.py."
    )


def test_a_module_that_is_already_imported_is_not_replaced(module_name: str) -> None:
    sys.modules[module_name] = imported = ModuleType(module_name)

    leave_out({module_name: ("Model",)})

    assert sys.modules[module_name] is imported


def test_every_name_of_a_stand_in_exists_in_the_real_module() -> None:
    for module, names in LEFT_OUT.items():
        loaded = pytest.importorskip(module)
        assert [name for name in names if not hasattr(loaded, name)] == []
