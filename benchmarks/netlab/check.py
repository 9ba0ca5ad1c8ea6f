"""Measures the laboratory itself: what plain TCP gets through its links (``python -m benchmarks.netlab.check``).

Prints, for each case, the Mbit/s of Ethernet frames that TCP's data stands for (data x 1514/1448), to be compared
with the rate the link was given.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from p2p_twisted.experiment.run.iproute import PlaceError
from p2p_twisted.experiment.run.netns import HostNetwork

PORT = 5001
FRAME_PER_DATA = 1514 / 1448
WARM_UP = 3.0  # s, in which all start and TCP finds its rate
MEASURED = 5.0  # s

SENDER = """
import socket, sys, threading
def send(address, port):
    with socket.create_connection((address, port), 10) as connection:
        try:
            while True:
                connection.send(bytes(65536))
        except OSError:
            pass  # the receiver has seen enough
for address in sys.argv[2:]:
    threading.Thread(target=send, args=(address, int(sys.argv[1]))).start()
"""

RECEIVER = """
import selectors, socket, sys, time
start, end = float(sys.argv[1]), float(sys.argv[2])
listener = socket.create_server((sys.argv[3], int(sys.argv[4])), backlog=64)
print("ready", flush=True)
loop = selectors.DefaultSelector()
loop.register(listener, selectors.EVENT_READ)
total = 0
while time.monotonic() < end:
    for key, _ in loop.select(0.05):
        if key.fileobj is listener:
            loop.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        data = key.fileobj.recv(1 << 18)
        if start <= time.monotonic() < end:
            total += len(data)
print(total, flush=True)
"""


def main() -> None:
    try:
        _measure()
    except PlaceError as error:
        sys.exit(f"netlab: {error}")


def _measure() -> None:
    with HostNetwork(9, 20_000_000, 100_000_000) as network:
        _report("uplink, one connection", 20, _rate(network, {1: [2]})[2])
        _report("uplink, eight connections to eight hosts", 20, sum(_rate(network, {1: list(range(2, 10))}).values()))
        _report("uplink, eight connections to one host", 20, _rate(network, {1: [2] * 8})[2])
        _report("downlink, eight senders", 100, _rate(network, {n: [9] for n in range(1, 9)})[9])
        network.set_rate(1, 500_000_000, 100_000_000)
        _report("downlink, one connection", 100, _rate(network, {1: [2]})[2])


def _report(case: str, link: int, measured: float) -> None:
    print(f"{case:45} {link:4} Mbit/s  measured {measured:7.2f}  {100 * (measured / link - 1):+5.1f} %", flush=True)


def _rate(network: HostNetwork, senders: dict[int, list[int]]) -> dict[int, float]:
    """Mbit/s of frames that each receiver gets; ``senders`` maps a host to the hosts it sends to."""
    targets = sorted({target for chosen in senders.values() for target in chosen})
    start = time.monotonic() + WARM_UP
    with contextlib.ExitStack() as stack:
        receivers = {target: stack.enter_context(_receiver(network, target, start)) for target in targets}
        for host, chosen in senders.items():
            argv = [str(PORT), *map(network.address, chosen)]
            stack.enter_context(_ended(network.popen(host, [sys.executable, "-c", SENDER, *argv])))
        totals = {target: int(receiver.communicate(timeout=30)[0]) for target, receiver in receivers.items()}
    return {target: total * FRAME_PER_DATA * 8e-6 / MEASURED for target, total in totals.items()}


@contextlib.contextmanager
def _receiver(network: HostNetwork, host: int, start: float) -> Iterator[subprocess.Popen[str]]:
    argv = [str(start), str(start + MEASURED), network.address(host), str(PORT)]
    process = network.popen(host, [sys.executable, "-c", RECEIVER, *argv], stdout=subprocess.PIPE, text=True)
    with _ended(process):
        process.stdout.readline()
        yield process


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


if __name__ == "__main__":
    main()
