"""Checks a routes file: reports faults and warnings, and explains what the routes do with a record."""

from collections.abc import Iterator, Sequence

from bridge.commands import Record
from bridge.explaining.explanation import explain
from bridge.explaining.facts import PolicyFacts, ServerFacts
from bridge.explaining.format_warnings import format_warnings
from bridge.explaining.policy_warnings import policy_warnings
from bridge.explaining.report import CheckedRoute, Report
from bridge.explaining.server_warnings import server_warnings
from bridge.explaining.warnings import Warning, warnings_of
from bridge.routing.faults import RoutesError
from bridge.routing.file import load_routes
from bridge.routing.model import Route, Routes


def check_file(
    file: str,
    *,
    server: ServerFacts | None = None,
    rules: Sequence[PolicyFacts] | None = None,
    record: Record | None = None,
    now_ms: int = 0,
) -> Report:
    """The report on a file. `server` and `rules` add warnings about routes that do not fit them.

    If `record` is given, the report explains how the bridge would handle it at `now_ms` (milliseconds since 1970). If
    the file has faults, the report contains no warnings and no explanation.
    """
    try:
        routes = load_routes(file)
    except RoutesError as error:
        return Report(file, tuple(CheckedRoute(name, line) for name, line in error.routes), error.faults)
    checked = (
        CheckedRoute(route.name, route.line, route, tuple(_warnings(route, routes, server, rules)))
        for route in routes.routes
    )
    explanation = None if record is None else explain(routes, record, now_ms)
    return Report(file, tuple(checked), explanation=explanation)


def _warnings(
    route: Route, routes: Routes, server: ServerFacts | None, rules: Sequence[PolicyFacts] | None
) -> Iterator[Warning]:
    yield from warnings_of(route, routes)
    yield from format_warnings(route)
    if server is not None:
        yield from server_warnings(route, server)
    if rules is not None:
        yield from policy_warnings(route, routes, rules)
