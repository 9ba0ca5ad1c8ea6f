"""A downloader that serves nothing but garbage, in a swarm of real twistd processes."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from p2p_twisted.experiment.run.processes import Loopback
from tests.support.raw_sockets import System, wait_for

from .test_kill_peer import NAME, order

pytestmark = pytest.mark.slow

DATA = random.Random(10).randbytes(24 * 2**20)
PROGRAM = Path(__file__).parents[2] / "benchmarks" / "netlab" / "corrupt_peer.py"


class OneCorrupt(Loopback):
    """Starts processes on loopback; peer2 sends garbage in place of files."""

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """See Loopback.launch."""
        if role == "peer2":
            python, _, _, *rest = argv  # see processes.TWISTD
            argv = [python, str(PROGRAM), *rest]
        return super().launch(role, argv, **options)


def test_it_is_given_few_of_the_pieces_that_nobody_else_has() -> None:
    """A third of the file, if it were given its share, would have to be sent again.

    The peers name one site: else they may take one another for machines elsewhere, with the rates limited on loopback.
    """
    with Cluster(4, OneCorrupt(), lambda role: () if role == "rs" else ("--up-rate", "3M", "--site", "one")) as cluster:
        source, corrupt, *honest = cluster.peers
        (source.share_dir / NAME).write_bytes(DATA)
        cluster.start()
        cluster.wait_for_documents(1)
        ids = [order(downloader) for downloader in (corrupt, *honest)]
        for downloader, id_ in zip((corrupt, *honest), ids, strict=True):
            found = wait_for(downloader.control, id_)
            assert (found["state"], (downloader.download_dir / NAME).read_bytes() == DATA) == ("done", True), found
            wrong = sum(one["wrong_pieces"] for one in found["sources"])
            assert (wrong > 0) == (downloader is not corrupt)
        assert source.control.get("status")["uploaded"] < 1.22 * len(DATA)
        assert System(cluster).complaints() == []
