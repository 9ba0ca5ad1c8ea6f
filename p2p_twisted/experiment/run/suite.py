"""A whole experiment: make its plans, carry them out one after the other, and write everything down."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ..corpus.choice import choose, make_corpus
from ..plan.design import Design, describe
from ..plan.tasks import Plan, one_source, plan_for
from ..results import Results, Run, write_data
from .demo import Documents
from .fault_injection import write_random_bytes
from .machine import BUSY
from .places import PLACES
from .runner import Execution, Watch, Work

LARGE = "large.bin"
"""Name of the document in tasks that have only one."""
ONE_SOURCE = {"swarm": True, "central": False}
"""Tasks with one document and one source -> whether they swarm."""


class ProcessorsBusy(Exception):
    """A run in which the processors set the pace, not the links; one line that says so."""


class Suite:
    """Runs ``design``; ``on_run(plan, repeat)`` is called before each run and returns who watches it.

    ``on_ran(run)`` is called after each run.
    """

    def __init__(
        self,
        design: Design,
        on_run: Callable[[Plan, int], Watch],
        on_ran: Callable[[Run], object] = lambda run: None,
    ) -> None:
        self.runs: list[Run] = []
        self._design = design
        self._on_run = on_run
        self._on_ran = on_ran
        self._setting: dict[str, str] = {}

    @property
    def results(self) -> Results:
        """The results so far."""
        return Results(self._setting, self._design.all_links, self.runs)

    def run(self, out: Path) -> None:
        """Run everything, and after each run write the data so far into ``out``. Stops early when interrupted.

        Raises ValueError when there is no such plan, OSError when ``out`` cannot be written or the corpus not be read,
        ClusterError, PlaceError, ProcessorsBusy.
        """
        with tempfile.TemporaryDirectory(prefix="p2p-") as folder:
            works = [self._work(task, peers, Path(folder)) for task, peers in self._design.cases]
            self._setting = describe(self._design, {work.plan.task: work.plan.sizes for work in works})
            for work in works:
                for repeat in range(1, self._design.repeat + 1):
                    self.runs.append(self._checked(self._execute(work, repeat)))
                    write_data(self.results, out)
                    self._on_ran(self.runs[-1])
                    if self.runs[-1].interrupted:
                        return

    def _execute(self, work: Work, repeat: int) -> Run:
        with PLACES[self._design.place](work.links, work.peers) as place:
            self._setting |= place.setting
            return Execution(work, place, repeat, self._on_run(work.plan, repeat)).run()

    def _checked(self, run: Run) -> Run:
        if self._design.cpu_check:
            for busy, what in ((run.busy, "the processors were"), (run.busiest, "a peer kept a processor")):
                if busy is not None and busy > BUSY:
                    raise ProcessorsBusy(
                        f"{run.task} refused: {what} {busy:.0%} busy, so they, not the links, may have set the pace; "
                        "try slower links, fewer peers, or a machine with less to do"
                    )
        return run

    def _work(self, task: str, peers: int, folder: Path) -> Work:
        design = self._design
        roles = design.honest(peers)
        if task in ONE_SOURCE:
            documents = self._large(folder)
            plan = one_source(task, roles, LARGE, design.size, ONE_SOURCE[task])
        else:
            documents = self._documents(folder)
            sizes = {name: path.stat().st_size for name, path in documents.paths.items()}
            plan = plan_for(task, roles, sizes, design.fetch, design.random_seed, design.swarm)
        if not plan.survivors(design.faults):
            raise ValueError(f"in {task} nobody is left to fetch: all who would are killed")
        if not plan.bound(design.all_links, design.faults):
            raise ValueError(f"the documents to be fetched in {task} have nothing in them")
        return Work(plan, documents, design.all_links, design.faults, design.random_seed)

    def _documents(self, folder: Path) -> Documents:
        design, own = self._design, folder / "corpus"
        if design.corpus is None:
            return Documents(own, make_corpus(own, design.files, design.random_seed))
        chosen = choose(design.corpus, design.files)
        if len(chosen) < design.files:
            raise ValueError(f"{design.corpus} has {len(chosen)} documents, not {design.files}")
        return Documents(design.corpus, chosen)

    def _large(self, folder: Path) -> Documents:
        path = folder / LARGE
        if not path.exists():
            write_random_bytes(path, self._design.size, f"{self._design.random_seed}/large")
        return Documents(folder, [path])
