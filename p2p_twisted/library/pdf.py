"""The titles in a PDF's metadata and the text of its first page, read within bounds on everything.

A hostile PDF may keep its reader busy forever, so each is read in a thread of its own that is given up when its time
is over. pypdf is imported when the first PDF is met: it takes a quarter of a second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from twisted.logger import Logger

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_FILE = 64 * 2**20
"""Largest PDF that is opened, bytes."""

MAGIC, HEAD = b"%PDF-", 1024
"""The first bytes of a PDF, and within how many bytes readers look for them (ISO 32000-1, Annex H.3.4.1)."""

TIMEOUT = 10.0
"""Seconds that reading one PDF may take; an ordinary one takes a hundredth of one."""

MAX_TITLES = 10
"""Titles taken from XMP, which may have one for each language."""

MAX_TEXT = 64 * 2**10
"""Characters taken from each title and from the page."""

_IMPORT_TIMEOUT = 120.0
"""Seconds that importing pypdf may take on a busy machine."""

log = Logger()


def read_pdf(file: BinaryIO, timeout: float = TIMEOUT) -> tuple[list[str], str]:
    """Return (titles, text of page 1) of the PDF open as `file`; titles of the information dictionary first, then of
    XMP.

    Each is read on its own: a broken one, or one not read within the `timeout` seconds for all of them, does not affect
    the others. A file that is encrypted, over MAX_FILE bytes, or not a PDF has none. Raises OSError only when `file`
    cannot be read at all.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if size > MAX_FILE or MAGIC not in file.read(HEAD):  # pypdf would search all of it for objects
        return [], ""
    titles: list[str] = []
    texts: list[str] = []
    imported = threading.Event()
    thread = threading.Thread(target=_read, args=(file, imported, titles, texts), name="pdf", daemon=True)
    thread.start()
    imported.wait(_IMPORT_TIMEOUT)
    thread.join(timeout)
    if thread.is_alive():
        _end(thread)
    return list(titles), "".join(texts)


def _read(file: BinaryIO, imported: threading.Event, titles: list[str], texts: list[str]) -> None:
    """Append to `titles` and `texts`. SystemExit comes from `_end`.

    Any other exception of pypdf, recursion and memory errors included, means that this part is broken."""
    try:
        try:
            pypdf = _import_pypdf()
        finally:
            imported.set()
        if pypdf is not None:
            reader = pypdf(file)
            for step, found in ((_info_title, titles), (_xmp_titles, titles), (_page_text, texts)):
                _append(step, reader, found)
    except (Exception, SystemExit):
        return


def _append(step: Callable[[PdfReader], Iterator[object]], reader: PdfReader, found: list[str]) -> None:
    """Append the texts that `step` yields until it fails; other values, such as null or an array, are skipped."""
    try:
        found.extend(str(text)[:MAX_TEXT] for text in islice(step(reader), MAX_TITLES) if isinstance(text, str))
    except Exception:
        return


def _info_title(reader: PdfReader) -> Iterator[object]:
    from pypdf.generic import TextStringObject

    info = reader.metadata
    title = info["/Title"] if info is not None and "/Title" in info else None
    yield title if isinstance(title, TextStringObject) else None  # other strings are names and the like


def _xmp_titles(reader: PdfReader) -> Iterator[object]:
    """Put the title in no particular language first."""
    xmp = reader.xmp_metadata
    titles = dict(xmp.dc_title or {}) if xmp is not None else {}
    yield titles.pop("x-default", None)
    yield from titles.values()


def _page_text(reader: PdfReader) -> Iterator[object]:
    yield reader.pages[0].extract_text()


def _import_pypdf() -> type[PdfReader] | None:
    """Import pypdf, and keep its remarks on bad PDFs out of the log. Returns None if it, or a library that it needs, is
    broken: one in Rust may then raise something that is not an Exception."""
    try:
        from pypdf import PdfReader
    except BaseException as e:
        log.warn("PDFs have no titles, as pypdf cannot be imported: {why!r}", why=e)
        return None
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    return PdfReader


def _end(thread: threading.Thread) -> None:
    """Raise SystemExit in `thread`, at its next step of Python code; it ends that thread alone.

    Raise it again if it was lost, as in a finalizer. A thread that still goes on is abandoned; it does not keep the
    process from exiting."""
    import ctypes

    ident = ctypes.c_ulong(thread.ident or 0)
    for _ in range(20):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(SystemExit))
        thread.join(0.1)
        if not thread.is_alive():
            break
