"""docs/protocol.rst taken apart: its examples, its grammar and its tables."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.abnf import Grammar

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.rst").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The code blocks of `kind`, without their indentation."""
    found = re.findall(rf"^\.\. code-block:: {kind}\n\n((?:   .*\n|\n)+)", TEXT, re.MULTILINE)
    return ["\n".join(line[3:] for line in block.rstrip().split("\n")) + "\n" for block in found]


def sent(block: str, arrow: str) -> bytes:
    """The bytes that go in the direction of `arrow` (a regular expression) in an example."""
    lines = (line.replace("⇥", "\t") for line in re.findall(rf"^(?:{arrow})(?:  (.+))?$", block, re.MULTILINE))
    return "".join(line[:-1] if line.endswith("\\") else f"{line}\n" for line in lines).encode()


def tables() -> list[list[list[str]]]:
    """The rows of each simple table, a list of cells each; a row that goes on over more lines is left in pieces."""
    found = re.findall(r"^=+(?:  =+)+\n.*?\n(=+(?:  =+)+)\n(.*?)\n\1\n", TEXT, re.MULTILINE | re.DOTALL)
    return [[re.split(r"  +", row) for row in body.split("\n")] for _, body in found]


EXAMPLES = [block for block in blocks("none") if block.startswith("C->")]
GRAMMAR = Grammar("".join(blocks("abnf")))
LIKELY = Grammar("".join(blocks("abnf")).replace("2*31( host / os / header )", "host os *1header"))
"""The same with heads that have, by chance, what a head must have."""
