"""The effect of the OTEL_* variables."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from realtime_site.variables.trace_options import Sampling, TraceOptions, trace_options
from tests.harness.environment import settings_from


def options_from(**variables: str) -> TraceOptions | None:
    """The options of this environment."""
    settings: Any = SimpleNamespace(**settings_from(**variables))
    return trace_options(settings)


def test_the_defaults_export_to_a_collector_on_this_machine() -> None:
    assert options_from() == TraceOptions(
        endpoint="http://localhost:4318/v1/traces",
        service_name="aim2be-realtime-service",
        sampling=Sampling(1.0, parent_based=True),
        headers={},
        timeout_s=3.0,
        gzip=False,
        ca_file="",
        client_certificate="",
        client_key="",
        delay_s=5.0,
    )


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector"}, "https://collector/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/otlp"}, "http://collector:4318/otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/v1/traces"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces:4318"}, "http://traces:4318"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all"},
            "http://traces/x",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces/x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""},
            "http://traces/x",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all"},
            "http://all/v1/traces",
        ),
    ],
)
def test_a_base_url_gets_the_path_of_traces_and_a_full_url_is_not_changed(
    variables: dict[str, str], endpoint: str
) -> None:
    options = options_from(**variables)

    assert options is not None
    assert options.endpoint == endpoint


@pytest.mark.parametrize("variables", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_otel_sdk_disabled_and_otel_traces_exporter_can_each_turn_tracing_off(variables: dict[str, str]) -> None:
    assert options_from(**variables, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://traces/x") is None


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("always_on", Sampling(1.0, parent_based=False)),
        ("always_off", Sampling(0.0, parent_based=False)),
        ("traceidratio", Sampling(0.25, parent_based=False)),
        ("parentbased_always_on", Sampling(1.0, parent_based=True)),
        ("parentbased_always_off", Sampling(0.0, parent_based=True)),
        ("parentbased_traceidratio", Sampling(0.25, parent_based=True)),
        ("", Sampling(0.25, parent_based=True)),
    ],
)
def test_only_ratio_samplers_use_the_argument(sampler: str, expected: Sampling) -> None:
    options = options_from(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="0.25")

    assert options is not None
    assert options.sampling == expected


def test_each_variable_for_traces_replaces_the_one_for_all_signals() -> None:
    for_all = {
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a,authorization=Bearer%20t%2Cu",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1000",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/all/ca.pem",
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/all/tls.crt",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/all/tls.key",
    }
    for_traces = {
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-tenant=b",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2000",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/traces/ca.pem",
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "/traces/tls.crt",
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "/traces/tls.key",
    }

    without, with_traces = options_from(**for_all), options_from(**for_all, **for_traces)

    assert without is not None
    assert with_traces is not None
    assert without[3:] == (
        {"x-tenant": "a", "authorization": "Bearer t,u"}, 1.0, True, "/all/ca.pem", "/all/tls.crt", "/all/tls.key", 5.0,
    )  # fmt: skip
    assert with_traces[3:] == (
        {"x-tenant": "b"}, 2.0, False, "/traces/ca.pem", "/traces/tls.crt", "/traces/tls.key", 5.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
    ],
)
def test_an_unsupported_value_is_refused_with_the_accepted_values(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is '{value}'; accepted: "):
        options_from(**{name: value})


@pytest.mark.parametrize(
    "value", ["s3same", "=s3same", "na me=s3same", "name=s3%0Asame", "a=b,s3same", "name=s3\u20acsame"]
)
def test_headers_that_cannot_be_sent_are_refused_without_being_shown(value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        options_from(OTEL_EXPORTER_OTLP_HEADERS=value)

    assert str(refused.value) == (
        "OTEL_EXPORTER_OTLP_HEADERS is set, but cannot be read; "
        "accepted: a comma-separated list of name=value, with percent-encoded values."
    )
