"""A page at its path: a template with values, whole or one part of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from ..http.calls import Answer, Call, Endpoint
from ..http.errors import ApiError
from .render import Html, parts_of, render

if TYPE_CHECKING:
    from jinja2 import Template

Values = Mapping[str, Any]
"""The values of a template, by name."""


class Page(Endpoint):
    """A path that answers with a page of `template`.

    `values(query)` gives the values of the template, given the parameters of the query, of which those in `allowed` may
    be there. `common` returns the values that all pages have.
    """

    def __init__(
        self,
        template: str | Template,
        values: Callable[[Mapping[str, str]], Awaitable[Values]],
        common: Callable[[], Values],
        allowed: Collection[str] = (),
    ) -> None:
        super().__init__({b"GET": self._show})
        self._template = template
        self._values = values
        self._common = common
        self._allowed = allowed

    @cached_property
    def _parts(self) -> frozenset[str]:
        return parts_of(self._template)

    def _show(self, call: Call) -> Deferred[Answer]:
        return Deferred.fromCoroutine(self._answer(call))

    async def _answer(self, call: Call) -> Answer:
        query = call.query(("part", *self._allowed))
        part = query.pop("part", None)
        if part is not None and part not in self._parts:
            raise ApiError(404, "this page has no such part")
        may_change = call.may_change  # asked before the browser can leave
        values = await self._values(query)
        return Html(render(self._template, part, may_change=may_change, **self._common(), **values))


def always(values: Callable[[], Values]) -> Callable[[Mapping[str, str]], Awaitable[Values]]:
    """Return a function for `Page` that gives the present `values`, whatever the query."""

    async def present(query: Mapping[str, str]) -> Values:
        return values()

    return present
