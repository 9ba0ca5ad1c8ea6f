"""The documents for everybody that are RFCs by their names, by number: what the handout's GET RFC asks for."""

from __future__ import annotations

from ...events.types import LibraryChanged
from ...library.catalogue import Catalogue, SharedFile
from ...wire.errors import FileNotFound
from ...wire.handout import rfc_number


class RfcFiles:
    """Follows the changes of `library`."""

    def __init__(self, library: Catalogue) -> None:
        self._library = library
        self._names: dict[int, tuple[str, ...]] = {}
        library.publisher.subscribe(LibraryChanged, self._changed)
        self._changed(LibraryChanged(tuple(library.public), ()))

    def find(self, number: int) -> SharedFile:
        """Return the RFC `number`: a text rather than another form of it. Raises FileNotFound."""
        names = self._names.get(number)
        if names is None:
            raise FileNotFound(f"no such document here: RFC {number}")
        return self._library.public[min(names, key=_preference)]

    def _changed(self, event: LibraryChanged) -> None:
        for name in (*event.removed, *event.added):
            number = rfc_number(name)
            if number is not None:
                others = tuple(other for other in self._names.pop(number, ()) if other != name)
                names = (*others, name) if name in self._library.public else others
                if names:
                    self._names[number] = names


def _preference(name: str) -> tuple[bool, int, str]:
    return not name.lower().endswith(".txt"), len(name), name
