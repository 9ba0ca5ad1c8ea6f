"""The pages of a peer: documents, downloads, shares, peers, limits, log, about."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.web.resource import Resource

from ...index.sorting import SORTS
from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.search_terms import as_typed
from ..api.event_log import event_name
from ..api.facade import PeerFacade
from ..api.schema import Settings
from ..api.search import chosen_sort
from ..http.calls import ApiRoot
from ..http.errors import ApiError
from ..http.request import ControlRequest
from .notable import NOTABLE, NotableLog
from .page import Page, Values, always
from .static import add_static

DOCUMENTS = 50
"""Documents on a page."""
HITS = 20
"""Documents that are shown for the words in their texts."""
MAX_SEARCH = 200
"""Longest search, in characters."""
NAVIGATION = (
    ("/", "Documents"),
    ("/downloads", "Downloads"),
    ("/shares", "Shares"),
    ("/peers", "Peers"),
    ("/limits", "Limits"),
    ("/log", "Log"),
    ("/about", "About"),
)

Query = Mapping[str, str]


def add_peer_pages(root: ApiRoot, peer: PeerFacade, config: Settings, log: NotableLog) -> None:
    """Put the pages of `peer` into its site. `config` is the answer to ``GET config``."""
    pages = _PeerPages(peer, config, log)
    for path, page in {
        "": Page("documents.html.j2", pages.documents, pages.common, ("q", "sort", "offset")),
        "texts": Page("texts.html.j2", pages.texts, pages.common, ("q", "sort", "offset", "swarm")),
        "downloads": _Downloads(pages),
        "shares": Page("shares.html.j2", always(pages.shares), pages.common),
        "read": Page("read.html.j2", pages.read, pages.common, ("name",)),
        "peers": Page("peers.html.j2", always(pages.peers), pages.common),
        "limits": Page("limits.html.j2", always(pages.limits), pages.common),
        "log": Page("log.html.j2", always(pages.log), pages.common),
        "about": Page("about.html.j2", always(pages.about), pages.common),
    }.items():
        root.putChild(path.encode(), page)
    add_static(root)


class _PeerPages:
    """The values of the pages."""

    def __init__(self, peer: PeerFacade, config: Settings, log: NotableLog) -> None:
        self._peer = peer
        self._config = config
        self._log = log

    def common(self) -> Values:
        """Return the values that all pages have."""
        return {"navigation": NAVIGATION, "role": "peer", "status": self._peer.status()}

    async def documents(self, query: Query) -> Values:
        """Return the documents that match the search, a page of them."""
        search, offset = query.get("q", "")[:MAX_SEARCH], fields.number(query.get("offset", "0"), "offset", 0, 2**31)
        sort = chosen_sort(query)
        kept = {"q": search} if sort == SORTS[0] else {"q": search, "sort": sort}
        found = await self._peer.index(search, DOCUMENTS, offset, sort)
        return {"found": found, "search": search, "sort": sort, "query": kept, "offset": offset, "limit": DOCUMENTS}

    async def texts(self, query: Query) -> Values:
        """Return the documents that have the words of the search in their text; with `swarm`, other peers are asked."""
        search = query.get("q", "")[:MAX_SEARCH]
        if not search.strip():
            return {"page": None, "why": ""}
        try:
            terms = as_typed(search)
        except BadRequest as error:
            return {"page": None, "why": error.reason}
        return {"page": await self._peer.search(terms, HITS, query.get("swarm") == "yes"), "why": ""}

    def downloads(self) -> Values:
        """Return the downloads, the newest first, and the wants."""
        return {"downloads": self._peer.downloads().items[::-1], "wants": self._peer.wants()}

    def download(self, id_: str) -> Values:
        """Return a download. Raises ApiError if there is none with that id."""
        found = self._peer.download(id_)
        if found is None:
            raise ApiError(404, "there is no such download: only the last ones are kept")
        return {"download": found}

    def shares(self) -> Values:
        """Return the shared folders."""
        return {"shares": self._peer.shared_folders()}

    async def read(self, query: Query) -> Values:
        """Return the name of the document that is to be read. Raises BadRequest."""
        if not query.get("name"):
            raise BadRequest("name a document: name=NAME")
        return {"name": query["name"]}

    def peers(self) -> Values:
        """Return the other peers, those with the most documents first."""
        return {"peers": sorted(self._peer.peers().items, key=lambda peer: (-peer.files, peer.host, peer.port))}

    def limits(self) -> Values:
        """Return the rate limits."""
        return {"limits": self._peer.limits()}

    def log(self) -> Values:
        """Return the notable events, the newest first, and the names of those that add one."""
        return {"entries": self._log.entries(), "names": [event_name(kind) for kind in NOTABLE]}

    def about(self) -> Values:
        """Return the settings."""
        return {"settings": self._config.items}


class _Downloads(Page):
    """The list of downloads, and below it a page for each."""

    def __init__(self, pages: _PeerPages) -> None:
        super().__init__("downloads.html.j2", always(pages.downloads), pages.common)
        self._pages = pages

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        """Return the page of a download."""
        id_ = path.decode("ascii", "replace")
        return Page("download.html.j2", always(lambda: self._pages.download(id_)), self._pages.common)
