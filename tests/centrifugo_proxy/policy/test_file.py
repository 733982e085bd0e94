"""Reading a policy file: its rules, and the message for each problem."""

from pathlib import Path
from typing import Any

import pytest

from centrifugo_proxy.policy.file import PolicyError, read_policy, rule_lines
from centrifugo_proxy.policy.rules import Action, ChannelRule, Policy, RpcRule
from tests.harness.environment import system_checks
from tests.harness.paths import ROOT
from tests.harness.processes import started_warm
from tools.ports import free_port

BACKENDS = ("diary", "family")
EXAMPLE = ROOT / "policy.example.toml"
CHANNEL_KEYS = "match, feature, tiers, sensitive, allow, max_publish_bytes, skip_history, ask_family_service"
RPC_KEYS = "match, feature, tiers, sensitive, backend, max_request_bytes"
PLAIN = "or plain text without white space and without # $ & * / { }"


def read(
    text: str, *, backends: tuple[str, ...] = BACKENDS, family_service: bool = True, max_body_bytes: int = 16777216
) -> Policy:
    return read_policy(
        text, path="policy.toml", backends=backends, family_service=family_service, max_body_bytes=max_body_bytes
    )


def problems(text: str, **options: Any) -> list[str]:
    """The problems of this file in the form that the operator sees."""
    with pytest.raises(PolicyError) as refused:
        read(text, **options)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def problem_of(rule: str, kind: str = "channels", **options: Any) -> str:
    """The problem of a file's only rule, without its place."""
    (problem,) = problems(f"[[{kind}]]\n{rule}", **options)
    place = f"policy.toml: line 1, [[{kind}]] rule 1: "
    assert problem.startswith(place)
    return problem.removeprefix(place)


def test_rules_are_read_in_the_order_of_the_file() -> None:
    policy = read("""
        [[channels]]
        match = "family:{family_id}:*"
        allow = ["subscribe", "publish"]
        feature = "chat"
        tiers = ["pro", "family"]
        max_publish_bytes = 8192
        sensitive = false
        skip_history = true
        ask_family_service = true

        [[rpc]]
        match = "diary.*"
        backend = "diary"
        feature = "diary"
        tiers = ["pro"]
        sensitive = false
        max_request_bytes = 65536

        [[channels]]
        match = "user:{user}"
        allow = ["subscribe"]
        """)

    assert policy == Policy(
        channels=(
            ChannelRule(
                match="family:{family_id}:*",
                segments=("family", "{family_id}", "*"),
                number=1,
                line=2,
                feature="chat",
                tiers=frozenset({"pro", "family"}),
                sensitive=False,
                allow=frozenset(Action),
                max_publish_bytes=8192,
                skip_history=True,
                ask_family_service=True,
            ),
            ChannelRule(
                match="user:{user}",
                segments=("user", "{user}"),
                number=2,
                line=20,
                allow=frozenset({Action.SUBSCRIBE}),
            ),
        ),
        rpc=(
            RpcRule(
                match="diary.*",
                segments=("diary", "*"),
                number=1,
                line=12,
                feature="diary",
                tiers=frozenset({"pro"}),
                sensitive=False,
                backend="diary",
                max_request_bytes=65536,
            ),
        ),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "channels = []\nrpc = []\n"])
def test_a_file_without_rules_is_valid_and_allows_nothing(text: str) -> None:
    assert read(text) == Policy()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('allow = ["subscribe"]', 'match is missing; write text such as match = "family:{family_id}".'),
        (
            'match = ""\nallow = ["subscribe"]',
            "match is ''; write text such as match = \"family:{family_id}\".",
        ),
        ('match = 7\nallow = ["subscribe"]', 'match is 7; write text such as match = "family:{family_id}".'),
        (
            f'match = [0x{"f" * 5000}]\nallow = ["subscribe"]',
            'match is a number with too many digits; write text such as match = "family:{family_id}".',
        ),
        ('match = "a"', 'allow is missing; write for example allow = ["subscribe"].'),
        ('match = "a"\nallow = []', "allow is []; write a list of one or more of subscribe, publish."),
        (
            'match = "a"\nallow = "subscribe"',
            "allow is 'subscribe'; write a list of one or more of subscribe, publish.",
        ),
        ('match = "a"\nallow = ["read"]', "allow is ['read']; write a list of one or more of subscribe, publish."),
        (
            'match = "a"\nallow = [["subscribe"]]',
            "allow is [['subscribe']]; write a list of one or more of subscribe, publish.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\nfeature = "calls"',
            "feature is 'calls'; write one of chat, diary, flowcoach.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\nfeature = ["chat"]',
            "feature is ['chat']; write one of chat, diary, flowcoach.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\nfeature = false',
            "feature is False; write one of chat, diary, flowcoach.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\ntiers = ["gold"]',
            "tiers is ['gold']; write a list of one or more of unspecified, free, pro, family.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\ntiers = []',
            "tiers is []; write a list of one or more of unspecified, free, pro, family.",
        ),
        ('match = "a"\nallow = ["subscribe"]\nsensitive = "no"', "sensitive is 'no'; write true or false."),
        ('match = "a"\nallow = ["subscribe"]\nsensitive = 0', "sensitive is 0; write true or false."),
        ('match = "a"\nallow = ["publish"]\nskip_history = 1', "skip_history is 1; write true or false."),
        *(
            (
                f'match = "a"\nallow = ["publish"]\nmax_publish_bytes = {raw}',
                f"max_publish_bytes is {seen}; write a number of bytes, 1–16777216.",
            )
            for raw, seen in (
                ("0", "0"),
                ("-1", "-1"),
                ("16777217", "16777217"),
                ('"8k"', "'8k'"),
                ("8.0", "8.0"),
                ("true", "True"),
            )
        ),
        (
            'match = "a"\nallow = ["subscribe"]\nmax_request_bytes = 1',
            f"'max_request_bytes' is not a key of this kind of rule; the keys are {CHANNEL_KEYS}.",
        ),
        (
            'match = "a"\nallow = ["subscribe"]\n"" = 1',
            f"'' is not a key of this kind of rule; the keys are {CHANNEL_KEYS}.",
        ),
    ],
)
def test_the_message_about_an_invalid_channel_rule_has_the_remedy(rule: str, expected: str) -> None:
    assert problem_of(rule) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('backend = "diary"', 'match is missing; write text such as match = "diary.*".'),
        ('match = "a"', 'backend is missing; write text such as backend = "diary".'),
        ('match = "a"\nbackend = 1', 'backend is 1; write text such as backend = "diary".'),
        (
            'match = "a"\nbackend = "calendar"',
            "backend 'calendar' is not configured; RPC_BACKENDS has diary, family: add calendar=host:port to it.",
        ),
        (
            'match = "a"\nbackend = "diary"\nmax_request_bytes = 0',
            "max_request_bytes is 0; write a number of bytes, 1–16777216.",
        ),
        (
            'match = "a"\nbackend = "diary"\nallow = ["subscribe"]',
            f"'allow' is not a key of this kind of rule; the keys are {RPC_KEYS}.",
        ),
    ],
)
def test_the_message_about_an_invalid_rpc_rule_has_the_remedy(rule: str, expected: str) -> None:
    assert problem_of(rule, "rpc") == expected


def test_the_message_about_a_backend_that_is_not_configured_names_the_variable_to_set() -> None:
    problem = problem_of('match = "a"\nbackend = "diary"', "rpc", backends=())

    assert problem == "backend 'diary' is not configured; RPC_BACKENDS is empty: add diary=host:port to it."


@pytest.mark.parametrize(
    ("kind", "rule", "key"),
    [
        ("channels", 'match = "news:*"\nallow = ["publish"]\nmax_publish_bytes = 65537', "max_publish_bytes"),
        ("rpc", 'match = "diary.*"\nbackend = "diary"\nmax_request_bytes = 65537', "max_request_bytes"),
    ],
)
def test_a_size_above_the_body_limit_is_refused(kind: str, rule: str, key: str) -> None:
    problem = problem_of(rule, kind, max_body_bytes=65536)

    assert problem == (
        f"{key} is 65537, but PROXY_MAX_BODY_BYTES refuses every request above 65536 bytes; "
        "write 65536 or less, or raise PROXY_MAX_BODY_BYTES."
    )


def test_a_policy_is_checked_against_the_configured_body_limit(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[channels]]\nmatch = "news:*"\nallow = ["publish"]\nmax_publish_bytes = 2048\n')

    at_the_limit, above = findings(file, PROXY_MAX_BODY_BYTES="2048"), findings(file, PROXY_MAX_BODY_BYTES="2047")

    assert at_the_limit == []
    assert [finding.id for finding in above] == ["centrifugo_proxy.E005"]


def test_ask_family_service_needs_the_services_address() -> None:
    rule = 'match = "a"\nallow = ["subscribe"]\nask_family_service = true'

    assert (
        problem_of(rule, family_service=False)
        == "ask_family_service is true, but FAMILY_SERVICE_GRPC_ADDRESS is not set; set it."
    )
    assert read(f"[[channels]]\n{rule}").channels[0].ask_family_service


@pytest.mark.parametrize(
    ("match", "segment"),
    [
        (":", ""), ("a:", ""), (":a", ""), ("a::b", ""), ("a b", "a b"),
        ("a:\\u00a0", "\\xa0"), ("a:\\u200b", "\\u200b"),
        ("a:b#c", "b#c"), ("$a", "$a"), ("a&b", "a&b"), ("a/b", "a/b"), ("a*", "a*"),
        ("a:**", "**"), ("a:x{user}", "x{user}"),
        ("{family}", "{family}"), ("{family_id", "{family_id"), ("{FAMILY_ID}", "{FAMILY_ID}"), ("a:\\n", "\\n"),
    ],
)  # fmt: skip
def test_a_channel_pattern_with_an_invalid_segment_is_refused(match: str, segment: str) -> None:
    problem = problem_of(f'match = "{match}"\nallow = ["subscribe"]')

    assert problem.endswith(f" has the segment '{segment}'; between colons write *, {{family_id}}, {{user}}, {PLAIN}.")


@pytest.mark.parametrize("match", [".", "a.", "a..b", "a b", "diary*", "{user}.a", "a.{family_id}", "a/b", "a.#"])
def test_a_method_pattern_with_an_invalid_segment_is_refused(match: str) -> None:
    problem = problem_of(f'match = "{match}"\nbackend = "diary"', "rpc")

    assert f"match {match!r} has the segment " in problem
    assert problem.endswith(f"; between dots write *, {PLAIN}.")


@pytest.mark.parametrize(
    "match", ["a", "*", "a:*:b", "{user}", "*:{family_id}", "ünï:🦊", "a-b_c.d", "-", "a:b:c:d:e:f"]
)
def test_valid_patterns_are_accepted(match: str) -> None:
    assert read(f'[[channels]]\nmatch = "{match}"\nallow = ["publish"]').channels[0].match == match


COVERED = [
    ("channels", "a", "a"),
    ("channels", "*", "a"),
    ("channels", "*", "{family_id}"),
    ("channels", "a:*", "a:{user}"),
    ("channels", "*:*", "a:{family_id}"),
    ("channels", "{user}", "{user}"),
    ("rpc", "a", "a"),
    ("rpc", "*", "a"),
    ("rpc", "*", "a.b.c"),
    ("rpc", "a.*", "a.b"),
    ("rpc", "a.*", "a.b.c"),
    ("rpc", "a.*", "a.b.*"),
    ("rpc", "a.*", "a.*.c"),
    ("rpc", "a.*", "a.*.*"),
    ("rpc", "*.*", "a.*"),
    ("rpc", "*.b", "a.b"),
]
UNCOVERED = [
    ("channels", "a", "b"),
    ("channels", "a:*", "a"),
    ("channels", "a:*", "a:b:c"),
    ("channels", "a:{user}", "a:*"),
    ("channels", "a:{user}", "a:{family_id}"),
    ("channels", "a:{user}", "a:b"),
    ("channels", "a:b", "a:{user}"),
    ("channels", "a:b", "a:*"),
    ("rpc", "a.*", "a"),
    ("rpc", "a.*", "b.*"),
    ("rpc", "a.b", "a.*"),
    ("rpc", "a.b.*", "a.*"),
    ("rpc", "*.b", "a.*"),
    ("rpc", "*.b", "a.b.c"),
    ("rpc", "a.*.*", "a.*"),
    ("rpc", "a.*.c", "a.*"),
]


def pair(kind: str, earlier: str, later: str) -> str:
    more = 'allow = ["subscribe"]' if kind == "channels" else 'backend = "diary"'
    return f'[[{kind}]]\nmatch = "{earlier}"\n{more}\n\n[[{kind}]]\nmatch = "{later}"\n{more}\n'


@pytest.mark.parametrize(("kind", "earlier", "later"), COVERED)
def test_a_rule_that_can_never_decide_is_refused(kind: str, earlier: str, later: str) -> None:
    assert problems(pair(kind, earlier, later)) == [
        f"policy.toml: line 5, [[{kind}]] rule 2: match '{later}' never decides, because rule 1 (line 1, '{earlier}') "
        "matches first; move this rule before rule 1, or remove it."
    ]


@pytest.mark.parametrize(("kind", "earlier", "later"), UNCOVERED)
def test_a_rule_that_can_decide_is_accepted(kind: str, earlier: str, later: str) -> None:
    policy = read(pair(kind, earlier, later))

    assert [rule.match for rule in policy.channels + policy.rpc] == [earlier, later]


@pytest.mark.parametrize(
    ("kind", "earlier", "later"), [(kind, *reversed(both)) for kind, *both in COVERED[1:] if both[0] != both[1]]
)
def test_a_rule_that_an_earlier_rule_covers_can_decide_if_it_comes_first(kind: str, earlier: str, later: str) -> None:
    policy = read(pair(kind, earlier, later))

    assert [rule.match for rule in policy.channels + policy.rpc] == [earlier, later]


def test_all_problems_are_reported_at_once_each_with_its_place() -> None:
    text = """\
[general]
name = "chat"

[[channels]]
match = "a b"
alow = ["subscribe"]
tiers = ["gold"]

[[rpc]]
match = "x"
backend = "nowhere"

[[channels]]
match = "room:*"
allow = ["subscribe"]

  [[ channels ]]  # indented
match = "room:{user}"
allow = ["subscribe"]
sensitive = 1

[[channels]]
match = "room:{user}"
allow = ["publish"]
"""

    assert problems(text) == [
        "policy.toml: the key 'general' is unknown; a policy has only [[channels]] and [[rpc]].",
        "policy.toml: line 4, [[channels]] rule 1: 'alow' is not a key of this kind of rule; "
        f"the keys are {CHANNEL_KEYS}.",
        "policy.toml: line 4, [[channels]] rule 1: match 'a b' has the segment 'a b'; between colons write "
        f"*, {{family_id}}, {{user}}, {PLAIN}.",
        "policy.toml: line 4, [[channels]] rule 1: tiers is ['gold']; "
        "write a list of one or more of unspecified, free, pro, family.",
        'policy.toml: line 4, [[channels]] rule 1: allow is missing; write for example allow = ["subscribe"].',
        "policy.toml: line 17, [[channels]] rule 3: sensitive is 1; write true or false.",
        "policy.toml: line 9, [[rpc]] rule 1: backend 'nowhere' is not configured; RPC_BACKENDS has diary, family: "
        "add nowhere=host:port to it.",
        "policy.toml: line 17, [[channels]] rule 3: match 'room:{user}' never decides, because rule 2 (line 13, "
        "'room:*') matches first; move this rule before rule 2, or remove it.",
        "policy.toml: line 22, [[channels]] rule 4: match 'room:{user}' never decides, because rule 2 (line 13, "
        "'room:*') matches first; move this rule before rule 2, or remove it.",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# one\u2028two\x85three\n[[channels]]\nmatch = 1", 2),
        ("\r\n\r\n[[channels]]\r\nmatch = 1", 3),
        ('\n[["channels"]]\nmatch = 1', 2),
        ("\n[['channels']]\nmatch = 1", 2),
        ("\nchannels = [{match = 1}]", 2),
        ("rpc = []\n\nchannels = [\n  {match = 1},\n]\n", 3),
        ("# [[channels]]\n[[channels]] # first\nmatch = 1", 2),
        ("# channels of a family\n\n\nchannels = [{match = 1}]", 4),
    ],
)
def test_a_problem_names_the_line_of_its_rule_in_every_notation(text: str, line: int) -> None:
    first, second = problems(text)

    assert first.startswith(f"policy.toml: line {line}, [[channels]] rule 1: match is 1;")
    assert second.startswith(f"policy.toml: line {line}, [[channels]] rule 1: allow is missing;")


def test_all_rules_have_the_line_of_the_first_rule_if_their_lines_are_ambiguous() -> None:
    text = '# channels\n[[channels]]\nmatch = "a"\n[[channels]]\nmatch = """\n[[channels]]\n"""\n'

    assert rule_lines(text, "channels", count=2) == [2, 2]


@pytest.mark.parametrize("text", ["channels = 1", "[channels]\nmatch = 'a'", "channels = [1]", "[channels.a]\nb = 1"])
def test_rules_in_another_form_are_refused_with_the_accepted_form(text: str) -> None:
    assert problems(text) == ["policy.toml: channels is not a list of rules; write each as [[channels]]."]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[channels]]\nmatch = family", "line 2"),
        ("[[channels]\n", "line 1"),
        ("a = 1\na = 2\n", "line 2"),
        ('[[channels]]\nmatch = "a"\nmatch = "b"\n', "line 3"),
        ("\n\n= 1", "line 3"),
        ("a = 2030-13-45", "line 1"),
    ],
)
def test_invalid_toml_is_reported_with_its_line(text: str, line: str) -> None:
    (problem,) = problems(text)

    assert problem.startswith("policy.toml: not TOML: ")
    assert f"(at {line}, column " in problem


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000])
def test_errors_of_the_toml_parser_are_reported_without_a_traceback(text: str) -> None:
    (problem,) = problems(text)

    assert problem.startswith("policy.toml: not TOML: ")


def findings(path: Path, **variables: str) -> list[Any]:
    """The messages of the system checks about this file. A token is set, so no message is about the guard."""
    return system_checks(CHANNEL_POLICY_PATH=str(path), CENTRIFUGO_PROXY_TOKEN="made-up", **variables)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\n# \xff\n", "line 2 is not UTF-8. Save the file in UTF-8."),
        ("# é".encode("latin-1"), "line 1 is not UTF-8. Save the file in UTF-8."),
        (b"match = ", "not TOML: Invalid value (at end of document)."),
        (b"[[channels]]\nallow = 1", "line 1, [[channels]] rule 1: match is missing"),
    ],
)
def test_an_unusable_policy_file_is_an_error_of_the_system_checks(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(content)

    error = findings(file)[0]

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E005", True)
    assert error.msg.startswith(f"CHANNEL_POLICY_PATH: {file}: {problem}")
    assert error.hint == "Run manage.py check_policy FILE to see every problem. policy.example.toml shows the format."


def test_each_problem_is_a_separate_error(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(pair("rpc", "a", "b"))

    assert [error.id for error in findings(file)] == ["centrifugo_proxy.E005"] * 2
    assert findings(file, RPC_BACKENDS="diary=localhost:50061") == []


@pytest.mark.parametrize(("name", "why"), [("absent", "No such file or directory"), ("", "Is a directory")])
def test_an_unreadable_policy_file_is_reported_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    (error,) = findings(tmp_path / name)

    assert error.msg == f"CHANNEL_POLICY_PATH: {tmp_path / name}: cannot be read: {why}."


def test_a_policy_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes("\ufeff[[channels]]\r\nmatch = 'a'\r\nallow = ['publish']\r\n".encode())

    assert findings(file) == []


@pytest.mark.processes
def test_a_process_with_a_bad_policy_does_not_start_and_reports_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[channels]]\nmatch = "a"\n\n[[rpc]]\nmatch = "b"\nbackend = "diary"\n')
    port = free_port()

    with started_warm(["serve"], port, CHANNEL_POLICY_PATH=str(file)) as process:
        code = process.popen.wait(20)
        stderr_text = process.stderr()

    assert code != 0
    assert "Traceback" not in stderr_text
    assert (
        f"centrifugo_proxy.E005: CHANNEL_POLICY_PATH: {file}: line 1, [[channels]] rule 1: allow is missing"
        in stderr_text
    )
    assert f"{file}: line 4, [[rpc]] rule 1: backend 'diary' is not configured" in stderr_text


def test_the_example_policy_is_valid_unchanged() -> None:
    policy = read(EXAMPLE.read_text(), backends=(), family_service=False)

    assert policy.channels[0].match == "family:{family_id}:chat"


def test_the_example_policy_is_valid_with_all_its_commented_rules_enabled() -> None:
    lines = EXAMPLE.read_text().splitlines()
    enabled = [line.removeprefix("# ") if is_code(line) else line for line in lines]

    policy = read("\n".join(enabled), backends=("diary",))

    assert [rule.ask_family_service for rule in policy.channels].count(True) == 1
    assert [rule.backend for rule in policy.rpc] == ["diary"]


def is_code(line: str) -> bool:
    """True if this is a line of a rule that is commented out."""
    return line.startswith("# [[") or (
        line.startswith("# ") and " = " in line and line[2:].split(" = ", maxsplit=1)[0].isidentifier()
    )
