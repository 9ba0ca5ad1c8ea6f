"""The works: which host starts with which documents, who wants them all, and how fast a fluid could do it."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

UP = 20_000_000  # bits/s of every host's uplink
DOWN = 100_000_000  # bits/s of every host's downlink
SLOW = {8: (16, 5, 25), 16: (16, 5, 25), 32: (16, 5, 25), 64: (8, 2, 10)}
"""For so many downloaders on slow links: MiB of the file, Mbit/s up and down."""
SOURCE = 1  # the host that has everything, where there is one
LARGE = 32 * 2**20  # bytes of the one file
CORPUS_FILES = 60
SPREAD_PEERS = 6
SMALL_FILES = 2000
SMALL_SIZES = (1_000, 64_000)  # bytes, the least and the most
SMALL_DOWNLOADERS = 4
KILL_AFTER = 1.1  # times the file, sent by the source; sooner if the others together have all of it sooner
HARMED_DOWNLOADERS = 8  # of the works in which somebody is killed or corrupt
CORRUPT = 3  # the downloader that is corrupt


@dataclass(frozen=True)
class Work:
    """One task for a system: ``documents`` exist, ``holdings`` says who has which names, ``wanting`` wants all.

    ``bound`` is the fluid bound in seconds, framing not counted; ``killed`` says that the source is killed on the way.
    All that the host ``corrupt`` serves is garbage; it wants the documents as the others do. ``honest`` is the title of
    the same work without it. ``sites``: hosts of each site, if there are several; ``told``: see site_works. ``up`` and
    ``down``: bits/s of every host where there is one site.
    """

    title: str
    documents: tuple[Path, ...]
    holdings: dict[int, tuple[str, ...]]
    wanting: tuple[int, ...]
    bound: float
    killed: bool = False
    corrupt: int | None = None
    honest: str = ""
    sites: tuple[int, ...] = ()
    told: str = ""
    up: int = UP
    down: int = DOWN

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all documents, ascending."""
        return tuple(sorted(path.name for path in self.documents))

    @property
    def size(self) -> int:
        """Bytes of all documents."""
        return sum(path.stat().st_size for path in self.documents)

    def lacking(self, host: int) -> int:
        """Bytes of the documents that ``host`` has yet to get."""
        held = self.holdings.get(host, ())
        return sum(path.stat().st_size for path in self.documents if path.name not in held)

    @property
    def has_source(self) -> bool:
        """Whether there is one host that has everything and wants nothing."""
        return SOURCE not in self.wanting

    @property
    def hosts(self) -> int:
        """Number of hosts; they are numbered from 1."""
        return len(self.holdings.keys() | set(self.wanting))


def one_file(folder: Path, downloaders: int) -> Work:
    """Make a file of 32 MiB in ``folder``, which goes from one source to ``downloaders`` hosts."""
    path = folder / "large.bin"
    if not path.exists():
        path.write_bytes(random.Random(downloaders).randbytes(LARGE))
    return _from_one_source(f"32 MiB, 1 source, {downloaders} downloaders", (path,), downloaders)


def slow_links(folder: Path, downloaders: int) -> Work:
    """Make a file in ``folder``, which goes from one source to ``downloaders`` hosts on the links of SLOW."""
    mib, up, down = SLOW[downloaders]
    path = folder / f"slow-{mib}.bin"
    if not path.exists():
        path.write_bytes(random.Random(mib).randbytes(mib * 2**20))
    bits = up * 1_000_000, down * 1_000_000
    work = _from_one_source(f"{mib} MiB at {up}/{down}, {downloaders} downloaders", (path,), downloaders)
    bound = fluid_bound(work.size, downloaders, *bits)
    return replace(work, bound=bound, up=bits[0], down=bits[1])


def kill_source(folder: Path) -> Work:
    """One file as in one_file, but the source is killed during the run."""
    work = one_file(folder, HARMED_DOWNLOADERS)
    return replace(work, title=f"32 MiB, source killed, {HARMED_DOWNLOADERS} downloaders", killed=True)


def corrupt(folder: Path) -> Work:
    """One file as in one_file, but one of the downloaders is corrupt."""
    work = one_file(folder, HARMED_DOWNLOADERS)
    return replace(
        work, title=f"32 MiB, {HARMED_DOWNLOADERS} downloaders, one corrupt", corrupt=CORRUPT, honest=work.title
    )


def rfc_set(corpus: Path, downloaders: int) -> Work:
    """Send the PDFs of ``corpus`` from one source to ``downloaders`` hosts."""
    documents = _pdfs(corpus)
    return _from_one_source(f"{len(documents)} RFCs, 1 source, {downloaders} downloaders", documents, downloaders)


def rfc_spread(corpus: Path) -> Work:
    """Deal the PDFs of ``corpus`` out in turn to six peers, each of which wants all."""
    documents = _pdfs(corpus)
    peers = tuple(range(1, SPREAD_PEERS + 1))
    holdings = {peer: tuple(path.name for path in documents[peer - 1 :: SPREAD_PEERS]) for peer in peers}
    total = sum(path.stat().st_size for path in documents)
    bound = (SPREAD_PEERS - 1) * total / (SPREAD_PEERS * UP / 8)
    return Work(f"{len(documents)} RFCs, spread over {SPREAD_PEERS} peers", documents, holdings, peers, bound)


def many_small(folder: Path) -> Work:
    """Make many small documents below ``folder``, which go from one source to four hosts."""
    below = folder / "small"
    below.mkdir()
    random_bytes = random.Random(SMALL_FILES)
    documents = tuple(below / f"document{number:04}.bin" for number in range(SMALL_FILES))
    for path in documents:
        path.write_bytes(random_bytes.randbytes(random_bytes.randint(*SMALL_SIZES)))
    title = f"{SMALL_FILES} small, 1 source, {SMALL_DOWNLOADERS} downloaders"
    return _from_one_source(title, documents, SMALL_DOWNLOADERS)


def fluid_bound(size: int, downloaders: int, up: int = UP, down: int = DOWN) -> float:
    """Seconds to bring ``size`` bytes from one source to ``downloaders`` hosts (Kumar and Ross 2006)."""
    return 8 * max(size / up, size / down, downloaders * size / (up * (1 + downloaders)))


def _from_one_source(title: str, documents: tuple[Path, ...], downloaders: int) -> Work:
    holdings = {SOURCE: tuple(sorted(path.name for path in documents))}
    bound = fluid_bound(sum(path.stat().st_size for path in documents), downloaders)
    wanting = tuple(range(SOURCE + 1, SOURCE + 1 + downloaders))
    return Work(title, documents, holdings, wanting, bound)


def _pdfs(corpus: Path) -> tuple[Path, ...]:
    found = tuple(sorted(corpus.glob("*.pdf"))[-CORPUS_FILES:])
    if len(found) < CORPUS_FILES:
        raise SystemExit(f"netlab: {corpus} has {len(found)} PDFs, {CORPUS_FILES} are needed: give --corpus DIR")
    return found
