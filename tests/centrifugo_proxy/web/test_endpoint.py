from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.web.endpoint import SERVICES


def test_each_event_has_the_service_that_the_log_names_when_its_call_fails() -> None:
    assert set(SERVICES) == set(EVENTS)
