"""`manage.py simulate_outage`: it passes with any valid settings, and it detects a service that breaks a rule."""

import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from centrifugo_proxy.management.outage_simulation import Build
from centrifugo_proxy.protocol.codes import ResponseMode
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.wiring.assembly import assemble
from centrifugo_proxy.wiring.runtime import Runtime
from fallback.outage import OutageDetector, OutageEnded, OutageOpened
from fallback.tickets import TicketPool
from tests.documents.runbook import assert_as_documented, section
from tests.harness.bodies import UNAVAILABLE
from tests.harness.django_settings import Settings
from tests.harness.manage import run_manage


def simulate(*arguments: str, **options: Any) -> tuple[int, str]:
    """The exit code and the output."""
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("simulate_outage", *arguments, stdout=output, **options)
    return int(ended.value.code or 0), output.getvalue()


def simulated_json(*arguments: str, **options: Any) -> tuple[int, dict[str, Any]]:
    code, output = simulate("--json", *arguments, **options)
    return code, json.loads(output)


def wrong_steps(report: dict[str, Any]) -> list[str]:
    return [step["name"] for step in report["steps"] if not step["ok"]]


def test_the_timeline_has_each_step_with_its_time_and_its_answer() -> None:
    code, report = simulated_json()

    assert (code, report["ok"]) == (0, True)
    assert [(step["name"], step["at_ms"], step["seen"]["status"]) for step in report["steps"]] == [
        ("healthy: a good ticket", 0, 200),
        ("healthy: a pool ticket", 0, 503),
        ("identity fails: a pool ticket at once", 0, 503),
        ("still inside the window: a pool ticket", 5000, 503),
        ("degraded: a pool ticket", 5001, 200),
        ("degraded: the same ticket again", 5001, 503),
        ("degraded: a ticket that is not in the pool", 5001, 503),
        ("identity is back, no probe yet", 65_000, 503),
        ("recovery: a good ticket", 65_002, 200),
        ("identity fails anew: a pool ticket", 65_002, 503),
    ]
    assert report["steps"][1]["seen"]["body"] == UNAVAILABLE


def test_the_text_output_shows_each_step_with_its_answer() -> None:
    code, output = simulate()

    lines = output.splitlines()
    assert code == 0
    assert lines[6:8] == [
        "ok        0.000 s  identity down  identity fails: a pool ticket at once",
        '      503 {"disconnect":{"code":4503,"reason":"ticket validation temporarily unavailable"}} '
        "(identity called; not degraded; pool tickets left: 2)",
    ]
    assert lines[-1] == "Every step as expected."


@pytest.mark.parametrize("probe_interval_ms", [0, 100, 60000])
@pytest.mark.parametrize("window_ms", [0, 1, 2500, 86_400_000])
@pytest.mark.parametrize(("mode", "code"), [("http", 4503), ("envelope", 4103), ("envelope", 4999)])
def test_the_simulation_passes_in_each_mode_with_short_and_long_windows_and_probe_intervals(
    settings: Settings, mode: str, code: int, window_ms: int, probe_interval_ms: int
) -> None:
    settings.CENTRIFUGO_RESPONSE_MODE = ResponseMode(mode)
    settings.CENTRIFUGO_UNAVAILABLE_CODE = code
    settings.FALLBACK_DEGRADED_WINDOW_MS = window_ms
    settings.IDENTITY_PROBE_INTERVAL_MS = probe_interval_ms

    ended, report = simulated_json()

    assert (ended, wrong_steps(report)) == (0, [])
    assert len(report["steps"]) == (10 if probe_interval_ms else 9)
    refused_step = report["steps"][1]["seen"]
    assert (refused_step["status"], refused_step["body"]["disconnect"]["code"]) == (
        503 if mode == "http" else 200,
        code,
    )


@pytest.mark.parametrize("secret", ["", "CENTRIFUGO_PROXY_SECRET", "CENTRIFUGO_PROXY_SECRET_PREVIOUS"])
@pytest.mark.parametrize("token", ["", "CENTRIFUGO_PROXY_TOKEN", "CENTRIFUGO_PROXY_TOKEN_PREVIOUS"])
def test_the_simulation_passes_with_every_combination_of_guard_secrets(
    settings: Settings, secret: str, token: str
) -> None:
    for name in filter(None, (secret, token)):
        setattr(settings, name, f"value-of-{name}")

    ended, report = simulated_json()

    assert (ended, wrong_steps(report)) == (0, [])


def test_the_simulation_reads_the_guards_token_from_a_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a-made-up-token\n")
    settings.CENTRIFUGO_PROXY_TOKEN_FILE = str(path)

    assert simulate()[0] == 0


@pytest.mark.parametrize("fields", [frozenset(), frozenset({"family_id"})], ids=len)
def test_info_has_the_configured_fields(settings: Settings, fields: frozenset[str]) -> None:
    settings.CENTRIFUGO_INFO_FIELDS = fields

    ended, report = simulated_json()

    result = report["steps"][0]["seen"]["body"]["result"]
    assert ended == 0
    assert set(result["info"]) == fields
    assert set(result["meta"]) == {"family_id", "subscription_tier", "is_admin", "parental_state"}


def test_a_pool_connection_expires_after_the_configured_time(settings: Settings) -> None:
    settings.FALLBACK_CONNECT_TTL_S = 3000

    _, report = simulated_json()

    steps = {step["name"]: step for step in report["steps"]}
    assert report["configuration"]["connect_ttl_s"] == 3000
    assert steps["degraded: a pool ticket"]["ok"]
    expire_at = steps["degraded: a pool ticket"]["seen"]["body"]["result"]["expire_at"]
    assert expire_at == pytest.approx(time.time() + 3000, abs=60)


def test_with_the_realtime_option_the_simulation_waits_for_the_window_and_for_the_probe(settings: Settings) -> None:
    settings.FALLBACK_DEGRADED_WINDOW_MS = 500
    settings.IDENTITY_PROBE_INTERVAL_MS = 100

    ended, report = simulated_json("--realtime")

    at_ms = [step["at_ms"] for step in report["steps"]]
    assert (ended, report["realtime"], wrong_steps(report)) == (0, True, [])
    assert at_ms[4] > 500
    assert at_ms[8] >= at_ms[4] + 100


def test_the_realtime_option_is_refused_if_the_degraded_window_is_too_short(settings: Settings) -> None:
    settings.FALLBACK_DEGRADED_WINDOW_MS = 499

    with pytest.raises(CommandError, match="--realtime needs a FALLBACK_DEGRADED_WINDOW_MS of at least 500") as refused:
        call_command("simulate_outage", "--realtime")

    assert refused.value.returncode == 1


def test_the_output_says_if_the_deployment_has_no_pool() -> None:
    assert simulate()[1].splitlines()[1] == (
        "Note: this deployment has no fallback pool (status disabled). The simulation uses a pool of its own. "
        "In a real outage, this deployment would refuse every connection."
    )
    assert simulated_json()[1]["configuration"]["pool_status"] == "disabled"


def test_the_json_output_has_the_fields_that_the_runbook_lists(settings: Settings) -> None:
    settings.IDENTITY_PROBE_INTERVAL_MS = 1000

    assert_as_documented(simulated_json()[1], "### simulate_outage --json")


def test_the_simulated_outage_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        simulate()
        logging.getLogger("centrifugo_proxy").info("logging is back")

    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == ["logging is back"]


def test_the_gauges_still_show_the_real_service_after_a_simulation() -> None:
    metrics.POOL_SIZE.set_function(lambda: 42)

    simulate()

    [gauge] = metrics.POOL_SIZE.collect()
    assert gauge.samples[0].value == 42


class NeverOpens(OutageDetector):
    def failed(self, call: int, now: float) -> None:
        """Ignores every failure."""


class OpensAtTheWindow(OutageDetector):
    def failed(self, call: int, now: float) -> OutageOpened | None:
        return super().failed(call, now + 0.001 if self.failing else now)


class NeverEnds(OutageDetector):
    def answered(self, call: int, now: float) -> OutageEnded | None:
        return None


class AlwaysCalls(OutageDetector):
    @property
    def calls_identity(self) -> bool:
        return True


class IgnoresProbes(OutageDetector):
    def probe_answered(self, call: int, now: float) -> OutageEnded | None:
        return None


class KeepsTheFirstStart(OutageDetector):
    """Measures every outage from the start of the first one."""

    first: float | None = None

    def failed(self, call: int, now: float) -> OutageOpened | None:
        if self.first is None:
            self.first = now
        if not self.failing:
            super().failed(call, self.first)
        return super().failed(call, now)


@dataclass(slots=True)
class AcceptsTwice(TicketPool):
    def consume(self, ticket: str) -> bool:
        return ticket in self


@dataclass(slots=True)
class AcceptsAnyTicket(TicketPool):
    def consume(self, ticket: str) -> bool:
        TicketPool.consume(self, ticket)
        return True


def with_detector(detector: type[OutageDetector]) -> Build:
    """A function like `assemble`, but with this detector."""

    def build(*args: Any, **kwargs: Any) -> Runtime:
        real = kwargs["admission"]
        changed = replace(real, detector=detector(real.detector.window_s, probing=real.detector.probing))
        return assemble(*args, **{**kwargs, "admission": changed})

    return build


def with_pool(pool: type[TicketPool]) -> Build:
    """A function like `assemble`, but with this pool."""

    def build(*args: Any, **kwargs: Any) -> Runtime:
        runtime = assemble(*args, **kwargs)
        real = runtime.admission.pool
        return with_admission(runtime, pool=pool(real._digests, real.low_watermark, real.initial_size))

    return build


def with_admission(runtime: Runtime, **parts: Any) -> Runtime:
    admission = replace(runtime.admission, **parts)
    return with_event(replace(runtime, admission=admission), admission=admission)


def with_event(runtime: Runtime, **parts: Any) -> Runtime:
    handler = runtime.events["connect"]
    changed = handler._replace(event=replace(handler.event, **parts))  # type: ignore[type-var]
    return replace(runtime, events={**runtime.events, "connect": changed})


def with_connect(**parts: Any) -> Build:
    """A function like `assemble`, but with other values in the connect event."""

    def build(*args: Any, **kwargs: Any) -> Runtime:
        runtime = assemble(*args, **kwargs)
        return with_event(runtime, **parts)

    return build


def with_runtime(**parts: Any) -> Build:
    """A function like `assemble`, but with other parts in the runtime."""

    def build(*args: Any, **kwargs: Any) -> Runtime:
        return replace(assemble(*args, **kwargs), **parts)

    return build


def with_ttl(connect_ttl_s: int) -> Build:
    """A function like `assemble`, but connections on pool tickets have this TTL."""

    def build(*args: Any, **kwargs: Any) -> Runtime:
        return with_admission(assemble(*args, **kwargs), connect_ttl_s=connect_ttl_s)

    return build


@pytest.mark.parametrize(
    ("build", "first_wrong"),
    [
        (with_detector(NeverOpens), "degraded: a pool ticket"),
        (with_detector(OpensAtTheWindow), "still inside the window: a pool ticket"),
        (with_detector(NeverEnds), "identity fails anew: a pool ticket"),
        (with_detector(AlwaysCalls), "degraded: the same ticket again"),
        (with_detector(IgnoresProbes), "recovery: a good ticket"),
        (with_detector(KeepsTheFirstStart), "identity fails anew: a pool ticket"),
        (with_pool(AcceptsTwice), "degraded: a pool ticket"),
        (with_pool(AcceptsAnyTicket), "degraded: the same ticket again"),
        (with_connect(unavailable_code=4000), "healthy: a pool ticket"),
        (with_connect(info_fields=frozenset()), "healthy: a good ticket"),
        (with_runtime(mode=ResponseMode.ENVELOPE), "healthy: a pool ticket"),
        (with_ttl(299), "degraded: a pool ticket"),
    ],
)
def test_the_simulation_detects_a_service_that_breaks_a_rule(
    settings: Settings, build: Callable[..., Runtime], first_wrong: str
) -> None:
    settings.IDENTITY_PROBE_INTERVAL_MS = 1000

    ended, report = simulated_json(build=build)

    assert (ended, report["ok"]) == (2, False)
    assert wrong_steps(report)[0] == first_wrong


def test_a_wrong_step_is_shown_with_the_expected_answer() -> None:
    ended, output = simulate(build=with_detector(NeverOpens))

    lines = output.splitlines()
    at = lines.index("WRONG     5.001 s  identity down  degraded: a pool ticket")
    assert ended == 2
    assert lines[at + 1].startswith('      503 {"disconnect"')
    assert lines[at + 2].startswith('      expected: 200 {"result":{"user":"fallback:')
    assert lines[-1] == "6 of 10 steps went wrong."


@pytest.mark.processes
def test_a_real_process_does_not_change_the_real_pool_and_prints_no_ticket_or_secret(tmp_path: Path) -> None:
    tickets = [secrets.token_urlsafe(32) for _ in range(3)]
    path = tmp_path / "pool.tickets"
    path.write_text("\n".join(tickets))
    path.chmod(0o600)
    token = secrets.token_urlsafe(16)

    ended = run_manage(
        "simulate_outage",
        "--json",
        FALLBACK_TICKETS_PATH=str(path),
        FALLBACK_LOW_WATERMARK="0",
        CENTRIFUGO_PROXY_TOKEN=token,
        CENTRIFUGO_RESPONSE_MODE="envelope",
    )

    report = json.loads(ended.stdout)
    assert (ended.returncode, report["ok"], report["configuration"]["pool_status"]) == (0, True, "loaded")
    assert ended.stderr == ""
    assert not [value for value in (token, *tickets) if value in ended.stdout]
    assert path.read_text() == "\n".join(tickets)


@pytest.mark.processes
def test_the_runbook_shows_the_output_of_a_service_with_a_pool(tmp_path: Path) -> None:
    path = tmp_path / "pool.tickets"
    path.write_text("\n".join(secrets.token_urlsafe(32) for _ in range(1000)))

    ended = run_manage("simulate_outage", FALLBACK_TICKETS_PATH=str(path), CENTRIFUGO_INFO_FIELDS="")

    shown = section("### simulate_outage").partition("\n```\n")[2].partition("```\n")[0]
    assert without_varying_values(ended.stdout) == without_varying_values(shown)


def without_varying_values(output: str) -> str:
    """The output without the fallback user and the expiry time, which differ in each run."""
    return re.sub(r'"fallback:[0-9a-f]{12}"|"expire_at":[0-9]+', "…", output)


@pytest.mark.processes
def test_a_configuration_with_which_the_service_would_not_start_is_not_simulated(tmp_path: Path) -> None:
    ended = run_manage("simulate_outage", FALLBACK_TICKETS_PATH=str(tmp_path / "pool"), FALLBACK_DEGRADED_WINDOW_MS="0")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "fallback.E001" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.processes
@pytest.mark.parametrize(("window_ms", "code"), [("86400000", 0), ("999999999999999999", 1)])
def test_the_longest_window_is_simulated_and_a_longer_one_is_refused(window_ms: str, code: int) -> None:
    ended = run_manage("simulate_outage", FALLBACK_DEGRADED_WINDOW_MS=window_ms)

    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)


@pytest.mark.processes
def test_help_explains_the_exit_codes() -> None:
    ended = run_manage("simulate_outage", "--help")

    assert ended.returncode == 0
    for line in (
        "  0  every step had the expected answer",
        "  1  nothing was simulated",
        "  2  a step had another answer",
    ):
        assert line in ended.stdout
    assert "manage.py simulate_outage --realtime" in ended.stdout
