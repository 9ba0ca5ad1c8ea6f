"""The shared folders as the API shows them (docs/api.rst)."""

from __future__ import annotations

from heapq import nsmallest

from ..library.catalogue import SharedFile
from ..library.shared import Library
from ..web.api.schema import SharedDocument, SharedFolder, SharedFolders

MAX_FIRST = 100
"""Files of a folder that are named; of the others only the number is shown."""


def shared_folders(library: Library) -> SharedFolders:
    """Return the shared folders of `library`, the download folder last."""
    inside: dict[str, list[SharedFile]] = {str(folder): [] for folder in library.folders}
    for file in library.files.values():
        if (files := inside.get(str(file.root))) is not None:
            files.append(file)
    readers = {str(folder): library.audience(folder) for folder in library.folders}
    return SharedFolders(
        items=[
            SharedFolder(
                path=path,
                readers=None if (audience := readers[path]) is None else sorted(audience),
                files=len(files),
                bytes=sum(file.size for file in files),
                first=[SharedDocument(file.name, file.size) for file in nsmallest(MAX_FIRST, files, key=_name)],
            )
            for path, files in inside.items()
        ],
        is_reading=library.is_scanning,
    )


def _name(file: SharedFile) -> str:
    return file.name
