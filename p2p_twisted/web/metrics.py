"""``GET /metrics``: what a role counts, in the text format that Prometheus reads. Needs the extra ``metrics``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from twisted.internet.defer import Deferred

from ..config.extras import missing
from .http.calls import Answer, Call, Endpoint
from .http.errors import ApiError
from .http.request import ControlRequest

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """A metric with all its series: (labels, value). That of a histogram is its `Buckets`.

    `name` has the unit at its end, and no ``_total``.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    text: str
    series: list[tuple[Labels, Any]]


@dataclass(frozen=True)
class Buckets:
    """The value of a series of a histogram: bound -> how many up to it, as text (``+Inf`` is the last), and the sum."""

    counts: list[tuple[str, float]]
    sum: float

    @classmethod
    def of(cls, numbers: Mapping[str, float], name: str) -> Buckets:
        """Return those that `Durations.numbers` calls `name`, with the counts of all smaller bounds added to each."""
        found, total = [], 0.0
        for key, number in numbers.items():
            before, _, bound = key.rpartition(" ")
            if before == name and bound != "sum":
                total += number
                found.append(("+Inf" if bound == "inf" else bound, total))
        return cls(found, numbers[f"{name} sum"])


Snapshot = Callable[[], Awaitable[Iterable[Family]]]
"""Returns the metrics as they are now."""


@dataclass(frozen=True)
class _Text:
    """An answer in the format that `accept`, a header, asks for."""

    families: Iterable[Family]
    accept: str

    def send(self, request: ControlRequest) -> int:
        """Answer `request`. Returns NOT_DONE_YET."""
        from prometheus_client.exposition import choose_encoder

        encoder, kind = choose_encoder(self.accept)
        return request.answer_bytes(200, encoder(_registry(self.families)), {"Content-Type": kind})


class _Collector:
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        from prometheus_client import core

        kinds = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }
        for family in self._families:
            names = list(family.series[0][0]) if family.series else []
            metric: Any = kinds[family.kind](family.name, family.text, labels=names)
            for labels, value in family.series:
                values = [labels[name] for name in names]
                if isinstance(value, Buckets):
                    metric.add_metric(values, buckets=value.counts, sum_value=value.sum)
                else:
                    metric.add_metric(values, value)
            yield metric


def _registry(families: Iterable[Family]) -> Any:
    """Return a registry of `families`, and of the memory, processor time and descriptors of this process."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    registry = CollectorRegistry()
    registry.register(_Collector(families))
    ProcessCollector(registry=registry)
    return registry


def metrics(snapshot: Snapshot) -> Endpoint:
    """Return the path that answers a GET with the metrics of `snapshot`."""

    async def answer(accept: str) -> Answer:
        return _Text(await snapshot(), accept)

    def handler(call: Call) -> Deferred[Answer]:
        call.query()
        if line := missing(["prometheus_client"]):
            raise ApiError(503, line)
        return Deferred.fromCoroutine(answer(", ".join(call.header("Accept"))))

    return Endpoint({b"GET": handler})
