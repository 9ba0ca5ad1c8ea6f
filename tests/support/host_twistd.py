"""``twistd`` verbs in the hosts of a network of namespaces."""

from __future__ import annotations

import os
from pathlib import Path

from p2p_twisted.experiment.run.netns import HostNetwork
from tests.support.twistd import ROOT, TWISTD, Home, status, wait_for


def start_in(network: HostNetwork, host: int, user: Home, *arguments: str) -> Path:
    """Start a twistd verb in `host`; return its state folder when it answers there."""
    state = user.home / f"host{host}"
    command = [*TWISTD, "-n", *arguments, "--state-dir", str(state)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (user.home / f"host{host}.log").open("wb") as log:
        network.popen(host, command, cwd=user.here, env=environment, stdout=log, stderr=log)
    wait_for(lambda: status(state))
    return state
