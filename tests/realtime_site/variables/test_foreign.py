"""Environment variables that are not settings: misspelt names, and variables of libraries."""

import pytest

from realtime_site.settings import env
from realtime_site.variables.foreign import LIBRARY_VARIABLES, misspelt, take_out_library_variables

KNOWN = tuple(env.defaults)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("IDENTITY_VALIDATE_DEADLINE", "IDENTITY_VALIDATE_DEADLINE_MS"),
        ("IDENTITY_VALIDATE_DEADLINE_S", "IDENTITY_VALIDATE_DEADLINE_MS"),
        ("CENTRIFUGO_PROXY_TOKENS", "CENTRIFUGO_PROXY_TOKEN"),
        ("FALLBACK_TICKET_PATH", "FALLBACK_TICKETS_PATH"),
        ("LISTEN_PROT", "LISTEN_PORT"),
        ("PROXY_MAX_BODY_SIZE", "PROXY_MAX_BODY_BYTES"),
        ("CENTRIFUGO_ADMIN_PASSWORD", ""),
        ("BRIDGE_XYZZY", ""),
        ("SPIFFE_XYZZY", ""),
        ("FALBACK_TICKETS_PATH", "FALLBACK_TICKETS_PATH"),
        ("CENTRIFUGE_PROXY_TOKEN", "CENTRIFUGO_PROXY_TOKEN"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("listen_port", "LISTEN_PORT"),
        ("REALTIME_FALLBACK_TICKETS_PATH", "FALLBACK_TICKETS_PATH"),
        ("APP_CENTRIFUGO_PROXY_TOKEN_FILE", "CENTRIFUGO_PROXY_TOKEN_FILE"),
        ("identity-validate-grpc-address", "IDENTITY_VALIDATE_GRPC_ADDRESS"),
        ("CENTRIFUGO.PROXY.TOKEN", "CENTRIFUGO_PROXY_TOKEN"),
        ("SIPFFE_ID", "SPIFFE_ID"),
        ("OTEL_EXPORTER_OTLP_ENDPONIT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_TRACES_SAMPLER_ARGS", "OTEL_TRACES_SAMPLER_ARG"),
    ],
)
def test_a_misspelt_name_is_found_with_the_nearest_setting_if_there_is_one(name: str, nearest: str) -> None:
    assert misspelt({name: "x"}, KNOWN) == {name: nearest}


@pytest.mark.parametrize(
    "name",
    [
        *KNOWN,
        *(
            "PATH",
            "HOME",
            "DJANGO_SETTINGS_MODULE",
            "CENTRIFUGO_BIN",
            "GRPC_TRACE",
            "MYAPP_LISTEN_PORT",
            "KAFKA_LOG_LEVEL",
        ),
        *("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_INSECURE"),
        *("OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS"),
        *("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_SERVICE_VERSION"),
    ],
)
def test_settings_and_variables_of_other_programs_do_not_count_as_misspelt(name: str) -> None:
    assert misspelt({name: "x"}, KNOWN) == {}


def service_links(service: str) -> dict[str, str]:
    """The variables that Kubernetes sets in every container for a Service with this name."""
    url, port = "tcp://10.0.0.5:50051", f"{service}_PORT_50051_TCP"
    return {
        f"{service}_SERVICE_HOST": "10.0.0.5",
        f"{service}_SERVICE_PORT": "50051",
        f"{service}_SERVICE_PORT_GRPC": "50051",
        f"{service}_PORT": url,
        port: url,
        f"{port}_PROTO": "tcp",
        f"{port}_PORT": "50051",
        f"{port}_ADDR": "10.0.0.5",
    }


@pytest.mark.parametrize("service", ["IDENTITY", "CENTRIFUGO", "FAMILY_SERVICE", "IDENTITY_VALIDATE"])
def test_the_variables_that_kubernetes_sets_for_a_service_do_not_count_as_misspelt(service: str) -> None:
    assert misspelt(service_links(service), KNOWN) == {}


def test_a_single_variable_named_like_those_of_kubernetes_counts_as_misspelt() -> None:
    assert list(misspelt({"FAMILY_SERVICE_HOST": "family"}, KNOWN)) == ["FAMILY_SERVICE_HOST"]


def test_library_variables_are_removed_and_returned() -> None:
    environ = dict.fromkeys(LIBRARY_VARIABLES, "x") | {"PATH": "/bin"}

    assert take_out_library_variables(environ) == LIBRARY_VARIABLES
    assert environ == {"PATH": "/bin"}


def test_propagators_that_include_tracecontext_are_removed_without_a_report() -> None:
    environ = {"OTEL_PROPAGATORS": "tracecontext,baggage,b3", "PATH": "/bin"}

    assert take_out_library_variables(environ) == {}
    assert environ == {"PATH": "/bin"}
