"""What a PDF says of itself: the title in its metadata and the text of its first page, read with bounds on everything.

A PDF from elsewhere may be made to keep a reader busy for ever, so each is read in a thread of its own that is given
up when its time is over. pypdf is imported when the first PDF is met: it takes a quarter of a second.
"""

from __future__ import annotations

import logging
import threading
from typing import BinaryIO

MAX_FILE = 64 * 2**20
"""Largest PDF that is opened, bytes."""

TIMEOUT = 10.0
"""Seconds that reading one PDF may take; an ordinary one takes a hundredth of one."""


def read_pdf(file: BinaryIO, timeout: float = TIMEOUT) -> tuple[str, str]:
    """(metadata title, text of page 1) of the PDF open as `file`; ("", "") for one that is broken, encrypted, over
    MAX_FILE bytes, or not read within `timeout` seconds. Raises OSError only when `file` cannot be read at all."""
    if file.seek(0, 2) > MAX_FILE:
        return "", ""
    _import_pypdf()
    found: list[tuple[str, str]] = []
    thread = threading.Thread(target=_read, args=(file, found), name="pdf", daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        _end(thread)
    return found[0] if found else ("", "")


def _read(file: BinaryIO, found: list[tuple[str, str]]) -> None:
    """Append what was found to `found`, or nothing: whatever pypdf raises, recursion and memory errors included, means
    a broken PDF; SystemExit is from `_end`."""
    import pypdf

    try:
        reader = pypdf.PdfReader(file)
        title = reader.metadata.title if reader.metadata else None
        found.append((str(title or ""), reader.pages[0].extract_text()))
    except (Exception, SystemExit):
        return


def _import_pypdf() -> None:
    """Import it outside the timed part (slow on a busy machine), and keep its remarks on bad PDFs out of the log."""
    import pypdf  # noqa: F401

    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


def _end(thread: threading.Thread) -> None:
    """Raise SystemExit in `thread`, which strikes at its next step of Python code and ends that thread alone; again if
    it was lost, as in a finalizer. A thread that even so goes on is left to itself: it keeps nobody from exiting."""
    import ctypes

    ident = ctypes.c_ulong(thread.ident or 0)
    for _ in range(20):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(SystemExit))
        thread.join(0.1)
        if not thread.is_alive():
            break
