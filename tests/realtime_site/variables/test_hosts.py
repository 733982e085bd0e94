"""Addresses to listen on, and entries of ALLOWED_HOSTS."""

import pytest

from realtime_site.variables.hosts import ALLOWED_HOST, BIND_ADDRESS, allowed_hosts, bind_address, local_address


@pytest.mark.parametrize(
    "raw", ["0.0.0.0", "::", "::1", "fe80::1%eth0", "127.0.0.1", "localhost", "pod-1.realtime", "under_score", "a1.b2c"]
)
def test_the_service_can_listen_on_an_address_or_a_name(raw: str) -> None:
    assert bind_address(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "[::]",
        "[::1]",
        "0.0.0.0:9730",
        "[::]:9730",
        "localhost:9730",
        ":9730",
        "two words",
        "http://0.0.0.0",
        "*",
        "256.0.0.1",
        "1.2.3",
        "0",
        "-a",
        "a..b",
        "a" * 64,
        "a." * 126 + "bb",
        "é.example",
    ],
)
def test_a_listen_address_with_a_port_or_with_an_invalid_name_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="the port has its own variable") as refused:
        bind_address(raw)

    assert str(refused.value) == BIND_ADDRESS


@pytest.mark.parametrize(
    ("bound", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3"), ("localhost", "localhost")]
)
def test_a_server_is_reached_at_its_address_or_on_loopback_if_it_listens_on_all_addresses(
    bound: str, asked: str
) -> None:
    assert local_address(bound) == asked


def test_white_space_and_empty_entries_are_removed_from_allowed_hosts() -> None:
    entries = allowed_hosts("example.org, .example.net ,[::1],10.0.0.7,EXAMPLE.com,*,")

    assert entries == ["example.org", ".example.net", "[::1]", "10.0.0.7", "EXAMPLE.com", "*"]


@pytest.mark.parametrize(
    "entry",
    [
        "https://example.org",
        "example.org:9730",
        "example.org/",
        "*.example.org",
        "example.*",
        "two words",
        "::1",
        "[::1]:9730",
        "example.org.",
        "under_score",
        "bücher.example",
        ".",
        "",
    ],
)
def test_an_entry_that_no_host_header_can_match_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="a comma-separated list of host names") as refused:
        allowed_hosts(f"example.com,{entry}" if entry else ",")

    assert str(refused.value) == ALLOWED_HOST
