"""The system checks of the SPIFFE settings: a case for each id, and a valid configuration."""

import socket
from pathlib import Path

import pytest

from tests.centrifugo_proxy.wiring.test_checks import QUIET, ids
from tests.harness.environment import system_checks

VALID = {
    **QUIET,
    "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "spiffe",
    "IDENTITY_SPIFFE_ID": "spiffe://example.org/identity",
    "SPIFFE_ENDPOINT_SOCKET": "tcp://127.0.0.1:8081",
}


def test_a_valid_configuration_has_no_findings(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))

        assert system_checks(**VALID) == []
        assert system_checks(**{**VALID, "SPIFFE_ENDPOINT_SOCKET": f"unix://{tmp_path / 's'}"}) == []


@pytest.mark.parametrize("name", ["SPIFFE_ENDPOINT_SOCKET", "IDENTITY_SPIFFE_ID"])
def test_e009_a_variable_that_spiffe_needs_is_not_set(name: str) -> None:
    (error,) = system_checks(**{**VALID, name: ""})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E009", True)
    assert error.msg == f"{name} is not set, but IDENTITY_VALIDATE_NEGOTIATION_TYPE is spiffe."


def test_e009_the_family_service_has_no_id() -> None:
    (error,) = system_checks(**VALID, FAMILY_SERVICE_GRPC_ADDRESS="family:50051")

    assert error.msg == "FAMILY_SERVICE_SPIFFE_ID is not set, but FAMILY_SERVICE_GRPC_ADDRESS is set."


def test_e010_the_backends_and_their_ids_have_different_names() -> None:
    backends = {"RPC_BACKENDS": "diary=d:1,family=f:1", "RPC_BACKENDS_SPIFFE_IDS": "diary=spiffe://example.org/d"}
    (error,) = system_checks(**VALID, **backends)

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E010", True)
    assert error.msg == "RPC_BACKENDS has the backends: diary, family. RPC_BACKENDS_SPIFFE_IDS has: diary."


def test_e011_an_id_is_set_without_spiffe() -> None:
    (error,) = system_checks(**QUIET, IDENTITY_SPIFFE_ID="spiffe://example.org/identity")

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E011", True)
    assert error.msg == (
        "IDENTITY_SPIFFE_ID is set, but IDENTITY_VALIDATE_NEGOTIATION_TYPE is plaintext, which does not check SPIFFE "
        "IDs."
    )


@pytest.mark.parametrize("target", ["unix:/run/identity.sock", "unix-abstract:identity", "xds:///identity"])
def test_e012_connections_to_the_target_would_bypass_the_tunnel(target: str) -> None:
    (error,) = system_checks(**VALID, IDENTITY_VALIDATE_GRPC_ADDRESS=target)

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E012", True)
    assert error.msg == (
        f"IDENTITY_VALIDATE_GRPC_ADDRESS contains the target {target}. SPIFFE cannot be used for it, because it has no "
        "IP address."
    )


def test_tls_files_are_refused_with_spiffe() -> None:
    assert "centrifugo_proxy.E007" in ids(system_checks(**VALID, IDENTITY_TLS_SERVER_NAME="identity"))


def test_w006_the_socket_does_not_exist_yet(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    (warning,) = system_checks(**{**VALID, "SPIFFE_ENDPOINT_SOCKET": f"unix://{path}"})

    assert (warning.id, warning.is_serious()) == ("centrifugo_proxy.W006", False)
    assert warning.msg == f"SPIFFE_ENDPOINT_SOCKET: {path} is not a socket yet."
