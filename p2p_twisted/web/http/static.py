"""Files as answers: those that come with the package, and any others; each may load nothing but what it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from .calls import Call, Endpoint
from .request import ControlRequest

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
"""The kinds of files there are, by the ends of their names."""

OWN = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Policy of a page of the package: what it loads comes from here, and nothing in it is inline."""
ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Policy of a page that has everything in it and runs no script: a report."""


@dataclass(frozen=True)
class Document:
    """An answer: the bytes of a file whose name ends in `kind`, with a Content-Security-Policy."""

    data: bytes
    kind: str
    policy: str

    def send(self, request: ControlRequest) -> int:
        """Answer `request`. Returns NOT_DONE_YET."""
        headers = {"Content-Type": TYPES[self.kind], "Content-Security-Policy": self.policy}
        return request.answer_bytes(200, self.data, headers)


def page(package: str, name: str) -> Endpoint:
    """Return a path that answers with the file ``static/name`` of `package`. Raises OSError when that is missing."""
    document = Document((files(package) / "static" / name).read_bytes(), name.rpartition(".")[2], OWN)

    def handler(call: Call) -> Document:
        call.query()
        return document

    return Endpoint({b"GET": handler})
