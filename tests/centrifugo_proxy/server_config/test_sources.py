"""Configurations inside other files, and the effect of variables and flags."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from centrifugo_proxy.server_config.linter import lint, lint_variables
from centrifugo_proxy.server_config.reader import read_source
from centrifugo_proxy.server_config.sources import sources_in
from centrifugo_proxy.server_config.sources.source import Source
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY, Config, changed, valid_config
from tests.harness.centrifugo import binary

OPEN = {"client.insecure": True}
TOKEN = "CENTRIFUGO_VAR_PROXY_TOKEN"


def places(text: str, name: str = "file.yaml") -> list[str]:
    """The severity, id and path of each finding."""
    return [f"{each.severity} {each.id} {each.path}" for each in lint(text, name, CONNECT_ONLY).findings]


def helm(config: Any, **more: Any) -> Config:
    return {"image": {"tag": "v6.9.1"}, "config": config, "service": {"type": "ClusterIP"}, **more}


def config_map(**data: str) -> Config:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "centrifugo"}, "data": data}


def application(**spec: Any) -> Config:
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": spec}


def deployment(*env: Config, **container: Any) -> Config:
    pod = {"containers": [{"name": "c", "image": "docker.io/centrifugo/centrifugo:v6", "env": list(env), **container}]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}


def compose(**service: Any) -> Config:
    return {"services": {"centrifugo": {"image": "centrifugo/centrifugo:v6", **service}, "redis": {"image": "redis:7"}}}


WRAPPERS = [
    pytest.param(helm, "config", id="Helm values"),
    pytest.param(lambda config: {"centrifugo": helm(config)}, "centrifugo.config", id="values of an umbrella chart"),
    pytest.param(
        lambda config: {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "spec": {"values": helm(config)},
        },
        "spec.values.config",
        id="HelmRelease",
    ),
    pytest.param(lambda config: {"realtime": helm(config)}, "realtime.config", id="values under a chart's alias"),
    pytest.param(
        lambda config: application(source={"chart": "centrifugo", "helm": {"valuesObject": helm(config)}}),
        "spec.source.helm.valuesObject.config",
        id="Application of Argo CD",
    ),
    pytest.param(
        lambda config: application(
            sources=[{"ref": "files"}, {"chart": "centrifugo", "helm": {"values": yaml.safe_dump(helm(config))}}]
        ),
        "spec.sources[1].helm.values.config",
        id="Application of several sources, its values as text",
    ),
    pytest.param(
        lambda config: {
            **config_map(),
            "binaryData": {"c.json": base64.b64encode(json.dumps(config).encode()).decode()},
        },
        "ConfigMap centrifugo c.json",
        id="ConfigMap in base64",
    ),
    pytest.param(
        lambda config: config_map(**{"config.json": json.dumps(config)}),
        "ConfigMap centrifugo config.json",
        id="ConfigMap",
    ),
    pytest.param(
        lambda config: {
            "apiVersion": "v1",
            "kind": "List",
            "items": [config_map(**{"c.yaml": yaml.safe_dump(config)})],
        },
        "ConfigMap centrifugo c.yaml",
        id="list of manifests",
    ),
    pytest.param(
        lambda config: {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "own"},
            "data": {"config.json": base64.b64encode(json.dumps(config).encode()).decode()},
        },
        "Secret own config.json",
        id="Secret",
    ),
    pytest.param(
        lambda config: {**compose(), "configs": {"centrifugo": {"content": json.dumps(config)}}},
        "configs.centrifugo.content",
        id="Compose",
    ),
]


@pytest.mark.parametrize(("wrap", "label"), WRAPPERS)
def test_a_configuration_inside_another_file_is_found_and_checked(wrap: Any, label: str) -> None:
    fine, wrong = valid_config(6), changed(valid_config(6), OPEN)

    assert places(yaml.safe_dump(wrap(fine))) == []
    assert places(yaml.safe_dump(wrap(wrong))) == [f"error insecure-mode {label}: client.insecure"]
    assert places(json.dumps(wrap(wrong)), "file.json") == [f"error insecure-mode {label}: client.insecure"]


def test_every_document_of_a_file_is_checked() -> None:
    text = yaml.safe_dump_all([
        deployment(),
        config_map(**{"config.json": json.dumps(valid_config(6))}),
        config_map(**{"other.json": json.dumps(changed(valid_config(6), OPEN))}),
    ])  # fmt: skip

    assert places(text) == ["error insecure-mode ConfigMap centrifugo other.json: client.insecure"]


@pytest.mark.parametrize(
    "content",
    [
        helm(valid_config(6), env={"CENTRIFUGO_CLIENT_INSECURE": "true"}),
        compose(environment={"CENTRIFUGO_CLIENT_INSECURE": True}),
        compose(environment=["CENTRIFUGO_CLIENT_INSECURE=true"]),
        compose(environment={"CENTRIFUGO_CLIENT_INSECURE": "${INSECURE:-true}"}),
        compose(environment=["CENTRIFUGO_CLIENT_INSECURE=${INSECURE-tr}ue"]),
        compose(command="centrifugo --client.insecure"),
        compose(command=["centrifugo", "--client.insecure=true", "-c", "config.json"]),
        deployment({"name": "CENTRIFUGO_CLIENT_INSECURE", "value": "true"}),
        deployment(args=["--client.insecure", "--health.enabled"]),
        deployment(name="centrifugo", image="registry.test/realtime:1", args=["--client.insecure"]),
        deployment(image="registry.test/realtime:1", command=["/usr/bin/centrifugo", "--client.insecure"]),
        compose(entrypoint=["centrifugo", "--client.insecure"]),
        {"services": {"centrifugo": {"build": ".", "environment": {"CENTRIFUGO_CLIENT_INSECURE": "true"}}}},
        {"services": {"front": {"image": "realtime:1", "command": "centrifugo --client.insecure"}}},
    ],
)
def test_variables_and_flags_of_the_container_are_applied(content: Config) -> None:
    findings = [place for place in places(yaml.safe_dump(content)) if "insecure-mode" in place]

    assert [finding.rpartition(" ")[2] for finding in findings] == ["client.insecure"]


def test_a_value_from_a_secret_is_not_reported_as_missing_or_wrong() -> None:
    config = changed(valid_config(5), {"proxy_static_http_headers": None, "grpc_api": True, "admin": True})
    ends = ("STATIC_HTTP_HEADERS", "CONNECT_ENDPOINT", "CONNECT_TIMEOUT")
    names = [*(f"CENTRIFUGO_PROXY_{end}" for end in ends), "CENTRIFUGO_GRPC_API_KEY", "CENTRIFUGO_ADMIN_PASSWORD"]
    secrets = [{"name": name, "secretKeyRef": {"name": "s", "key": name}} for name in names]

    assert places(yaml.safe_dump(helm(config, envSecret=secrets))) == []


@pytest.mark.parametrize("interpolated", ["${TOKEN}", "$TOKEN", None, "${TOKEN:?}", "${TOKEN:-}"])
def test_a_reference_that_compose_replaces_is_not_reported(interpolated: str | None) -> None:
    content = compose(environment={"CENTRIFUGO_HTTP_API_KEY": interpolated})

    assert [place for place in places(yaml.safe_dump(content)) if "http_api" in place] == []


def test_options_that_may_be_in_a_mounted_file_are_not_reported_as_missing() -> None:
    environment = {"CENTRIFUGO_CLIENT_INSECURE": "true"}
    mounted = compose(environment=environment, volumes=["./config.json:/centrifugo/config.json"])
    pod = deployment({"name": "CENTRIFUGO_CLIENT_INSECURE", "value": "true"}, volumeMounts=[{"name": "config"}])

    assert places(yaml.safe_dump(mounted)) == ["error insecure-mode services.centrifugo: client.insecure"]
    assert places(yaml.safe_dump(pod)) == ["error insecure-mode env: client.insecure"]


def test_a_file_of_another_program_is_not_checked() -> None:
    others = {"dashboard.json": '{"panels": [], "title": "x", "uid": "y"}', "app.toml": "[server]\nport = 1\n"}
    text = yaml.safe_dump(config_map(**{"config.json": json.dumps(changed(valid_config(6), OPEN)), **others}))

    assert places(text) == ["error insecure-mode ConfigMap centrifugo config.json: client.insecure"]


def test_the_yaml_tags_of_compose_are_accepted() -> None:
    text = yaml.safe_dump(compose(environment={"CENTRIFUGO_CLIENT_INSECURE": "true"}))

    findings = places(text.replace("environment:", "ports: !reset []\n    environment: !override"))

    assert "error insecure-mode services.centrifugo: client.insecure" in findings


def test_a_manifest_without_a_configuration_is_an_error() -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "spec": {"ports": []}})

    assert places(text) == ["error file-unreadable "]


def test_a_plain_configuration_is_not_mistaken_for_values_or_a_manifest() -> None:
    for config in (valid_config(5), valid_config(6), {"name": "node-1", "kind": "own", **valid_config(6)}):
        assert [source.label for source in sources_in(yaml.safe_dump(config), "config.yaml")] == [""]


def test_argo_cd_values_as_text_are_ignored_if_there_is_a_values_object() -> None:
    text = yaml.safe_dump(helm({"client": {"insecure": True}}))
    manifest = application(source={"helm": {"valuesObject": helm(valid_config(6)), "values": text}})

    assert [source.label for source in sources_in(yaml.safe_dump(manifest), "a.yaml")] == [
        "spec.source.helm.valuesObject.config"
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_with_variables_is_read_as_a_configuration(mark: str) -> None:
    lines = ["# for Centrifugo", "export CENTRIFUGO_CLIENT_INSECURE='true'", "TZ=UTC", ""]

    assert "error insecure-mode client.insecure" in places(mark + "\n".join(lines), "centrifugo.env")


def test_a_complete_configuration_in_variables_has_no_findings() -> None:
    variables = {
        "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "https://app.test https://www.app.test",
        "CENTRIFUGO_CLIENT_STALE_CLOSE_DELAY": "20s",
        "CENTRIFUGO_CLIENT_PROXY_CONNECT_ENABLED": "true",
        "CENTRIFUGO_CLIENT_PROXY_CONNECT_ENDPOINT": "http://realtime:9730/centrifugo/connect",
        "CENTRIFUGO_CLIENT_PROXY_CONNECT_TIMEOUT": "3s",
        "CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATIC_HEADERS": '{"X-Centrifugo-Proxy-Token": "right-token"}',
        "CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATUS_TO_CODE_TRANSFORMS": json.dumps(
            valid_config(6)["client"]["proxy"]["connect"]["http"]["status_to_code_transforms"]
        ),
        TOKEN: "right-token",
        "CENTRIFUGO_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "CENTRIFUGO_RESPONSE_MODE": "http",
    }

    assert lint_variables(variables, CONNECT_ONLY) == (6, [])


def test_variables_of_the_other_major_are_ignored_and_reported() -> None:
    variables = {
        "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "https://app.test",
        "CENTRIFUGO_TOKEN_HMAC_SECRET_KEY": "invented",
    }

    report = lint_variables(variables, CONNECT_ONLY, 6)

    assert [(each.id, each.path) for each in report.findings] == [
        ("connect-proxy-missing", "client.proxy.connect"),
        ("mixed-layouts", "CENTRIFUGO_TOKEN_HMAC_SECRET_KEY"),
    ]


@pytest.mark.parametrize(
    ("major", "name", "file"),
    [
        (6, "CENTRIFUGO_CLIENT_INSECURE", {"client": {"insecure": True}}),
        (6, "CENTRIFUGO_CHANNEL_NAMESPACES", {"channel": {"namespaces": [{"name": "news"}]}}),
        (6, "CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_PRESENCE", {"channel": {"namespaces": [{"name": "news"}]}}),
        (5, "CENTRIFUGO_CLIENT_INSECURE", {"client_insecure": True}),
    ],
)
def test_an_empty_variable_changes_nothing(major: int, name: str, file: Config) -> None:
    read = read_source(Source("", json.dumps(file), variables={name: ""}), major)

    assert read.tree == file


VARIABLES = {
    "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "https://a.test https://b.test",
    "CENTRIFUGO_CLIENT_CHANNEL_LIMIT": "12",
    "CENTRIFUGO_CLIENT_PROXY_CONNECT_HTTP_STATIC_HEADERS": '{"X-Own": "own"}',
    "CENTRIFUGO_CHANNEL_NAMESPACES": '[{"name": "news"}, {"name": "chat-room"}]',
    "CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_PRESENCE": "true",
    "CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_ROOM_MAP_MODE": "ephemeral",
    "CENTRIFUGO_CHANNEL_NAMESPACES_CHAT_ROOM_MAP_KEY_TTL": "5s",
    "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_TTL": "5m",
    "CENTRIFUGO_CHANNEL_WITHOUT_NAMESPACE_HISTORY_SIZE": "10",
    "CENTRIFUGO_RPC_NAMESPACES": "diary",
    "CENTRIFUGO_GRPC_API_ENABLED": "1",
    "CENTRIFUGO_CLIENT_QUEUE_MAX_SIZE": "",
    "CENTRIFUGO_PROXIES": "",
    "CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_ALLOWED_DELTA_TYPES": "",
}


@pytest.mark.processes
def test_variables_have_the_same_effect_as_in_centrifugo_v6(tmp_path: Path) -> None:
    centrifugo = binary(6)
    if centrifugo is None:
        pytest.skip("no Centrifugo v6: `make centrifugos` builds it")
    file = tmp_path / "config.json"
    proxies = [{"name": "own", "endpoint": "http://realtime:9730"}]
    file.write_text(json.dumps({"client": {"channel_limit": 5, "queue_max_size": 9}, "proxies": proxies}))
    command = [str(centrifugo), "defaultconfig", "--base", str(file), "--dry-run"]
    env = {"PATH": os.environ["PATH"], **VARIABLES}
    printed = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=30).stdout  # noqa: S603

    ours = read_source(Source("", file.read_text(), variables=VARIABLES)).tree

    assert differences(ours, json.loads(printed)) == []


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """The paths in `ours` at which Centrifugo has another value. Numbers and booleans may be text."""
    if isinstance(ours, dict):
        return [line for key in ours for line in differences(ours[key], theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [line for pair in zip(ours, theirs, strict=True) for line in differences(*pair, f"{path}[]")]
    same = {"1": "true", "5m": "5m0s"}.get(str(ours), str(ours)) == (
        str(theirs).lower() if theirs is True else str(theirs)
    )
    return [] if same else [f"{path}: {ours!r} is not {theirs!r}"]
