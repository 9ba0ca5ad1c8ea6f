"""The bare Twisted LineReceiver against which the RS is measured: it answers the same bytes and does nothing else.

python rs_bare.py PORT ANSWER-FILE LINES CLOSE
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import ServerFactory
from twisted.protocols.basic import LineReceiver

PORT, LINES, CLOSE = int(sys.argv[1]), int(sys.argv[3]), sys.argv[4] == "close"
ANSWER = Path(sys.argv[2]).read_bytes()

reactor: Any = _reactor


class Bare(LineReceiver):
    """Answers after every LINES lines."""

    delimiter = b"\n"
    seen = 0

    def lineReceived(self, line: bytes) -> None:
        """Count."""
        self.seen += 1
        if self.seen == LINES:
            self.seen = 0
            self.transport.write(ANSWER)
            if CLOSE:
                self.transport.loseConnection()


reactor.listenTCP(PORT, ServerFactory.forProtocol(Bare), backlog=1024, interface="127.0.0.1")
reactor.run()
