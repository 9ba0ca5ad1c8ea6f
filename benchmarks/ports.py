"""Processes on loopback, with their ports kept for whoever reaches them without the control API."""

from p2p_twisted.experiment.run.processes import Loopback


class Ports(Loopback):
    """Loopback, remembering who has which port."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: dict[str, int] = {}

    def port(self, role: str) -> int:
        """See Loopback.port."""
        self.ports[role] = super().port(role)
        return self.ports[role]
