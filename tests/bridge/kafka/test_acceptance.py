"""Properties that the Kafka library refuses."""

from secrets import token_hex

import pytest

from bridge.kafka.acceptance import check_properties
from bridge.kafka.connection import Group, KafkaConnection, Properties
from bridge.kafka.errors import PropertyRefused
from tests.harness.paths import ROOT

FILE = "BRIDGE_KAFKA_CONFIG_PATH: the Kafka library refuses the property {}: its name or its value is not accepted."
SETTINGS = "The Kafka library refuses {}: check the BRIDGE_KAFKA_… settings."


def refusal_of(connection: KafkaConnection) -> str:
    with pytest.raises(PropertyRefused) as refused:
        check_properties(connection)
    return str(refused.value)


def is_accepted(connection: KafkaConnection, group: Group) -> bool:
    try:
        check_properties(connection, group)
    except PropertyRefused:
        return False
    return True


@pytest.mark.parametrize("name", ["no.such", "ssl.endpoint.identification.algorithm", "fetch.wait.max.ms", "acks.x"])
def test_a_refused_property_of_the_file_is_named_without_its_value(name: str) -> None:
    value = f"x{token_hex()}"

    message = refusal_of(KafkaConnection("127.0.0.1:1", more={"client.rack": "r", name: value}))

    assert message == FILE.format(name)


@pytest.mark.parametrize(
    "name", ["error_cb", "stats_cb", "throttle_cb", "oauth_cb", "on_commit", "delivery.report.only.error"]
)
def test_a_property_whose_value_cannot_be_text_is_refused_and_named(name: str) -> None:
    assert refusal_of(KafkaConnection("k:1", more={name: "true"})) == FILE.format(name)


def test_a_refusal_that_names_no_property_points_to_the_file_if_there_is_one() -> None:
    message = refusal_of(KafkaConnection("k:1", more={"default.topic.config": "acks=1"}))

    assert message == FILE.replace("the property {}", "a property")


def test_a_property_of_the_file_that_contradicts_another_is_named() -> None:
    assert refusal_of(KafkaConnection("k:1", more={"session.timeout.ms": "400000"})) == FILE.format(
        "session.timeout.ms"
    )


def test_a_refused_property_that_comes_from_a_setting_is_named() -> None:
    connection = KafkaConnection("k:1", security="tls", cert_file=str(ROOT / "README.md"), key_file="/nowhere")

    assert refusal_of(connection) == SETTINGS.format("the property ssl.certificate.location")


def test_without_a_file_a_refusal_that_names_no_property_points_to_the_settings() -> None:
    connection = KafkaConnection("k:1", security="sasl_tls", sasl_mechanism="x", sasl_user="u", sasl_password="p")

    assert refusal_of(connection) == SETTINGS.format("a property")


@pytest.mark.parametrize("more", [{}, {"session.timeout.ms": "20000", "linger.ms": "7", "client.rack": "r"}])
@pytest.mark.parametrize("group", [Group("g"), Group("g", protocol="consumer"), Group("g", instance="i", reset="fail")])
def test_the_default_properties_and_valid_additional_ones_are_accepted(more: Properties, group: Group) -> None:
    classic = {} if group.protocol == "consumer" else more

    assert is_accepted(KafkaConnection("k:1", more=classic), group)
