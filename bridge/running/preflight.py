"""The checks of `run_bridge --check`: whether a bridge with this configuration would work now."""

from dataclasses import dataclass, field
from typing import Final

from bridge.centrifugo.api import open_api
from bridge.delivery.verdicts import Failure
from bridge.kafka.connection import admin_properties
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.lag import Brokers
from bridge.routing.model import Routes
from bridge.running.configuration import Configuration
from bridge.running.start import StartError, check_topics

ANSWER_S: Final = 5.0


@dataclass
class Findings:
    """`lines` are for people, one per finding. `faults` counts the findings that prevent a bridge from working."""

    lines: list[str] = field(default_factory=list)
    faults: int = 0

    def ok(self, text: str) -> None:
        self.lines.append(f"ok       {text}")

    def warn(self, text: str) -> None:
        self.lines.append(f"warning  {text}")

    def fault(self, text: str) -> None:
        self.lines.append(f"FAULT    {text}")
        self.faults += 1


async def preflight(config: Configuration, routes: Routes) -> Findings:
    """Ask Kafka for the topics, and send Centrifugo a command without side effects."""
    findings = Findings()
    findings.ok(f"routes: {len(routes.routes)}, in {routes.file}")
    await _check_kafka(config, routes, findings)
    await _check_centrifugo(config, findings)
    return findings


async def _check_kafka(config: Configuration, routes: Routes, findings: Findings) -> None:
    brokers = config.connection.brokers
    try:
        existing = await Brokers(admin_properties(config.connection)).topics(ANSWER_S)
    except KafkaUnreachable as error:
        findings.fault(f"Kafka at {brokers} does not answer ({error}); check BRIDGE_KAFKA_BROKERS and …_SECURITY")
        return
    findings.ok(f"Kafka at {brokers} answers")
    try:
        topics = check_topics(routes.topics, config.letters, existing, brokers)
    except StartError as error:
        findings.fault(str(error))
        return
    for topic in topics.missing:
        findings.fault(f"the topic {topic} does not exist; create it, or correct the routes file")
    if topics.replay_missing:
        findings.warn(f"the topic {config.letters.replay} does not exist; replay_dead_letters needs it")
    if not topics.missing:
        findings.ok("every topic exists")


async def _check_centrifugo(config: Configuration, findings: Findings) -> None:
    api = config.api
    async with open_api(
        api.url, key=api.key, timeout_s=api.timeout_s, requests=1, parallel=False, ca_file=api.ca_file
    ) as client:
        try:
            await client.check()
        except Failure as failure:
            remedy = "check CENTRIFUGO_API_URL, CENTRIFUGO_API_KEY and CENTRIFUGO_API_TLS_CA_FILE"
            findings.fault(f"Centrifugo at {api.url} does not accept requests ({failure.detail}); {remedy}")
        else:
            findings.ok(f"Centrifugo at {api.url} accepts the API key")
