"""A corpus to share: documents of its own in given number and sizes, and the choice of documents from a folder."""

import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from ...library.paths import name_of
from .documents import pdf_document, text_document, titles

RFC_SIZES = (7044, 11971, 13516, 16907, 21699, 26521, 30156, 34002, 40540, 46127, 66173, 76423, 228299)
"""Sizes in bytes of the 60 newest RFCs (2018), as PDF: the smallest, every twelfth part of them, the largest."""

MIN_SIZE = 1024
MAX_SIZE = 2**30
MAX_COUNT = 100_000
MIN_PDF = 4096
MAX_PDF = 2**20
"""Documents are text and PDF by turns; one outside these two sizes is text."""


def make_corpus(
    directory: Path, count: int = 60, random_seed: int = 0, sizes: Sequence[int] | None = None
) -> list[Path]:
    """Write ``count`` documents, text and PDF by turns, into ``directory`` (made when absent); their paths in order.

    ``sizes`` are bytes, one for each (default: :func:`spread_sizes`); a text has exactly its size, a PDF is within
    some percent of it. The same arguments give the same bytes. A file that is there with the same content is left
    alone. Raises FileExistsError when another one has the name of a document, OSError when writing fails.
    """
    wanted = spread_sizes(count, random_seed) if sizes is None else list(sizes)
    directory.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count)))
    made = []
    for number, (title, size) in enumerate(zip(titles(count, random_seed), wanted, strict=True), 1):
        suffix, maker = _kind(number, size)
        path = directory / f"note{number:0{digits}}{suffix}"
        _write_new(path, maker(title, size, f"{random_seed}/{number}"))
        made.append(path)
    return made


def spread_sizes(
    count: int, random_seed: int = 0, limits: tuple[int, int] | None = None, total: int | None = None
) -> list[int]:
    """``count`` sizes in bytes, spread as those of RFCs are (a few large ones, many small), in an order by the seed.

    ``limits`` are the smallest and the largest instead of 7 KB and 228 KB; ``total`` makes their sum that many bytes
    instead. Raises ValueError when a size would leave MIN_SIZE to MAX_SIZE, or the count 1 to MAX_COUNT.
    """
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"a corpus has 1 to {MAX_COUNT} documents, not {count}")
    sizes = [_quantile(i / (count - 1) if count > 1 else 0.5) for i in range(count)]
    if limits is not None:
        sizes = [_between(size, *limits) for size in sizes]
    if total is not None:
        scale = total / sum(sizes)
        sizes = [size * scale for size in sizes]
    whole = _rounded(sizes)
    for size in (min(whole), max(whole)):
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise ValueError(f"a document has {MIN_SIZE} to {MAX_SIZE} bytes, not {size}")
    Random(f"sizes/{random_seed}").shuffle(whole)
    return whole


def choose(directory: Path, count: int) -> list[Path]:
    """The last ``count`` files of a folder and its sub-folders in natural order of their names: of RFCs, the newest.

    Only those that a peer would share: no links, nothing hidden, no unfinished download. Raises FileNotFoundError or
    NotADirectoryError for a folder that is not there.
    """
    if not directory.is_dir():
        raise (NotADirectoryError if directory.exists() else FileNotFoundError)(f"{directory} is not a folder")
    found = [Path(folder, file) for folder, _, files in os.walk(directory) for file in files]
    names = {path: name_of(directory, path) for path in found if path.is_file() and not path.is_symlink()}
    return sorted((path for path, name in names.items() if name), key=lambda path: natural(names[path] or ""))[-count:]


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which numbers count as such: rfc791 comes before rfc8446."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if "0" <= part[0] <= "9" else (1, 0, part) for part in parts]


def _kind(number: int, size: int) -> tuple[str, Callable[[str, int, str], bytes]]:
    as_pdf = number % 2 == 0 and MIN_PDF <= size <= MAX_PDF
    return (".pdf", pdf_document) if as_pdf else (".txt", text_document)


def _quantile(q: float) -> float:
    """The size below which the fraction ``q`` of the RFCs are; straight lines between the table's logarithms."""
    place = q * (len(RFC_SIZES) - 1)
    below = min(int(place), len(RFC_SIZES) - 2)
    low, high = RFC_SIZES[below], RFC_SIZES[below + 1]
    return low * math.pow(high / low, place - below)


def _between(size: float, low: int, high: int) -> float:
    """Move ``size`` from where it is between the table's ends to the same place between ``low`` and ``high``."""
    if not 0 < low <= high:
        raise ValueError(f"the smallest size ({low}) must be positive and not above the largest ({high})")
    place = math.log(size / RFC_SIZES[0]) / math.log(RFC_SIZES[-1] / RFC_SIZES[0])
    return low * math.pow(high / low, place)


def _rounded(sizes: Sequence[float]) -> list[int]:
    """Whole numbers whose sum is that of ``sizes``, rounded."""
    whole, owed = [], 0.0
    for size in sizes:
        whole.append(round(size + owed))
        owed += size - whole[-1]
    return whole


def _write_new(path: Path, data: bytes) -> None:
    if not path.exists():
        path.write_bytes(data)
    elif path.read_bytes() != data:
        raise FileExistsError(f"{path} is there already and is another document")
