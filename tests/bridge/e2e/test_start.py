"""The start of run_bridge, and the reasons why it fails."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from bridge.running.start import ABSENT
from realtime_site.settings import env
from tests.bridge.e2e.stage import Stage
from tests.bridge.e2e.test_dead_letters import manage
from tests.harness.bridge import running_bridge
from tests.harness.manage import run_manage
from tests.harness.paths import ROOT
from tests.realtime_site.test_early_signals import not_ignored

pytestmark = pytest.mark.processes


def checked(stage: Stage, **variables: str) -> subprocess.CompletedProcess[str]:
    stage.variables.update(variables)
    return manage(stage, "run_bridge", "--check")


def test_run_bridge_check_lists_what_works(stage: Stage) -> None:
    ended = checked(stage)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"ok       topics of the routes file that exist: {stage.topic}\n" in ended.stdout
    assert "answers a request with the API key" in ended.stdout


def test_run_bridge_check_names_a_wrong_key_and_a_missing_topic(stage: Stage) -> None:
    stage.routes.write_text(stage.routes.read_text().replace(stage.topic, "no.such.topic"))

    ended = checked(stage, CENTRIFUGO_API_KEY="not-the-key")

    faults = [line for line in ended.stdout.splitlines() if line.startswith("FAULT")]
    assert ended.returncode == 2
    assert (
        faults[0] == f"FAULT    the topic no.such.topic {ABSENT}; create it, or correct the routes file or the rights"
    )
    assert "HTTP status 401" in faults[1]
    assert "not-the-key" not in ended.stdout + ended.stderr


def test_run_bridge_check_names_a_kafka_and_a_centrifugo_that_do_not_answer(stage: Stage, tmp_path: Path) -> None:
    more = {"BRIDGE_ROUTES_PATH": str(stage.routes), "BRIDGE_KAFKA_BROKERS": "127.0.0.1:1"}

    ended = run_manage("run_bridge", "--check", **more, CENTRIFUGO_API_URL="http://127.0.0.1:1/api")

    assert ended.returncode == 2
    assert "Kafka at 127.0.0.1:1 does not answer" in ended.stdout
    assert "the connection was refused" in ended.stdout


def test_without_the_dead_letter_topic_the_start_fails_with_the_command_that_creates_it(stage: Stage) -> None:
    with stage.bridge(BRIDGE_DEAD_LETTER_TOPIC="not.there") as bridge:
        code = bridge.process.popen.wait(30)
        found = bridge.process.stderr()

    assert code == 1
    assert (
        "BRIDGE_DEAD_LETTER_TOPIC: the topic not.there does not exist, or this user may not describe it. Create it: "
        "kafka-topics.sh --bootstrap-server "
        f"{stage.kafka.address} --create --topic not.there --partitions 3" in found
    )


@pytest.mark.parametrize(
    ("command", "code"), [(("run_bridge",), 1), (("run_bridge", "--check"), 1), (("bridge_lag",), 3)]
)
def test_a_property_that_the_kafka_library_refuses_ends_the_command_with_one_message(
    command: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    properties = tmp_path / "kafka.properties"
    properties.write_text("linger.ms=sEcReT\n")
    routes = str(ROOT / "routes.example" / "routes.toml")
    more = {"BRIDGE_ROUTES_PATH": routes, "BRIDGE_KAFKA_CONFIG_PATH": str(properties), "CENTRIFUGO_API_KEY": "k"}

    ended = run_manage(*command, **more)

    assert (ended.returncode, ended.stdout) == (code, "")
    message = "BRIDGE_KAFKA_CONFIG_PATH: the Kafka library refuses a property: its name or its value is not accepted."
    assert ended.stderr.removeprefix("Configuration refused:\n").removeprefix("CommandError: ") == f"{message}\n"


def test_without_a_routes_file_the_start_fails() -> None:
    ended = run_manage("run_bridge")

    assert ended.returncode == 1
    assert ended.stderr == (
        "Configuration refused:\nbridge.E001: BRIDGE_ROUTES_PATH is not set. "
        "Set it to the path of a routes file; routes.example/ has an example.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_one_signal_shuts_the_bridge_down_with_exit_code_0(number: signal.Signals) -> None:
    routes = ROOT / "routes.example" / "routes.toml"

    with not_ignored(number), running_bridge(routes, "127.0.0.1:1", "http://127.0.0.1:1/api") as bridge:
        bridge.wait_until(lambda health: health.get("status") == "degraded")
        bridge.process.popen.send_signal(number)
        code = bridge.process.popen.wait(20)
        written = bridge.process.stdout()

    assert code == 0
    assert "Finished server process" in written


def test_the_start_is_logged_in_one_line_with_the_version_and_every_setting_of_the_bridge() -> None:
    routes = ROOT / "routes.example" / "routes.toml"
    secrets = {"CENTRIFUGO_API_KEY": "sEcReT-key", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=sEcReT-header"}

    with running_bridge(routes, "127.0.0.1:1", "http://127.0.0.1:1/api", **secrets) as bridge:
        bridge.wait_until(lambda health: health != {})
        bridge.process.terminate()
        [line] = [line for line in bridge.process.lines() if line["message"] == "bridge started"]

    settings = line["settings"]
    assert isinstance(settings, dict)
    assert set(line) == {"timestamp", "level", "logger", "message", "version", "routes", "topics", "settings"}
    used = re.compile("BRIDGE_|CENTRIFUGO_API_|LOG_LEVEL|OTEL_")
    assert list(settings) == [name for name in env.defaults if used.match(name)]
    assert {name: settings[name] for name in secrets} == dict.fromkeys(secrets, "set")
    assert "sEcReT" not in str(line)


def test_the_start_fails_if_the_port_is_in_use(stage: Stage) -> None:
    with stage.bridge() as first:
        first.wait_until_assigned(2)
        port = str(first.process.port)
        with stage.bridge(BRIDGE_LISTEN_PORT=port) as second:
            code = second.process.popen.wait(30)
            found = second.process.stderr()

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in found


def test_a_bridge_ends_when_another_takes_over_its_instance_id(stage: Stage) -> None:
    with stage.bridge(BRIDGE_INSTANCE_ID="bridge-0") as first:
        first.wait_until_assigned(2)
        with stage.bridge(BRIDGE_INSTANCE_ID="bridge-0") as second:
            code = first.process.popen.wait(30)
            found = first.process.stderr()
            second.wait_until_assigned(2)

    assert code == 1
    assert "Kafka refuses the bridge; the bridge exits" in found
    assert "Static consumer fenced" in found


@pytest.mark.parametrize(
    ("protocol", "pattern", "reason"),
    [
        ("consumer", "^a{1,1001}", "The regular expression is not valid"),  # refused by the brokers
        ("classic", "^a{40000}", "Failed to set subscription"),  # refused by librdkafka
    ],
)
def test_a_pattern_that_kafka_refuses_ends_the_bridge(stage: Stage, protocol: str, pattern: str, reason: str) -> None:
    stage.routes.write_text(stage.routes.read_text().replace(stage.topic, pattern))

    with stage.bridge(BRIDGE_KAFKA_GROUP_PROTOCOL=protocol) as bridge:
        code = bridge.process.popen.wait(30)
        found = bridge.process.stderr()

    assert code == 1
    assert "Kafka refuses the bridge; the bridge exits" in found
    assert reason in found


def test_the_bridge_waits_for_a_kafka_that_does_not_answer_yet(stage: Stage) -> None:
    with stage.bridge(BRIDGE_KAFKA_BROKERS="127.0.0.1:1") as bridge:
        bridge.wait_until(lambda health: health.get("kafka") == {"reachable": False} and health["status"] == "degraded")
        live = bridge.process.http.get("/health/live").status_code
        code = bridge.process.terminate()

    assert (live, code) == (200, 0)


def test_sigterm_in_an_outage_of_centrifugo_commits_no_undelivered_record(stage: Stage) -> None:
    with stage.bridge(CENTRIFUGO_API_URL="http://127.0.0.1:1/api") as bridge:
        stage.kafka.produce(stage.topic, [b'{"family":"f-1","n":1}'])
        bridge.wait_until(lambda health: health.get("pending") == 1)
        code = bridge.process.terminate()

    assert code == 0
    assert stage.kafka.committed(stage.group, stage.topic) == [-1001]


def test_the_listener_serves_health_and_metrics_and_refuses_post(stage: Stage) -> None:
    paths = ("/health", "/health/live", "/health/ready", "/metrics", "/nowhere")
    with stage.bridge() as bridge:
        bridge.wait_until_assigned(2)
        http = bridge.process.http
        answers = {path: (http.get(path).status_code, http.post(path).status_code) for path in paths}
        head = http.head("/health")

    assert answers == {**dict.fromkeys(paths, (200, 405)), "/nowhere": (404, 404)}
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", "no-store")
