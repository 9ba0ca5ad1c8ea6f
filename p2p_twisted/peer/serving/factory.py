"""The factory of a peer's connections, and what they share: the content, the index, uploads and their rate."""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IReactorTime

from ...events.publisher import Publisher
from ...net.admission import Admission
from ...net.factory import RequestFactory
from ...net.lines import Slicer
from ...net.throttle import Throttle
from ..peers.arrivals import Arrivals
from ..peers.probing import Prober
from .askers import Askers
from .content_store import ContentStore
from .hearsay_feed import HearsayFeed
from .index_feed import IndexFeed
from .piece_server import PieceSource
from .private_index import PrivateIndex
from .protocol import PeerConnection
from .rfc_files import RfcFiles
from .search_answers import Searching, no_search
from .uploads import Uploads

MAX_CONNECTIONS = 2_000
MAX_CONNECTIONS_PER_HOST = 500


class PeerFactory(RequestFactory):
    """Serves `content_store`, files at the rate of `uplink`. `uploaded` counts the bytes of files requested."""

    protocol = PeerConnection

    def __init__(
        self,
        clock: IReactorTime,
        content_store: ContentStore,
        uplink: Throttle | None = None,
        publisher: Publisher | None = None,
        admission: Admission | None = None,
    ) -> None:
        """Make a server; `publisher` gets a TransferServed for each file sent over a connection."""
        super().__init__(clock, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_HOST, admission)
        self.content_store = content_store
        cooperator = Slicer(clock)
        self.index_feed = IndexFeed(clock, content_store, cooperator)
        self.private_index = PrivateIndex(clock, content_store, cooperator)
        self.rfc_files = RfcFiles(content_store.library)
        self.askers = Askers(content_store.now)
        self.hearsay_feed = HearsayFeed(clock, content_store.now)
        self.piece_source = PieceSource(clock, content_store)
        self.uploads = Uploads(clock, content_store.name_of, publisher or Publisher())
        self.uplink = uplink
        self.site: str | None = None
        """The name of this peer's site, told in answers of 1.1; None if it has none."""
        self.arrivals: Arrivals | None = None
        """Takes Hellos; without it they are answered and ignored."""
        self.prober: Prober | None = None
        """Takes Probes; without it they are refused."""
        self.search: Searching = no_search
        """Answers searches."""
        self.uploaded = 0
        self.requests: Counter[str] = Counter()
        """Requests that could be read, by the names of their messages."""
