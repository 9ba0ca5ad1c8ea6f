"""A registration server as a student writes it: python student_rs.py PORT [TTL]."""

import random
import socket
import sys
import threading
import time

TTL = int(sys.argv[2]) if len(sys.argv) > 2 else 7200
PHRASES = {200: "OK", 300: "BAD_REQUEST", 403: "FORBIDDEN"}
VERSIONS = ("P2P_DI_1.0", "P2P-DI_1.0", "P2P-DI/1.0")
peers = {}  # cookie -> [host, port, time until which the peer is active]
lock = threading.Lock()


def number(line, *labels):
    label, _, digits = line.partition(":")
    if label not in labels or not digits.isdigit():
        raise ValueError(f"expected {labels[0]} and a number, not {line!r}")
    return int(digits)


def read_request(file):
    def line():
        text = file.readline(8192)
        if not text.endswith("\n"):
            raise ValueError("a line is too long, or the request is not complete")
        return text.rstrip("\r\n")

    method, document, version = line().split(" ")
    if method not in ("Register", "Leave", "KeepAlive", "PQuery") or document != "NULL" or version not in VERSIONS:
        raise ValueError(f"no such message here: {method} {document} {version}")
    heads = sorted((line(), line()))
    if line() or not heads[0].startswith(("Host ", "Host: ")) or not heads[1].startswith(("OS ", "OS: ")):
        raise ValueError("expected Host, OS and an empty line")
    first = line()
    new = method == "Register" and first == "cookie:"
    cookie, port = None if new else number(first, "cookie"), number(line(), "port", "cookie")
    if not 1 <= port <= 65535:
        raise ValueError("port must be from 1 to 65535")
    return method, cookie, port


def answer(method, cookie, port, host):
    if method == "Register" and cookie is None:
        while cookie is None or cookie in peers:
            cookie = random.randrange(1, 2**31)
        peers[cookie] = [host, port, 0]
    peer = peers.get(cookie)
    if peer is None or (method != "Register" and peer[1] != port):
        return 403, "no peer is registered with this cookie and port\n"
    if method in ("PQuery", "Leave") and peer[2] < time.monotonic():
        return 403, "this peer is not active\n"
    peers[cookie] = [host, port, 0 if method == "Leave" else time.monotonic() + TTL]
    active = sorted((peer[0], peer[1]) for peer in peers.values() if peer[2] > time.monotonic())
    return 200, {
        "Register": f"cookie:{cookie}\n",
        "Leave": "you have been unregistered from the RS server!\n",
        "KeepAlive": f"you have been renewed! TTL is {TTL} seconds\n",
        "PQuery": "".join(f"{host} {port}\n" for host, port in active),
    }[method]


def serve(connection, address):
    with connection, connection.makefile(encoding="utf-8", newline="\n") as file:
        connection.settimeout(30)
        try:
            method, cookie, port = read_request(file)
            with lock:
                status, data = answer(method, cookie, port, address[0])
        except (ValueError, OSError) as error:
            status, data = 300, f"{error}\n"
        head = f"{status} {PHRASES[status]} P2P-CI/1.0\nHost: {connection.getsockname()[0]}\nOS: {sys.platform}\n\n"
        connection.sendall((head + data).encode())


with socket.create_server(("", int(sys.argv[1])), backlog=100) as server:
    while True:
        threading.Thread(target=serve, args=server.accept(), daemon=True).start()
