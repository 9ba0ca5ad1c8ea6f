"""One document from a mirror over HTTP: resumed where an earlier try stopped, bounded in size and time, checked."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.utils import formatdate, parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from os import utime
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

USER_AGENT = "p2p-corpus (p2p_twisted; fetches RFCs, a few at a time)"
TIMEOUT = 15.0
DEADLINE = 600.0
"""Seconds one answer may take altogether."""
MAX_DOCUMENT = 64 * 2**20
CHUNK = 65536


class FetchError(Exception):
    """A document could not be had; the text is one line that says why.

    ``wait``: seconds to wait before asking again, 0 when that is left to the downloader, None when asking is of no use.
    """

    def __init__(self, reason: str, wait: float | None = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Mirror:
    """Documents of one ``kind`` (txt or pdf) below ``address``.

    Once ``stopped`` is set, transfers end with FetchError at the next piece. Raises ValueError for an address that is
    not HTTP(S).
    """

    def __init__(self, address: str, kind: str, stopped: threading.Event) -> None:
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError(f"{address!r} is not an http:// or https:// address")
        self._address = address if address.endswith("/") else address + "/"
        self._kind = kind
        self._stopped = stopped

    def fetch(self, path: str, target: Path) -> bool:
        """Fetch the document at ``path`` to ``target`` in one request; False when the mirror does not have it.

        Until it is complete it is ``target`` with ``.part`` added. Raises FetchError; OSError when writing fails.
        """
        part = target.with_name(target.name + ".part")
        request = Request(urljoin(self._address, path), headers={"User-Agent": USER_AGENT, **_resume_headers(part)})
        try:
            response = urlopen(request, timeout=TIMEOUT)
        except HTTPError as error:
            if error.code == 416:  # what is in the part file is no part of the document
                part.unlink(missing_ok=True)
            if error.code in (404, 410):
                return False
            raise _refusal(error) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            said = getattr(reason, "strerror", None) or reason
            raise FetchError(f"{urlsplit(self._address).netloc}: {said}") from error
        with response:
            self._save(response, part)
        part.replace(target)
        return True

    def _save(self, response: HTTPResponse, part: Path) -> None:
        """Append the answer to ``part``, or write it anew when the mirror sends the whole. Raises FetchError."""
        resumed = response.status == 206
        start = part.stat().st_size if resumed and part.exists() else 0
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            raise FetchError("the mirror sent another range than it was asked for", None)
        end = None if response.length is None else start + response.length
        if (end or 0) > MAX_DOCUMENT:
            raise FetchError(f"{end} bytes are no RFC", None)
        with _open_part(part, start, response.headers) as file:
            for data in self._chunks(response):
                file.write(data)
            if end not in (None, file.tell()):
                raise FetchError(f"the connection was lost after {file.tell()} of {end} bytes")
        _check_kind(part, self._kind)

    def _chunks(self, response: HTTPResponse) -> Iterator[bytes]:
        deadline, left = time.monotonic() + DEADLINE, MAX_DOCUMENT
        while left > 0 and time.monotonic() < deadline and not self._stopped.is_set():
            try:
                data = response.read1(min(CHUNK, left))
            except (OSError, HTTPException) as error:
                raise FetchError(f"the connection was lost: {error!r}") from error
            if not data:
                return
            left -= len(data)
            yield data
        raise FetchError("interrupted, too large or too slow", None)


def _resume_headers(part: Path) -> dict[str, str]:
    """Ask for the rest of what is there, provided that the document is still that of the part file's date."""
    if not part.exists() or part.stat().st_size == 0:
        return {}
    status = part.stat()
    return {"Range": f"bytes={status.st_size}-", "If-Range": formatdate(status.st_mtime, usegmt=True)}


@contextmanager
def _open_part(part: Path, start: int, headers: Message) -> Iterator[BinaryIO]:
    """The part file, open for writing at ``start``; it is left with the document's date, or not at all without one."""
    modified = _date(headers.get("Last-Modified"))
    try:
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            yield file
    except BaseException:
        if modified is None:
            part.unlink(missing_ok=True)
        raise
    finally:
        if modified is not None and part.exists():
            utime(part, (modified, modified))


def _check_kind(part: Path, kind: str) -> None:
    """Refuse what some mirrors send with a 200 in place of a document. Raises FetchError; the file is gone then."""
    with part.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if head.startswith(b"%pdf-") if kind == "pdf" else head and not head.startswith((b"<!doctype", b"<html")):
        return
    part.unlink()
    raise FetchError(f"what the mirror sent is no {kind}", None)


def _refusal(error: HTTPError) -> FetchError:
    reason = f"the mirror says {error.code} {error.reason}"
    if error.code in (429, 503):
        return FetchError(reason, _seconds(error.headers.get("Retry-After")))
    return FetchError(reason, 0.0 if error.code >= 500 or error.code == 416 else None)


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds from now, whether it is a number or a date (RFC 9110, section 10.2.3); 0 for none."""
    if retry_after is not None and re.fullmatch("[0-9]{1,9}", retry_after):
        return float(retry_after)
    date = _date(retry_after)
    return 0.0 if date is None else max(0.0, date - time.time())


def _date(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
