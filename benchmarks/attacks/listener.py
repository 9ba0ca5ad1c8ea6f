"""Services that nobody should talk to: ``python -m benchmarks.attacks.listener HOST:PORT ...``.

Prints ``ready``; at SIGTERM, the connections and bytes that came, as a JSON object by address.
"""

import asyncio
import json
import signal
import sys
from functools import partial


class CountingProtocol(asyncio.Protocol):
    """Counts its connection, and the bytes that come, into ``counts``."""

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        self._counts[0] += 1

    def data_received(self, data: bytes) -> None:
        """Count the bytes."""
        self._counts[1] += len(data)


async def main() -> None:
    counts = {address: [0, 0] for address in sys.argv[1:]}
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    for address, counted in counts.items():
        host, _, port = address.rpartition(":")
        await loop.create_server(partial(CountingProtocol, counted), host, int(port))
    print("ready", flush=True)
    await over.wait()
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
