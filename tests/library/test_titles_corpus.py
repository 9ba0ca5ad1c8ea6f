"""The titles of the real RFCs: three texts, and sixty PDFs whose metadata says "Enscript Output" or nothing."""

import os
from pathlib import Path

import pytest

from p2p_twisted.library.titles import title_of

CORPUS = Path(os.environ.get("P2P_CORPUS") or Path(__file__).parents[3] / "shared/corpus/rfc")

TABLE = Path(__file__).with_name("rfc_titles.tsv")
TITLES = dict(line.split("\t") for line in TABLE.read_text().splitlines())

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no RFCs in {CORPUS}; P2P_CORPUS may say where they are")


def test_every_rfc_has_its_title():
    here = {name: title for name, title in TITLES.items() if (CORPUS / name).is_file()}
    found = {}
    for name in here:
        with (CORPUS / name).open("rb") as file:
            found[name] = title_of(file, name)
    assert found == here
    assert found
