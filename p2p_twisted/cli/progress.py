"""The progress of a download, as a bar on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .output import count, size
from .sources import sources_of

Update = Callable[[Mapping[str, Any]], None]

SEARCHING = "looking for it"
MIN_BAR = 20
"""Columns that the bar has at least; the texts beside it are shortened for it."""
MARGIN = 4
"""Columns left free: the ``^C`` that a terminal shows would else begin a new line, and the bar would stay."""


@contextmanager
def show_progress(bar: bool) -> Iterator[Update]:
    """Yield a function that is called with the download of the API while the block runs, and moves a bar, if any."""
    if not bar:
        yield lambda download: None
        return
    from rich.console import Console, RenderableType
    from rich.constrain import Constrain
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)

    class Bar(Progress):
        def get_renderable(self) -> RenderableType:
            return Constrain(super().get_renderable(), max(1, console.width - MARGIN))

    columns = (TextColumn("{task.fields[what]}"), BarColumn(None), TextColumn("{task.fields[speed]}"))
    with Bar(*columns, console=console, transient=True, expand=True) as shown:
        task = shown.add_task("", total=None, what=SEARCHING, speed="")

        def update(download: Mapping[str, Any]) -> None:
            if download["files_total"]:
                before, behind = texts(download, console.width - MARGIN - MIN_BAR - 2)
                done, total = download["bytes_done"], download["bytes_total"]
                shown.update(task, completed=done, total=total, what=before, speed=behind)

        yield update


def texts(download: Mapping[str, Any], room: int) -> tuple[str, str]:
    """Return the texts before and behind the bar: as much as fits into `room` columns, and always the percentage."""
    long, short = speed(download), speed(download, short=True)
    choices = ((what(download), long), (what(download), short), (what(download, short=True), short), ("", short))
    for before, behind in choices:
        if len(before) + len(behind) <= room:
            return before, behind
    return "", short.partition(",")[0]


def what(download: Mapping[str, Any], short: bool = False) -> str:
    """Return the files, pieces and sources: ``1/3 files, 45/512 pieces, 4 sources``; of one file, only its pieces.

    In `short`, without the pieces.
    """
    pieces = [file["pieces"] for file in download["files"] if file["pieces"] is not None]
    have, total = sum(one["have"] for one in pieces), sum(one["total"] for one in pieces)
    connected = sum(source.state == "connected" for source in sources_of(download))
    files = f"{download['files_done']}/{download['files_total']} files, " if download["files_total"] > 1 else ""
    return f"{files}{'' if short else f'{have}/{total} pieces, '}{count(connected, 'source')}"


def speed(download: Mapping[str, Any], short: bool = False) -> str:
    """Return bytes, rate and time left: ``36% of 34.0 MB, 2.3 MB/s, 0:09 left``; in `short` ``36%, 2.3 MB/s, 0:09``."""
    done, total, left = download["bytes_done"], download["bytes_total"], download["time_left"]
    of, unit = ("", "") if short else (f" of {size(total)}", " left")
    text = f"{100 * done // max(total, 1)}%{of}, {size(round(download['rate']))}/s"
    return text if left is None else f"{text}, {_clock(round(left))}{unit}"


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 99:
        return "days"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
