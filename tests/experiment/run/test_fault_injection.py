"""Garbage in place of documents, unnoticed by the peer that shares them."""

from pathlib import Path

from p2p_twisted.experiment.run.fault_injection import corrupt_files


def test_a_corrupt_document_is_the_same_file_to_its_peer(tmp_path: Path) -> None:
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in paths:
        path.write_bytes(b"the same words\n" * 1000)
    before = [(path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]
    corrupt_files(paths, 7)
    assert [(path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths] == before
    one, two = (path.read_bytes() for path in paths)
    assert b"the same words" not in one + two
    assert one != two
