"""``python -m benchmarks.netlab``: run the works on shaped links by each system in turn; a table of medians."""

import argparse
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.netlab.libtorrent_system import LibtorrentSystem
from benchmarks.netlab.ours_system import OurSystem
from benchmarks.netlab.run import Outcome, run
from benchmarks.netlab.system import BenchError, System
from benchmarks.netlab.works import DOWN, UP, Work, one_file, rfc_set, rfc_spread
from p2p_twisted.experiment.interrupts import Interrupts
from p2p_twisted.experiment.netns import LabError

SYSTEMS: dict[str, System] = {system.name: system for system in (LibtorrentSystem(), OurSystem())}
WORKS = ("one-file", "rfc-set", "rfc-spread", "kill-source")
RFC_DOWNLOADERS = 5
KILL_DOWNLOADERS = 8
COLUMNS = "{:40} {:10} {:>8} {:>8} {:>6}  {:20} {:>6} {:>6} {:>6} {:>5}"
LEGEND = """
time: s from the order until the last one has all, median; each file is then compared with its SHA-256 on disk.
bound: the fluid one, which knows no framing; TCP's framing alone makes the ratio 1.05. runs: s, each of them.
source: data the source sent until then, copy: until the others together had everything, both in times the work.
extra: data received beyond the work, of the mean downloader (protocol and duplicates). cpu: of all processors."""


def main() -> None:
    options = _options()
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="p2p-netlab-") as folder:
            good = _bench(options, Path(folder))
    except LabError as error:
        sys.exit(f"netlab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if good else 1)


def _bench(options: argparse.Namespace, folder: Path) -> bool:
    """Run all that was asked for and print the table; whether every run went well."""
    good = True
    print(_setting())
    print(COLUMNS.format("work", "system", "time", "bound", "ratio", "runs", "source", "copy", "extra", "cpu"))
    for work in _works(options, folder):
        # The systems take turns, so that a mood of the machine meets all of them.
        outcomes: dict[str, list[Outcome]] = {name: [] for name in options.system}
        for name in options.system * options.repeat:
            try:
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    outcomes[name].append(run(SYSTEMS[name], work, Path(own), options.timeout))
            except BenchError as error:
                good = False
                print(f"netlab: {work.title}, {name}: {error}", file=sys.stderr)
        for name, runs in outcomes.items():
            print(_row(work, name, runs) if runs else f"{work.title:40} {name:10} failed", flush=True)
    print(LEGEND)
    return good


def _works(options: argparse.Namespace, folder: Path) -> Iterator[Work]:
    if "one-file" in options.work:
        for downloaders in options.downloaders:
            yield one_file(folder, downloaders)
    if "rfc-set" in options.work:
        yield rfc_set(options.corpus, RFC_DOWNLOADERS)
    if "rfc-spread" in options.work:
        yield rfc_spread(options.corpus)
    if "kill-source" in options.work:
        yield one_file(folder, KILL_DOWNLOADERS, killed=True)


def _row(work: Work, name: str, runs: list[Outcome]) -> str:
    seconds = statistics.median(one.seconds for one in runs)
    row = COLUMNS.format(
        work.title,
        name,
        f"{seconds:.2f}",
        f"{work.bound:.2f}",
        f"{seconds / work.bound:.2f}",
        " ".join(f"{one.seconds:.2f}" for one in runs),
        _median([one.source for one in runs], ".2f"),
        _median([one.copy for one in runs], ".2f"),
        _median([one.extra for one in runs], ".1%"),
        _median([one.busy for one in runs], ".0%"),
    )
    spared = sum(one.spared for one in runs)
    return row + (f"  (source not killed in {spared}: it never sent that much)" if spared else "")


def _median(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    return format(statistics.median(known), form) if known else "-"


def _setting() -> str:
    control = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    return f"Every host {UP / 1e6:g} Mbit/s up, {DOWN / 1e6:g} down; Linux {platform.release()}, TCP {control}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.netlab", description=__doc__)
    parser.add_argument("--work", type=_choice(WORKS), default=list(WORKS), help=f"of {','.join(WORKS)}; default: all")
    parser.add_argument(
        "--system", type=_choice(tuple(SYSTEMS)), default=list(SYSTEMS), help=f"of {','.join(SYSTEMS)}; default: all"
    )
    parser.add_argument("--downloaders", type=_counts, default=[8, 16], help="for one-file; default: 8,16")
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
