"""Run a program as systemd does with a socket unit.

``python -m tests.support.systemd_activation HOST PORT PROGRAM ARGUMENT ...``

The program has the process id of this one, and the listening socket as descriptor 3.
"""

from __future__ import annotations

import os
import socket
import sys

FIRST = 3
"""The first descriptor that is passed."""


def main(host: str, port: str, *program: str) -> None:
    """Listen at `host` and `port`, and become `program`."""
    [(family, *_, address)] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen()
    if listening.fileno() != FIRST:
        os.dup2(listening.fileno(), FIRST)
    os.set_inheritable(FIRST, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="p2p", LISTEN_PID=str(os.getpid()))
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
