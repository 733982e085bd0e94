"""Records the reports to operators about the service's SVID and its connections."""

from dataclasses import dataclass, field

from centrifugo_proxy.peers.spiffe.svid import Svid


@dataclass
class SpiffeReports:
    """Records every report."""

    taken: list[Svid] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    expired: list[Svid] = field(default_factory=list)
    agent: list[tuple[bool, str]] = field(default_factory=list)
    dials: list[tuple[str, str, str]] = field(default_factory=list)
    early: list[str] = field(default_factory=list)

    def svid_taken(self, svid: Svid) -> None:
        self.taken.append(svid)

    def svid_refused(self, problem: str) -> None:
        self.refused.append(problem)

    def svid_expired(self, svid: Svid) -> None:
        self.expired.append(svid)

    def agent_connected(self, connected: bool, status: str) -> None:
        self.agent.append((connected, status))

    def dialled(self, peer: str, result: str, problem: str) -> None:
        self.dials.append((peer, result, problem))

    def closed_early(self, peer: str, seconds: float, svid: Svid) -> None:
        self.early.append(peer)

    def results(self) -> set[str]:
        """The results of the dials."""
        return {result for _, result, _ in self.dials}
