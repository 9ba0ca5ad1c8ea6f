"""The site of an RS: its control API, metrics and pages, for one process and for the supervisor of several alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config.settings import SettingsOptions
from ..events.publisher import Publisher
from ..web.api.event_log import EventLog
from ..web.api.rs import EVENTS, Peers, rs_root
from ..web.api.settings import describe_settings
from ..web.extension import load_extension
from ..web.health import add_monitoring
from ..web.pages.rate_history import RateHistory
from ..web.pages.rs import RsPages, add_rs_pages
from ..web.service import makeApiService
from .service import RegistrationServer
from .supervisor import Supervisor
from .worker import worker_number

if TYPE_CHECKING:
    from ..net.tls import Tls

LAB_FOLDER = "lab"
EXPERIMENT_PAGE = "p2p_twisted.experiment.page.plugin.make_page"


def serve_api(
    options: SettingsOptions,
    reactor: Any,
    server: RegistrationServer | Supervisor,
    peers: Peers,
    events: Publisher,
    tls: Tls | None,
) -> None:
    """Add the site to `server`; it listens when this returns. A worker has it on its Unix socket only.

    With `tls`, the pages have its certificate where they are not on loopback.

    Raises what `makeApiService` raises.
    """
    web, has_lab = (None, False) if worker_number() is not None else (options["web"], options["lab"])
    lab = load_extension(EXPERIMENT_PAGE, reactor, options["state-dir"] / LAB_FOLDER) if has_lab else None
    config = describe_settings(options)
    root = rs_root(peers, server.status, config, lab, EventLog(events, reactor, EVENTS))
    add_monitoring(root, server.metrics, server.why_not_ready)
    rates = RateHistory(reactor, server.counts)
    add_rs_pages(root, RsPages(peers, server.status, rates, config), has_lab=has_lab)
    api = makeApiService(reactor, web, options["state-dir"], root, lab.listening if lab else None, tls)
    for service in (rates, api, *([lab.service] if lab else [])):
        service.setServiceParent(server)
