"""Compares the bridge with Centrifugo's own Kafka consumer: `python -m bench.bridge`.

By default, one run measures the bridge and both modes of Centrifugo's consumer, one after another. Compare only the
ratios: the figures themselves depend on the machine and on its other work. In the mode "commands", which is
Centrifugo's default, a record contains a command of the server API. In the mode "headers" (publication_data_mode), a
record contains only the data, and its headers contain the channel.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from bench.parts.bridge_backlog import Backlog, Side, backlog, idle_cpu
from bench.parts.bridge_forms import OWN, Form
from bench.parts.bridge_incidents import after_kill, frozen, restarted
from bench.parts.bridge_latency import Latency, latency
from bench.parts.command import measured, parser_of
from bench.parts.kafka_stage import Stage, kafka_stage
from bench.parts.machine import describe

PARTS: Final = ("backlog", "latency", "incidents")
FEW: Final = 5_000  # events in a topic for the measurements without a backlog
MANY: Final = 20_000  # more events than the bridge reads ahead, so that it stops reading in an outage

T = TypeVar("T")
Rounds: TypeAlias = list[dict[Form, T]]


class Bar(NamedTuple):
    """A target: a minimum if `least` is true, otherwise a maximum."""

    target: float
    unit: str
    least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.target if self.least else value <= self.target

    def line(self, name: str, value: float) -> str:
        side = "at least" if self.least else "at most"
        return f"{'ok    ' if self.met(value) else 'MISSED'}  {name:<24} {value:6.2f} {self.unit}, {side} {self.target}"


RATIO: Final = "of Centrifugo's consumer"
RATIOS: Final = {
    "throughput": Bar(0.35, RATIO, least=True),
    "cpu": Bar(4.0, RATIO),
    "p50": Bar(2.0, RATIO),
    "p99": Bar(2.5, RATIO),
}
FIGURES: Final = {
    "bridge_us": Bar(25.0, "µs of the bridge's CPU for an event"),
    "after_kill_s": Bar(9.0, "s from kill -9 to the first event"),
    "after_kill_static_s": Bar(3.0, "s from kill -9 to the first event, as a static member"),
    "frozen_back_s": Bar(5.5, "s from the end of the outage to the first publication"),
    "frozen_growth": Bar(1.15, "of the memory at the pause"),
    "restarted_back_s": Bar(5.5, "s from the end of the outage to the first publication"),
    "restarted_growth": Bar(1.15, "of the memory at the pause"),
}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the selected parts in one run. The result contains a description of the machine, and all figures."""
    measures: Mapping[str, Callable[[Stage, argparse.Namespace], dict[str, Any]]] = {
        "backlog": backlogs,
        "latency": latencies,
        "incidents": incidents,
    }
    result: dict[str, Any] = {"machine": describe()}
    with kafka_stage(options.redis) as stage:
        for part in options.only or PARTS:
            result |= measures[part](stage, options)
    return result


def sides_of(stage: Stage, own: Sequence[Form], subscribers: int = 0) -> list[Side]:
    """The bridge, and then each mode of Centrifugo's consumer in `own`."""
    return [Side(stage, form, subscribers) for form in (Form.BRIDGE, *own)]


def backlogs(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Deliver a backlog with each side, `options.rounds` times. A ratio is the median of the ratios of all rounds."""
    sides = sides_of(stage, options.own, options.subscribers)
    for side in sides:
        stage.fill(side.form, options.records, 900)
    idle = [idle_cpu(side) for side in sides]
    rounds = [
        {side.form: backlog(side, each) for side, each in zip(sides, idle, strict=True)} for _ in range(options.rounds)
    ]
    return {
        "bridge_us": statistics.median(each[Form.BRIDGE].bridge_us for each in rounds),
        "backlogs": {form.value: _ratios(rounds, form) for form in options.own},
        "rounds": [{form.value: found._asdict() for form, found in each.items()} for each in rounds],
    }


def _ratios(rounds: Rounds[Backlog], own: Form) -> dict[str, float]:
    return {
        "throughput": _median(rounds, own, lambda mine, theirs: mine.per_s / theirs.per_s),
        "cpu": _median(rounds, own, lambda mine, theirs: mine.cpu_us / theirs.cpu_us),
        "cpu_centrifugo": _median(rounds, own, lambda mine, theirs: mine.centrifugo_us / theirs.cpu_us),
        "cpu_bridge": _median(rounds, own, lambda mine, theirs: mine.bridge_us / theirs.cpu_us),
        "own_us": _median(rounds, own, lambda mine, theirs: theirs.cpu_us),
    }


def _median(rounds: Rounds[T], own: Form, figure: Callable[[T, T], float]) -> float:
    """The median of `figure` over the rounds. `figure` compares the bridge with the mode `own` of the consumer."""
    return statistics.median(figure(each[Form.BRIDGE], each[own]) for each in rounds)


def latencies(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the delays from Kafka to a client with each side. A ratio is the median of the ratios of all rounds."""
    for form in (Form.BRIDGE, *options.own):
        if not stage.written[form]:
            stage.fill(form, FEW, 900)
    sides = sides_of(stage, options.own)
    rounds = [
        {side.form: latency(side, options.rate, options.seconds) for side in sides} for _ in range(options.rounds)
    ]
    return {
        "latencies": {form.value: _delays(rounds, form) for form in options.own},
        "delays": [{form.value: found._asdict() for form, found in each.items()} for each in rounds],
    }


def _delays(rounds: Rounds[Latency], own: Form) -> dict[str, float]:
    return {
        "p50": _median(rounds, own, lambda mine, theirs: mine.p50_ms / theirs.p50_ms),
        "p99": _median(rounds, own, lambda mine, theirs: mine.p99_ms / theirs.p99_ms),
    }


def incidents(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Kill the bridge and measure its recovery; then measure outages of Centrifugo. Does not measure Centrifugo's
    consumer.
    """
    if (missing := MANY - stage.written[Form.BRIDGE]) > 0:
        stage.fill(Form.BRIDGE, missing, 900)
    standing, starting = frozen(stage, options.outage), restarted(stage, options.outage)
    return {
        "after_kill_s": after_kill(stage),
        "after_kill_static_s": after_kill(stage, "bench"),
        "frozen_growth": standing.growth,
        "frozen_back_s": standing.back_s,
        "restarted_growth": starting.growth,
        "restarted_back_s": starting.back_s,
    }


def parsed() -> argparse.Namespace:
    parser = parser_of("bridge", __doc__)
    parser.add_argument("--records", type=int, default=100_000, help="events of 1 KiB in the backlog (100000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of backlogs and latencies (5)")
    parser.add_argument("--subscribers", type=int, default=0, help="clients that receive every event of a backlog (0)")
    parser.add_argument("--rate", type=int, default=300, help="events per second while latency is measured (300)")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of each round that measures latency (5)")
    parser.add_argument("--outage", type=float, default=30, help="duration of each outage in seconds (30)")
    parser.add_argument("--redis", default="", metavar="URL", help="use this Redis as Centrifugo's engine")
    modes = ", ".join(OWN)
    parser.add_argument(
        "--own", type=Form, nargs="+", choices=OWN, default=OWN, help=f"modes of Centrifugo's consumer ({modes})"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure only these parts")
    return parser.parse_args()


def lines(result: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """A line for each ratio and figure that has a target, and whether it meets the target."""
    found = []
    for form in OWN:
        ratios = {**result.get("backlogs", {}).get(form, {}), **result.get("latencies", {}).get(form, {})}
        for name, bar in RATIOS.items():
            if name in ratios:
                found.append((bar.line(f"{name}, {form}", ratios[name]), bar.met(ratios[name])))
    found += [(bar.line(name, result[name]), bar.met(result[name])) for name, bar in FIGURES.items() if name in result]
    return found


def main() -> int:
    """The exit code: 1 if a target is missed, otherwise 0."""
    options = parsed()
    result = measured(lambda: measure(options), options.json)
    for form, ratios in result.get("backlogs", {}).items():
        own = f"In the mode {form}, Centrifugo's consumer needs {ratios['own_us']:.1f} µs of CPU for an event."
        parts = (
            f"With the bridge, the bridge needs {ratios['cpu_bridge']:.2f} times as much, "
            f"and Centrifugo {ratios['cpu_centrifugo']:.2f} times as much."
        )
        sys.stdout.write(f"{own} {parts}\n")
    printed = lines(result)
    for line, _ in printed:
        sys.stdout.write(f"{line}\n")
    return 0 if all(met for _, met in printed) else 1


if __name__ == "__main__":
    sys.exit(main())
