"""Allowed hosts, and the request counters, which have the names of django-prometheus."""

import pytest

from tests.harness.identity import IdentityStub
from tests.harness.service import service

BY_VIEW = "django_http_requests_total_by_view_transport_method_total"
BY_STATUS = "django_http_responses_total_by_status_total"


@pytest.mark.parametrize("host", ["example.org", "EXAMPLE.ORG:9730", "a.example.net", "example.net"])
async def test_an_allowed_host_is_served(host: str) -> None:
    async with service(ALLOWED_HOSTS=["example.org", ".example.net"]) as running:
        response = await running.http.get("/nowhere", headers={"Host": host})

    assert (response.status_code, response.json()) == (404, {"error": {"code": 404, "message": "not found"}})


@pytest.mark.parametrize("host", ["example.com", "www.example.org", "example.org.evil", "", "[::1", "a b"])
@pytest.mark.parametrize("path", ["/centrifugo/connect", "/nowhere", "/healthy", "/metrics/"])
async def test_another_host_is_refused_except_on_the_paths_of_probes_and_scrapes(host: str, path: str) -> None:
    async with service(ALLOWED_HOSTS=["example.org", ".example.net"]) as running:
        response = await running.http.get(path, headers={"Host": host})

    assert (response.status_code, response.json()) == (400, {"error": {"code": 400, "message": "host not allowed"}})


@pytest.mark.parametrize("host", ["10.1.2.3:9730", "[fd00::7]:9730", "pod-1", "an other"])
@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
async def test_probes_and_scrapes_are_answered_for_any_host(path: str, host: str) -> None:
    async with service(ALLOWED_HOSTS=["example.org"]) as running:
        response = await running.http.get(path, headers={"Host": host})

    assert response.status_code == 200


async def test_no_ticket_is_redeemed_for_a_request_with_another_host(identity: IdentityStub) -> None:
    async with service(identity.address, ALLOWED_HOSTS=["example.org"]) as running:
        response = await running.connect(headers={"Host": "example.com"})

    assert response.status_code == 400
    assert identity.calls == []


async def test_by_default_every_host_is_served() -> None:
    async with service() as running:
        response = await running.http.get("/nowhere", headers={"Host": "what ever"})

    assert response.status_code == 404


async def counted(sample: str, method: str, path: str) -> float:
    """The increase of this sample of /metrics after one request."""
    async with service() as running:
        await running.http.request(method, path)
        before = await running.metric(sample)
        await running.http.request(method, path)
        return await running.metric(sample) - before


@pytest.mark.parametrize(
    ("method", "path", "view"),
    [("GET", "/health", "health"), ("POST", "/centrifugo/rpc", "rpc"), ("GET", "/any/where", "not-found")],
)
async def test_a_request_is_counted_by_its_view_and_method(method: str, path: str, view: str) -> None:
    sample = f'{BY_VIEW}{{method="{method}",transport="http",view="{view}"}}'

    assert await counted(sample, method, path) == 1


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/centrifugo/rpc", 405)])
async def test_a_response_is_counted_by_its_status(path: str, status: int) -> None:
    assert await counted(f'{BY_STATUS}{{status="{status}"}}', "GET", path) == 1


async def test_unknown_methods_share_one_label() -> None:
    sample = f'{BY_VIEW}{{method="<invalid method>",transport="http",view="not-found"}}'

    assert await counted(sample, "BREW", "/any/where") == 1
