"""Findings about the time for which Centrifugo keeps a connection that is not accepted yet."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.generate import PATIENT_STALE_CLOSE_MS, SDK_STEPS_MS
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

OPTION: Final = {6: "client.stale_close_delay", 5: "client_stale_close_delay"}
CENTRIFUGOS_DEFAULT: Final = "10s"


@RULES.rule("stale-close-delay", Severity.ERROR)
def stale_close_delay(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    path, delay_ms = _stale_close_delay(configuration)
    longest_ms = facts.deadline("connect").ms
    if 0 < delay_ms <= longest_ms:
        yield Problem(
            path,
            f"If a connection is not accepted within {delay_ms:g} ms, Centrifugo closes it with 3502 (stale). The "
            f"service may need {longest_ms} ms for its answer. SDKs do not reconnect after 3502.",
            f"Set it well above the connect proxy's timeout, and to {PATIENT_STALE_CLOSE_MS // 1000}s or more.",
        )


@RULES.rule("stale-close-delay-short", Severity.WARNING)
def stale_close_delay_short(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    path, delay_ms = _stale_close_delay(configuration)
    proxied = any(proxy.event == "connect" for proxy in ours(configuration, facts))
    if proxied and facts.deadline("connect").ms < delay_ms <= SDK_STEPS_MS:
        yield Problem(
            path,
            f"If a connection is not accepted within {delay_ms:g} ms, Centrifugo closes it with 3502 (stale). SDKs do "
            f"not reconnect after 3502. An SDK itself waits for up to {SDK_STEPS_MS} ms, and then tries again. If the "
            "network is slow or Centrifugo is busy, Centrifugo may close the connection first. A client that the "
            "service would have accepted then stops permanently.",
            f"Set it to {PATIENT_STALE_CLOSE_MS // 1000}s or more.",
        )


def _stale_close_delay(configuration: Configuration) -> tuple[str, float]:
    """The option's path, and its value in milliseconds. The value is 0 if it is not a duration."""
    option = configuration.option(OPTION[configuration.major])
    try:
        return option.path, float(milliseconds(CENTRIFUGOS_DEFAULT if option.value is None else option.value))
    except (ValueError, OverflowError):
        return option.path, 0.0
