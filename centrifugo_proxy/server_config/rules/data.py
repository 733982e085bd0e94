"""Findings about the data of publications."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, Proxy
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

FORMAT: Final = "publication_data_format"  # an option of v6, for all channels or for one namespace
JSON_FORMATS: Final = frozenset({"json", "json_object"})


@RULES.rule("binary-publications", Severity.WARNING)
def binary_publications(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """With base64, Centrifugo also sends data that is not JSON to the publish proxy."""
    for proxy in ours(configuration, facts):
        if proxy.event == "publish" and proxy.binary_encoding.value and _publishes_any_data(configuration, proxy):
            yield Problem(
                proxy.binary_encoding.path,
                "A client that uses the Protobuf protocol can publish data that is not JSON. Centrifugo then closes "
                "the connection of every subscriber that uses the JSON protocol (3506), and SDKs do not reconnect.",
                "If all clients use the Protobuf protocol, no action is needed. Otherwise set it to false"
                + (f", or set {FORMAT} of these channels to json." if configuration.major == 6 else "."),
            )


def _publishes_any_data(configuration: Configuration, proxy: Proxy) -> bool:
    """True if a namespace that uses this proxy accepts data that is not JSON."""
    default = configuration.text(f"channel.{FORMAT}")
    formats = [
        str(namespace.options.get(FORMAT) or default)
        for namespace in configuration.namespaces
        if namespace.name in proxy.users
    ]
    return not JSON_FORMATS.issuperset(formats)
