"""The main job through real twistd processes: as the command, interrupted, and with the RS killed half way."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from p2p_twisted.experiment.corpus.selection import choose
from p2p_twisted.experiment.run.cluster import Cluster, wait_until
from p2p_twisted.experiment.run.full_exchange import download_everything, verify_exchange
from p2p_twisted.experiment.run.originals import Originals
from tests.support.experiment_command import running_in

from ..conftest import CORPUS

TIMEOUT = 120


@pytest.fixture
def tmp() -> Iterator[Path]:
    """A folder with a short path (sockets), in which the command makes its own; whatever runs there is killed."""
    with TemporaryDirectory(prefix="p2pt") as folder:
        yield Path(folder)
        for pid in running_in(Path(folder)):
            os.kill(pid, signal.SIGKILL)


def start_demo(tmp: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from p2p_twisted.cli.main import main; main()", "demo", *arguments]
    env = {**os.environ, "TMPDIR": str(tmp), "COLUMNS": "80"}
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_demo_verifies_every_copy_and_leaves_nothing(tmp: Path) -> None:
    process = start_demo(tmp)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, ""), out
    assert out.splitlines()[-1] == "verified 360 of 360 files"
    assert [line.split()[0] for line in out.splitlines() if "60 of 60" in line] == [f"peer{n}" for n in range(1, 7)]
    assert max(map(len, out.splitlines())) <= 80
    assert list(tmp.iterdir()) == []
    assert running_in(tmp) == []


def test_the_demo_on_real_rfcs(tmp: Path, corpus: Path) -> None:
    process = start_demo(tmp, "--corpus", str(corpus), "--json")
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, ""), out
    result = json.loads(out)
    assert (result["documents"], result["verified"], result["expected"]) == (60, 360, 360)
    assert [(peer["shared"], peer["fetched"]) for peer in result["peers"]] == [(10, 50)] * 6


def test_an_empty_corpus_is_a_usage_error(tmp: Path) -> None:
    empty = tmp / "empty"
    empty.mkdir()
    process = start_demo(tmp, "--corpus", str(empty))
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert err.splitlines()[-1] == f"Error: --corpus: {empty} has no documents in it"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(tmp: Path, number: signal.Signals) -> None:
    process = start_demo(tmp)
    wait_until(lambda: any(tmp.glob("*/peer3/state/api.sock")), time.monotonic() + TIMEOUT, "peer3 never came up")
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (7, "", "p2p: interrupted; all processes were stopped\n")
    assert list(tmp.iterdir()) == []
    assert running_in(tmp) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_kept_says_what_to_type_and_ends_without_a_trace(tmp: Path, number: signal.Signals) -> None:
    documents = tmp / "documents"
    documents.mkdir()
    (documents / "one.txt").write_text("A Title\n\nand some text\n")
    process = start_demo(tmp, "--corpus", str(documents), "--keep")
    assert process.stdout is not None
    last = "Ctrl-C here stops all processes and removes that folder.\n"
    said = list(itertools.takewhile(lambda line: line not in ("", last), iter(process.stdout.readline, None)))
    assert "verified 6 of 6 files\n" in said
    commands = [line.strip() for line in said if line.startswith("  ") and not line.startswith("  #")]
    typed = subprocess.run(["sh", "-ec", "\n".join(slowly(commands))], text=True, capture_output=True, timeout=TIMEOUT)
    assert typed.returncode == 0, typed.stderr
    assert "hello.txt" in typed.stdout
    assert "p2p: 1 file fetched to " in typed.stderr
    assert running_in(tmp)
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (0, "", "")
    assert [path.name for path in tmp.iterdir()] == ["documents"]
    assert running_in(tmp) == []


def slowly(commands: list[str]) -> Iterator[str]:
    """The commands as a person types them: a while after a file was made it is known."""
    for command in commands:
        yield command
        if command.startswith("echo "):
            yield "for i in 1 2 3 4 5 6 7 8 9; do p2p ls hello.txt | grep -q . && break; sleep 1; done"


def a_corpus(folder: Path) -> Originals:
    """The RFCs, or where they are not, 60 files of random bytes."""
    if CORPUS.is_dir():
        return Originals(CORPUS, choose(CORPUS, 60))
    paths = [folder / f"random{number}.bin" for number in range(60)]
    for number, path in enumerate(paths):
        path.write_bytes(random.Random(number).randbytes(42_000))
    return Originals(folder, paths)


def slow_uplinks(role: str) -> list[str]:
    """Options that make the exchange last for seconds, so that its middle is seen on a machine of any speed."""
    return [] if role == "rs" else ["--up-rate", "1M"]


def test_the_rs_is_killed_and_restarted_half_way(tmp: Path) -> None:
    documents = a_corpus(tmp)
    killed_at = []

    def half_way(done: int, total: int) -> None:
        if done >= 150 and not killed_at:
            killed_at.append(done)
            cluster.kill9("rs")
            cluster.restart("rs")

    with Cluster(6, options=slow_uplinks) as cluster:
        documents.spread(cluster.peers)
        cluster.start()
        cluster.wait_for_documents(60)
        result = verify_exchange(cluster, documents, download_everything(cluster, half_way, poll=0.01))
        cluster.wait_registered()
        rs = cluster.rs.status()
        logs = "".join(member.log.read_text() for member in cluster.members)
    assert killed_at
    assert killed_at[0] < 300
    assert (result.verified, result.expected) == (360, 360), result
    assert rs is not None
    assert rs["active"] == 6
    assert "Traceback" not in logs
