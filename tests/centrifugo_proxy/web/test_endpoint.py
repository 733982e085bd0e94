from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.web.endpoint import SERVICES


def test_every_event_has_a_service_name_for_the_log() -> None:
    assert set(SERVICES) == set(EVENTS)
