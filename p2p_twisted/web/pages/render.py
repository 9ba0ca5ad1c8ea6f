"""Pages made of templates: what a peer or a document says is escaped, and no page loads anything from elsewhere.

A page has parts, which are blocks of its template. A request for ``?part=NAME`` is answered with that block alone; the
script of the pages asks for it when something has happened, so that each thing is made into markup in one place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from ...wire.visible import shown, visible
from ..http.request import ControlRequest
from ..http.static import OWN
from . import units

if TYPE_CHECKING:
    from jinja2 import Environment, Template


@cache
def environment() -> Environment:
    """Return the templates. Jinja2 is imported for the first page: that takes a sixth of the time of a start."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        size=units.size,
        rate=units.rate,
        duration=units.duration,
        count=units.count,
        when=units.when,
        ago=lambda seconds: "never" if seconds is None else f"{units.duration(seconds)} ago",
        marked=marked,
        shown=shown,
        setting=units.setting,
    )
    made.globals["parts"] = made.get_template("parts.html.j2").module  # here, for parts without their page
    return made


def marked(passage: str, marks: Sequence[Sequence[int]]) -> Markup:
    """Return `passage`, text of a stranger, with the characters in `marks` (pairs of first and last) marked."""
    found, behind = Markup(), 0
    for first, last in marks:
        found += escape(visible(passage[behind:first])) + Markup("<mark>")
        found += escape(visible(passage[first : last + 1])) + Markup("</mark>")
        behind = last + 1
    return found + escape(visible(passage[behind:]))


@dataclass(frozen=True)
class Html:
    """An answer: a page, or a part of one."""

    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, request: ControlRequest) -> int:
        """Answer `request`. Returns NOT_DONE_YET."""
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": OWN, **self.headers}
        return request.answer_bytes(self.status, self.text.encode("utf-8", "replace"), headers)


def template_of(package: str, name: str) -> Template:
    """Return the template `name` of another package, which may extend and include those of this one."""
    from jinja2 import ChoiceLoader, PackageLoader

    loaders = [PackageLoader(package), PackageLoader(__package__)]
    return environment().overlay(loader=ChoiceLoader(loaders)).get_template(name)


def render(template: str | Template, part: str | None = None, **values: Any) -> str:
    """Return the page of `template`, or its block `part`. Raises KeyError if it has no such block."""
    page = environment().get_template(template)
    if part is None:
        return page.render(values)
    return "".join(page.blocks[part](page.new_context(values)))


def parts_of(template: str | Template) -> frozenset[str]:
    """Return the names of the blocks of `template`."""
    return frozenset(environment().get_template(template).blocks)
