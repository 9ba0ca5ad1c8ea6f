"""The progress of a download, as a bar on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .output import count, size
from .sources import sources_of

Update = Callable[[Mapping[str, Any]], None]

SEARCHING = "looking for it"


@contextmanager
def show_progress() -> Iterator[Update]:
    """A bar that the block moves by calling what it gets with the download, as the API shows it. Gone at the end."""
    if not sys.stderr.isatty():
        yield lambda download: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.fields[what]}"), BarColumn(None), TextColumn("{task.fields[speed]}"))
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        task = progress.add_task("", total=None, what=SEARCHING, speed="")

        def update(download: Mapping[str, Any]) -> None:
            if download["files_total"]:
                done, total = download["bytes_done"], download["bytes_total"]
                progress.update(task, completed=done, total=total, what=what(download), speed=speed(download))

        yield update


def what(download: Mapping[str, Any]) -> str:
    """What is here, and from how many more comes: ``1/3 files, 45/512 pieces, 4 sources``; of one file, its pieces."""
    pieces = [file["pieces"] for file in download["files"] if file["pieces"] is not None]
    have, total = sum(one["have"] for one in pieces), sum(one["total"] for one in pieces)
    connected = sum(source.state == "connected" for source in sources_of(download))
    files = f"{download['files_done']}/{download['files_total']} files, " if download["files_total"] > 1 else ""
    return f"{files}{have}/{total} pieces, {count(connected, 'source')}"


def speed(download: Mapping[str, Any]) -> str:
    """Bytes, rate and time left: ``36% of 34.0 MB, 2.3 MB/s, 0:09 left``."""
    done, total, left = download["bytes_done"], download["bytes_total"], download["time_left"]
    text = f"{100 * done // max(total, 1)}% of {size(total)}, {size(round(download['rate']))}/s"
    return text if left is None else f"{text}, {_clock(round(left))} left"


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 99:
        return "days"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
