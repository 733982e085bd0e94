"""The pods behind a host name."""

import pytest

from centrifugo_proxy.fleet import survey


async def test_a_host_name_is_replaced_by_all_its_addresses_in_numerical_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(name: str, port: int) -> list[str]:
        return {"pods": ["10.0.0.10", "fd00::1", "10.0.0.9"]}[name]

    monkeypatch.setattr(survey, "resolve", resolve)

    assert await survey.addresses("pods:9730") == [
        "http://10.0.0.9:9730",
        "http://10.0.0.10:9730",
        "http://[fd00::1]:9730",
    ]
