"""deploy/compose.yaml, as docker compose would load it. No container engine runs here."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.version import VERSION
from realtime_site.settings import env
from tests.deploy.compose import FILE, FILES, KEYS, bind_mounts, services
from tests.harness.deploy_tools import run
from tests.harness.paths import DEPLOY, ROOT

pytestmark = pytest.mark.processes
OURS = {"service", "pool", "identity", "bridge"}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables that the file requires."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("keys")
def test_compose_can_load_the_file(checker: Path) -> None:
    ended = run(checker, "compose", str(FILE))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.usefixtures("keys")
def test_compose_names_a_required_variable_that_is_missing(
    name: str, checker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)

    ended = run(checker, "compose", str(FILE))

    assert ended.returncode == 1
    assert f"required variable {name} is missing a value: make one with openssl rand -hex 16" in ended.stdout


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        ("    ports:", "    port:", "additional properties 'port' not allowed"),
        ("      redis: {condition", "      valkey: {condition", 'depends on undefined service "valkey"'),
        ("secrets: [api-key]", "secrets: [api-keys]", "undefined secret api-keys"),
        ('volumes: ["redis:/data"]', 'volumes: ["reddis:/data"]', "undefined volume reddis"),
    ],
    ids=["an unknown field", "a service", "a secret", "a volume"],
)
@pytest.mark.usefixtures("keys")
def test_unknown_fields_and_names_in_the_compose_file_are_reported(
    original: str, replacement: str, message: str, checker: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "compose.yaml"
    assert original in FILE.read_text()
    broken.write_text(FILE.read_text().replace(original, replacement))

    ended = run(checker, "compose", str(broken))

    assert ended.returncode == 1
    assert message in ended.stdout


def test_the_compose_file_has_every_service() -> None:
    others = {"centrifugo", "redis", "kafka", "topics", "prometheus", "grafana", "collector"}

    assert set(services()) == OURS | others


def test_third_party_images_are_pinned_by_tag_and_digest_and_our_image_has_the_version_as_its_tag() -> None:
    pinned = re.compile(r"[a-z/-]+:v?\d+\.\d+\.\d+(-alpine)?@sha256:[0-9a-f]{64}")

    for name, service in services().items():
        if name in OURS:
            assert service["image"] == f"realtime-service:{VERSION}"
        else:
            assert pinned.fullmatch(service["image"]), name


def test_ports_are_published_only_on_loopback() -> None:
    ports = [port for service in services().values() for port in service.get("ports", ())]

    assert len(ports) >= 4
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_our_containers_are_read_only_and_have_no_capabilities_and_a_memory_limit() -> None:
    for name in OURS:
        service = services()[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"].endswith("m")


def test_every_long_running_service_except_the_collector_has_a_health_check() -> None:
    without = [
        name
        for name, service in services().items()
        if service["restart"] != "no" and "healthcheck" not in service and name != "service"
    ]

    checks = [service.get("healthcheck", {}) for service in services().values()]
    assert without == ["collector"]  # its image has no shell
    assert all({"interval", "start_period"} <= set(check) for check in checks if "test" in check)
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()  # the health check of `service`


def test_every_mounted_file_exists_and_every_file_is_mounted() -> None:
    sources = {source for source, _ in bind_mounts()}

    assert {source for source in sources if not (DEPLOY / source).exists()} == set()
    mounted = {(DEPLOY / source).resolve() for source in sources}
    assert {path for path in FILES.iterdir() if path.resolve() not in mounted} == set()


@pytest.mark.parametrize("name", ["service", "bridge"])
def test_the_environment_of_our_containers_has_only_known_settings_and_existing_hosts(name: str) -> None:
    settings = services()[name]["environment"]
    addresses = [value.rpartition("://")[2] for value in settings.values() if ":" in value]
    hosts = {urlsplit(f"//{address}").hostname for address in addresses}

    assert set(settings) <= set(env.defaults)
    assert len(hosts) >= 3
    assert hosts <= set(services())
