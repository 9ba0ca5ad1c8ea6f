"""The lab of an RS over HTTP: calls that start, watch and stop experiments, and the page that makes them for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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
from ...web.http.site import ControlRequest
from ...web.http.static import ALONE, Document, page
from ...web.sse import EventStream
from ...wire import fields
from .order import MEMBERS, Order, order

_log = Logger()

PAGE = "lab.html"
BESIDE = ("chart.js", "lab.js", "lab.css", "lab.svg")
"""What the page loads."""
RESULTS = {"report": "report.html", "results.json": "results.json", "transfers.csv": "transfers.csv"}
"""What can be had of a run that is over: the last part of its path, and its file."""


class ExperimentBusy(Exception):
    """Another experiment runs, or none may be started any more. One line for people."""


class RunFacade(Protocol):
    """One experiment, running or over."""

    history: History[str]
    """What happened, each as the JSON of an event (docs/api.rst)."""

    def describe(self) -> Json:
        """Its id, state, order, times, and why it failed if it did."""

    def result(self, name: str) -> bytes | None:
        """The file `name` of its results, None if there is none (yet)."""


class ExperimentsFacade(Protocol):
    """What the HTTP side asks of a lab. All methods are called in the reactor's thread."""

    def places(self) -> Mapping[str, str | None]:
        """Return the ways to have links, each with one line that says why it cannot be had here, or None."""

    def start(self, wanted: Order) -> RunFacade:
        """Begin an experiment. Raises ExperimentBusy, and OSError when its folder cannot be made."""

    def runs(self) -> Sequence[RunFacade]:
        """Those that are kept, the newest last."""

    def run(self, id: str) -> RunFacade | None:  # noqa: A002
        """The one with that id."""

    def stop(self, id: str) -> bool:  # noqa: A002
        """Begin to end the run with that id; False if it is over."""


def experiment_site(experiments: ExperimentsFacade, clock: IReactorTime) -> SiteExtension:
    """The calls of `experiments`, the page with what it loads, and ``/lab/runs/ID/report`` and other results.

    Raises OSError when the page was not installed.
    """
    api, root = plain(lambda: {"labs": dict(experiments.places())}), page(__package__, PAGE)
    api.putChild(b"runs", _Runs(experiments, clock))
    for name in BESIDE:
        root.putChild(name.encode(), page(__package__, name))
    root.putChild(b"runs", _Results(experiments))
    return SiteExtension("lab", api, root, experiments, _log_url)


def page_url(address: IPv4Address | IPv6Address, key: str) -> str:
    """Where a browser on this machine finds the page, with the key behind a ``#``, where it is not sent to anybody."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{address.port}/lab#key={key}"


def _log_url(address: IPv4Address | IPv6Address, key: str) -> None:
    _log.info("the lab is at {url}", url=page_url(address, key))


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
        wanted = order(call.body(MEMBERS))
        if why := self._experiments.places().get(wanted.lab):
            raise ApiError(409, f"there is no lab {wanted.lab} here: {why}")
        try:
            described = self._experiments.start(wanted).describe()
        except ExperimentBusy as error:
            raise ApiError(409, str(error)) from None
        except OSError as error:
            raise ApiError(503, f"{error.filename or 'the experiments'}: {error.strerror or error}") from None
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
    """``ID/report`` and so on; what there is not is looked for and not found at each request."""

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


def _result(experiments: ExperimentsFacade, id_: str, file: str, call: Call) -> Document:
    call.query()
    data = _found(experiments, id_).result(file)
    if data is None:
        raise ApiError(404, f"this run has no {file}")
    return Document(data, file.rpartition(".")[2], ALONE)


def _lines(event: str) -> str:
    return f"data: {event}\n"


def _found(experiments: ExperimentsFacade, id_: str) -> RunFacade:
    """The run with that id. Raises ApiError when there is none."""
    run = experiments.run(id_)
    if run is None:
        raise ApiError(404, "there is no such run")
    return run
