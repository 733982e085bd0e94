"""The files that deploy/compose.yaml mounts: they agree with each other and with the service.

If Centrifugo and promtool are installed, they check the configurations of Centrifugo and Prometheus.
"""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc
from realtime_site.settings import env
from tests.deploy.compose import FILES, KEYS, bind_mounts, services
from tests.documents.test_alerts import needs_promtool
from tests.harness import centrifugo
from tests.harness.deploy_tools import run
from tests.harness.manage import run_manage
from tests.harness.paths import DEPLOY, ROOT

pytestmark = pytest.mark.processes


def service_settings() -> dict[str, str]:
    """The service's settings, with the guard's token and the policy's path in place of the container's files."""
    settings: dict[str, str] = {**services()["service"]["environment"]}
    del settings["CENTRIFUGO_PROXY_TOKEN_FILE"]
    return {
        **settings,
        "CENTRIFUGO_PROXY_TOKEN": KEYS["GUARD_TOKEN"],
        "CHANNEL_POLICY_PATH": str(FILES / "policy.toml"),
    }


def centrifugo_keys() -> dict[str, str]:
    return {"CENTRIFUGO_VAR_PROXY_TOKEN": KEYS["GUARD_TOKEN"], "CENTRIFUGO_HTTP_API_KEY": secrets.token_hex(16)}


def test_centrifugos_file_adds_only_options_of_the_operator_to_the_printed_configuration() -> None:
    ended = run_manage("centrifugo_config", "--endpoint", "http://service:9730", **service_settings())
    printed, written = yaml.safe_load(ended.stdout), yaml.safe_load((FILES / "centrifugo.yaml").read_text())

    written["client"]["allowed_origins"] = []
    assert {name: written[name] for name in printed} == printed
    assert set(written) - set(printed) == {"health", "prometheus", "engine"}


def test_check_centrifugo_config_finds_nothing_in_centrifugos_file() -> None:
    file = str(FILES / "centrifugo.yaml")
    ended = run_manage("check_centrifugo_config", "--env", file, **service_settings(), **centrifugo_keys())

    assert ended.returncode == 0, ended.stdout
    assert "0 errors, 0 warnings." in ended.stdout


def test_centrifugo_accepts_its_configuration_file(monkeypatch: pytest.MonkeyPatch) -> None:
    binary = centrifugo.binary(6)
    if binary is None:
        pytest.skip("Centrifugo v6 is missing; the tests of tests/e2e say why.")
    for name, value in centrifugo_keys().items():
        monkeypatch.setenv(name, value)

    ended = run(binary, "checkconfig", "--config", str(FILES / "centrifugo.yaml"))

    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_promtool_accepts_the_configuration_of_prometheus(tmp_path: Path) -> None:
    for source, target in bind_mounts():
        if target.startswith("/etc/prometheus/"):
            shutil.copy(DEPLOY / source, tmp_path / Path(target).name)

    ended = run(Path(shutil.which("promtool") or "promtool"), "check", "config", str(tmp_path / "prometheus.yml"))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "rules found" in ended.stdout


def test_prometheus_scrapes_the_service_and_the_bridge_and_centrifugo() -> None:
    jobs = yaml.safe_load((FILES / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in jobs for each in job["static_configs"] for target in each["targets"]]

    assert targets == ["service:9730", "bridge:9731", "centrifugo:8000"]


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    grafana = FILES / "grafana"
    [source] = yaml.safe_load((grafana / "datasources" / "prometheus.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((grafana / "dashboards" / "realtime.yaml").read_text())["providers"]

    assert source["url"] == "http://prometheus:9090"
    assert ("./grafana", provider["options"]["path"]) in set(bind_mounts())


def test_the_collector_receives_the_traces_of_the_service() -> None:
    collector = yaml.safe_load((FILES / "collector.yaml").read_text())
    receivers, pipelines = collector["receivers"], collector["service"]["pipelines"]
    port = receivers["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]

    assert services()["service"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://collector:{port}/v1/traces"
    for pipeline in pipelines.values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])


def test_compose_creates_exactly_the_topics_that_the_bridge_needs() -> None:
    [script] = [part for part in services()["topics"]["command"] if "kafka-topics" in part]
    routes = tomllib.loads((DEPLOY / next(source for source, _ in bind_mounts() if "routes" in source)).read_text())
    routed = {topic for route in routes["routes"] for topic in route["topics"]}

    created = set(re.search(r"for topic in (.+?); do", script, re.DOTALL).group(1).split())  # type: ignore[union-attr]
    assert created == routed | {env.defaults["BRIDGE_DEAD_LETTER_TOPIC"], env.defaults["BRIDGE_REPLAY_TOPIC"]}


def test_the_identity_example_accepts_each_named_ticket_once() -> None:
    command = [sys.executable, str(FILES / "identity.py"), "127.0.0.1:0"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as identity:  # noqa: S603
        try:
            assert identity.stdout
            port = identity.stdout.readline().rpartition(" ")[2].strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as grpc_channel:
                stub: Any = pb_grpc.ConnectProxyServiceStub(grpc_channel)  # type: ignore[no-untyped-call]  # generated
                answer = stub.Validate(pb.ValidateRequest(ticket="ada:1"), timeout=20)
                refused = [refusal(stub, ticket) for ticket in ("ada:1", "probe-1", ":1", "")]
        finally:
            identity.terminate()

    assert answer.success.user_id == "ada"
    assert refused == [grpc.StatusCode.NOT_FOUND] * 4
    assert identity.returncode == 0


def refusal(stub: Any, ticket: str) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Validate(pb.ValidateRequest(ticket=ticket), timeout=20)
    return caught.value.code()
