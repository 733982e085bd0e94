"""`manage.py check_routes`: its output and its exit codes."""

import io
import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError

from tests.bridge.example_records import EXAMPLE, RECORDS
from tests.bridge.given import one_route, publishing
from tests.harness.manage import called_for_json, called_for_lines

ROOT = EXAMPLE.parent
ROUTES = EXAMPLE / "routes.toml"
POSITION = ("--partition", "3", "--offset", "7", "--timestamp", "1800000000000")


def check(file: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the lines of the output."""
    return called_for_lines("check_routes", str(file), *arguments)


def check_json(file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    return called_for_json("check_routes", str(file), *arguments)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "routes.toml"
    file.write_text(f"version = 1\n{text}")
    return file


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    file = tmp_path / "entry.json"
    file.write_bytes(orjson.dumps({"id": "e1", "family_id": "f1"}))
    return file


def test_the_example_has_no_problems_and_every_route_is_listed() -> None:
    code, lines = check(ROUTES)

    assert code == 0
    assert [line.split(" ")[0] for line in lines if " reads " in line] == list(RECORDS)
    assert lines[0] == (
        "diary-entry (line 11) reads diary.entry.created.v1, diary.entry.updated.v1, diary.entry.deleted.v1"
    )
    assert lines[1] == "  1. publish to family:{family_id}:diary"
    assert "  2. unsubscribe {user_id} from family:{family_id}:chat" in lines
    assert lines[-1] == f"{ROUTES}: no faults; 9 routes, 0 warnings."


def test_the_example_policy_lets_clients_subscribe_to_each_channel_of_the_example_routes() -> None:
    code, lines = check(ROUTES, "--policy", str(ROOT / "policy.example.toml"))

    assert (code, lines[-1]) == (0, f"{ROUTES}: no faults; 9 routes, 0 warnings.")


def test_faults_are_counted_and_the_exit_code_is_2(tmp_path: Path) -> None:
    file = written(tmp_path, one_route(publishing(""), 'format = "avro"'))

    assert check(file) == (
        2,
        [
            f'{file}:5: routes[1].format: saw "avro"; accepted: auto, json, cloudevents, protobuf (Avro is not '
            f"supported)",
            f'{file}:8: routes[1].actions[1].channel: saw ""; accepted: segments separated by colons, each a '
            "placeholder or a text without white space and without # $ & * , / : { }",
            "Routes: entries (line 2).",
            f"{file}: 2 faults; the bridge would not start.",
        ],
    )


def test_faults_in_json_have_a_line_and_a_key(tmp_path: Path) -> None:
    file = written(tmp_path, one_route(publishing(), "on_tombstone = 1"))

    assert check_json(file) == (
        2,
        {
            "routes": [{"name": "entries", "line": 2, "warnings": []}],
            "faults": [{"line": 5, "key": "routes[1].on_tombstone", "saw": "1", "accepted": "skip, dead_letter"}],
            "record": None,
        },
    )


def test_with_warnings_the_exit_code_is_1(tmp_path: Path) -> None:
    file = written(tmp_path, one_route(publishing(more='data = "*"')))
    warning = 'action 1: data = "*" publishes the whole event: clients also get fields that producers add later'

    assert check(file) == (
        1,
        [
            "entries (line 2) reads t",
            "  1. publish to family:{family_id}",
            f"  WARNING {warning}.",
            f"{file}: no faults; 1 route, 1 warning.",
        ],
    )
    assert check_json(file) == (
        1,
        {"routes": [{"name": "entries", "line": 2, "warnings": [warning]}], "faults": [], "record": None},
    )


def test_the_output_explains_which_routes_fit_a_record_and_shows_the_commands(tmp_path: Path, entry: Path) -> None:
    two = one_route(publishing()) + one_route(
        'do = "disconnect"\nuser = "{id}"', 'where = [{ field = "kind", equals = "x" }]'
    ).replace("entries", "others")
    third = one_route(publishing()).replace("entries", "elsewhere").replace('["t"]', '["else"]')
    file = written(tmp_path, two + third)

    code, lines = check(file, "--topic", "t", "--value", str(entry), *POSITION)

    assert code == 0
    assert lines[-8:] == [
        "The record:",
        "  entries fits: action 1: 1 command",
        '  others does not fit: kind equals "x" does not hold',
        "  elsewhere does not fit: does not read t",
        "Commands:",
        '  {"publish":{"channel":"family:f1","data":{"id":"e1"},"idempotency_key":"t:3:7:1800000000000"}}',
        "Outcome: done",
        f"{file}: no faults; 3 routes, 0 warnings.",
    ]


def test_the_json_of_a_record_has_the_commands_that_centrifugo_gets(tmp_path: Path, entry: Path) -> None:
    file = written(tmp_path, one_route(publishing()))
    command = b'{"publish":{"channel":"family:f1","data":{"id":"e1"},"idempotency_key":"t:3:7:1800000000000"}}'

    code, lines = check(file, "--topic", "t", "--value", str(entry), *POSITION, "--json")

    assert code == 0
    assert command.decode() in "\n".join(lines)
    assert json.loads("\n".join(lines))["record"] == {
        "routes": [{"name": "entries", "fits": True, "why": "action 1: 1 command"}],
        "commands": [json.loads(command)],
        "outcome": "done",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("text", "code", "record"),
    [
        (
            one_route(publishing("family:{gone}")),
            1,
            {
                "routes": [{"name": "entries", "fits": True, "why": "action 1: no_such_field: {gone} is absent"}],
                "commands": [],
                "outcome": "dead_letter",
                "reason": "no_such_field",
            },
        ),
        (
            one_route(publishing(), 'format = "cloudevents"'),
            1,
            {
                "routes": [
                    {
                        "name": "entries",
                        "fits": False,
                        "why": "not_cloudevents: the record has neither a header ce_specversion nor the content-type "
                        "application/cloudevents+json",
                    }
                ],
                "commands": [],
                "outcome": "dead_letter",
                "reason": "not_cloudevents",
            },
        ),
        (
            one_route(publishing()).replace('["t"]', '["else"]'),
            1,
            {
                "routes": [{"name": "entries", "fits": False, "why": "does not read t"}],
                "commands": [],
                "outcome": "unrouted",
                "reason": None,
            },
        ),
        (
            one_route(publishing(), 'max_age = "1h"\nage_from = "@header.at"'),
            0,
            {
                "routes": [{"name": "entries", "fits": True, "why": "nothing is sent: too_old"}],
                "commands": [],
                "outcome": "too_old",
                "reason": None,
            },
        ),
    ],
)
def test_the_outcome_of_a_record_decides_the_exit_code(
    tmp_path: Path, entry: Path, text: str, code: int, record: Any
) -> None:
    options = ("--topic", "t", "--value", str(entry), "--header", "at=2020-01-01T00:00:00Z")

    ended, report = check_json(written(tmp_path, text), *options)

    assert (ended, report["record"]) == (code, record)


def test_each_route_has_its_own_reason_for_sending_nothing(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        one_route(publishing(), 'max_age = "1h"\nage_from = "@header.at"')
        + one_route(publishing("user:{members[]}")).replace("version = 1", "").replace('"entries"', '"members"'),
    )
    event = tmp_path / "event.json"
    event.write_bytes(orjson.dumps({"id": "e1", "family_id": "f1", "members": []}))

    _, report = check_json(file, "--topic", "t", "--value", str(event), "--header", "at=2020-01-01T00:00:00Z")

    assert report["record"]["outcome"] == "too_old"
    assert [(route["name"], route["why"]) for route in report["record"]["routes"]] == [
        ("entries", "nothing is sent: too_old"),
        ("members", "nothing is sent: no_recipients"),
    ]


@pytest.mark.parametrize("name", RECORDS)
def test_every_route_of_the_example_is_explained(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic, value, headers = RECORDS[name]
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    options = [f"--header={header}={(text or b'').decode()}" for header, text in headers]

    code, report = check_json(ROUTES, "--topic", topic, "--value", "-", *options)

    fitting = [route["name"] for route in report["record"]["routes"] if route["fits"]]
    assert (code, fitting[-1], report["record"]["outcome"]) == (0, name, "done")


def test_the_key_and_the_headers_of_the_record_come_from_the_options(tmp_path: Path, entry: Path) -> None:
    file = written(tmp_path, one_route(publishing("a:{@key}:{@header.by}")))

    _, report = check_json(file, "--topic", "t", "--value", str(entry), "--key", "k", "--header", "by=x=y")

    assert report["record"]["commands"][0]["publish"]["channel"] == "a:k:x=y"


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ((), "tombstone"),
        (("--header=ce_specversion=1.0", "--header=ce_id=1", "--header=ce_source=/s", "--header=ce_type=t"), "done"),
    ],
)
def test_a_record_without_a_value_is_explained(tmp_path: Path, options: tuple[str, ...], outcome: str) -> None:
    file = written(tmp_path, one_route(publishing("a:{@key}", 'data = { type = "{@ce.type}" }')))

    code, report = check_json(file, "--topic", "t", "--no-value", "--key", "k", *options)

    assert (code, report["record"]["outcome"]) == (0, outcome)
    assert report["record"]["routes"][0]["fits"] is True


CENTRIFUGO = {"channel": {"namespaces": [{"name": "family", "history_size": 10, "history_ttl": "60s"}]}}
FLAT = {"namespaces": [{"name": "family", "history_size": 10, "history_ttl": "60s", "force_recovery": True}]}


@pytest.mark.parametrize(
    ("config", "warnings"),
    [
        (
            CENTRIFUGO,
            [
                "action 1: channel family:{family_id}: a client that reconnects does not get what was published while "
                "it was disconnected; set channel.namespaces[0].history_size, channel.namespaces[0].history_ttl and "
                "channel.namespaces[0].force_recovery"
            ],
        ),
        (FLAT, []),
        (
            {**FLAT, "namespaces": []},
            [
                "action 1: channel family:{family_id}: Centrifugo has no namespace family: every record would be "
                "dead-lettered (unknown_channel); add it to the configuration"
            ],
        ),
    ],
)
def test_the_routes_are_compared_with_a_centrifugo_configuration(
    tmp_path: Path, config: Any, warnings: list[str]
) -> None:
    server = tmp_path / "config.json"
    server.write_text(json.dumps(config))

    code, report = check_json(written(tmp_path, one_route(publishing())), "--centrifugo", str(server))

    assert (code, report["routes"][0]["warnings"]) == (1 if warnings else 0, warnings)


def test_the_routes_are_compared_with_a_policy_even_if_its_backends_are_not_configured(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[channels]]\nmatch = "family:{family_id}:chat"\nallow = ["subscribe"]\nask_family_service = true\n\n'
        '[[rpc]]\nmatch = "diary.*"\nbackend = "diary"\n'
    )

    code, report = check_json(written(tmp_path, one_route(publishing())), "--policy", str(policy))

    assert (code, report["routes"][0]["warnings"]) == (
        1,
        [
            "action 1: channel family:{family_id}: the policy lets no client subscribe to it; change the policy, or "
            "remove the route"
        ],
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--value", "x"), "--topic is missing: a record needs a topic."),
        (("--offset", "0"), "--topic is missing: a record needs a topic."),
        (("--topic", "t"), "--value is missing: give a file, - for standard input, or --no-value instead."),
        (("--topic", "t", "--value", "/absent"), "/absent: cannot be read: No such file or directory."),
        (
            ("--topic", "t", "--value", str(ROUTES), "--header", "x"),
            "--header is 'x'; write NAME=VALUE.",
        ),
        (("--centrifugo", "/absent.json"), "/absent.json: cannot be read: No such file or directory."),
        (("--policy", "/absent.toml"), "/absent.toml: cannot be read: No such file or directory."),
    ],
)
def test_unusable_options_end_the_command_with_code_2(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=f"^{re.escape(message)}$") as error:
        check(ROUTES, *options)

    assert error.value.returncode == 2


@pytest.mark.parametrize(
    ("option", "what"), [("--centrifugo", "a Centrifugo configuration"), ("--policy", "a channel policy")]
)
def test_a_file_that_the_option_does_not_expect_ends_the_command_with_code_2(
    tmp_path: Path, option: str, what: str
) -> None:
    file = tmp_path / "file.json"
    file.write_text("{")

    with pytest.raises(CommandError, match=rf"file\.json: not {what}: ") as error:
        check(ROUTES, option, str(file))

    assert error.value.returncode == 2
    assert str(error.value).count(str(file)) == 1
