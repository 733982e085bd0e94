"""Turns a decision into an HTTP status and a body, by response mode.

Centrifugo reads only the body of a 200 (https://centrifugal.dev/docs/server/proxy#http-proxy), so mode `envelope` sends
the answers with a status of ENVELOPED as 200.
"""

from typing import Final

from centrifugo_proxy.events.decision import Decision
from centrifugo_proxy.protocol import answers
from centrifugo_proxy.protocol.codes import REFRESH_EVENTS, ResponseMode

ENVELOPED: Final = frozenset({401, 500, 503})


def respond(decision: Decision, mode: ResponseMode, event: str = "connect") -> tuple[int, bytes]:
    """Status and body. Guard refusals and bad requests keep their status in both modes: they must be visible as errors.

    Failures of refresh and sub_refresh keep theirs too: an error in a 200 would end the connection or subscription.
    Mode `envelope` marks the error of a failure as temporary, so that the client tries again.
    """
    if mode is ResponseMode.HTTP or decision.status not in ENVELOPED or event in REFRESH_EVENTS:
        return decision.status, answers.render(decision.answer)
    answer = decision.answer
    if isinstance(answer, answers.Error):
        answer = answer._replace(temporary=True)
    return 200, answers.render(answer)
