"""This project as a system under test: an RS and peers as twistd processes, ordered about over their control API."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.netlab.copies import Copies
from benchmarks.netlab.site_works import site_of
from benchmarks.netlab.system import BenchError, Totals
from benchmarks.netlab.works import Work
from p2p_twisted.experiment.run.cluster import RS, Cluster
from p2p_twisted.experiment.run.netns import HostNetwork
from p2p_twisted.experiment.run.places import NetnsLauncher
from p2p_twisted.experiment.run.processes import ClusterError, Member
from p2p_twisted.web.control_client import ControlError

PORT = 4400
REPOSITORY = Path(__file__).parents[2]
ASK_SECONDS = 5.0  # between questions to a peer whose files are not all there yet: of thousands, an answer takes time
CORRUPT_PROGRAM = Path(__file__).with_name("corrupt_peer.py")


class OurSystem:
    """Peers of this project; the RS has a host of its own, behind those of the work."""

    name = "ours"
    services = 1
    can_corrupt = True

    @contextlib.contextmanager
    def start(self, network: HostNetwork, work: Work, folder: Path) -> Iterator["OurSwarm"]:
        """See System.start; its files are in the cluster's own folder, a Unix socket's path being short."""
        with Cluster(work.hosts, Hosts(network, work.corrupt), partial(_options, work)) as cluster:
            swarm = OurSwarm(cluster, work)
            swarm.fill()
            try:
                cluster.start()
                cluster.wait_for_documents(len(work.documents))
                yield swarm
            except (ClusterError, ControlError) as error:
                raise BenchError(str(error)) from error


def _options(work: Work, role: str) -> Sequence[str]:
    """Return the options of twistd for ``role``: the name of its site, if the work says that peers know it."""
    if work.told != "name" or role == RS:
        return ()
    return ("--site", f"site{site_of(work, int(role.removeprefix('peer')))}")


class Hosts(NetnsLauncher):
    """The laboratory, with this checkout's package and twistd plugins for the processes started there.

    In the host ``corrupt``, if there is one, a twistd is started that serves garbage.
    """

    def __init__(self, network: HostNetwork, corrupt: int | None) -> None:
        super().__init__(network, PORT)
        self._corrupt = corrupt

    def launch(self, role: str, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """See NetnsLauncher.launch."""
        if self.host(role) == self._corrupt:
            python, _, _, *rest = argv  # see TWISTD
            argv = [python, str(CORRUPT_PROGRAM), *rest]
        return super().launch(role, argv, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, **options)


class OurSwarm:
    """The running cluster and the downloads it started."""

    def __init__(self, cluster: Cluster, work: Work) -> None:
        self._cluster, self._work = cluster, work
        self._ids: dict[int, str] = {}
        self._unseen = {host: list(work.names) for host in work.wanting}
        self._asked = dict.fromkeys(work.wanting, 0.0)
        self._finished: dict[int, float] = {}
        self._downloads: dict[int, dict[str, Any]] = {}  # what the API said of those that have finished
        self._copies = Copies(work.documents, [self._member(host).download_dir for host in work.wanting])

    def fill(self) -> None:
        """Give every host the documents it starts with."""
        for host, names in self._work.holdings.items():
            for document in self._work.documents:
                if document.name in names:
                    shutil.copy(document, self._member(host).share_dir)

    def order(self) -> None:
        """See Swarm.order."""
        hosts = self._work.wanting
        barrier = threading.Barrier(len(hosts))

        def order(host: int) -> str:
            barrier.wait()
            return self._member(host).control.post("downloads", {"all": True})["id"]

        with ThreadPoolExecutor(len(hosts)) as pool:
            self._ids = dict(zip(hosts, pool.map(order, hosts), strict=True))

    def finished(self) -> dict[int, float]:
        """See Swarm.finished. The time is the peer's own, when its last file had been verified and renamed."""
        for host in self._work.wanting:
            if host not in self._finished and self._worth_asking(host):
                self._ask(host)
        return self._finished

    def first_copy(self) -> float | None:
        """See Swarm.first_copy."""
        return self._copies.look()

    def totals(self) -> Totals:
        """See Swarm.totals."""
        downloads = self._downloads.values()
        received, duplicate = (sum(download[key] for download in downloads) for key in ("received", "duplicate"))
        wrong = sum(source["wrong_pieces"] for download in downloads for source in download["sources"])
        return Totals(duplicate / received, wrong)

    def kill(self, host: int) -> None:
        """See Swarm.kill."""
        self._member(host).kill()

    def path(self, host: int, name: str) -> Path:
        """See Swarm.path."""
        member = self._member(host)
        return (member.share_dir if name in self._work.holdings.get(host, ()) else member.download_dir) / name

    def stop(self) -> None:
        """See Swarm.stop."""
        self._cluster.stop()

    def _member(self, host: int) -> Member:
        return self._cluster.peers[host - 1]

    def _worth_asking(self, host: int) -> bool:
        """Whether all files are there, which is seen without costing the peer any time; or else now and then."""
        unseen = self._unseen[host]
        while unseen and self.path(host, unseen[-1]).exists():
            unseen.pop()
        return not unseen or time.monotonic() - self._asked[host] > ASK_SECONDS

    def _ask(self, host: int) -> None:
        self._asked[host] = time.monotonic()
        download = self._member(host).control.get(f"downloads/{self._ids[host]}")
        if download["state"] == "done":
            self._finished[host] = download["ended"] - time.time() + time.monotonic()
            self._downloads[host] = download
        elif download["state"] in ("failed", "cancelled"):
            raise BenchError(f"the download in host {host} {download['state']}: {download['error']}")
