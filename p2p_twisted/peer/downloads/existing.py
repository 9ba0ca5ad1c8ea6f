"""What has the name of a document before it is fetched: the document itself, another file, or no file at all."""

from __future__ import annotations

import os
import stat

from ...index.search import Document
from ...library.beneath import kind_of
from ...net.connect import Reactor
from ...swarm.errors import Exists
from ...swarm.part_file import sha256_of, sweep
from ...swarm.target import Target
from ...swarm.verifier import in_thread_until_cancelled


async def is_there(
    reactor: Reactor, target: Target, found: os.stat_result, document: Document, overwrite: bool
) -> bool:
    """Return whether `document` is at `target`, where something of the status `found` is.

    If it is, what an earlier download left beside it is removed. Raises Exists when something else is there that is
    not to be replaced: a file or a link, unless `overwrite` is true; a folder, a pipe, a socket or a device, always.
    """
    is_file = stat.S_ISREG(found.st_mode)
    if is_file and document.size in (None, found.st_size) and await _has_hash(reactor, target, document.sha256):
        sweep(target)
        return True
    if not is_file and not stat.S_ISLNK(found.st_mode):
        raise Exists(f"{target.path} is there and is {kind_of(found)}: move it away, or fetch to another folder")
    if not overwrite:
        what = "with other content" if is_file else "and is a link, which is not followed"
        raise Exists(f"{target.path} is there already, {what}; say overwrite to replace it")
    return False


async def _has_hash(reactor: Reactor, target: Target, sha256: str | None) -> bool:
    """Whether the file at `target` has this hash; not if it is None."""
    if sha256 is None:
        return False
    return await in_thread_until_cancelled(reactor, lambda stop: sha256_of(target, stop)) == sha256
