"""Take a registration over: ``python -m benchmarks.attacks.thief RS-HOST RS-PORT PORT SECONDS``.

Registers at PORT of this host with an empty cookie once a second, in 1.0 and 1.1 in turn. Prints a JSON list: whether
each was granted.
"""

import json
import socket
import sys
import time

from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import Register, Request, Version

TIMEOUT = 5.0
"""Seconds to wait for an answer."""


def register(rs: tuple[str, int], port: int, version: Version) -> bool:
    """Return whether a Register without a cookie was granted. Raises OSError."""
    with socket.create_connection(rs, TIMEOUT) as sock:
        sock.sendall(encode_request(Request(Register(None, port), version, "a", "b")))
        return sock.recv(65536).startswith(b"200")


def main() -> None:
    host, rs_port, port, seconds = sys.argv[1:]
    granted = []
    for turn in range(int(seconds)):
        try:
            granted.append(register((host, int(rs_port)), int(port), (Version.V10, Version.V11)[turn % 2]))
        except OSError:
            granted.append(False)
        time.sleep(1)
    print(json.dumps(granted), flush=True)


if __name__ == "__main__":
    main()
