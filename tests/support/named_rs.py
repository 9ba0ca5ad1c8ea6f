"""A peer that is given a name alone, for which SRV records name two RS; the first that it uses is killed.

Runs in namespaces of its own, of the network and of mounts, where /etc/resolv.conf names a DNS server of its own:
``unshare --net --mount python -m tests.support.named_rs FOLDER``. Prints the member ``rs`` of the peer's status before
and after.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from p2p_twisted.web.control_client import ControlClient
from tests.support.twistd import ROOT, home, status, wait_for

HOSTS = {"127.0.0.2": "a.example", "127.0.0.3": "b.example"}
SERVICE = "_p2p-rs._tcp.rs.example"
PORT = 65431


def use_own_dns(folder: Path) -> subprocess.Popen[bytes]:
    """Start the DNS server, and have this namespace ask it."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"],
    ):
        subprocess.run(command, check=True)
    records = [f"{name} A {address}" for address, name in HOSTS.items()]
    records += [f"{SERVICE} SRV 10 1 {PORT} {name}" for name in HOSTS.values()]
    return subprocess.Popen([sys.executable, "-m", "tests.support.dns_server", *records], cwd=ROOT)


def main(folder: Path) -> list[Any]:
    """Return the status of the RS of the peer, before and after."""
    server = use_own_dns(folder)
    try:
        with home() as user:
            rs = {host: start_rs(user, folder / host, host) for host in HOSTS}
            state = user.state("peer")
            user.start(state, "p2p-peer", "--rs", "rs.example", "--listen", "tcp:0:interface=127.0.0.1")
            before = wait_for(lambda: (found := status(state)["rs"])["registered"] and found)
            rs[before["address"]].kill()
            client = ControlClient(state)
            client.post("refresh", timeout=30)
            after = wait_for(lambda: (found := client.get("status")["rs"])["address"] != before["address"] and found)
            client.close()
            return [before, after]
    finally:
        server.kill()


def start_rs(user: Any, state: Path, host: str) -> subprocess.Popen[str]:
    """Start an RS at `host`."""
    listen = f"tcp:{PORT}:interface={host}"
    started: subprocess.Popen[str] = user.start(
        state, "p2p-rs", "--listen", listen, "--state-dir", str(state), "--registry", "memory"
    )
    return started


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
