"""The bridge's logs, metrics, health and spans contain no key, value, user or channel of an event, and no secret."""

import json
import secrets
from pathlib import Path

import pytest

from tests.bridge.e2e.stage import staged
from tests.harness.collector import collector
from tests.harness.kafka import Kafka

pytestmark = pytest.mark.processes

ROUTES = """
version = 1

[[routes]]
name = "entries"
topics = ["{topic}"]
[[routes.actions]]
do = "publish"
channel = "family:{{family}}"
fields = ["text"]
[[routes.actions]]
do = "unsubscribe"
user = "{{user}}"
channel = "family:{{family}}"
[[routes.actions]]
do = "publish"
channel = "{{namespace}}:{{family}}"
fields = ["text"]
[[routes.actions]]
do = "disconnect"
user = "{{user}}"
code = 4100
reason = "gone"
"""
OUTPUTS = ("stdout", "stderr", "metrics", "health", "spans")


class Run:
    """Two bridges with LOG_LEVEL=trace, the first with a wrong API key.

    `needles` are the texts in their input; `outputs` is what they wrote.
    """

    def __init__(self) -> None:
        names = ("key", "family", "user", "text", "namespace", "header", "trace state", "odd", "api key")
        self.needles = {name: f"x{secrets.token_hex(12)}" for name in names}
        self.outputs: dict[str, str] = {}

    def events(self) -> list[bytes]:
        """An event whose third action fails, and events that fail in several ways before a command is sent."""
        given = {name: self.needles[name] for name in ("family", "user", "text", "namespace")}
        odd = self.needles["odd"]
        broken = [{**given, "family": f"{odd}#"}, {**given, "user": ""}, {**given, "family": {odd: 1}}, {odd: odd}]
        return [*(json.dumps(each).encode() for each in (given, *broken)), f'{{"{odd}": '.encode(), odd.encode()]

    def run_bridges(self, kafka: Kafka, binary: Path, folder: Path) -> None:
        with staged(kafka, binary, folder, routes=ROUTES) as stage, collector() as sink:
            stage.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"{sink.url}"
            with stage.bridge(LOG_LEVEL="trace", CENTRIFUGO_API_KEY=self.needles["api key"]) as refused:
                self._produce(kafka, stage.topic)
                refused.wait_until(lambda health: health.get("centrifugo", {}).get("tries", 0) > 0)
                refused.process.terminate()
                before = refused.process.stdout() + refused.process.stderr()
            with stage.bridge(LOG_LEVEL="trace") as bridge:
                bridge.wait_until(lambda health: health.get("dead_letters") == len(self.events()))
                self.outputs["metrics"] = bridge.process.http.get("/metrics").text
                self.outputs["health"] = bridge.process.http.get("/health").text
                bridge.process.terminate()
                self.outputs["stdout"] = bridge.process.stdout()
                self.outputs["stderr"] = before + bridge.process.stderr()
            self.outputs["spans"] = "\n".join(str(export) for export in sink.exports)

    def _produce(self, kafka: Kafka, topic: str) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("note", self.needles["header"].encode()),
            ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("tracestate", self.needles["trace state"].encode()),  # malformed: the tracing library logs a warning
        ]
        with kafka.producer() as producer:
            for event in self.events():
                producer.produce(topic, event, self.needles["key"].encode(), headers=headers)


@pytest.fixture(scope="module")
def run(kafka: Kafka, centrifugo_v6: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run()
    run.run_bridges(kafka, centrifugo_v6, tmp_path_factory.mktemp("secrecy"))
    return run


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_output_contains_a_part_of_an_event_or_a_secret(run: Run, output: str) -> None:
    text = run.outputs[output]

    assert len(text) > 100
    assert [name for name, needle in run.needles.items() if needle in text] == []


def test_the_run_has_written_to_every_output(run: Run) -> None:
    assert '"message":"dead letter"' in run.outputs["stdout"]
    assert "Centrifugo refuses the bridge" in run.outputs["stderr"]
    for reason in ("unknown_channel", "bad_placeholder", "no_such_field", "not_json"):
        assert f'reason="{reason}"' in run.outputs["metrics"]
    assert json.loads(run.outputs["health"])["dead_letters"] == len(run.events())
    assert "bridge publish" in run.outputs["spans"]
    # the trace ID of the events' traceparent, as Protobuf's text format writes it
    assert r"\n\367e\031\026\315C\335\204H\353!\034\2001\234" in run.outputs["spans"]
