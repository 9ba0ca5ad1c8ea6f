"""Fetch one document from a mirror over HTTP: resumed after a failed attempt, bounded in size and time, checked."""

from __future__ import annotations

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
IDLE_TIMEOUT = 15.0
"""Seconds without a byte."""
RESPONSE_TIMEOUT = 600.0
"""Seconds for a whole response."""
MAX_DOCUMENT = 64 * 2**20
CHUNK = 65536
"""Bytes."""


class FetchError(Exception):
    """A document could not be fetched; the text is one line with the reason.

    ``wait``: seconds to wait before the next attempt, 0 if the mirror did not say, None if another attempt is useless.
    """

    def __init__(self, reason: str, wait: float | None = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Mirror:
    """A mirror of documents of one ``kind`` (txt or pdf) at ``address``.

    Once ``stopped`` is set, transfers end with FetchError at the next chunk. Raises ValueError if the address is not
    HTTP(S).
    """

    def __init__(self, address: str, kind: str, stopped: threading.Event) -> None:
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError(f"{address!r} is not an http:// or https:// address")
        self._address = address if address.endswith("/") else address + "/"
        self._kind = kind
        self._stopped = stopped

    def fetch(self, path: str, target: Path) -> bool:
        """Fetch the document at ``path`` to ``target`` in one request; return False if the mirror does not have it.

        Until it is complete, its name is ``target`` with ``.part`` added. Raises FetchError, and OSError if writing
        fails.
        """
        part = target.with_name(target.name + ".part")
        request = Request(urljoin(self._address, path), headers={"User-Agent": USER_AGENT, **_resume_headers(part)})
        try:
            response = urlopen(request, timeout=IDLE_TIMEOUT)
        except HTTPError as error:
            if error.code == 416:  # the part file is longer than the document
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
        """Append the response to ``part``, or replace it if the mirror sends the whole document. Raises FetchError."""
        resumed = response.status == 206
        start = part.stat().st_size if resumed and part.exists() else 0
        if resumed and not (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            raise FetchError("the mirror sent another range than was requested", None)
        end = None if response.length is None else start + response.length
        if (end or 0) > MAX_DOCUMENT:
            raise FetchError(f"{end} bytes are too many for an RFC", None)
        with _open_part(part, start, response.headers) as file:
            for data in self._chunks(response):
                file.write(data)
            if end not in (None, file.tell()):
                raise FetchError(f"the connection was lost after {file.tell()} of {end} bytes")
        _check_kind(part, self._kind)

    def _chunks(self, response: HTTPResponse) -> Iterator[bytes]:
        deadline, left = time.monotonic() + RESPONSE_TIMEOUT, MAX_DOCUMENT
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
    """Return headers that request the rest of the document, provided that it has not changed since the part file."""
    if not part.exists() or part.stat().st_size == 0:
        return {}
    status = part.stat()
    return {"Range": f"bytes={status.st_size}-", "If-Range": formatdate(status.st_mtime, usegmt=True)}


@contextmanager
def _open_part(part: Path, start: int, headers: Message) -> Iterator[BinaryIO]:
    """Open the part file for writing at ``start``; if that fails later, keep it with the document's date, if known."""
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
    """Remove the part file if it is an error page that the mirror sent with status 200. Raises FetchError then."""
    with part.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if head.startswith(b"%pdf-") if kind == "pdf" else head and not head.startswith((b"<!doctype", b"<html")):
        return
    part.unlink()
    raise FetchError(f"the mirror sent something that is not a {kind}", None)


def _refusal(error: HTTPError) -> FetchError:
    reason = f"the mirror answered {error.code} {error.reason}"
    if error.code in (429, 503):
        return FetchError(reason, _seconds(error.headers.get("Retry-After")))
    return FetchError(reason, 0.0 if error.code >= 500 or error.code == 416 else None)


def _seconds(retry_after: str | None) -> float:
    """Return Retry-After, a number or a date (RFC 9110, section 10.2.3), in seconds from now; 0 if there is none."""
    if retry_after is not None and re.fullmatch("[0-9]{1,9}", retry_after):
        return float(retry_after)
    date = _date(retry_after)
    return 0.0 if date is None else max(0.0, date - time.time())


def _date(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
