"""``p2p get`` at a running peer, with real peers: twice at once, patterns, folders, several contents, own documents."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2p_twisted.experiment.run.cluster import Cluster

P2P = (sys.executable, "-c", "from p2p_twisted.cli.main import main; main()")
CAFE, CAFE_DECOMPOSED = "caf\u00e9 \U0001f600.txt", "cafe\u0301 \U0001f600.txt"
FILES = {
    1: {"big.bin": os.urandom(4_000_000), "conf.txt": b"A", "docs/1.txt": b"1", "docs/deep/2.txt": b"2", CAFE: b"c"},
    2: {"conf.txt": b"BB"},
    3: {"own.txt": b"mine"},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(3) as cluster:
        for number, files in FILES.items():
            for name, content in files.items():
                path = cluster[f"peer{number}"].share_dir / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        cluster.start()
        cluster.wait_for_documents(6)
        yield cluster


def start(cluster: Cluster, *arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [*P2P, "get", "--state-dir", str(cluster["peer3"].state_dir), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def get(cluster: Cluster, *arguments: str | Path) -> tuple[int, list[str], str]:
    """The exit code, the paths that were printed, and stderr."""
    process = start(cluster, *arguments)
    output, errors = process.communicate(timeout=60)
    return process.returncode, os.fsdecode(output).splitlines(), errors.decode()


def test_twice_at_once(cluster: Cluster, tmp_path: Path) -> None:
    peer = cluster["peer3"].control
    peer.put("limits", {"down_rate": 4_000_000})
    both = [start(cluster, "big.bin", "-o", tmp_path) for _ in range(2)]
    outcomes = [(process.communicate(timeout=60), process.returncode) for process in both]
    peer.put("limits", {"down_rate": None})
    assert [(output, code) for (output, _), code in outcomes] == [(f"{tmp_path}/big.bin\n".encode(), 0)] * 2, outcomes
    assert (tmp_path / "big.bin").read_bytes() == FILES[1]["big.bin"]
    assert [path.name for path in tmp_path.iterdir()] == ["big.bin"]


def test_several_contents_of_one_name(cluster: Cluster, tmp_path: Path) -> None:
    code, paths, errors = get(cluster, "conf.txt", "-o", tmp_path)
    assert (code, paths) == (10, []), errors
    contents = {content: hashlib.sha256(content).hexdigest() for content in (b"A", b"BB")}
    assert all(f"@{hash_[:8]}" in errors for hash_ in contents.values())
    for content, hash_ in contents.items():
        for chosen in hash_[:8], hash_.upper():
            code, paths, errors = get(cluster, f"conf.txt@{chosen}", "-o", tmp_path / chosen)
            assert (code, [Path(path).read_bytes() for path in paths]) == (0, [content]), errors
    status = cluster["peer2"].control.get("status")
    code, paths, errors = get(cluster, "conf.txt", "--from", f"{status['host']}:{status['port']}", "-o", tmp_path)
    assert (code, [Path(path).read_bytes() for path in paths]) == (0, [b"BB"]), errors
    assert get(cluster, "conf.txt@00000000", "-o", tmp_path)[0] == 3


def test_a_folder_a_pattern_and_what_is_nowhere(cluster: Cluster, tmp_path: Path) -> None:
    docs = [f"{tmp_path}/docs/1.txt", f"{tmp_path}/docs/deep/2.txt"]
    for argument in "docs/", "DOCS/*", "d?cs/":
        code, paths, errors = get(cluster, argument, "-o", tmp_path)
        assert (code, paths) == (0, docs), errors
    code, paths, errors = get(cluster, "docs/1*", "nosuch*", "-o", tmp_path)
    assert (code, paths, "'nosuch*'" in errors) == (12, docs[:1], True), errors
    code, _, errors = get(cluster, "nosuch*", "-o", tmp_path)
    assert (code, errors) == (3, "p2p: no peer has a document for 'nosuch*'\n")
    code, _, errors = get(cluster, "docs", "-o", tmp_path)
    assert (code, "'docs/' means all documents below it" in errors) == (3, True), errors


@pytest.mark.parametrize("argument", ["own.txt", "own*"])
def test_a_document_that_only_this_peer_has(cluster: Cluster, argument: str) -> None:
    path = cluster["peer3"].share_dir / "own.txt"
    code, paths, errors = get(cluster, argument)
    assert (code, paths, errors.splitlines()[0]) == (0, [str(path)], f"p2p: own.txt: this peer has it already: {path}")


def test_another_unicode_form(cluster: Cluster, tmp_path: Path) -> None:
    code, _, errors = get(cluster, CAFE_DECOMPOSED, "-o", tmp_path)
    assert (code, f"one with differently encoded accents: {CAFE}" in errors) == (3, True), errors
    code, paths, errors = get(cluster, CAFE_DECOMPOSED[:3] + "*", "-o", tmp_path)
    assert (code, paths) == (0, [f"{tmp_path}/{CAFE}"]), errors


def test_the_paths_for_another_program(cluster: Cluster, tmp_path: Path) -> None:
    getting = start(cluster, CAFE, "docs/", "-o", tmp_path)
    sums = subprocess.run(
        ["xargs", "-d", "\\n", "sha256sum"], stdin=getting.stdout, capture_output=True, timeout=60, check=True
    )
    assert getting.wait(60) == 0
    assert [line.split()[0] for line in sums.stdout.decode().splitlines()] == [
        hashlib.sha256(content).hexdigest() for content in (b"c", b"1", b"2")
    ]
