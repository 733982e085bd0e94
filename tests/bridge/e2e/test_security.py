"""Kafka over TLS and with SASL, Centrifugo over https, and both with wrong credentials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from tests.bridge.e2e.stage import Stage, api_config, listening, staged
from tests.bridge.e2e.test_dead_letters import variables_of
from tests.harness import centrifugo
from tests.harness.bridge import BridgeProcess
from tests.harness.certificates import Authority
from tests.harness.kafka import Kafka, Secured
from tests.harness.manage import run_manage

pytestmark = pytest.mark.processes

EVENT = b'{"family":"f-1","n":1}'


@pytest.fixture
def secured(kafka: Kafka) -> Secured:
    if kafka.secured is None:
        pytest.skip("openssl is not installed")
    return kafka.secured


def with_tls(kafka: Kafka, secured: Secured) -> dict[str, str]:
    certificate, key = secured.authority.issue("client")
    return {
        "BRIDGE_KAFKA_BROKERS": kafka.broker.address_of("TLS"),
        "BRIDGE_KAFKA_SECURITY": "tls",
        "BRIDGE_KAFKA_TLS_CA_FILE": str(secured.authority.ca),
        "BRIDGE_KAFKA_TLS_CERT_FILE": str(certificate),
        "BRIDGE_KAFKA_TLS_KEY_FILE": str(key),
    }


def with_sasl(kafka: Kafka, secured: Secured, mechanism: str, *, tls: bool) -> dict[str, str]:
    ca = {"BRIDGE_KAFKA_TLS_CA_FILE": str(secured.authority.ca)} if tls else {}
    return {
        "BRIDGE_KAFKA_BROKERS": kafka.broker.address_of("SASL_TLS" if tls else "SASL"),
        "BRIDGE_KAFKA_SECURITY": "sasl_tls" if tls else "sasl_plaintext",
        "BRIDGE_KAFKA_SASL_MECHANISM": mechanism,
        "BRIDGE_KAFKA_SASL_USER": secured.user,
        "BRIDGE_KAFKA_SASL_PASSWORD": secured.password,
        **ca,
    }


async def assert_delivers(stage: Stage, **variables: str) -> BridgeProcess:
    """Assert that with these variables an event is published, and a record that is not JSON is dead-lettered."""
    async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
        with stage.bridge(**variables) as bridge:
            stage.kafka.produce(stage.topic, [EVENT, b"no json"])
            await client.until(lambda: client.count == 1)
            bridge.wait_until(lambda health: health.get("dead_letters") == 1)
            assert bridge.process.terminate() == 0
            return bridge


async def test_the_bridge_delivers_from_kafka_over_tls_with_a_client_certificate(
    stage: Stage, kafka: Kafka, secured: Secured
) -> None:
    await assert_delivers(stage, **with_tls(kafka, secured))


@pytest.mark.parametrize(("mechanism", "tls"), [("PLAIN", True), ("SCRAM-SHA-256", False)])
async def test_the_bridge_delivers_from_kafka_with_sasl(
    stage: Stage, kafka: Kafka, secured: Secured, mechanism: str, tls: bool
) -> None:
    await assert_delivers(stage, **with_sasl(kafka, secured, mechanism, tls=tls))


async def test_the_bridge_reads_the_sasl_password_from_a_file(
    stage: Stage, kafka: Kafka, secured: Secured, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{secured.password}\n")
    given = with_sasl(kafka, secured, "SCRAM-SHA-512", tls=True)
    del given["BRIDGE_KAFKA_SASL_PASSWORD"]

    await assert_delivers(stage, **given, BRIDGE_KAFKA_SASL_PASSWORD_FILE=str(file))


def test_a_failed_authentication_is_logged_without_the_password(stage: Stage, kafka: Kafka, secured: Secured) -> None:
    given = {**with_sasl(kafka, secured, "SCRAM-SHA-256", tls=False), "BRIDGE_KAFKA_SASL_PASSWORD": "not-the-password"}

    with stage.bridge(**given) as bridge:
        bridge.wait_until(lambda health: health.get("kafka") == {"reachable": False} and health["status"] == "degraded")
        written = bridge.process.stdout() + bridge.process.stderr()

    assert "authentication" in written.lower()
    assert "not-the-password" not in written


def test_a_broker_with_a_certificate_of_another_authority_is_not_trusted(
    stage: Stage, kafka: Kafka, secured: Secured, tmp_path: Path
) -> None:
    other = Authority.in_folder(tmp_path)
    given = {**with_tls(kafka, secured), "BRIDGE_KAFKA_TLS_CA_FILE": str(other.ca)}

    with stage.bridge(**given) as bridge:
        bridge.wait_until(lambda health: health.get("kafka") == {"reachable": False} and health["status"] == "degraded")
        written = bridge.process.stdout() + bridge.process.stderr()

    assert "certificate verify failed" in written


async def test_the_bridge_trusts_the_certificate_of_centrifugo_only_with_its_ca_file(
    kafka: Kafka, centrifugo_v6: Path, secured: Secured, tmp_path: Path
) -> None:
    certificate, key = secured.authority.issue("localhost")
    tls = {"enabled": True, "cert_pem": str(certificate), "key_pem": str(key)}
    with staged(kafka, centrifugo_v6, tmp_path) as stage:
        config = centrifugo.merged(api_config(6, stage.variables["CENTRIFUGO_API_KEY"]), {"http_server": {"tls": tls}})
        with centrifugo.running(centrifugo_v6, config) as encrypted:
            url = f"{encrypted.url.replace('http://127.0.0.1', 'https://localhost')}/api"
            kafka.produce(stage.topic, [EVENT])
            trusting = {"CENTRIFUGO_API_URL": url, "CENTRIFUGO_API_TLS_CA_FILE": str(secured.authority.ca)}
            with stage.bridge(CENTRIFUGO_API_URL=url) as distrustful:
                distrustful.wait_until(lambda health: health.get("centrifugo", {}).get("reachable") is False)
                written = distrustful.process.stderr()
                assert "its certificate is refused: unable to get local issuer certificate" in written
                distrustful.process.terminate()
            with stage.bridge(**trusting) as bridge:
                bridge.wait_until(lambda health: kafka.committed(stage.group, stage.topic) == [1])


def test_a_wrong_api_key_is_logged_and_nothing_is_dead_lettered(stage: Stage, kafka: Kafka) -> None:
    kafka.produce(stage.topic, [EVENT])

    with stage.bridge(CENTRIFUGO_API_KEY="not-the-key") as bridge:
        bridge.wait_until(lambda health: health.get("centrifugo", {}).get("tries", 0) > 1)
        written = bridge.process.stderr()
        misconfigured = bridge.metric('realtime_bridge_retries_total{cause="misconfigured"}')
        assert bridge.process.terminate() == 0

    assert written.count("Centrifugo refuses the bridge") == 1
    assert "HTTP status 401" in written
    assert "not-the-key" not in written
    assert misconfigured > 1
    assert kafka.messages(stage.variables["BRIDGE_DEAD_LETTER_TOPIC"]) == []
    assert kafka.committed(stage.group, stage.topic) == [-1001]


def ended(bridge: BridgeProcess) -> tuple[int, list[dict[str, object]]]:
    """The exit code of a bridge that Kafka refuses, and its log lines about the refusal."""
    code = bridge.process.popen.wait(30)
    lines = bridge.process.lines()
    return code, [line for line in lines if line["message"] == "Kafka refuses the bridge; the bridge exits"]


def test_the_bridge_names_a_topic_that_it_may_not_read_and_exits(stage: Stage, kafka: Kafka, secured: Secured) -> None:
    with (
        kafka.allowing_only(AclOperation.DESCRIBE, ResourceType.TOPIC, stage.topic),
        stage.bridge(**with_sasl(kafka, secured, "SCRAM-SHA-256", tls=False)) as bridge,
    ):
        code, refused = ended(bridge)

    assert code == 1
    assert [line["error"] for line in refused] == [
        f"{stage.topic}: Fetch from broker 1 failed: Broker: Topic authorization failed"
    ]


def test_run_bridge_check_names_each_missing_right(stage: Stage, kafka: Kafka, secured: Secured) -> None:
    letters, group = stage.variables["BRIDGE_DEAD_LETTER_TOPIC"], stage.group
    variables = {**variables_of(stage), **with_sasl(kafka, secured, "SCRAM-SHA-256", tls=True)}

    allowed = run_manage("run_bridge", "--check", **variables)
    with (
        kafka.allowing_only(AclOperation.DESCRIBE, ResourceType.TOPIC, stage.topic),
        kafka.allowing_only(AclOperation.READ, ResourceType.TOPIC, letters),
        kafka.allowing_only(AclOperation.DESCRIBE, ResourceType.GROUP, group),
    ):
        refused = run_manage("run_bridge", "--check", **variables)

    assert (allowed.returncode, "the rights that the bridge needs" in allowed.stdout) == (0, True), allowed.stdout
    assert refused.returncode == 2
    assert [line for line in refused.stdout.splitlines() if line.startswith("FAULT")] == [
        f"FAULT    this user does not have the right {right}; docs/bridge-operations.md (Security) lists the rights"
        for right in (
            f"READ on the topic {stage.topic}",
            f"WRITE on the topic {letters} (BRIDGE_DEAD_LETTER_TOPIC)",
            f"READ on the group {group} (BRIDGE_KAFKA_GROUP)",
        )
    ]


def test_the_bridge_names_a_group_that_it_may_not_join_and_exits(stage: Stage, kafka: Kafka, secured: Secured) -> None:
    with (
        kafka.allowing_only(AclOperation.DESCRIBE, ResourceType.GROUP, stage.group),
        stage.bridge(**with_sasl(kafka, secured, "SCRAM-SHA-256", tls=True)) as bridge,
    ):
        code, refused = ended(bridge)

    assert code == 1
    [line] = refused
    assert line["group"] == stage.group
    assert "Group authorization failed" in str(line["error"])


def test_a_dead_letter_waits_until_the_bridge_may_write_it(stage: Stage, kafka: Kafka, secured: Secured) -> None:
    given = {**with_sasl(kafka, secured, "SCRAM-SHA-256", tls=False), "BRIDGE_RETRY_MAX_MS": "500"}
    kafka.produce(stage.topic, [b"no json"])

    with (
        kafka.allowing_only(AclOperation.DESCRIBE, ResourceType.BROKER, "kafka-cluster"),
        kafka.allowing_only(AclOperation.READ, ResourceType.TOPIC, "*"),
        stage.bridge(**given) as refused,
    ):
        refused.wait_until(lambda health: undelivered_letters(health) == (1, "degraded"))
        assert refused.process.terminate() == 0
        causes = {line["cause"] for line in refused.process.lines() if "dead letter was not" in str(line["message"])}
        written = refused.process.stdout() + refused.process.stderr()
    with stage.bridge(**given) as allowed:
        allowed.wait_until(lambda health: health.get("dead_letters") == 1)

    assert causes == {"CLUSTER_AUTHORIZATION_FAILED"}
    assert "Traceback" not in written


def undelivered_letters(health: Mapping[str, Any]) -> tuple[object, object]:
    """The number of undelivered dead letters, and the status."""
    return health.get("undelivered_dead_letters"), health.get("status")


def test_inspect_dead_letters_needs_no_right_on_a_group_but_bridge_lag_needs_one(
    stage: Stage, kafka: Kafka, secured: Secured
) -> None:
    kafka.produce(stage.variables["BRIDGE_DEAD_LETTER_TOPIC"], [b"a letter"])
    variables = {**variables_of(stage), **with_sasl(kafka, secured, "SCRAM-SHA-256", tls=False)}

    with kafka.allowing_only(AclOperation.DESCRIBE_CONFIGS, ResourceType.GROUP, "*"):
        inspected = run_manage("inspect_dead_letters", **variables)
        lag = run_manage("bridge_lag", **variables)

    assert (inspected.returncode, inspected.stdout.partition(" in ")[0]) == (1, "1 dead letter"), inspected.stderr
    assert (lag.returncode, lag.stdout) == (3, "")
    assert "GROUP_AUTHORIZATION_FAILED). Give this user the rights that are listed in " in lag.stderr
