"""SPIFFE IDs and the address of the Workload API in settings."""

import pytest

from centrifugo_proxy.peers.spiffe.ids import (
    endpoint_socket,
    grpc_target,
    is_workload_id,
    named_ids,
    trust_domain,
    workload_ids,
)


@pytest.mark.parametrize(
    "text", ["spiffe://example.org/a", "spiffe://a-b_c.d/x/Y/1.2_3-4", "spiffe://example.org/...", "spiffe://e/a/..b"]
)
def test_a_valid_workload_id_is_accepted(text: str) -> None:
    assert is_workload_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "spiffe://example.org", "spiffe://example.org/", "spiffe://Example.org/a", "SPIFFE://example.org/a",
        "spiffe://example.org//a", "spiffe://example.org/a/", "spiffe://example.org/./a", "spiffe://example.org/..",
        "spiffe://example.org/a?b", "spiffe://example.org/a#b", "spiffe://user@example.org/a", "spiffe:///a",
        "spiffe://example.org:80/a", "https://example.org/a", "spiffe://example.org/a b", "spiffe://example.org/é",
        "spiffe://example.org/a\n", f"spiffe://example.org/{'a' * 2048}",
    ],
)  # fmt: skip
def test_an_invalid_workload_id_is_refused(text: str) -> None:
    assert not is_workload_id(text)


def test_a_list_of_ids_has_one_trust_domain_and_at_most_eight_ids() -> None:
    assert workload_ids(" spiffe://a/x , spiffe://a/y ") == ("spiffe://a/x", "spiffe://a/y")
    assert workload_ids("") == ()
    for raw in ("spiffe://a/x,spiffe://b/x", ",".join(f"spiffe://a/{n}" for n in range(9)), "spiffe://a/x,nonsense"):
        with pytest.raises(ValueError, match="a comma-separated list of up to eight IDs"):
            workload_ids(raw)


def test_a_list_of_named_ids_has_each_name_once() -> None:
    assert named_ids("diary=spiffe://a/d, family=spiffe://a/f") == {"diary": "spiffe://a/d", "family": "spiffe://a/f"}
    for raw in ("diary=spiffe://a/d,diary=spiffe://a/e", "=spiffe://a/d", "diary", "diary=nonsense"):
        with pytest.raises(ValueError, match="each name once"):
            named_ids(raw)


@pytest.mark.parametrize(
    ("socket", "target"),
    [
        ("unix:///run/spire/agent.sock", "unix:/run/spire/agent.sock"),
        ("tcp://127.0.0.1:8081", "ipv4:127.0.0.1:8081"),
        ("tcp://[::1]:8081", "ipv6:[::1]:8081"),
    ],
)
def test_a_workload_api_address_in_the_form_of_the_standard_is_accepted(socket: str, target: str) -> None:
    assert grpc_target(endpoint_socket(socket)) == target


@pytest.mark.parametrize(
    "socket",
    [
        *("/run/agent.sock", "unix://run/agent.sock", "unix:/run/a", "tcp://agent:80", "x"),
        *("tcp://999.1.1.1:80", "tcp://10.0.0.1:0", "tcp://10.0.0.1:65536", "tcp://[10.0.0.1]:80", "tcp://[::g]:80"),
    ],
)
def test_a_workload_api_address_in_another_form_is_refused(socket: str) -> None:
    with pytest.raises(ValueError, match="unix:///path/of/socket"):
        endpoint_socket(socket)


def test_the_trust_domain_is_the_first_part_of_an_id() -> None:
    assert trust_domain("spiffe://example.org/a/b") == "spiffe://example.org"
