"""Garbage in place of documents, which a peer that knows them does not notice."""

from pathlib import Path

import pytest

from p2p_twisted.experiment.run.fault_injection import BLOCK, corrupt_files, write_random_bytes


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
def test_garbage_has_the_size_and_follows_from_the_seed(tmp_path: Path, size: int):
    one, other, third = (tmp_path / name for name in ("one", "other", "third"))
    write_random_bytes(one, size, "3/large")
    write_random_bytes(other, size, "3/large")
    write_random_bytes(third, size, "4/large")
    assert one.stat().st_size == size
    assert one.read_bytes() == other.read_bytes()
    assert size < 16 or one.read_bytes() != third.read_bytes()


def test_a_falsified_document_is_the_same_file_to_look_at(tmp_path: Path):
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in paths:
        path.write_bytes(b"the same words\n" * 1000)
    before = [(path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]
    corrupt_files(paths, 7)
    assert [(path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths] == before
    one, two = (path.read_bytes() for path in paths)
    assert b"the same words" not in one + two
    assert one != two
