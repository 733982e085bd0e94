"""The settings of the overlays: the service accepts them, and finds the files that they name."""

import re
import secrets
from functools import cache
from pathlib import Path

import pytest
import yaml

from realtime_site.settings import env
from tests.deploy.manifests import BRIDGE, SERVICE, Kustomize, Manifests, mounts
from tests.harness.certificates import Authority
from tests.harness.manage import run_manage
from tests.harness.paths import DOCS

pytestmark = pytest.mark.processes
POOL = "/var/run/secrets/centrifugo-fallback-tickets/fallback-tickets.txt"


def files(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.endswith(("_PATH", "_FILE"))}


def test_every_variable_is_a_setting_of_the_service(overlay: Manifests) -> None:
    for deployment in overlay.of("Deployment"):
        assert set(overlay.environment(deployment["metadata"]["name"])) <= set(env.defaults)


def test_the_mounted_folders_are_exactly_those_of_the_files_in_the_settings(overlay: Manifests) -> None:
    for deployment in overlay.of("Deployment"):
        named = {str(Path(file).parent) for file in files(overlay.environment(deployment["metadata"]["name"])).values()}

        assert named == {folder for folder, _ in mounts(deployment)}


def test_mounted_configmaps_have_the_files_that_the_settings_name(prod: Manifests) -> None:
    wanted = {"CHANNEL_POLICY_PATH": SERVICE, "BRIDGE_ROUTES_PATH": BRIDGE}

    for setting, name in wanted.items():
        file = Path(prod.environment(name)[setting])
        volume = dict(mounts(prod.one("Deployment", name)))[str(file.parent)]
        assert file.name in prod.one("ConfigMap", volume["configMap"]["name"])["data"]


def test_prod_has_a_pool_and_a_guard_and_samples_one_percent_of_the_traces(prod: Manifests) -> None:
    settings = prod.environment(SERVICE)

    assert settings["FALLBACK_TICKETS_PATH"] == POOL
    assert {"FALLBACK_DEGRADED_WINDOW_MS", "FALLBACK_LOW_WATERMARK", "FALLBACK_CONNECT_TTL_S"} <= set(settings)
    assert settings["CENTRIFUGO_PROXY_TOKEN_FILE"] == "/var/run/secrets/realtime-service-guard/token"
    assert settings["OTEL_TRACES_SAMPLER_ARG"] == "0.01"
    assert prod.environment(BRIDGE)["OTEL_TRACES_SAMPLER_ARG"] == "0.01"


def test_a_rollout_waits_for_each_new_pod_ten_seconds_longer_than_the_degraded_window(prod: Manifests) -> None:
    window_ms = int(prod.environment(SERVICE)["FALLBACK_DEGRADED_WINDOW_MS"])

    assert prod.one("Deployment", SERVICE)["spec"]["minReadySeconds"] * 1000 >= window_ms + 10_000


def test_dev_has_one_replica_without_a_pool_and_without_other_files(dev: Manifests) -> None:
    assert dev.one("Deployment", SERVICE)["spec"]["replicas"] == 1
    assert files(dev.environment(SERVICE)) == {}


def test_in_prod_only_the_autoscaler_sets_the_number_of_replicas(prod: Manifests) -> None:
    [autoscaler] = prod.of("HorizontalPodAutoscaler")

    assert "replicas" not in prod.one("Deployment", SERVICE)["spec"]
    assert autoscaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": SERVICE}
    assert autoscaler["spec"]["minReplicas"] >= 3


class Pod:
    """The files of a pod in a folder of this machine, with made-up secrets. The pod's settings name these files."""

    def __init__(self, root: Path, manifests: Manifests, name: str) -> None:
        self.settings = manifests.environment(name)
        for folder, volume in mounts(manifests.one("Deployment", name)):
            place = root / folder.lstrip("/")
            place.mkdir(parents=True)
            if "configMap" in volume:
                for file, text in manifests.one("ConfigMap", volume["configMap"]["name"])["data"].items():
                    (place / file).write_text(text)
        for setting, file in files(self.settings).items():
            self.settings[setting] = f"{root}{file}"
            if (content := made_up(root, setting)) is not None:
                Path(self.settings[setting]).write_bytes(content)
                Path(self.settings[setting]).chmod(0o440)


def made_up(root: Path, setting: str) -> bytes | None:
    """Content for the file of a secret; None for files that a ConfigMap has."""
    if "_TLS_" in setting:
        return certificates(root)[setting.split("_")[-2]].read_bytes()
    if setting == "FALLBACK_TICKETS_PATH":
        return "".join(f"{secrets.token_urlsafe(32)}\n" for _ in range(1000)).encode()
    if setting == "FALLBACK_CLAIMS_URL_FILE":
        return b"redis://redis.redis.svc.cluster.local:6379/0\n"
    return secrets.token_urlsafe(32).encode() if setting.endswith("_FILE") else None


@cache
def certificates(root: Path) -> dict[str, Path]:
    authority = Authority.in_folder(root)
    certificate, key = authority.issue("pod")
    return {"CA": authority.ca, "CERT": certificate, "KEY": key}


def test_the_service_accepts_the_settings_of_prod(prod: Manifests, tmp_path: Path) -> None:
    ended = run_manage("check", **Pod(tmp_path, prod, SERVICE).settings)

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    assert ended.stdout == "System check identified no issues (0 silenced).\n"


def test_the_bridge_accepts_the_settings_of_prod(prod: Manifests, tmp_path: Path) -> None:
    settings = Pod(tmp_path, prod, BRIDGE).settings

    ended = run_manage("check_routes", settings["BRIDGE_ROUTES_PATH"], **settings)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_policy_of_prod_is_valid(prod: Manifests, tmp_path: Path) -> None:
    settings = Pod(tmp_path, prod, SERVICE).settings

    ended = run_manage("check_policy", settings["CHANNEL_POLICY_PATH"], **settings)

    assert ended.returncode == 0, ended.stdout


def test_the_helm_values_for_centrifugo_name_the_service_of_prod_as_endpoint(prod: Manifests, tmp_path: Path) -> None:
    metadata = prod.one("Service", SERVICE)["metadata"]
    endpoint = f"http://{metadata['name']}.{metadata['namespace']}.svc.cluster.local:9730"
    settings = Pod(tmp_path, prod, SERVICE).settings

    ended = run_manage("centrifugo_config", "--helm", "--endpoint", endpoint, **settings)

    proxies = yaml.safe_load(ended.stdout)["config"]["client"]["proxy"]
    assert proxies["connect"]["endpoint"] == f"{endpoint}/centrifugo/connect"
    assert "X-Centrifugo-Proxy-Token" in proxies["connect"]["http"]["static_headers"]
    assert endpoint in (DOCS / "deployment.md").read_text()


def test_the_system_checks_of_dev_warn_only_that_no_guard_is_set(dev: Manifests, tmp_path: Path) -> None:
    ended = run_manage("check", **Pod(tmp_path, dev, SERVICE).settings)

    assert ended.returncode == 0
    assert "centrifugo_proxy.W001" in ended.stderr
    assert "System check identified 1 issue" in ended.stderr


def test_the_service_accepts_the_settings_of_the_spiffe_component(kustomize: Kustomize, tmp_path: Path) -> None:
    (tmp_path / "overlay").mkdir()
    built = kustomize.composed(tmp_path / "overlay", "guard", "fallback", "claims", "policy", "spiffe")
    ids = {
        "FAMILY_SERVICE_SPIFFE_ID": "spiffe://example.org/family",
        "RPC_BACKENDS_SPIFFE_IDS": "diary=spiffe://example.org/diary",
    }

    ended = run_manage("check", **Pod(tmp_path / "pod", built, SERVICE).settings, **ids)

    assert ended.returncode == 0, ended.stderr
    assert re.findall(r"[a-z_]+\.[EW]\d+", ended.stderr) == ["centrifugo_proxy.W006"]  # no SPIFFE agent runs here
    socket = Path(built.environment(SERVICE)["SPIFFE_ENDPOINT_SOCKET"].removeprefix("unix://"))
    assert str(socket.parent) in dict(mounts(built.one("Deployment", SERVICE)))
