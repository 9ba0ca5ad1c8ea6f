"""The targets by name, their corpora, and the time that one input may take."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from time import process_time

Target = Callable[[bytes], None]
"""A function that runs one input, and raises for a bug."""

TARGETS = (
    *(
        "requests",
        "responses",
        "records",
        "changes",
        "piece_lists",
        "part_states",
        "cookies",
        "hash_caches",
        "confidential",
        "peer_files",
    ),
    *("search_answers", "api_bodies", "rs_connections", "peer_connections"),
    "checked_answers",
)
"""The modules of `fuzz.targets`, each with a folder of the same name in CORPUS."""

CORPUS = Path(__file__).parent / "corpus"

MAX_SECONDS = 1.0
"""Longest processor time that one input may take."""


def bounded(one: Target) -> Target:
    """Make `one` fail for an input that takes longer than MAX_SECONDS."""

    @wraps(one)
    def timed(data: bytes) -> None:
        begin = process_time()
        one(data)
        seconds = process_time() - begin
        assert seconds <= MAX_SECONDS, f"{len(data)} bytes took {seconds:.2f} s"

    return timed


def load(name: str) -> Target:
    """Return the target `name`."""
    target: Target = import_module(f"fuzz.targets.{name}").one
    return target


def seeds(name: str) -> dict[str, bytes]:
    """Return the corpus of the target `name`: content by file name."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}
