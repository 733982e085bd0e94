"""Tracks whether Kafka answers this process."""

import logging

logger = logging.getLogger("bridge")


class Reachability:
    """`reachable` is None until Kafka has answered or failed. Logs each new problem once, and its end."""

    def __init__(self) -> None:
        self.reachable: bool | None = None
        self._problem = ""

    def failed(self, reason: str) -> None:
        """Note that Kafka cannot be reached; `reason` is the library's name of the error."""
        if self.reachable is not False or self._problem != reason:
            logger.warning("Kafka does not answer; reconnecting", extra={"error": reason})
        self.reachable = False
        self._problem = reason

    def answered(self) -> None:
        """Note that Kafka has answered."""
        if self.reachable is False:
            logger.info("Kafka answers again")
        self.reachable = True
        self._problem = ""
