"""All runs of an experiment: make the plans, carry them out one after the other, and write the data down."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..corpus.samples import make_corpus, write_random_bytes
from ..corpus.selection import choose
from ..plan.design import Design
from ..plan.orders import Plan
from ..plan.tasks import one_source, plan_for
from ..result_files import TRACES, write_data
from ..results import Results, Run
from .captures import FOLDER, Captures, capture_tool
from .execution import Execution, OnProgress
from .observations import Case
from .originals import Originals
from .places import PLACES, Place
from .processors import BUSY_SHARE
from .setting import describe

LARGE = "large.bin"
"""The name of the document in tasks that have only one."""
ONE_SOURCE = {"swarm": True, "central": False, "sites": True}
"""Tasks with one document and one source -> whether they swarm."""


class ProcessorsBusy(Exception):
    """The processors, not the links, may have set the pace of a run; the text is one line that says so."""


class Suite:
    """Runs ``design``.

    ``on_start(plan, repeat)`` is called before each run and returns a function that is called with its progress;
    ``on_end(run)`` is called after each run.
    """

    def __init__(
        self,
        design: Design,
        on_start: Callable[[Plan, int], OnProgress],
        on_end: Callable[[Run], object] = lambda run: None,
    ) -> None:
        self.runs: list[Run] = []
        self._design = design
        self._on_start = on_start
        self._on_end = on_end
        self._setting: dict[str, str] = {}

    @property
    def results(self) -> Results:
        """The results so far."""
        return Results(self._setting, self._design.all_links, self.runs)

    def run(self, out: Path) -> None:
        """Run everything; after each run, write the data so far into ``out``. Ends early if interrupted.

        Raises ValueError if no such plan is possible, OSError if ``out`` cannot be written or the corpus not be read,
        ClusterError, PlaceError, ProcessorsBusy.
        """
        with tempfile.TemporaryDirectory(prefix="p2p-") as folder:
            cases = [self._case(task, peers, Path(folder)) for task, peers in self._design.cases]
            self._setting = describe(self._design, {case.plan.task: case.plan.sizes for case in cases})
            for case in cases:
                for repeat in range(1, self._design.repeat + 1):
                    self.runs.append(self._checked(self._execute(case, repeat, out)))
                    write_data(self.results, out)
                    self._on_end(self.runs[-1])
                    if self.runs[-1].interrupted:
                        return

    def _execute(self, case: Case, repeat: int, out: Path) -> Run:
        with PLACES[self._design.place](case.links, case.peers) as place:
            self._setting |= place.setting
            trace = out / TRACES / f"{case.plan.task}-{case.peers}-{repeat}.jsonl" if self._design.trace else None
            execution = Execution(case, place, repeat, self._on_start(case.plan, repeat), trace)
            return self._captured(case, repeat, place, execution, out) if self._design.pcap else execution.run()

    def _captured(self, case: Case, repeat: int, place: Place, execution: Execution, out: Path) -> Run:
        """Run while the cables of all hosts are captured below ``out``."""
        roles = ["rs", *(f"peer{number}" for number in range(1, case.peers + 1))]
        folder = out / FOLDER / f"{case.plan.task}-{case.peers}-{repeat}"
        try:
            with Captures(place.launcher, roles, folder, capture_tool() or "") as captures:
                run = execution.run()
        except BaseException:
            with suppress(OSError):  # there are those of earlier runs
                folder.parent.rmdir()
            raise
        return replace(run, captures=[path.relative_to(out).as_posix() for path in captures.files])

    def _checked(self, run: Run) -> Run:
        if self._design.cpu_check:
            for busy, subject in ((run.busy, "the processors were"), (run.busiest, "a peer kept a processor")):
                if busy is not None and busy > BUSY_SHARE:
                    raise ProcessorsBusy(
                        f"{run.task} refused: {subject} {busy:.0%} busy, so they, not the links, may have set the "
                        "pace; try slower links, fewer peers, or a machine with less to do"
                    )
        return run

    def _case(self, task: str, peers: int, folder: Path) -> Case:
        design = self._design
        roles = design.honest(peers)
        if task in ONE_SOURCE:
            originals = self._large(folder)
            plan = one_source(task, roles, LARGE, design.size, ONE_SOURCE[task])
        else:
            originals = self._originals(folder)
            sizes = {name: path.stat().st_size for name, path in originals.paths.items()}
            plan = plan_for(task, roles, sizes, design.fetch, design.random_seed, design.swarm)
        plan = replace(plan, arrive=design.arrive)
        if not plan.survivors(design.faults):
            raise ValueError(f"in {task} all downloaders are killed")
        if not plan.bound(design.all_links, design.faults):
            raise ValueError(f"the documents to be fetched in {task} are empty")
        return Case(plan, originals, design.all_links, design.faults, design.random_seed)

    def _originals(self, folder: Path) -> Originals:
        design, generated = self._design, folder / "corpus"
        if design.corpus is None:
            return Originals(generated, make_corpus(generated, design.files, design.random_seed))
        chosen = choose(design.corpus, design.files)
        if len(chosen) < design.files:
            raise ValueError(f"{design.corpus} has {len(chosen)} documents, not {design.files}")
        return Originals(design.corpus, chosen)

    def _large(self, folder: Path) -> Originals:
        path = folder / LARGE
        if not path.exists():
            write_random_bytes(path, self._design.size, f"{self._design.random_seed}/large")
        return Originals(folder, [path])
