"""The checks of `run_bridge --check`: they find out whether a bridge with this configuration would work now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.centrifugo.api import open_api
from bridge.delivery.verdicts import Failure
from bridge.delivery.work import Partition
from bridge.kafka.connection import admin_properties
from bridge.kafka.errors import RIGHTS, KafkaUnreachable, at, problem
from bridge.kafka.lag import Brokers
from bridge.kafka.rights import Rights
from bridge.routing.model import Routes, covers, is_pattern
from bridge.running.configuration import CentrifugoApi, Configuration
from bridge.running.letters import LetterTopics
from bridge.running.needs import Need, on_group, on_topics
from bridge.running.start import ABSENT, start_faults, topics_of
from common.counted import counted
from common.without_credentials import without_credentials

ANSWER_S: Final = 5.0


@dataclass
class Findings:
    """`lines` are for people, one per finding. `faults` is the number of findings that break the bridge or a route."""

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
    await check_centrifugo(config.api, findings)
    return findings


async def _check_kafka(config: Configuration, routes: Routes, findings: Findings) -> None:
    address = config.connection.brokers
    brokers = Brokers(admin_properties(config.connection))
    try:
        existing = await brokers.topics(ANSWER_S)
        findings.ok(f"Kafka at {address} answers")
        report_topics(findings, routes.topics, config.letters, existing, address)
        needed = on_topics(routes.topics, config.letters, existing)
        partitions = [Partition(need.name, number) for need in needed for number in range(existing[need.name])]
        report_unserved(findings, (await brokers.ends(partitions)).unknown)
        report_rights(findings, await _held(config, needed))
    except KafkaUnreachable as error:
        findings.fault(f"Kafka at {address} {problem(str(error))}")


async def _held(config: Configuration, needed: Sequence[Need]) -> dict[Need, frozenset[str] | None]:
    """For each right, the operations that Kafka allows on its topic or group; None if Kafka does not list them."""
    rights = Rights(admin_properties(config.connection))
    topics = await rights.on_topics([need.name for need in needed])
    group = on_group(config.group.name)
    return {**{need: topics[need.name] for need in needed}, group: await rights.on_group(group.name)}


def report_rights(findings: Findings, held: Mapping[Need, frozenset[str] | None]) -> None:
    """Report missing rights. `held` has the operations that Kafka allows; None if Kafka does not list them."""
    missing = [need for need, operations in held.items() if operations is not None and need.operation not in operations]
    for need in missing:
        findings.fault(f"this user does not have the right {need}; {RIGHTS} lists the rights")
    if None in held.values():
        findings.warn(f"Kafka does not list the rights of this user; {RIGHTS} lists the rights that the bridge needs")
    elif not missing:
        findings.ok("this user has the rights that the bridge needs on these topics and on its group")


def report_unserved(findings: Findings, unserved: Mapping[Partition, str]) -> None:
    """Report the partitions that Kafka cannot serve now, each with the name of Kafka's error."""
    for partition, error in unserved.items():
        findings.fault(f"Kafka cannot serve the partition {at(partition, error)}; look at the brokers")


def report_topics(
    findings: Findings, routed: Sequence[str], letters: LetterTopics, existing: Mapping[str, int], brokers: str
) -> None:
    """Report whether the topics exist, and whether the bridge would start with them."""
    for fault in start_faults(routed, letters, existing, brokers):
        findings.fault(fault)
    topics = topics_of(routed, letters, existing)
    for topic in topics.missing:
        findings.fault(f"the topic {topic} {ABSENT}; create it, or correct the routes file or the rights")
    if named := [topic for topic in routed if not is_pattern(topic) and topic not in topics.missing]:
        findings.ok(f"topics of the routes file that exist: {', '.join(named)}")
    for pattern in filter(is_pattern, routed):
        _report_pattern(findings, pattern, sum(covers(pattern, topic) for topic in existing))
    _report_letters(findings, letters, existing, replay_missing=topics.replay_missing)


def _report_pattern(findings: Findings, pattern: str, matches: int) -> None:
    if matches:
        findings.ok(f"the pattern {pattern} matches {counted(matches, 'topic')}")
    else:
        findings.warn(f"the pattern {pattern} matches no topic; create such a topic, or correct the routes file")


def _report_letters(
    findings: Findings, letters: LetterTopics, existing: Collection[str], *, replay_missing: bool
) -> None:
    if not letters.dead_letters:
        findings.warn("BRIDGE_DEAD_LETTER_TOPIC is empty: a partition stops at the first record that fails")
        return
    if letters.dead_letters in existing:
        findings.ok(f"the topic {letters.dead_letters} for dead letters exists")
    if replay_missing:
        findings.warn(f"the topic {letters.replay} {ABSENT}; replay_dead_letters needs it")
    elif letters.replay:
        findings.ok(f"the topic {letters.replay} for replays exists")


async def check_centrifugo(api: CentrifugoApi, findings: Findings) -> None:
    """Send Centrifugo a command without side effects, with the API key if one is set."""
    url = without_credentials(api.url)
    async with open_api(
        api.url, key=api.key, timeout_s=api.timeout_s, requests=1, parallel=False, ca_file=api.ca_file
    ) as client:
        try:
            await client.check()
        except Failure as failure:
            remedy = "check CENTRIFUGO_API_URL, CENTRIFUGO_API_KEY and CENTRIFUGO_API_TLS_CA_FILE"
            findings.fault(f"Centrifugo at {url} does not accept requests ({failure.detail}); {remedy}")
        else:
            if api.key:
                findings.ok(f"Centrifugo at {url} answers a request with the API key")
            else:
                findings.warn(f"Centrifugo at {url} answers a request without an API key: anyone can use its API")
