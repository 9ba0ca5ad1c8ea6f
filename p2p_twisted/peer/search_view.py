"""What a search has found, in the values of the API's schema."""

from __future__ import annotations

from collections.abc import Callable

from ..index.ranking import Result
from ..index.search import Document
from ..web.api.schema import IndexedDocument
from ..web.api.search_schema import RfcView, SearchHit, SearchPage
from .search import Found


def search_page(
    found: Found, document: Callable[[Result], Document], view: Callable[[Document], IndexedDocument]
) -> SearchPage:
    """Return the answer for what was `found`; `document` gives the document of each result, `view` shows it."""
    hits = [_hit(result, view(document(result)), found) for result in found.results]
    return SearchPage(hits, found.asked, found.answered)


def _hit(result: Result, document: IndexedDocument, found: Found) -> SearchHit:
    marks = [[first, last] for first, last in result.passage.marks]
    return SearchHit(document, result.passage.text, marks, _rfc(result, found))


def _rfc(result: Result, found: Found) -> RfcView | None:
    facts = result.facts
    if facts.number is None:
        return None
    obsoleted_by, updated_by = found.successors(facts.number)
    return RfcView(
        number=facts.number,
        category=facts.category,
        date=facts.date,
        authors=[author for author in facts.authors.split("; ") if author],
        obsoletes=list(facts.obsoletes),
        updates=list(facts.updates),
        obsoleted_by=obsoleted_by,
        updated_by=updated_by,
    )
