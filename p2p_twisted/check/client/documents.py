"""The documents that the peers of ours have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .requests import Found

TTL = 7200


@dataclass(frozen=True)
class Document:
    """A document: its number as an RFC, its title and its content."""

    number: int
    title: str
    content: bytes

    @property
    def stem(self) -> str:
        """Its name without the type."""
        return f"rfc{self.number}"

    @property
    def name(self) -> str:
        """Its whole name."""
        return f"{self.stem}.txt"

    def record(self, port: int, address: str) -> Mapping[str, object]:
        """Return what an index record says of it."""
        named = {"stem": self.stem, "type": "txt", "number": self.number, "title": self.title}
        return {**named, "address": address, "port": port, "ttl": TTL}

    def is_meant(self, found: Found) -> bool:
        """Return whether a request for a document names this one."""
        fields = found.fields
        if "stem" in fields:
            return (fields["stem"], fields.get("type", "")) in ((self.stem, "txt"), (self.name, ""))
        return fields.get("number") == str(self.number) or fields.get("name") == self.name


def _made(number: int, title: str) -> Document:
    head = f"Request for Comments: {number}\n\n{title:^72}\n\n"
    lines = "".join(f"{title}, line {line} of the text of RFC {number}.\n" for line in range(60))
    return Document(number, title, (head + lines).encode())


DOCUMENTS = (_made(9990, "A First Document for Clients"), _made(9991, "A Second Document for Clients"))
