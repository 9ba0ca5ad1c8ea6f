"""Run twistd with threads that take turns after a microsecond, not after five milliseconds.

Anything that two threads share without a lock breaks within minutes instead of once in a thousand downloads.
"""

import sys

from twisted.scripts.twistd import run

SWITCH_INTERVAL = 1e-6

if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_INTERVAL)
    run()
