"""Turns a decision into an HTTP status and a body, by response mode.

Centrifugo reads a body only if the status is 200: https://centrifugal.dev/docs/server/proxy#http-proxy
So mode `envelope` sends an answer as 200 if its status is in ENVELOPED.
"""

from typing import Final

from centrifugo_proxy.events.decision import Decision
from centrifugo_proxy.protocol import answers
from centrifugo_proxy.protocol.codes import REFRESH_EVENTS, ResponseMode

ENVELOPED: Final = frozenset({401, 500, 503})


def respond(decision: Decision, mode: ResponseMode, event: str = "connect") -> tuple[int, bytes]:
    """The status and the body. Mode `envelope` marks the error of a failure as temporary: the client then tries again.

    Guard refusals and bad requests keep their status in both modes, because they must be visible as errors. Failures of
    refresh and sub_refresh also keep their status: an error with status 200 would end the connection or subscription.
    """
    if mode is ResponseMode.HTTP or decision.status not in ENVELOPED or event in REFRESH_EVENTS:
        return decision.status, answers.render(decision.answer)
    answer = decision.answer
    if isinstance(answer, answers.Error):
        answer = answer._replace(temporary=True)
    return 200, answers.render(answer)
