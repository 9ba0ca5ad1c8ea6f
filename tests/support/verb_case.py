"""A test case for the tap modules: a folder with a short path, and the exit of a verb that cannot start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase


class VerbCase(TestCase):
    """`base` is the folder, which is removed after the test."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()  # a short path, unlike trial's: a socket's has 107 bytes at most
        self.addCleanup(folder.cleanup)
        self.base = Path(os.path.realpath(folder.name))

    def refused(self, code: int, start: Callable[[], object]) -> str:
        """Return the one line on stderr with which the process exits."""
        stderr = StringIO()
        self.patch(sys, "stderr", stderr)
        with self.assertRaises(SystemExit) as caught:
            start()
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(stderr.getvalue().count("\n"), 1)
        return stderr.getvalue()
