"""The page on which one steps through the messages of a run: on the site, and as one file that needs no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from ...web.http.errors import ApiError
from ...web.pages.page import Page, Values
from ...web.pages.render import render, template_of
from ..trace.messages import Traced, TraceError, read_trace
from ..trace.view import MAX_SHOWN, view

ASSETS = ("messages.js", "messages.css")
"""The files that the page on the site loads."""
PAGES = "p2p_twisted.web.pages"


def messages_file(messages: Sequence[Traced], title: str) -> str:
    """Return a page of `messages` with its style and script in it."""
    style = _static(PAGES, "face.css") + _static(__package__, "messages.css")
    values = {"title": title, "css": Markup(style), "script": Markup(_static(__package__, "messages.js"))}
    return render(template_of(__package__, "messages_alone.html.j2"), **values, **view(messages))


def on_site(traces: Callable[[], Mapping[str, Path]], common: Callable[[], Values]) -> Page:
    """Return the page on the site. `traces` returns the traces of an experiment by the names of its runs.

    The parameter ``run`` chooses one of them; without it, the first is shown.
    """

    async def values(query: Mapping[str, str]) -> Values:
        found = traces()
        run = query.get("run", next(iter(found), ""))
        if run not in found:
            raise ApiError(404, "there is no such trace")
        try:
            messages = read_trace(found[run], MAX_SHOWN + 1)
        except (TraceError, OSError) as error:
            raise ApiError(503, str(error)) from None
        return {"run": run, "runs": list(found), **view(messages)}

    return Page(template_of(__package__, "messages.html.j2"), values, common, ("run",))


def _static(package: str, name: str) -> str:
    return (files(package) / "static" / name).read_text("utf-8")
