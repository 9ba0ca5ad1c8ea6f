"""Peers at several sites: which pieces a source elsewhere may be asked for, so that each crosses a link once. Pure.

Machines of one site are near one another, and the link to the others is thin. So each piece is fetched from elsewhere
by one downloader of a site (division.py), and the others take it from there. Of several sites that lack a piece, one
fetches it from the site that has all of the file, and the others take it from that one: a piece crosses a link once.

A site is known by its name, which the peer tells, or else by the network of its address. That is only a guess: a peer
of the same network is elsewhere if it is much slower than the others. And it is no use to keep to the peers of one's
own site where they are no faster than others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..wire.address import Address
from ..wire.ranges import Bits, first_bits
from .division import Division
from .picker_state import PickerState, WantedFile
from .speeds import Speeds

ALL: Bits = -1
"""The set of all pieces."""
PATIENCE = 8
"""Times the average time for a piece from elsewhere that others are waited for while they fetch none."""
FIRST_PATIENCE = 2.0
"""Seconds for the same, before any piece has come."""
ELSEWHERE = "?"
"""The site of a peer of this peer's network that is slow; no name that a peer tells."""


@dataclass(frozen=True)
class SiteBytes:
    """Bytes received from peers of this peer's site, and of others.

    `saved`: those of this site that would have come from elsewhere, for no peer of it had the files at the start.
    """

    own: int = 0
    others: int = 0
    saved: int = 0

    def __add__(self, other: SiteBytes) -> SiteBytes:
        return SiteBytes(self.own + other.own, self.others + other.others, self.saved + other.saved)


class Sites:
    """The sites of the sources of one swarm.

    `own` is the address of this peer as the others know it, `site` that at which it is; `site_of` returns that of
    another. `is_named`: it is a name, not a network.
    """

    is_usable: Callable[[Address], bool] = staticmethod(lambda source: True)
    """Whether a source can be asked at the moment."""

    def __init__(self, own: Address, site: str, site_of: Callable[[Address], str], is_named: bool) -> None:
        self._site = site
        self._site_of = site_of
        self._is_named = is_named
        self._members = Division(_name(own))
        self._sites = Division(site)
        self._speeds = Speeds()
        self._groups: dict[str, list[Address]] = {}
        """The sources by their site,"""
        self._near: frozenset[Address] = frozenset()
        """and those of this site."""
        self._grouped = (0, -1)
        """The number of sources when they were grouped, and that of the looks at their speeds."""
        self._is_worth_it = True
        """Whether the peers of this site were faster than the others then."""
        self._probed: Address | None = None
        """The source elsewhere that was asked for a piece to learn how fast it is."""
        self._began: float | None = None
        self._pieces = {True: 0, False: 0}
        """Pieces received: from this site, and from elsewhere."""

    # where sources are

    def of(self, source: Address) -> str:
        """Return the site of `source`."""
        site = self._site_of(source)
        return ELSEWHERE if site == self._site and not self._is_named and self._speeds.is_slow(source) else site

    def is_near(self, source: Address) -> bool:
        """Return whether `source` is at this peer's site."""
        return self.of(source) == self._site

    def count(self, received: Mapping[Address, int], state: PickerState) -> SiteBytes:
        """Return the sums of the bytes that were received from each source."""
        near = [source for source in received if self.is_near(source)]
        own = sum(received[source] for source in near)
        is_here = any(map(state.is_seed, near))
        return SiteBytes(own, sum(received.values()) - own, 0 if is_here else own)

    def groups(self, state: PickerState) -> dict[str, list[Address]]:
        """Return the sources by their site."""
        now = len(state.sources), self._speeds.looks
        if now != self._grouped:
            self._grouped, self._groups = now, {}
            for source in state.sources:
                self._groups.setdefault(self.of(source), []).append(source)
            self._near = frozenset(self._groups.get(self._site, ()))
            self._is_worth_it = self._speeds.are_faster(self._groups.get(self._site, ()))
        return self._groups

    # which pieces a source may be asked for

    def may_ask(self, source: Address, state: PickerState, wanted: WantedFile) -> Bits:
        """Return the pieces of the `wanted` file that `source` may be asked for."""
        groups = self.groups(state)
        near = groups.get(self._site)
        if near is None or len(groups) == 1 or not self._is_worth_it or (site := self.of(source)) == self._site:
            return ALL
        mine = self._members.share(wanted.sha256, wanted.count, frozenset(_having(near, state, wanted)))
        if any(state.sources[other].has.get(wanted.sha256, 0) is None for other in groups[site]):
            mine &= self._sites.share(wanted.sha256, wanted.count, frozenset(self._elsewhere(groups, state, wanted)))
        if self._probed is None and self._speeds.are_all_of(near):
            return mine  # how fast others are is to be learnt, also where all that they have is here
        return mine & ~_held(filter(self.is_usable, near), state, wanted)

    def _elsewhere(self, groups: dict[str, list[Address]], state: PickerState, wanted: WantedFile) -> dict[str, Bits]:
        """Return the other sites that lack some of the file and fetch it, and what they have of it."""
        found: dict[str, Bits] = {}
        for site, sources in groups.items():
            lacks = all(state.sources[source].has.get(wanted.sha256, 0) is not None for source in sources)
            if lacks and site not in (self._site, ELSEWHERE) and _having(sources, state, wanted):
                found[site] = _held(sources, state, wanted)
        return found

    def wait(self, state: PickerState, wanted: WantedFile, now: float) -> None:
        """Note that at `now` there was nothing to ask any source for, except what others are to fetch."""
        groups = self.groups(state)
        if len(groups) == 1 or self._site not in groups:
            return
        patience = self._patience(now)
        for division, others in (
            (self._members, _having(groups.get(self._site, ()), state, wanted)),
            (self._sites, self._elsewhere(groups, state, wanted)),
        ):
            division.wait(wanted.sha256, wanted.count, others, wanted.missing, now, patience)

    def _patience(self, now: float) -> float:
        pieces = self._pieces[False] or self._pieces[True]
        return PATIENCE * (now - self._began) / pieces if self._began is not None and pieces else FIRST_PATIENCE

    # what becomes of requests

    def requested(self, source: Address, now: float) -> None:
        """Note that `source` was asked for a piece."""
        self._began = now if self._began is None else self._began
        if source not in self._near:
            self._probed = source
            self._members.go_on()
            self._sites.go_on()

    def received(self, source: Address, size: int, seconds: float) -> None:
        """Note that a piece of `size` bytes came from `source`, and took `seconds` from its first byte to its last."""
        self._speeds.add(source, size, seconds)
        self._pieces[source in self._near] += 1

    def remove(self, source: Address) -> None:
        """Forget `source`."""
        self._speeds.remove(source)
        if source == self._probed:
            self._probed = None


def _name(address: Address) -> str:
    return f"{address[0]} {address[1]}"


def _having(addresses: Iterable[Address], state: PickerState, wanted: WantedFile) -> dict[str, Bits]:
    """Return those of `addresses`, by name, that download and have not all of the file, and what they have of it."""
    found: dict[str, Bits] = {}
    for address in addresses:
        source = state.sources.get(address)
        if source is not None and source.downloads:
            has = source.has.get(wanted.sha256, 0)
            if has is not None:
                found[_name(address)] = has
    return found


def _held(addresses: Iterable[Address], state: PickerState, wanted: WantedFile) -> Bits:
    """Return the pieces of the file that any of `addresses` can give."""
    held, everything = 0, first_bits(wanted.count)
    for address in addresses:
        source = state.sources.get(address)
        if source is not None:
            held |= source.pieces(wanted, everything)
    return held
