"""The guard, over HTTP, with secrets from the environment."""

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from centrifugo_proxy.protocol.guard import REASONS
from tests.harness.bodies import PERMISSION_DENIED
from tests.harness.environment import service_settings_from
from tests.harness.identity import IdentityStub
from tests.harness.service import Service, connect_body, service

BODY = json.dumps(connect_body("a-ticket")).encode()
Headers = list[tuple[str, str]]


def signed(key: str, body: bytes = BODY) -> Headers:
    """The header that a signing gateway sends."""
    return [("X-Centrifugo-Proxy-Signature", hmac.digest(key.encode(), body, hashlib.sha256).hex())]


def token(value: str) -> Headers:
    return [("X-Centrifugo-Proxy-Token", value)]


def bearer(value: str) -> Headers:
    return [("Authorization", f"Bearer {value}")]


async def status_of(running: Service, headers: Headers, body: bytes = BODY) -> int:
    """The status of the answer to a connect with these headers."""
    response = await running.http.post("/centrifugo/connect", content=body, headers=headers)
    return response.status_code


async def refusals(running: Service) -> dict[str, float]:
    """The guard's refusals by reason."""
    samples = {reason: f'realtime_guard_refusals_total{{reason="{reason}"}}' for reason in REASONS}
    return {reason: await running.metric(sample) for reason, sample in samples.items()}


SECRET = {"CENTRIFUGO_PROXY_SECRET": "signing-key"}
TOKEN = {"CENTRIFUGO_PROXY_TOKEN": "shared-token"}
BOTH = {**SECRET, **TOKEN}


@pytest.mark.parametrize(
    ("variables", "headers"),
    [
        ({}, []),
        (SECRET, signed("signing-key")),
        (SECRET, [(name, value.upper()) for name, value in signed("signing-key")]),
        (TOKEN, token("shared-token")),
        (TOKEN, bearer("shared-token")),
        (TOKEN, [("authorization", "bearer shared-token")]),
        (BOTH, signed("signing-key") + token("shared-token")),
        (BOTH, signed("signing-key") + bearer("shared-token")),
    ],
    ids=["none", "signature", "upper hex", "token", "bearer", "bearer in lower case", "both", "both, bearer"],
)
async def test_a_caller_with_every_required_signature_and_token_is_accepted(
    identity: IdentityStub, variables: dict[str, str], headers: Headers
) -> None:
    async with service(identity.address, **service_settings_from(**variables)) as running:
        status = await status_of(running, headers)

    assert status == 200
    assert len(identity.calls) == 1


@pytest.mark.parametrize(
    ("variables", "headers", "reason"),
    [
        (SECRET, [], "signature_missing"),
        (SECRET, [("X-Centrifugo-Proxy-Signature", "")], "signature_missing"),
        (SECRET, token("signing-key"), "signature_missing"),
        (SECRET, signed("another-key"), "signature_mismatch"),
        (SECRET, signed("signing-key", BODY + b" "), "signature_mismatch"),
        (SECRET, [(name, value[:-1]) for name, value in signed("signing-key")], "signature_mismatch"),
        (SECRET, [(name, f"sha256={value}") for name, value in signed("signing-key")], "signature_mismatch"),
        (SECRET, signed("signing-key") * 2, "signature_mismatch"),
        (SECRET, signed("another-key") + signed("signing-key"), "signature_mismatch"),
        (TOKEN, [], "token_missing"),
        (TOKEN, token(""), "token_missing"),
        (TOKEN, bearer(""), "token_missing"),
        (TOKEN, [("Authorization", "Basic shared-token")], "token_missing"),
        (TOKEN, [("Authorization", "shared-token")], "token_missing"),
        (TOKEN, token("shared-toke"), "token_mismatch"),
        (TOKEN, token("shared-tokens"), "token_mismatch"),
        (TOKEN, token("Shared-token"), "token_mismatch"),
        (TOKEN, bearer("another-token"), "token_mismatch"),
        (TOKEN, token("another-token") + bearer("shared-token"), "token_mismatch"),
        (TOKEN, token("shared-token") * 2, "token_mismatch"),
        (TOKEN, token("another-token") + token("shared-token"), "token_mismatch"),
        (TOKEN, bearer("shared-token") + bearer("shared-token"), "token_mismatch"),
        (BOTH, [], "signature_missing"),
        (BOTH, token("shared-token"), "signature_missing"),
        (BOTH, signed("signing-key"), "token_missing"),
        (BOTH, signed("another-key") + token("shared-token"), "signature_mismatch"),
        (BOTH, signed("signing-key") + token("another-token"), "token_mismatch"),
        (BOTH, signed("shared-token") + token("signing-key"), "signature_mismatch"),
    ],
)
async def test_a_caller_without_a_required_signature_or_token_is_refused_and_counted_by_reason(
    identity: IdentityStub, variables: dict[str, str], headers: Headers, reason: str
) -> None:
    async with service(identity.address, **service_settings_from(**variables)) as running:
        before = await refusals(running)
        response = await running.http.post("/centrifugo/connect", content=BODY, headers=headers)
        after = await refusals(running)

    assert (response.status_code, response.json()) == (403, PERMISSION_DENIED)
    assert {name: after[name] - before[name] for name in after} == {name: float(name == reason) for name in REASONS}
    assert identity.calls == []


@pytest.mark.parametrize("variable", ["CENTRIFUGO_PROXY_SECRET", "CENTRIFUGO_PROXY_TOKEN"])
async def test_during_a_rotation_the_old_and_the_new_value_are_accepted(identity: IdentityStub, variable: str) -> None:
    prove = signed if variable.endswith("SECRET") else token
    settings = service_settings_from(**{variable: "new", f"{variable}_PREVIOUS": "old"})

    async with service(identity.address, **settings) as running:
        statuses = [await status_of(running, prove(value)) for value in ("new", "old", "older")]

    assert statuses == [200, 200, 403]


@pytest.mark.parametrize("variable", ["CENTRIFUGO_PROXY_SECRET", "CENTRIFUGO_PROXY_TOKEN"])
async def test_after_a_rotation_the_old_value_is_refused(identity: IdentityStub, variable: str) -> None:
    prove = signed if variable.endswith("SECRET") else bearer
    settings = service_settings_from(**{variable: "new"})

    async with service(identity.address, **settings) as running:
        statuses = [await status_of(running, prove(value)) for value in ("new", "old")]

    assert statuses == [200, 403]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"], ids=["bare", "newline", "CRLF"])
@pytest.mark.parametrize(
    "variable",
    [
        "CENTRIFUGO_PROXY_SECRET",
        "CENTRIFUGO_PROXY_SECRET_PREVIOUS",
        "CENTRIFUGO_PROXY_TOKEN",
        "CENTRIFUGO_PROXY_TOKEN_PREVIOUS",
    ],
)
async def test_each_secret_can_be_read_from_a_file(
    identity: IdentityStub, tmp_path: Path, variable: str, ending: bytes
) -> None:
    prove = signed if "SECRET" in variable else token
    file = tmp_path / "secret"
    file.write_bytes(b"from-the-file" + ending)
    settings = service_settings_from(**{f"{variable}_FILE": str(file)})

    async with service(identity.address, **settings) as running:
        statuses = [await status_of(running, prove(value)) for value in ("from-the-file", str(file))]

    assert statuses == [200, 403]


async def test_a_new_value_in_a_file_and_an_old_one_in_a_variable_are_both_accepted(
    identity: IdentityStub, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("new\n")
    settings = service_settings_from(CENTRIFUGO_PROXY_TOKEN_FILE=str(file), CENTRIFUGO_PROXY_TOKEN_PREVIOUS="old")

    async with service(identity.address, **settings) as running:
        statuses = [await status_of(running, token(value)) for value in ("new", "old", "older")]

    assert statuses == [200, 200, 403]


async def test_a_secret_that_looks_like_a_reference_to_a_variable_is_used_as_it_is(identity: IdentityStub) -> None:
    async with service(identity.address, **service_settings_from(CENTRIFUGO_PROXY_TOKEN="$HOME")) as running:
        status = await status_of(running, token("$HOME"))

    assert status == 200


async def test_a_signature_covers_the_bytes_of_the_body_and_not_the_parsed_json(identity: IdentityStub) -> None:
    spaced = json.dumps(connect_body("a-ticket"), indent=2).encode()

    async with service(identity.address, **service_settings_from(**SECRET)) as running:
        statuses = [await status_of(running, signed("signing-key", BODY), spaced)]
        statuses += [await status_of(running, signed("signing-key", spaced), spaced)]

    assert statuses == [403, 200]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"\xff"], ids=["empty", "not JSON", "not UTF-8"])
async def test_the_guard_checks_a_request_before_it_is_parsed(identity: IdentityStub, body: bytes) -> None:
    async with service(identity.address, **service_settings_from(**TOKEN)) as running:
        refused = await status_of(running, [], body)
        passed = await status_of(running, token("shared-token"), body)

    assert (refused, passed) == (403, 400)


@pytest.mark.parametrize("event", ["connect", "refresh", "subscribe", "sub_refresh", "publish", "rpc"])
async def test_the_guard_protects_every_event(identity: IdentityStub, event: str) -> None:
    async with service(identity.address, **service_settings_from(**TOKEN)) as running:
        response = await running.http.post(f"/centrifugo/{event}", content=BODY)

    assert (response.status_code, response.json()) == (403, PERMISSION_DENIED)
    assert identity.calls == []


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
async def test_probes_and_scrapes_need_no_signature_and_no_token(identity: IdentityStub, path: str) -> None:
    async with service(identity.address, **service_settings_from(**BOTH)) as running:
        response = await running.http.get(path)

    assert response.status_code == 200


async def test_a_refusal_never_quotes_the_request(identity: IdentityStub, caplog: pytest.LogCaptureFixture) -> None:
    sent = token("guessed-token") + bearer("guessed-bearer") + signed("guessed-key")

    async with service(identity.address, **service_settings_from(**BOTH)) as running:
        response = await running.http.post("/centrifugo/connect", content=BODY, headers=sent)
        output = caplog.text + response.text + (await running.http.get("/metrics")).text

    assert response.status_code == 403
    assert not [value for value in ["guessed-token", "guessed-bearer", sent[2][1], "a-ticket"] if value in output]


async def test_a_request_that_the_guard_refuses_has_no_connect_outcome(identity: IdentityStub) -> None:
    sample = 'realtime_proxy_requests_total{outcome="refused",type="connect"}'

    async with service(identity.address, **service_settings_from(**TOKEN)) as running:
        before = await running.metric(sample), await connects(running)
        await status_of(running, [])
        after = await running.metric(sample), await connects(running)

    assert (after[0] - before[0], after[1] - before[1]) == (1, 0)


async def connects(running: Service) -> float:
    """The number of connects with an outcome."""
    return sum((await running.metrics("realtime_centrifugo_connect_total")).values())
