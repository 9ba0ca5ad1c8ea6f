"""The checks of a peer: what it serves to other peers."""

from __future__ import annotations

from ..model import checks_of
from ..stress import concurrency, cuts, form, robustness
from . import changes, connections, downloads, files, form_of_peers, hashes, index, names, pieces, ranges, swarm

CHECKS = checks_of(
    *(form, index, files, form_of_peers, names),
    *(connections, hashes, ranges, pieces, changes, swarm),
    *(concurrency, downloads, cuts, robustness),
)
"""In the order in which they are run: what may kill a peer comes last."""
