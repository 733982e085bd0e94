"""manage.py check_policy"""

import json
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from centrifugo_proxy.events.description import describe
from centrifugo_proxy.peers.identity import TIERS, Identity, ParentalState
from centrifugo_proxy.policy.explanation import Explanation, Surroundings, explain_channel, explain_method
from centrifugo_proxy.policy.owner import FEATURES, Owner, owner_of
from centrifugo_proxy.policy.report import Report, as_lines, as_object
from centrifugo_proxy.policy.rules import Action, Policy
from centrifugo_proxy.wiring.policy import PolicyError, load_policy
from common.exit_codes import PluginState
from common.operator_command import OperatorCommand
from fallback.admission import POOL_MARKS

REFUSED, INVALID = PluginState.WARNING, PluginState.CRITICAL
SCREEN_TIME = "screen_time"
TEXTS = ("channel", "method", "user", "family")
OWNER_OPTIONS = ("user", "family", "tier", "admin", "degraded", "fallback", "lock", "action")


class Command(OperatorCommand):
    help = (
        "Check a policy file, and explain a decision. With --channel or --method, print which rule decides, why, and\n"
        "to which service the request goes. Run this command with the environment of the service, because rules refer\n"
        "to RPC_BACKENDS and the family service. This command calls no service and changes nothing."
    )
    epilog = """\
exit codes:
  0  the file has no problems, and the request, if one is given, is allowed
  1  the file has no problems, and the request is refused
  2  the file cannot be read or used; its problems are listed
     (a mistyped option also exits with 2)
  3  unknown: the service's own environment is invalid, or the output cannot be written; the message says why

examples:
  manage.py check_policy policy.toml
  manage.py check_policy policy.toml --user u1 --family f1 --channel family:f1:chat --action publish
  manage.py check_policy policy.toml --user u1 --family f1 --lock chat --channel family:f1:chat
  manage.py check_policy policy.toml --fallback --channel news:today
  manage.py check_policy policy.toml --user u1 --family f1 --method diary.entries.list --json

docs/events.md explains the file, and what a client sees when its request is refused."""
    requires_system_checks = []  # a policy with problems would fail a check before this command lists the problems

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the policy (TOML)")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="print one JSON object (see docs/events.md)"
        )
        request = parser.add_argument_group("the request to explain")
        what = request.add_mutually_exclusive_group()
        what.add_argument("--channel", metavar="C", help="a channel to subscribe or publish to")
        what.add_argument("--method", metavar="M", help="an rpc method to call")
        request.add_argument("--action", choices=tuple(Action), help="the action on the channel (default: subscribe)")
        owner = parser.add_argument_group("the owner of the connection")
        owner.add_argument("--user", metavar="U", help="the user's id; required unless --fallback is given")
        owner.add_argument("--family", metavar="F", help="the family's id (default: no family)")
        owner.add_argument("--tier", choices=TIERS, help="the subscription tier (default: unspecified)")
        owner.add_argument("--admin", action="store_true", help="the user is an administrator; no rule depends on it")
        owner.add_argument(
            "--lock", action="append", choices=(SCREEN_TIME, *FEATURES), help="a lock that is on; may be repeated"
        )
        owner.add_argument("--degraded", action="store_true", help="identity marked the connection as degraded")
        owner.add_argument("--fallback", action="store_true", help="the connection used a ticket of the fallback pool")

    def handle(self, *args: Any, file: str, as_json: bool, **options: Any) -> None:
        if not file:
            raise CommandError("FILE is empty. Give the path of a policy.", returncode=INVALID)
        _refuse_contradictions(options)
        try:
            policy = load_policy(settings, file)
        except PolicyError as error:
            self._say(Report(file, tuple(error.problems)), as_json)
            raise SystemExit(INVALID) from None
        explanation = _explained(policy, options)
        self._say(Report(file, (), policy, explanation), as_json)
        if explanation is not None and explanation.reason is not None:
            raise SystemExit(REFUSED)

    def _say(self, report: Report, as_json: bool) -> None:
        if as_json:
            self.write_json(json.dumps(as_object(report), indent=2))
        else:
            self.stdout.write("\n".join(as_lines(report)))


def _refuse_contradictions(options: dict[str, Any]) -> None:
    """Raise CommandError for an option that is not UTF-8, that needs another option, or that contradicts another."""
    for name in TEXTS:
        if not is_text(options[name] or ""):
            raise CommandError(f"--{name} is not UTF-8.", returncode=INVALID)
    has_request = options["channel"] is not None or options["method"] is not None
    if not has_request and any(options[name] for name in OWNER_OPTIONS):
        raise CommandError("--channel or --method is missing: name the request to explain.", returncode=INVALID)
    if options["method"] is not None and options["action"]:
        raise CommandError("--action needs --channel.", returncode=INVALID)
    if has_request and not options["user"] and not options["fallback"]:
        raise CommandError("--user or --fallback is missing: name the owner of the connection.", returncode=INVALID)
    if options["fallback"] and any(options[name] for name in ("family", "tier", "admin", "lock")):
        names = "--family, --tier, --admin and --lock"
        raise CommandError(f"{names} cannot be combined with --fallback.", returncode=INVALID)


def is_text(given: str) -> bool:
    """True if the argument is valid UTF-8. Python turns invalid bytes of an argument into surrogates."""
    return given.encode(errors="ignore").decode() == given


def _explained(policy: Policy, options: dict[str, Any]) -> Explanation | None:
    surroundings = Surroundings(
        settings.RPC_BACKENDS, settings.FAMILY_SERVICE_GRPC_ADDRESS, settings.CHANNEL_SUBSCRIPTION_TTL_S
    )
    if options["channel"] is not None:
        action = Action(options["action"] or Action.SUBSCRIBE)
        return explain_channel(policy, _owner(options), options["channel"], action, surroundings)
    if options["method"] is not None:
        return explain_method(policy, _owner(options), options["method"], surroundings)
    return None


def _owner(options: dict[str, Any]) -> Owner:
    """The owner as the service reads it from the `meta` of connect."""
    if options["fallback"]:
        owner = owner_of(options["user"] or "fallback:000000000000", orjson.dumps(POOL_MARKS))
    else:
        owner = owner_of(options["user"], orjson.dumps(describe(_identity(options))))
    assert owner is not None  # noqa: S101  (for mypy: the user is not empty)
    return owner


def _identity(options: dict[str, Any]) -> Identity:
    locks = set(options["lock"] or ())
    names = {name: name.removeprefix("feature_lock_").removesuffix("_lock") for name in ParentalState._fields}
    return Identity(
        user=options["user"],
        family_id=options["family"] or "",
        subscription_tier=options["tier"] or "unspecified",
        is_admin=options["admin"],
        parental_state=ParentalState(**{field: name in locks for field, name in names.items()}),
        expire_at=0,
        degraded=options["degraded"],
    )
