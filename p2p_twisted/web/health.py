"""``/healthz`` and ``/readyz``, for supervisors and load balancers: ok, or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable

from .http.calls import Call, Endpoint, Reply
from .http.errors import ApiError
from .metrics import Snapshot, metrics


def add_monitoring(root: Endpoint, snapshot: Snapshot, why_not_ready: Callable[[], str | None]) -> None:
    """Put ``/metrics``, ``/healthz`` and ``/readyz`` under `root`.

    `why_not_ready` returns why this process cannot serve at the moment; None if it can.
    """
    root.putChild(b"metrics", metrics(snapshot))
    root.putChild(b"healthz", _health(lambda: None))  # that it is answered says it all
    root.putChild(b"readyz", _health(why_not_ready))


def _health(why_not: Callable[[], str | None]) -> Endpoint:
    def handler(call: Call) -> Reply:
        call.query()
        if why := why_not():
            raise ApiError(503, why)
        return Reply({"ok": True})

    return Endpoint({b"GET": handler})
