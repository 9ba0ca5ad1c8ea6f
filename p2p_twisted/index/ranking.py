"""What several peers have found, as one list: each document once, those first that have all terms in name or title.

Pure. What peers say of how well a document fits is believed within narrow bounds; whether a title has the terms is seen
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..wire.address import Address
from ..wire.search import Hit, RfcFacts
from ..wire.search_terms import Term
from .passage import Passage
from .words import name_words, words_of


@dataclass
class Result:
    """A document that was found; `peers` have said so (this one is not among them), `weight` is as that of a Hit."""

    name: str
    title: str
    size: int | None
    sha256: str | None
    weight: int
    facts: RfcFacts = field(default_factory=RfcFacts)
    passage: Passage = field(default_factory=Passage)
    peers: list[Address] = field(default_factory=list)


def result_of(hit: Hit, peer: Address) -> Result:
    """Return what the peer at `peer` has found."""
    passage = Passage(hit.passage, hit.marks)
    return Result(hit.name, hit.title, hit.size, hit.sha256, hit.weight, hit.facts, passage, [peer])


def merged(results: Iterable[Result], terms: Sequence[Term], limit: int) -> list[Result]:
    """Return the best `limit` of `results`, each document once, the best first."""
    found: dict[tuple[str, str | None], Result] = {}
    for result in results:
        known = found.setdefault((result.name, result.sha256), result)
        if known is not result:
            _join(known, result)
    return sorted(found.values(), key=lambda one: (not _is_in_head(one, terms), -one.weight, one.name))[:limit]


def _join(known: Result, other: Result) -> None:
    """Add what `other` says of the same document to `known`."""
    known.peers += [peer for peer in other.peers if peer not in known.peers]
    if len(other.passage.marks) > len(known.passage.marks) or not known.passage.text:
        known.passage = other.passage
    if known.facts.number is None:
        known.facts = other.facts
    known.title = known.title or other.title
    known.weight = max(known.weight, other.weight)


def _is_in_head(result: Result, terms: Sequence[Term]) -> bool:
    """Return whether all terms are in the name, the title, or the number and authors of an RFC."""
    facts = result.facts
    words = words_of(f"{name_words(result.name)} {result.title} {facts.number or ''} {facts.authors} {facts.date}")
    number = "" if facts.number is None else str(facts.number)
    return all(
        term.text == number if term.field in ("rfc", "obsoletes", "updates") else _has(words, term) for term in terms
    )


def _has(words: Sequence[str], term: Term) -> bool:
    """Return whether the words of `term` follow each other in `words`."""
    *wanted, last = words_of(term.text) or [""]
    for begin in range(len(words) - len(wanted)):
        end = begin + len(wanted)
        if words[begin:end] == wanted and (words[end].startswith(last) if term.is_prefix else words[end] == last):
            return True
    return False


def successors(number: int | None, facts: Iterable[RfcFacts]) -> tuple[list[int], list[int]]:
    """Return the RFCs of `facts` that obsolete the RFC `number`, and those that update it."""
    obsoleted = {one.number for one in facts if one.number is not None and number in one.obsoletes}
    updated = {one.number for one in facts if one.number is not None and number in one.updates}
    return sorted(obsoleted), sorted(updated)
