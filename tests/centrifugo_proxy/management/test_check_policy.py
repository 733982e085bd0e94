"""`manage.py check_policy`: its output. Its explanations agree with the decisions of the service."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from tests.harness.bodies import POOL_MARKS
from tests.harness.django_settings import Settings
from tests.harness.manage import called_for_json, called_for_lines, run_manage
from tests.harness.paths import ROOT
from tests.harness.service import service

PAGE = ROOT / "docs" / "events.md"

POLICY = """\
[[channels]]
match = "family:{family_id}:chat"
allow = ["subscribe", "publish"]
feature = "chat"
max_publish_bytes = 10

[[channels]]
match = "coach:{user}"
allow = ["subscribe"]
tiers = ["pro", "family"]

[[channels]]
match = "board:*"
allow = ["subscribe"]
feature = "chat"
sensitive = false

[[channels]]
match = "news:*"
allow = ["publish", "subscribe"]
skip_history = true
sensitive = false

[[rpc]]
match = "diary.*"
backend = "diary"
feature = "diary"
max_request_bytes = 20
"""

CHILD = ("--user", "u1", "--family", "f1")
META = {
    "family_id": "f1",
    "subscription_tier": "unspecified",
    "is_admin": False,
    "parental_state": {
        "screen_time_lock": False,
        "feature_lock_chat": False,
        "feature_lock_diary": False,
        "feature_lock_flowcoach": False,
    },
}


@pytest.fixture
def policy(tmp_path: Path, settings: Settings) -> Path:
    settings.RPC_BACKENDS = {"diary": "127.0.0.1:1"}
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def check(file: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the output."""
    return called_for_lines("check_policy", str(file), *arguments)


def check_json(file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    return called_for_json("check_policy", str(file), *arguments)


def locked(*names: str) -> dict[str, Any]:
    locks: Any = META["parental_state"]
    return {**META, "parental_state": {**locks, **dict.fromkeys(names, True)}}


def test_the_rules_of_a_valid_file_are_counted(policy: Path) -> None:
    assert check(policy) == (0, [f"{policy}: no problems; 4 rules for channels, 1 rule for rpc."])


def test_every_problem_of_a_file_is_reported_with_its_rule_and_line(policy: Path) -> None:
    policy.write_text(
        '[[channels]]\nmatch = "a:{family}"\nallow = ["subscribe"]\n\n[[rpc]]\nmatch = "x"\nbackend = "calendar"\n'
    )

    assert check(policy) == (
        2,
        [
            f"{policy}: line 1, [[channels]] rule 1: match 'a:{{family}}' has the segment '{{family}}'; between colons "
            "write *, {family_id}, {user}, or plain text without white space and without # $ & * / { }.",
            f"{policy}: line 5, [[rpc]] rule 1: backend 'calendar' is not configured; RPC_BACKENDS has diary: add "
            "calendar=host:port to it.",
            f"{policy}: 2 problems; the service would not start.",
        ],
    )


def test_a_missing_file_gives_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "absent.toml"

    assert check(file) == (
        2,
        [
            f"{file}: cannot be read: No such file or directory.",
            f"{file}: 1 problem; the service would not start.",
        ],
    )


def test_an_allowed_request_is_explained_with_the_deciding_rule_and_the_next_steps(policy: Path) -> None:
    assert check(policy, *CHILD, "--channel", "family:f1:chat", "--action", "publish") == (
        0,
        [
            "ALLOWED: the rule allows publish, and no condition of the rule refuses it.",
            "Decided by [[channels]] rule 1 (policy.toml, line 1), match 'family:{family_id}:chat'.",
            "Then: more than 10 bytes of data are refused with 413.",
        ],
    )


def test_the_output_gives_a_reason_for_each_rule_if_no_rule_matches(policy: Path) -> None:
    assert check(policy, "--user", "u2", "--family", "f2", "--channel", "family:f1:chat") == (
        1,
        [
            "REFUSED: no rule matches.",
            "The client gets error 403: not allowed",
            "Rules that do not match:",
            "  [[channels]] rule 1 (policy.toml, line 1), match 'family:{family_id}:chat': {family_id} is 'f2' here, "
            "not 'f1'",
            "  [[channels]] rule 2 (policy.toml, line 7), match 'coach:{user}': it has 2 segments, not 3",
            "  [[channels]] rule 3 (policy.toml, line 12), match 'board:*': it has 2 segments, not 3",
            "  [[channels]] rule 4 (policy.toml, line 18), match 'news:*': it has 2 segments, not 3",
        ],
    )


def test_the_rules_before_the_deciding_rule_are_listed_with_the_reason_why_they_do_not_match(policy: Path) -> None:
    _, lines = check(policy, "--fallback", "--channel", "news:today")

    assert lines == [
        "ALLOWED: the rule allows subscribe, and no condition of the rule refuses it.",
        "Decided by [[channels]] rule 4 (policy.toml, line 18), match 'news:*'.",
        "Then: the subscription is checked again after 300 seconds.",
        "Rules that do not match:",
        "  [[channels]] rule 1 (policy.toml, line 1), match 'family:{family_id}:chat': it has 3 segments, not 2",
        "  [[channels]] rule 2 (policy.toml, line 7), match 'coach:{user}': it has 'coach', not 'news'",
        "  [[channels]] rule 3 (policy.toml, line 12), match 'board:*': it has 'board', not 'news'",
    ]


def test_the_report_explains_which_segment_a_wildcard_does_not_match(policy: Path) -> None:
    _, report = check_json(policy, "--user", "u", "--channel", "news:a#b")

    assert report["decision"]["passed_over"][-1] == {
        "kind": "channels",
        "number": 4,
        "line": 18,
        "match": "news:*",
        "why": "* is one printable segment without white space or reserved characters, not 'a#b'",
    }


REFUSALS = [
    (("--lock", "chat"), "family:f1:chat", 'the rule has feature = "chat", and feature_lock_chat is on'),
    (("--degraded",), "family:f1:chat", "the rule is sensitive, which is the default, and the connection is degraded"),
    (("--tier", "free"), "coach:u1", "the rule is for the tiers family, pro, and the user's tier is free"),
]


@pytest.mark.parametrize(("options", "channel", "why"), REFUSALS)
def test_a_refusal_names_the_condition_of_the_rule_that_is_not_met(
    policy: Path, options: tuple[str, ...], channel: str, why: str
) -> None:
    code, lines = check(policy, *CHILD, *options, "--channel", channel)

    assert (code, lines[0]) == (1, f"REFUSED: {why}.")


def test_a_rule_with_a_feature_refuses_a_fallback_connection_because_its_user_is_unknown(policy: Path) -> None:
    code, lines = check(policy, "--fallback", "--channel", "board:all")

    why = "the real user of a fallback connection is unknown, and a rule might allow the request for the real user"
    assert (code, lines[0]) == (1, f"REFUSED: {why}.")


def test_the_reason_for_refusing_a_fallback_connection_is_not_a_rule_about_another_action(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        '[[channels]]\nmatch = "wall:{user}"\nallow = ["subscribe"]\n'
        '[[channels]]\nmatch = "wall:*"\nallow = ["publish"]\n'
    )

    code, lines = check(path, "--fallback", "--channel", "wall:u1")

    why = "the real user of a fallback connection is unknown, and a rule might allow the request for the real user"
    assert (code, lines[0]) == (1, f"REFUSED: {why}.")


def test_an_empty_segment_is_reported_as_empty(policy: Path) -> None:
    _, report = check_json(policy, "--user", "u1", "--channel", "family::chat")

    assert report["decision"]["passed_over"][0]["why"] == "{family_id} does not match an empty segment"


def test_the_screen_time_lock_refuses_publish_but_not_subscribe(policy: Path) -> None:
    options = (*CHILD, "--lock", "screen_time", "--channel", "family:f1:chat", "--action")

    assert check(policy, *options, "publish")[1][0] == (
        "REFUSED: screen_time_lock is on, and it refuses every publish and rpc."
    )
    assert check(policy, *options, "subscribe")[0] == 0


def test_an_action_that_the_rule_does_not_allow_is_reported_as_refused(policy: Path) -> None:
    _, lines = check(policy, *CHILD, "--tier", "pro", "--channel", "coach:u1", "--action", "publish")

    assert lines[0] == "REFUSED: the rule allows only subscribe."


def test_the_report_says_if_a_publication_is_not_kept_in_the_history(policy: Path) -> None:
    _, report = check_json(policy, *CHILD, "--channel", "news:x", "--action", "publish")

    assert report["decision"]["then"] == ["the publication is not kept in the channel's history"]


def test_an_allowed_method_is_reported_with_its_limit_and_its_backend(policy: Path) -> None:
    assert check(policy, *CHILD, "--method", "diary.entries.list") == (
        0,
        [
            "ALLOWED: no condition of the rule refuses it.",
            "Decided by [[rpc]] rule 1 (policy.toml, line 24), match 'diary.*'.",
            "Then: more than 20 bytes of data are refused with 413.",
            "Then: the backend diary (127.0.0.1:1) is called, and may still refuse.",
        ],
    )


def test_an_unknown_method_lists_the_rules_that_do_not_match(policy: Path) -> None:
    assert check(policy, *CHILD, "--method", "diary") == (
        1,
        [
            "REFUSED: no rule matches.",
            "The client gets error 404: unknown method",
            "Rules that do not match:",
            "  [[rpc]] rule 1 (policy.toml, line 24), match 'diary.*': it has 2 segments, not 1",
        ],
    )


def test_a_method_with_more_segments_than_a_rule_is_compared_with_the_prefix_of_the_rule(policy: Path) -> None:
    _, report = check_json(policy, *CHILD, "--method", "dairy.entries.list")

    assert [each["why"] for each in report["decision"]["passed_over"]] == ["it has 'diary', not 'dairy'"]


def test_the_report_names_the_family_service_that_is_called(policy: Path, settings: Settings) -> None:
    settings.FAMILY_SERVICE_GRPC_ADDRESS = "family:50051"
    settings.CHANNEL_SUBSCRIPTION_TTL_S = 300
    policy.write_text('[[channels]]\nmatch = "room:*"\nallow = ["subscribe"]\nask_family_service = true\n')

    _, report = check_json(policy, *CHILD, "--channel", "room:1")

    assert report["decision"]["then"] == [
        "the family service (family:50051) is called, and may still refuse",
        "the subscription is checked again after 300 seconds, or earlier if the family service says so",
    ]


REQUESTS: list[tuple[tuple[str, ...], str, dict[str, Any]]] = [
    (("--channel", "family:f1:chat"), "subscribe", META),
    (("--channel", "family:f2:chat"), "subscribe", META),
    (("--channel", "family:f1:chat", "--lock", "chat"), "subscribe", locked("feature_lock_chat")),
    (("--channel", "coach:u1", "--tier", "free"), "subscribe", {**META, "subscription_tier": "free"}),
    (("--channel", "news:a", "--action", "publish"), "publish", META),
    (
        ("--channel", "news:a", "--action", "publish", "--lock", "screen_time"),
        "publish",
        locked("screen_time_lock"),
    ),
    (("--channel", "coach:u1", "--action", "publish"), "publish", META),
    (("--channel", "coach:u1", "--tier", "pro", "--degraded"), "subscribe", {**META, "degraded": True}),
    (("--method", "diary.x", "--lock", "diary"), "rpc", locked("feature_lock_diary")),
    (("--method", "diary", "--admin"), "rpc", {**META, "is_admin": True}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "event", "meta"), REQUESTS)
async def test_the_service_decides_as_the_command_explains(
    policy: Path, options: tuple[str, ...], event: str, meta: dict[str, Any]
) -> None:
    _, report = check_json(policy, *CHILD, *options)

    body = {"client": "c", "user": "u1", options[0].removeprefix("--"): options[1], "meta": meta, "data": 1}
    async with service(CHANNEL_POLICY_PATH=str(policy)) as running:
        answer = (await running.http.post(f"/centrifugo/{event}", json=body)).json()

    assert answer.get("error") == report["decision"]["error"]
    assert ("result" in answer) == report["decision"]["allowed"]


@pytest.mark.parametrize(("channel", "allowed"), [("news:a", True), ("board:a", False), ("coach:u1", False)])
async def test_the_service_decides_about_a_fallback_connection_as_the_command_explains(
    policy: Path, channel: str, allowed: bool
) -> None:
    _, report = check_json(policy, "--fallback", "--channel", channel)

    body = {"client": "c", "user": "fallback:1", "channel": channel, "meta": POOL_MARKS}
    async with service(CHANNEL_POLICY_PATH=str(policy)) as running:
        answer = (await running.http.post("/centrifugo/subscribe", json=body)).json()

    assert ("result" in answer, answer.get("error")) == (allowed, report["decision"]["error"])


def test_the_json_is_complete_and_its_fields_are_documented(policy: Path) -> None:
    code, report = check_json(policy, *CHILD, "--lock", "diary", "--method", "diary.x")

    place = {"kind": "rpc", "number": 1, "line": 24, "match": "diary.*"}
    assert code == 1
    assert report == {
        "file": str(policy),
        "problems": [],
        "rules": {"channels": 4, "rpc": 1},
        "decision": {
            "allowed": False,
            "why": 'the rule has feature = "diary", and feature_lock_diary is on',
            "rule": place,
            "then": [],
            "error": {"code": 403, "message": "locked by a parent"},
            "passed_over": [],
        },
    }
    section = PAGE.read_text().partition("\n## Checking a policy\n")[2]
    documented = re.findall(r"^\| `(?:decision\.)?([a-z_]+)` \|", section, re.MULTILINE)
    assert documented == [*report, *report["decision"]]


def test_the_json_of_an_invalid_file_lists_its_problems(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[[channel]]\n")

    code, report = check_json(file)

    assert code == 2
    assert report == {
        "file": str(file),
        "problems": [f"{file}: the key 'channel' is unknown; a policy has only [[channels]] and [[rpc]]."],
        "rules": None,
        "decision": None,
    }


UNUSABLE = [
    (("--user", "u"), "--channel or --method is missing: name the request to explain."),
    (("--channel", "a:b"), "--user or --fallback is missing: name the owner of the connection."),
    (("--channel", "a:b", "--user", ""), "--user or --fallback is missing: name the owner of the connection."),
    (("--method", "a", "--user", "u", "--action", "publish"), "--action needs --channel."),
    *(
        (
            ("--channel", "a:b", "--fallback", *options),
            "--family, --tier, --admin and --lock cannot be combined with --fallback.",
        )
        for options in (("--family", "f"), ("--tier", "pro"), ("--admin",), ("--lock", "chat"))
    ),
    (("--channel", "a:b", "--user", "u", "--family", "f\udcff"), "--family is not UTF-8."),
    (("--method", "a\udcff", "--fallback"), "--method is not UTF-8."),
]


@pytest.mark.parametrize(("arguments", "message"), UNUSABLE)
def test_unusable_options_give_exit_code_2(policy: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=f"^{re.escape(message)}$") as refused:
        check(policy, *arguments)

    assert refused.value.returncode == 2


def test_an_empty_file_name_is_refused_and_does_not_mean_the_configured_policy(
    policy: Path, settings: Settings
) -> None:
    settings.CHANNEL_POLICY_PATH = str(policy)

    with pytest.raises(CommandError, match=r"^FILE is empty\. Give the path of a policy\.$") as refused:
        called_for_lines("check_policy", "")

    assert refused.value.returncode == 2


@pytest.mark.processes
def test_the_process_exits_with_1_for_a_refusal_even_if_the_configured_policy_is_broken(
    policy: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("nonsense")

    ended = run_manage(
        "check_policy", str(policy), "--fallback", "--method", "a.b",
        CHANNEL_POLICY_PATH=str(broken), RPC_BACKENDS="diary=127.0.0.1:1", LOG_LEVEL="warn",
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.startswith("REFUSED: no rule matches.\n")


@pytest.mark.processes
def test_an_invalid_environment_gives_exit_code_3(policy: Path) -> None:
    ended = run_manage("check_policy", str(policy), CENTRIFUGO_RESPONSE_MODE="bad")

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[1] == "CENTRIFUGO_RESPONSE_MODE is 'bad'; accepted: http, envelope."


def test_the_example_policy_has_no_problems() -> None:
    code, lines = check(ROOT / "policy.example.toml")

    assert (code, lines) == (
        0,
        [f"{ROOT / 'policy.example.toml'}: no problems; 10 rules for channels, 0 rules for rpc."],
    )
