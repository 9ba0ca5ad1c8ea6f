"""Experiments over HTTP: calls that start, watch and stop them, and the page for people that makes these calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource

from ...events.history import History
from ...web.api.facade import Json
from ...web.extension import SiteExtension
from ...web.http.calls import PATH, Call, Endpoint, Reply, plain
from ...web.http.errors import ApiError
from ...web.http.request import ControlRequest
from ...web.http.static import ALONE, Document, page
from ...web.pages.page import Page, Values, always
from ...web.pages.render import template_of
from ...web.pages.rs import common_values
from ...web.sse import EventStream
from ...wire import fields
from . import messages_page
from .experiment_order import MEMBERS, ExperimentOrder, parse_order
from .experiment_run import MESSAGES, RESULTS
from .service import ExperimentBusy

_log = Logger()

ASSETS = ("chart.js", "run.js", "lab.js", "lab.css")
"""The files that this page loads and the others do not."""


class RunFacade(Protocol):
    """One experiment, running or over."""

    history: History[str]
    """The events, each as JSON (docs/api.rst)."""

    def describe(self) -> Json:
        """Return its id, state, order, times, and the reason if it failed."""

    def result(self, name: str) -> bytes | None:
        """Return the file `name` of its results, None if there is none (yet)."""

    def traces(self) -> Mapping[str, Path]:
        """Return the files with all messages, by the names of the runs."""


class ExperimentsFacade(Protocol):
    """The methods of the service that HTTP uses, all called in the reactor's thread."""

    def places(self) -> Mapping[str, str | None]:
        """Map each place to one line with the reason why it is not available here, or None."""

    def start(self, order: ExperimentOrder) -> RunFacade:
        """Start an experiment. Raises ExperimentBusy, and OSError if its folder cannot be made."""

    def runs(self) -> Sequence[RunFacade]:
        """Return the runs that are kept, the newest last."""

    def run(self, id: str) -> RunFacade | None:  # noqa: A002
        """Return the run with that id, if there is one."""

    def stop(self, id: str) -> bool:  # noqa: A002
        """Begin to stop the run with that id; return False if it is over."""


def experiment_site(experiments: ExperimentsFacade, clock: IReactorTime) -> SiteExtension:
    """Return the calls, the page with its assets, and ``/lab/runs/ID/report`` and the other results.

    Raises OSError if a file of the page is missing.
    """
    api = plain(lambda: {"labs": dict(experiments.places())})
    root = Page(template_of(__package__, "lab.html.j2"), always(dict), _common)
    api.putChild(b"runs", _Runs(experiments, clock))
    for name in (*ASSETS, *messages_page.ASSETS):
        root.putChild(name.encode(), page(__package__, name))
    root.putChild(b"runs", _Results(experiments))
    return SiteExtension("lab", api, root, experiments, _log_url)


def _common() -> Values:
    return common_values(has_lab=True)


def page_url(address: IPv4Address | IPv6Address, key: str, scheme: str = "http") -> str:
    """Return the address of the page for a browser on this machine, with the key after ``#``, which is never sent."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}/lab#key={key}"


def _log_url(address: IPv4Address | IPv6Address, key: str, scheme: str) -> None:
    _log.info("the experiment page is at {url}", url=page_url(address, key, scheme))


class _Runs(Endpoint):
    """All runs, and below it each of them."""

    def __init__(self, experiments: ExperimentsFacade, clock: IReactorTime) -> None:
        super().__init__({b"GET": self._list, b"POST": self._start})
        self._experiments = experiments
        self._clock = clock
        self._readers: set[object] = set()

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        return _Run(self._experiments, path.decode("ascii", "replace"), self._readers, self._clock)

    def _list(self, call: Call) -> Reply:
        call.query()
        return Reply({"items": [run.describe() for run in self._experiments.runs()]})

    def _start(self, call: Call) -> Reply:
        call.query()
        order = parse_order(call.body(MEMBERS))
        if reason := self._experiments.places().get(order.lab):
            raise ApiError(409, f"{order.lab} is not available here: {reason}")
        try:
            described = self._experiments.start(order).describe()
        except ExperimentBusy as error:
            raise ApiError(409, str(error)) from None
        except OSError as error:
            raise ApiError(503, f"{error.filename or 'the folder'}: {error.strerror or error}") from None
        return Reply(described, 202, {"Location": f"{PATH}/lab/runs/{described['id']}"})


class _Run(Endpoint):
    """One run, and below it its events."""

    def __init__(self, experiments: ExperimentsFacade, id_: str, readers: set[object], clock: IReactorTime) -> None:
        super().__init__({b"GET": self._show, b"DELETE": self._stop})
        self._experiments = experiments
        self._id = id_
        self._readers = readers
        self._clock = clock
        self.putChild(b"events", Endpoint({b"GET": self._events}))

    def _show(self, call: Call) -> Reply:
        call.query()
        return Reply(_found(self._experiments, self._id).describe())

    def _stop(self, call: Call) -> Reply:
        call.query()
        run = _found(self._experiments, self._id)
        if not self._experiments.stop(self._id):
            raise ApiError(409, f"this run is over: {run.describe()['state']}")
        return Reply(run.describe())

    def _events(self, call: Call) -> EventStream[str]:
        call.query()
        given = call.header("Last-Event-ID")
        since = fields.number(given[0], "Last-Event-ID") if given else 0
        return EventStream(_found(self._experiments, self._id).history, since, self._readers, self._clock, _lines)


class _Results(Endpoint):
    """The results of all runs: ``ID/report`` and so on."""

    def __init__(self, experiments: ExperimentsFacade) -> None:
        super().__init__()
        self._experiments = experiments

    def getChild(self, path: bytes, request: ControlRequest) -> Resource:
        return _ResultsOf(self._experiments, path.decode("ascii", "replace"))


class _ResultsOf(Endpoint):
    """The results of one run."""

    def __init__(self, experiments: ExperimentsFacade, id_: str) -> None:
        super().__init__()
        for name, file in RESULTS.items():
            self.putChild(name.encode(), Endpoint({b"GET": partial(_result, experiments, id_, file)}))
        self.putChild(MESSAGES.encode(), messages_page.on_site(lambda: _found(experiments, id_).traces(), _common))


def _result(experiments: ExperimentsFacade, id_: str, file: str, call: Call) -> Document:
    call.query()
    data = _found(experiments, id_).result(file)
    if data is None:
        raise ApiError(404, f"this run has no {file}")
    return Document(data, file.rpartition(".")[2], ALONE)


def _lines(event: str) -> str:
    return f"data: {event}\n"


def _found(experiments: ExperimentsFacade, id_: str) -> RunFacade:
    """Return the run with that id. Raises ApiError if there is none."""
    run = experiments.run(id_)
    if run is None:
        raise ApiError(404, "there is no such run")
    return run
