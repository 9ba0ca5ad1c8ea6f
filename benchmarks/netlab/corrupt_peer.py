"""``twistd`` with a corrupt p2p-peer: like any other, but what it serves of files is garbage of the right length.

It registers, downloads and verifies, and says truthfully what it has: heads, records and piece lists are
right, the bytes are not.
"""

import os

from twisted.scripts.twistd import run

from p2p_twisted.peer.serving import protocol
from p2p_twisted.peer.serving.file_sender import BLOCK, BlockSender


class GarbageSender(BlockSender):
    """Sends as many random bytes as the range of the file has."""

    def _send(self, most: int) -> int:
        data = os.urandom(min(BLOCK, most))
        self._transport.write(data)
        return len(data)


if __name__ == "__main__":
    vars(protocol)["file_sender"] = GarbageSender
    run()
