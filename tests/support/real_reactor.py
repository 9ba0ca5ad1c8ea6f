"""The running reactor, typed loosely: its type depends on the machine."""

from typing import Any

from twisted.internet import reactor as running

reactor: Any = running
