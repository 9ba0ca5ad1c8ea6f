"""The progress of a download, as a bar on stderr if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Update = Callable[[Mapping[str, Any]], None]


@contextmanager
def show_progress() -> Iterator[Update]:
    """A bar that the block moves by calling what it gets with the download, as the API shows it. Gone at the end."""
    if not sys.stderr.isatty():
        yield lambda download: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("looking for it", total=None)

        def update(download: Mapping[str, Any]) -> None:
            if download["files_total"]:
                files = f"{download['files_done']} of {download['files_total']} files"
                progress.update(
                    task, description=files, completed=download["bytes_done"], total=download["bytes_total"]
                )

        yield update
