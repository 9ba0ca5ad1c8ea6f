"""The titles of the real RFCs: three texts, and sixty PDFs whose metadata says "Enscript Output" or nothing."""

from __future__ import annotations

from pathlib import Path

from p2p_twisted.library.titles import title_of

TABLE = Path(__file__).with_name("rfc_titles.tsv")
TITLES = dict(line.split("\t") for line in TABLE.read_text().splitlines())


def test_every_rfc_has_its_title(corpus) -> None:
    here = {name: title for name, title in TITLES.items() if (corpus / name).is_file()}
    found = {}
    for name in here:
        with (corpus / name).open("rb") as file:
            found[name] = title_of(file, name)
    assert found == here
    assert found
