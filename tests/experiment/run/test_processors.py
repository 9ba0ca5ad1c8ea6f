"""The load of the processors, read from a /proc that tests write."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_twisted.experiment.run.processors import Processors


class Proc:
    """A /proc of our own, with the ticks that we say."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ticks(0, 0)

    def ticks(self, work: int, idle: int) -> None:
        """All processors have worked, and idled: half of it waiting for a disk, part of the work in the kernel."""
        waiting = idle // 2
        kernel = work // 3
        fields = f"cpu  {work - kernel} 0 {kernel} {idle - waiting} {waiting} 0 0 0 999999 999999"
        (self.root / "stat").write_text(f"{fields}\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5 6\n")

    def process(self, pid: int, user: int, kernel: int, name: str = "twistd") -> None:
        (self.root / str(pid)).mkdir(exist_ok=True)
        fields = f"S 1 1 1 0 -1 4194304 100 0 0 0 {user} {kernel} 7 7 20 0 1 0 12345 1000000 100"
        (self.root / str(pid) / "stat").write_text(f"{pid} ({name}) {fields}\n")

    def gone(self, pid: int) -> None:
        (self.root / str(pid) / "stat").unlink()


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


@pytest.mark.parametrize(("work", "idle", "busy"), [(30, 70, 0.3), (0, 100, 0.0), (100, 0, 1.0), (0, 0, 0.0)])
def test_the_share_of_time_that_all_worked(proc: Proc, work: int, idle: int, busy: float) -> None:
    proc.ticks(500, 1000)
    processors = Processors([], proc.root)
    assert (processors.busy, processors.busiest) == (None, None)
    proc.ticks(500 + work, 1000 + idle)
    processors.stop()
    assert processors.busy == pytest.approx(busy)
    assert processors.busiest == 0.0


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_it_is_a_share(tmp_path_factory: pytest.TempPathFactory, work: int, idle: int) -> None:
    proc = Proc(tmp_path_factory.mktemp("proc"))
    processors = Processors([], proc.root)
    proc.ticks(work, idle)
    processors.stop()
    assert processors.busy is not None
    assert 0 <= processors.busy < 1


def test_the_process_that_took_most(proc: Proc) -> None:
    for pid in (11, 12, 13):
        proc.process(pid, 100, 100, "a) (b")
    processors = Processors([11, 12, 13], proc.root)
    proc.process(11, 100, 102, "a) (b")
    proc.process(12, 5000, 5000, "a) (b")
    proc.process(13, 0, 0, "another of the same id")
    processors.stop()
    most = processors.busiest
    assert most is not None
    proc.process(12, 100, 102, "a) (b")
    processors.stop()
    assert processors.busiest is not None
    assert 0 < processors.busiest < most


def test_a_process_that_has_ended_counts_for_nothing(proc: Proc) -> None:
    proc.process(11, 100, 100)
    processors = Processors([11, 12], proc.root)
    proc.gone(11)
    processors.stop()
    assert processors.busiest == 0.0


def test_without_a_proc_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="stat"):
        Processors([os.getpid()], tmp_path / "absent")


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="there is no /proc here")
def test_this_machine_has_worked() -> None:
    processors = Processors([os.getpid()])
    processors.stop()
    assert processors.busy is not None
    assert 0 <= processors.busy <= 1
