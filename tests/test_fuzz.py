"""The fuzz targets in plain Python: every input of the corpora, and mutations of them that are the same each time."""

from __future__ import annotations

import pytest

from fuzz.harness import CORPUS, TARGETS, load, seeds
from fuzz.mutations import run_mutations

MUTATIONS = {
    **{"part_states": 1_000, "cookies": 2_000, "hash_caches": 300, "confidential": 200},
    **{"api_bodies": 3_000, "rs_connections": 2_000, "peer_connections": 2_000, "checked_answers": 3_000},
}
"""Inputs made for a target that takes longer than the others, which get 10 000."""


def test_every_target_has_a_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(seeds(name)) >= 20 for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_corpus(name: str) -> None:
    one = load(name)
    for file, data in seeds(name).items():
        try:
            one(data)
        except Exception as error:
            raise AssertionError(f"fuzz/corpus/{name}/{file}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    run_mutations(name, MUTATIONS.get(name, 10_000))
