"""Checks of variables without an effect, or with an effect that their name does not suggest."""

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings

from realtime_site import boot
from tests.harness.environment import system_checks
from tests.harness.processes import serving, started_warm
from tools.ports import free_port

# tls.pem is valid both as a path and as a host name.
TLS_VARIABLES = ["IDENTITY_TLS_CA_FILE", "IDENTITY_TLS_CERT_FILE", "IDENTITY_TLS_KEY_FILE", "IDENTITY_TLS_SERVER_NAME"]
GUARDED = {"CENTRIFUGO_PROXY_TOKEN": "made-up"}


def findings(**variables: str) -> list[CheckMessage]:
    """The messages of the system checks with these variables."""
    return system_checks(**GUARDED, **variables)


@pytest.mark.parametrize("name", TLS_VARIABLES)
def test_e007_a_tls_variable_is_set_with_plaintext(name: str) -> None:
    (error,) = findings(**{name: "tls.pem"})

    assert (error.id, error.is_serious()) == ("centrifugo_proxy.E007", True)
    assert error.msg == (f"{name} is set, but IDENTITY_VALIDATE_NEGOTIATION_TYPE is plaintext, which does not use it.")
    assert error.hint == f"Set IDENTITY_VALIDATE_NEGOTIATION_TYPE=tls, or unset {name}."


def test_e007_names_every_variable_at_once() -> None:
    (error,) = findings(**dict.fromkeys(TLS_VARIABLES, "tls.pem"))

    assert error.msg.startswith(f"{', '.join(TLS_VARIABLES)} are set, but ")


@pytest.mark.processes
def test_w004_and_w005_name_each_variable_that_has_no_effect() -> None:
    names = {"IDENTITY_VALIDATE_DEADLINE": "9", "CENTRIFUGO_XYZZY": "9", "PROMETHEUS_MULTIPROC_DIR": "/nowhere"}

    with serving(**GUARDED, **names) as process:
        process.terminate()
        warnings = [line["message"] for line in process.lines() if line["level"] == "warn"]

    assert warnings == [
        "centrifugo_proxy.W004: IDENTITY_VALIDATE_DEADLINE is not a setting of this service and has no effect. "
        "Did you mean IDENTITY_VALIDATE_DEADLINE_MS?",
        "centrifugo_proxy.W004: CENTRIFUGO_XYZZY is not a setting of this service and has no effect. "
        "Remove it. docs/reference.md lists the settings.",
        "centrifugo_proxy.W005: PROMETHEUS_MULTIPROC_DIR is ignored: /metrics shows only the process that answers. "
        "Remove it from this process's environment.",
    ]


def test_a_process_warns_about_misspelt_variables_even_if_it_runs_no_other_check(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with override_settings(MISSPELT_VARIABLES={"BRIDGE_KAFKA_BROKER": "BRIDGE_KAFKA_BROKERS"}, IGNORED_VARIABLES={}):
        boot.check([])

    assert caplog.messages == [
        "centrifugo_proxy.W004: BRIDGE_KAFKA_BROKER is not a setting of this service and has no effect. "
        "Did you mean BRIDGE_KAFKA_BROKERS?"
    ]


@pytest.mark.processes
def test_metrics_are_those_of_this_process_even_if_prometheus_multiproc_dir_is_set() -> None:
    with serving(**GUARDED, PROMETHEUS_MULTIPROC_DIR="/nowhere") as process:
        metrics = process.http.get("/metrics")

    assert metrics.status_code == 200
    assert "realtime_build_info{" in metrics.text
    assert "process_resident_memory_bytes" in metrics.text


@pytest.mark.processes
def test_opentelemetry_variables_that_the_service_ignores_cause_warnings_and_do_not_prevent_the_start() -> None:
    unused = {"OTEL_PROPAGATORS": "b3", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many"}
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}

    with serving(**GUARDED, **exporting, **unused) as process:
        warnings = [line["message"] for line in process.lines() if line["level"] == "warn"]

    assert warnings == [
        "centrifugo_proxy.W005: OTEL_PROPAGATORS is ignored: the service reads only the headers of W3C Trace Context. "
        "Remove it from this process's environment.",
        "centrifugo_proxy.W005: OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT is ignored: the service's spans have few and short "
        "attributes. Remove it from this process's environment.",
    ]


@pytest.mark.processes
@pytest.mark.parametrize("host", ["[::]", "0.0.0.0:9730", "two words"])
def test_a_listen_host_that_is_not_an_address_aborts_startup(host: str) -> None:
    port = free_port()
    with started_warm(["serve"], port, **GUARDED, LISTEN_HOST=host) as process:
        code = process.popen.wait(20)

        assert (code, process.stdout()) == (1, "")
        assert process.stderr().startswith(f"Configuration refused:\nLISTEN_HOST is {host!r}; accepted: an IPv4 ")
