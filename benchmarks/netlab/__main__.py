"""``python -m benchmarks.netlab``: run the works on shaped links by each system in turn; a table of medians."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.netlab.libtorrent_system import LibtorrentSystem
from benchmarks.netlab.ours_system import OurSystem
from benchmarks.netlab.run import Outcome, run
from benchmarks.netlab.site_works import SITES, TOLD, one_file_at_sites
from benchmarks.netlab.system import BenchError, System
from benchmarks.netlab.table import Table
from benchmarks.netlab.works import (
    HARMED_DOWNLOADERS,
    SLOW,
    Work,
    corrupt,
    kill_source,
    many_small,
    one_file,
    rfc_set,
    rfc_spread,
    slow_links,
)
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.iproute import PlaceError

SYSTEMS: dict[str, System] = {system.name: system for system in (LibtorrentSystem(), OurSystem())}
WORKS = (
    "one-file",
    *(f"slow-{n}" for n in SLOW),
    "rfc-set",
    "rfc-spread",
    "many-small",
    "corrupt",
    "kill-source",
    *SITES,
)
RFC_DOWNLOADERS = 5


def main() -> None:
    options = _options()
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="p2p-netlab-") as folder:
            good = _bench(options, Path(folder))
    except PlaceError as error:
        sys.exit(f"netlab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if good else 1)


def _bench(options: argparse.Namespace, folder: Path) -> bool:
    """Run the selected works and print the table; return whether every run of ours succeeded."""
    good = True
    table = Table()
    for work in _works(options, folder):
        for name, outcome in _in_turns(options, folder, work).items():
            if isinstance(outcome, BenchError):
                table.failed(work, name, outcome)
                good = good and name != OurSystem.name
            else:
                table.add(work, name, outcome)
    table.end()
    return good


def _in_turns(options: argparse.Namespace, folder: Path, work: Work) -> dict[str, list[Outcome] | BenchError]:
    """Return the runs of each system, or how one failed. They take turns, so that a busy moment meets them all."""
    runs: dict[str, list[Outcome]] = {
        name: [] for name in options.system if SYSTEMS[name].can_corrupt or not work.corrupt
    }
    failed: dict[str, BenchError] = {}
    for name in list(runs) * options.repeat:
        if name not in failed:
            try:
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    runs[name].append(run(SYSTEMS[name], work, Path(own), options.timeout))
            except BenchError as error:
                failed[name] = error
    return {**runs, **failed}


def _works(options: argparse.Namespace, folder: Path) -> Iterator[Work]:
    if "one-file" in options.work:
        for downloaders in options.downloaders:
            yield one_file(folder, downloaders)
    for downloaders in (n for n in SLOW if f"slow-{n}" in options.work):
        yield slow_links(folder, downloaders)
    if "rfc-set" in options.work:
        yield rfc_set(options.corpus, RFC_DOWNLOADERS)
    if "rfc-spread" in options.work:
        yield rfc_spread(options.corpus)
    if "many-small" in options.work:
        yield many_small(folder)
    if "corrupt" in options.work:
        if "one-file" not in options.work or HARMED_DOWNLOADERS not in options.downloaders:
            yield one_file(folder, HARMED_DOWNLOADERS)  # to compare with
        yield corrupt(folder)
    if "kill-source" in options.work:
        yield kill_source(folder)
    for name in (name for name in SITES if name in options.work):
        for told in options.told:
            yield one_file_at_sites(folder, SITES[name], told)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.netlab", description=__doc__)
    parser.add_argument("--work", type=_choice(WORKS), default=list(WORKS), help=f"of {','.join(WORKS)}; default: all")
    parser.add_argument(
        "--system", type=_choice(tuple(SYSTEMS)), default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}; default: all"
    )
    parser.add_argument("--downloaders", type=_counts, default=[8, 16], help="for one-file; default: 8,16")
    parser.add_argument("--told", type=_choice(TOLD), default=["prefix"], help=f"how sites are known: {','.join(TOLD)}")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; default: 3")
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus/rfc"), help="folder of PDFs")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for each download; default: 120")
    return parser.parse_args()


def _choice(known: tuple[str, ...]):
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return chosen

    return parse


def _counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",")]
    if min(counts) < 1 or max(counts) > 100:
        raise argparse.ArgumentTypeError("1 to 100 downloaders")
    return counts


if __name__ == "__main__":
    main()
