"""What an operator reads about an error of Kafka."""

import pytest

from bridge.kafka.errors import problem


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            "diary:0: TOPIC_AUTHORIZATION_FAILED",
            "refuses access (diary:0: TOPIC_AUTHORIZATION_FAILED). "
            "Give this user the rights that are listed in docs/bridge-operations.md (Security).",
        ),
        (
            "_AUTHENTICATION",
            "refuses the user or the password (_AUTHENTICATION). Check BRIDGE_KAFKA_SASL_MECHANISM, "
            "BRIDGE_KAFKA_SASL_USER and BRIDGE_KAFKA_SASL_PASSWORD.",
        ),
        (
            "_SSL",
            "and the bridge cannot agree on TLS (_SSL). Check BRIDGE_KAFKA_TLS_CA_FILE, BRIDGE_KAFKA_TLS_CERT_FILE "
            "and BRIDGE_KAFKA_TLS_KEY_FILE, and the brokers' certificates.",
        ),
        (
            "letters:1: OFFSET_NOT_AVAILABLE",
            "answers, but cannot serve this request now (letters:1: OFFSET_NOT_AVAILABLE). Look at the brokers: "
            "a broker may be down, or a partition may have no leader or too few in-sync replicas.",
        ),
        (
            "letters:1: _TIMED_OUT",
            "answers, but cannot serve this request now (letters:1: _TIMED_OUT). Look at the brokers: "
            "a broker may be down, or a partition may have no leader or too few in-sync replicas.",
        ),
        (
            "_TRANSPORT",
            "does not answer, or refuses connections (_TRANSPORT). "
            "Check BRIDGE_KAFKA_BROKERS and BRIDGE_KAFKA_SECURITY.",
        ),
    ],
)
def test_each_kind_of_error_names_what_to_check(error: str, text: str) -> None:
    assert problem(error) == text
