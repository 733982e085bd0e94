"""What `run_bridge --check` reports: only what it has tested."""

import re
from secrets import token_hex

import pytest

from bridge.delivery.work import Partition
from bridge.running.configuration import CentrifugoApi
from bridge.running.letters import LetterTopics
from bridge.running.needs import Need
from bridge.running.preflight import Findings, check_centrifugo, report_rights, report_topics, report_unserved
from bridge.running.start import ABSENT
from tests.bridge.running.rig import scripted_centrifugo, status

LETTERS = LetterTopics("letters", "letters.replay")
EXISTING = {"diary": 3, "calendar.a": 1, "calendar.b": 1, "letters": 1, "letters.replay": 1}
LETTERS_EXIST = [
    "ok       the topic letters for dead letters exists",
    "ok       the topic letters.replay for replays exists",
]


@pytest.mark.parametrize(
    ("routed", "lines", "faults"),
    [
        (["diary"], ["ok       topics of the routes file that exist: diary"], 0),
        (
            ["diary", "absent"],
            [
                f"FAULT    the topic absent {ABSENT}; create it, or correct the routes file or the rights",
                "ok       topics of the routes file that exist: diary",
            ],
            1,
        ),
        (
            ["^calendar", "^diar", "^absent"],
            [
                "ok       the pattern ^calendar matches 2 topics",
                "ok       the pattern ^diar matches 1 topic",
                "warning  the pattern ^absent matches no topic; create such a topic, or correct the routes file",
            ],
            0,
        ),
    ],
)
def test_the_report_distinguishes_named_topics_and_patterns(routed: list[str], lines: list[str], faults: int) -> None:
    findings = Findings()

    report_topics(findings, routed, LETTERS, EXISTING, "k:9092")

    assert findings == Findings([*lines, *LETTERS_EXIST], faults)


@pytest.mark.parametrize(
    ("letters", "existing", "lines"),
    [
        (
            LetterTopics("", ""),
            {"diary": 1},
            ["warning  BRIDGE_DEAD_LETTER_TOPIC is empty: a partition stops at the first record that fails"],
        ),
        (
            LETTERS,
            {"diary": 1, "letters": 1},
            [
                LETTERS_EXIST[0],
                f"warning  the topic letters.replay {ABSENT}; replay_dead_letters needs it",
            ],
        ),
        (LetterTopics("letters", ""), {"diary": 1, "letters": 1}, [LETTERS_EXIST[0]]),
    ],
)
def test_the_report_names_the_topics_of_dead_letters(
    letters: LetterTopics, existing: dict[str, int], lines: list[str]
) -> None:
    findings = Findings()

    report_topics(findings, ["diary"], letters, existing, "k:9092")

    assert findings == Findings(["ok       topics of the routes file that exist: diary", *lines])


def test_one_report_names_all_topics_that_must_be_created() -> None:
    findings = Findings()

    report_topics(findings, ["diary", "absent", "letters.replay"], LETTERS, {"diary": 1}, "k:9092")

    assert (findings.faults, [line.split(". ")[0].split(";")[0] for line in findings.lines]) == (
        4,
        [
            f"FAULT    BRIDGE_DEAD_LETTER_TOPIC: the topic letters {ABSENT}",
            "FAULT    The routes file reads letters.replay: dead letters would be read as events",
            f"FAULT    the topic absent {ABSENT}",
            f"FAULT    the topic letters.replay {ABSENT}",
            "ok       topics of the routes file that exist: diary",
            f"warning  the topic letters.replay {ABSENT}",
        ],
    )


READ_DIARY = Need("READ", "topic", "diary")
WRITE_LETTERS = Need("WRITE", "topic", "letters", "BRIDGE_DEAD_LETTER_TOPIC")


@pytest.mark.parametrize(
    ("held", "lines", "faults"),
    [
        (
            {READ_DIARY: {"READ", "DESCRIBE"}, WRITE_LETTERS: {"WRITE"}},
            ["ok       this user has the rights that the bridge needs on these topics and on its group"],
            0,
        ),
        (
            {READ_DIARY: {"DESCRIBE"}, WRITE_LETTERS: set()},
            [
                "FAULT    this user does not have the right READ on the topic diary; "
                "docs/bridge-operations.md (Security) lists the rights",
                "FAULT    this user does not have the right WRITE on the topic letters (BRIDGE_DEAD_LETTER_TOPIC); "
                "docs/bridge-operations.md (Security) lists the rights",
            ],
            2,
        ),
        (
            {READ_DIARY: None, WRITE_LETTERS: {"WRITE"}},
            [
                "warning  Kafka does not list the rights of this user; "
                "docs/bridge-operations.md (Security) lists the rights that the bridge needs"
            ],
            0,
        ),
    ],
)
def test_the_report_names_each_right_that_is_missing(
    held: dict[Need, set[str] | None], lines: list[str], faults: int
) -> None:
    findings = Findings()

    report_rights(findings, {need: None if names is None else frozenset(names) for need, names in held.items()})

    assert findings == Findings(lines, faults)


def test_the_report_names_the_partitions_that_kafka_cannot_serve() -> None:
    findings = Findings()

    report_unserved(findings, {Partition("diary", 2): "LEADER_NOT_AVAILABLE"})

    line = "FAULT    Kafka cannot serve the partition diary:2: LEADER_NOT_AVAILABLE; look at the brokers"
    assert findings == Findings([line], 1)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("k", "ok       Centrifugo at {} answers a request with the API key"),
        ("", "warning  Centrifugo at {} answers a request without an API key: anyone can use its API"),
    ],
)
async def test_the_report_says_whether_a_key_was_sent(key: str, line: str) -> None:
    findings = Findings()

    async with scripted_centrifugo() as centrifugo:
        await check_centrifugo(CentrifugoApi(centrifugo.url, key, "", 20.0, parallel=True), findings)

    assert findings == Findings([line.format(centrifugo.url)])
    assert centrifugo.keys == [key or None]


async def test_the_report_does_not_repeat_credentials_in_the_url() -> None:
    findings = Findings()
    password = token_hex()

    await check_centrifugo(
        CentrifugoApi(f"http://u:{password}@127.0.0.1:1/api", "k", "", 20.0, parallel=True), findings
    )

    [line] = findings.lines
    assert line.startswith("FAULT    Centrifugo at http://…@127.0.0.1:1/api does not accept requests")
    assert password not in line


async def test_a_centrifugo_that_refuses_the_request_is_reported_as_a_fault() -> None:
    findings = Findings()

    async with scripted_centrifugo() as centrifugo:
        centrifugo.script = [status(401)]
        await check_centrifugo(CentrifugoApi(centrifugo.url, "k", "", 20.0, parallel=True), findings)

    remedy = "check CENTRIFUGO_API_URL, CENTRIFUGO_API_KEY and CENTRIFUGO_API_TLS_CA_FILE"
    line = f"FAULT    Centrifugo at {centrifugo.url} does not accept requests (HTTP status 401); {remedy}"
    assert findings == Findings([line], 1)


async def test_https_at_a_port_without_tls_is_reported_as_a_fault_with_the_reason_from_openssl() -> None:
    findings = Findings()

    async with scripted_centrifugo() as centrifugo:
        url = centrifugo.url.replace("http://", "https://")
        await check_centrifugo(CentrifugoApi(url, "k", "", 20.0, parallel=True), findings)

    [line] = findings.lines
    assert re.search(r"does not accept requests \(the TLS handshake failed: [A-Z_]+\); check ", line)
