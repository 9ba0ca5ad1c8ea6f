"""A reactor whose threads are function calls, and whose time stands still."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.python.failure import Failure


class InlineReactor(Clock):
    """Does at once what others do in a thread: what it returns has then fired already."""

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, on_result, work, *args, **kwargs):
        try:
            result = work(*args, **kwargs)
        except BaseException:
            on_result(False, Failure())
        else:
            on_result(True, result)

    def callFromThread(self, work, *args):
        work(*args)
