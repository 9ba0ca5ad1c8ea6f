"""A client as a student may write it: python student_client.py HOST RS_PORT OWN_PORT FOLDER DOCUMENT [FAULT...].

It registers, asks who is there, fetches the indexes and then the document from one who has it, and leaves. Each FAULT
makes it wrong in one way.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

HOST, RS_PORT, OWN_PORT, FOLDER, DOCUMENT, *FAULTS = sys.argv[1:]
RS = (HOST, int(RS_PORT))
COOKIE = Path(FOLDER) / "cookie"


def ask(address: tuple[str, int], what: str, data: str) -> tuple[int, bytes]:
    """Send a request; return the status and the data of the answer."""
    text = f"{what} P2P_DI_1.0\nHost {HOST}\nOS Linux\n\n{data}"
    with socket.create_connection(address, 10) as connection:
        connection.sendall((text.rstrip("\n") if "no-end" in FAULTS else text).encode())
        answer = connection.recv(65536)
        while "one-read" not in FAULTS and (part := connection.recv(65536)):
            answer += part
    head, _, body = answer.replace(b"\r\n", b"\n").partition(b"\n\n")
    return (200 if "no-status" in FAULTS else int(head.split()[0])), body


def fetch(peers: list[tuple[str, int]], data: str) -> bytes | None:
    """Fetch the document from the first peer that has it."""
    for peer in peers:
        try:
            status, index = ask(peer, "GET INDEX", "")
            if status == 200 and DOCUMENT.partition(".")[0] in index.decode():
                status, content = ask(peer, "GET FILE", data)
                if status == 200:
                    return content
        except OSError:
            if "no-next" in FAULTS:
                return None
    return None


def main() -> None:
    known = COOKIE.read_text() if COOKIE.exists() else ""
    status, body = ask(RS, "Register NULL", f"cookie:{known}\nport:{OWN_PORT}\n")
    if status != 200:
        sys.exit("the RS refuses to register this client")
    cookie = body.decode().strip().partition(":")[2] or "0"
    COOKIE.write_text(cookie)
    me = f"cookie:{'7' if 'other-cookie' in FAULTS else cookie}\nport:{OWN_PORT}\n"
    status, body = ask(RS, "PQuery NULL", me)
    lines = [line.split() for line in body.decode().splitlines()] if status == 200 else []
    peers = [(line[0], int(line[1])) for line in lines if line[1] != OWN_PORT]
    if "no-list" in FAULTS:
        peers[0]
    name, _, kind = DOCUMENT.partition(".")
    content = fetch(peers, f"{name}.{kind}.{kind}\n\n" if "wrong-name" in FAULTS else f"{name}\n{kind}\n")
    if content:
        (Path(FOLDER) / DOCUMENT).write_bytes(content)
    if "no-leave" not in FAULTS:
        ask(RS, "Leave NULL", me)


if __name__ == "__main__":
    main()
