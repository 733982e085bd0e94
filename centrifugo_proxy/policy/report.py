"""The report of check_policy, for people and for programs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from centrifugo_proxy.policy.explanation import Explanation
from centrifugo_proxy.policy.rules import Policy, Reason, Rule
from common.counted import counted
from common.printable import printable


class Report(NamedTuple):
    """`policy` is None if there are problems. `explanation` is None if there are problems or no request was given."""

    file: str
    problems: tuple[str, ...]
    policy: Policy | None = None
    explanation: Explanation | None = None


def as_lines(report: Report) -> list[str]:
    """The report as lines for people."""
    file, problems, policy, explanation = report
    file = printable(file)
    if policy is None:
        return [*problems, f"{file}: {counted(len(problems), 'problem')}; the service would not start."]
    if explanation is None:
        channels, rpc = counted(len(policy.channels), "rule"), counted(len(policy.rpc), "rule")
        return [f"{file}: no problems; {channels} for channels, {rpc} for rpc."]
    return list(_paragraph(file, explanation))


def _paragraph(file: str, explanation: Explanation) -> Iterator[str]:
    yield f"{'REFUSED' if explanation.reason else 'ALLOWED'}: {explanation.why}."
    if explanation.rule is not None:
        yield f"Decided by {_named(file, explanation.kind, explanation.rule)}."
    for step in explanation.next_steps:
        yield f"Then: {step}."
    if explanation.client_error is not None:
        code, message = explanation.client_error
        temporary = " (temporary: a later attempt may succeed)" if _is_temporary(explanation) else ""
        yield f"The client gets error {code}: {message}{temporary}"
    if explanation.passed_over:
        yield "Rules that do not match:"
    for rule, why in explanation.passed_over:
        yield f"  {_named(file, explanation.kind, rule)}: {why}"


def _named(file: str, kind: str, rule: Rule) -> str:
    return f"[[{kind}]] rule {rule.number} ({Path(file).name}, line {rule.line}), match {rule.match!r}"


def as_object(report: Report) -> dict[str, Any]:
    """The report for programs. Its keys are stable."""
    file, problems, policy, explanation = report
    return {
        "file": file,
        "problems": list(problems),
        "rules": policy and {"channels": len(policy.channels), "rpc": len(policy.rpc)},
        "decision": explanation and _decision(explanation),
    }


def _decision(explanation: Explanation) -> dict[str, Any]:
    client_error = explanation.client_error
    temporary = {"temporary": True} if _is_temporary(explanation) else {}
    return {
        "allowed": explanation.reason is None,
        "why": explanation.why,
        "rule": explanation.rule and _place(explanation.kind, explanation.rule),
        "then": list(explanation.next_steps),
        "error": client_error and {"code": client_error[0], "message": client_error[1], **temporary},
        "passed_over": [{**_place(explanation.kind, rule), "why": why} for rule, why in explanation.passed_over],
    }


def _is_temporary(explanation: Explanation) -> bool:
    """True if the client error is temporary. SDKs then repeat a subscribe, but not a publish or an rpc."""
    return explanation.reason is Reason.DEGRADED


def _place(kind: str, rule: Rule) -> dict[str, Any]:
    return {"kind": kind, "number": rule.number, "line": rule.line, "match": rule.match}
