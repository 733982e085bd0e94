"""Every query of the service's dashboards, run on a real Prometheus that has scraped an outage."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from tests.harness.dashboards import PanelQuery, dashboards, panels, queries
from tests.harness.prometheus import Prometheus, needs_prometheus
from tests.tools.dashboards import drawing
from tests.tools.dashboards.answers import answered, faults
from tests.tools.dashboards.play import CLAIMING, PLAIN, POOL, play, staged

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prometheus"), needs_prometheus]

QUERIES: Final = [query for query in queries() if query.dashboard != "realtime-bridge"]
OF_CLAIMS: Final = {"Claims by result", "Store by process", "Duration of a claim"}
# Panels about events that do not happen in `play`, so that 0 is right.
QUIET: Final = {
    "Connections refused",
    "Log lines dropped",
    "SVIDs from the agent",
    "Agent connected",
    "Connections to peers",
}
WITH_SPIFFE: Final = {"SVID expires in"}
UNITS: Final = {
    panel["title"]: panel["fieldConfig"]["defaults"].get("unit")
    for each in dashboards().values()
    for panel in panels(each)
}


class Played(NamedTuple):
    """Prometheus after `play`, and the number of tickets left in each process, from its /health."""

    prometheus: Prometheus
    plain_sizes: list[int]
    claiming_size: int


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with asyncio.Runner() as runner:
        opening = staged(tmp_path_factory.mktemp("dashboards"))
        stage = runner.run(opening.__aenter__())
        try:
            runner.run(play(stage))
            stage.clients.rest()
            *plain, claiming = [p.http.get("/health").json()["fallback_pool"]["size"] for p in stage.processes]
            for uid in {query.dashboard for query in QUERIES} if drawing.WANTED else ():
                drawing.draw(uid, lambda query: answered(stage.prometheus, query, job_of(query)), stage.prometheus.over)
            yield Played(stage.prometheus, plain, claiming)
        finally:
            runner.run(opening.__aexit__(None, None, None))


def job_of(query: PanelQuery) -> str:
    return CLAIMING if query.panel in OF_CLAIMS else PLAIN


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_query_returns_data_that_its_panel_can_show(played: Played, query: PanelQuery) -> None:
    series = answered(played.prometheus, query, job_of(query))

    if query.panel in WITH_SPIFFE:
        assert series == []
        return
    assert faults(query, series, share=UNITS[query.panel] == "percentunit") == []
    assert (max(each.peak for each in series) > 0) == (query.panel not in QUIET)


def of(title: str) -> PanelQuery:
    """The panel's only query."""
    [query] = [each for each in QUERIES if each.panel == title]
    return query


def test_the_timeline_shows_every_state_of_an_outage(played: Played) -> None:
    series = answered(played.prometheus, of("Outage by process"), PLAIN)

    assert {value for each in series for value in each.values} == {0, 1, 2, 3}
    assert [each.values[-1] for each in series] == [0, 0]


def test_the_connects_of_an_outage_are_shown_by_outcome(played: Played) -> None:
    series = answered(played.prometheus, of("Connects in the outage"), PLAIN)

    assert {each.labels["outcome"] for each in series if each.peak > 0} == {
        "success", "unavailable", "fallback_pool_consumed", "fallback_pool_miss", "fallback_pool_not_open",
    }  # fmt: skip


def test_tickets_left_in_total_is_the_sum_of_all_pools_or_the_shared_number_of_all_claims(played: Played) -> None:
    [plain] = answered(played.prometheus, of("Tickets left in total"), PLAIN)
    [claiming] = answered(played.prometheus, of("Tickets left in total"), CLAIMING)

    assert (plain.peak, plain.values[-1]) == (2 * POOL, sum(played.plain_sizes))
    assert (claiming.peak, claiming.values[-1]) == (POOL, played.claiming_size)
    assert sum(played.plain_sizes) < 2 * POOL


def test_a_dashboard_that_is_filtered_by_process_shows_only_that_process(played: Played) -> None:
    query = of("Connects by process")
    both = answered(played.prometheus, query, PLAIN)

    one = answered(played.prometheus, query, PLAIN, instance=both[0].labels["instance"])

    assert (len(both), [each.labels for each in one]) == (2, [both[0].labels])
