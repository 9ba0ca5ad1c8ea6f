"""Generate a corpus: any number of documents, with sizes like those of RFCs; or a file of random bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from .sample_document import pdf_document, text_document, titles

RFC_SIZES = (7044, 11971, 13516, 16907, 21699, 26521, 30156, 34002, 40540, 46127, 66173, 76423, 228299)
"""Sizes in bytes of the 60 newest RFCs (2018) as PDF: the smallest, every twelfth part of them, the largest."""

MIN_SIZE = 1024
MAX_SIZE = 2**30
MAX_COUNT = 100_000
MIN_PDF = 4096
MAX_PDF = 2**20
"""Documents are text and PDF in turn; those smaller or larger than these two sizes are text."""
BLOCK = 2**20
"""Bytes that are generated at a time."""


def make_corpus(
    directory: Path, count: int = 60, random_seed: int = 0, sizes: Sequence[int] | None = None
) -> list[Path]:
    """Write ``count`` documents, text and PDF in turn, into ``directory``; return their paths in order.

    ``directory`` is made if it does not exist. ``sizes`` has the bytes of each document (default: ``spread_sizes``); a
    text has exactly its size, a PDF is within a few per cent of it. The same arguments give the same bytes. A file that
    is there with the same content is left alone. Raises FileExistsError if another file has the name of a document,
    OSError if writing fails.
    """
    wanted = spread_sizes(count, random_seed) if sizes is None else list(sizes)
    directory.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(count)))
    paths = []
    for number, (title, size) in enumerate(zip(titles(count, random_seed), wanted, strict=True), 1):
        suffix, generate = _kind(number, size)
        path = directory / f"note{number:0{digits}}{suffix}"
        _write_new(path, generate(title, size, f"{random_seed}/{number}"))
        paths.append(path)
    return paths


def spread_sizes(
    count: int, random_seed: int = 0, limits: tuple[int, int] | None = None, total: int | None = None
) -> list[int]:
    """Return ``count`` sizes in bytes, spread like those of RFCs (few large ones, many small), in random order.

    ``limits`` are the smallest and the largest size, instead of 7 KB and 228 KB; ``total`` is the sum of all sizes,
    instead of 42 KB for each. Raises ValueError if a size would not be from MIN_SIZE to MAX_SIZE, or ``count`` is not
    from 1 to MAX_COUNT.
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


def write_random_bytes(path: Path, size: int, random_seed: str) -> None:
    """Write ``size`` random bytes into the file at ``path``, the same for the same ``random_seed``. Raises OSError.

    A file that is there already keeps its inode.
    """
    random = Random(random_seed)
    with path.open("r+b" if path.exists() else "wb") as file:
        for start in range(0, size, BLOCK):  # randbytes cannot make more than 256 MiB at once
            file.write(random.randbytes(min(BLOCK, size - start)))


def _kind(number: int, size: int) -> tuple[str, Callable[[str, int, str], bytes]]:
    as_pdf = number % 2 == 0 and MIN_PDF <= size <= MAX_PDF
    return (".pdf", pdf_document) if as_pdf else (".txt", text_document)


def _quantile(q: float) -> float:
    """Return the size below which the fraction ``q`` of the RFCs are, interpolated between the table's logarithms."""
    place = q * (len(RFC_SIZES) - 1)
    below = min(int(place), len(RFC_SIZES) - 2)
    low, high = RFC_SIZES[below], RFC_SIZES[below + 1]
    return low * math.pow(high / low, place - below)


def _between(size: float, low: int, high: int) -> float:
    """Map ``size`` from the range of the table to the range from ``low`` to ``high``, on a logarithmic scale."""
    if not 0 < low <= high:
        raise ValueError(f"the smallest size ({low}) must be positive and not above the largest ({high})")
    place = math.log(size / RFC_SIZES[0]) / math.log(RFC_SIZES[-1] / RFC_SIZES[0])
    return low * math.pow(high / low, place)


def _rounded(sizes: Sequence[float]) -> list[int]:
    """Return whole numbers whose sum is that of ``sizes``, rounded."""
    whole, remainder = [], 0.0
    for size in sizes:
        whole.append(round(size + remainder))
        remainder += size - whole[-1]
    return whole


def _write_new(path: Path, data: bytes) -> None:
    if not path.exists():
        path.write_bytes(data)
    elif path.read_bytes() != data:
        raise FileExistsError(f"{path} exists already and is another document")
