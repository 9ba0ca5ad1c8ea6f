"""Documents built from records: records of one name and content are one document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..wire.records import IndexRecord


@dataclass
class Document:
    """A name with one content, and its holders. `size` and `sha256` are None if only 1.0 peers have it.

    Where holders give different sizes or piece lists for one SHA-256, at most one is right: `size` is that of most.
    """

    name: str
    title: str
    size: int | None
    sha256: str | None
    holders: list[IndexRecord] = field(default_factory=list)
    is_first_hand: bool = True
    """Whether a holder has said so itself; others have, if not."""

    @property
    def private(self) -> bool:
        """Whether all of its holders let only some peers have it."""
        return all(holder.private for holder in self.holders)

    @property
    def piece_list(self) -> str:
        """The digest of its piece list according to most of its holders; "" if none has one."""
        return self.variants()[0].holders[0].pieces or ""

    def variants(self) -> list[Document]:
        """Return it once for each size and piece list that holders give, that of most holders first.

        Holders of 1.0, which give neither, are in none; without others it is its only variant.
        """
        found: dict[tuple[int | None, str | None], list[IndexRecord]] = {}
        for holder in self.holders:
            if holder.sha256 is not None:
                found.setdefault((holder.size, holder.pieces), []).append(holder)
        groups = sorted(found.values(), key=len, reverse=True)
        return [Document(self.name, self.title, group[0].size, self.sha256, group) for group in groups] or [self]


def documents(records: Iterable[IndexRecord]) -> list[Document]:
    """Group `records` by name and content, sorted by name, the content with most holders first.

    A record without a hash (from a 1.0 peer) joins the public content of its name that has most holders. It counts not
    at all where all are private: whoever guesses the name of one could make it public, and would be asked for it.
    """
    records = list(records)
    if len(records) == 1:  # as with most names
        return [_document(records[0])]
    found: dict[str, dict[str | None, Document]] = {}
    for record in records:
        contents = found.setdefault(record.name, {})
        document = contents.get(record.sha256)
        if document is None:
            contents[record.sha256] = _document(record)
        else:
            document.title = document.title or record.title
            document.holders.append(record)
    return [document for name in sorted(found) for document in _by_holders(found[name])]


def _document(record: IndexRecord) -> Document:
    return Document(record.name, record.title, record.size, record.sha256, [record])


def _by_holders(contents: dict[str | None, Document]) -> Iterable[Document]:
    for document in contents.values():
        if len(document.holders) > 1 and any(holder.size != document.size for holder in document.holders):
            document.size = document.variants()[0].size
    if len(contents) == 1:
        return contents.values()
    unhashed = contents.pop(None, None)
    ranked = sorted(contents.values(), key=lambda document: (-len(document.holders), document.sha256 or ""))
    public = next((document for document in ranked if not document.private), None)
    if unhashed is not None and public is not None:
        public.holders.extend(unhashed.holders)
    return ranked
