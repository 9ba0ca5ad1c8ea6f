"""Invariants of the picker, checked against a model of the outstanding requests."""

from __future__ import annotations

from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from p2p_twisted.swarm.picker import ENDGAME_DELAY, Picker
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest
from p2p_twisted.wire.ranges import bits, from_ranges, members

COUNTS = {"a" * 64: 4, "b" * 64: 2, "c" * 64: 1}
SOURCES = [("10.0.0.1", port) for port in range(3)]

sources = st.sampled_from(SOURCES)
files = st.sampled_from(sorted(COUNTS))
pieces = st.builds(lambda sha256, piece: (sha256, piece % COUNTS[sha256]), files, st.integers(0, 3))


class Model(RuleBasedStateMachine):
    """Does things at random to a picker, and remembers what that must have led to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.missing = set()
        self.known = set()
        self.has = {source: set() for source in SOURCES}
        self.whole = {source: set() for source in SOURCES}
        self.hash_failed = {source: set() for source in SOURCES}
        self.refused = {source: set() for source in SOURCES}
        self.postponed = {source: {} for source in SOURCES}
        self.outstanding = {}
        self.nexts = []

    @initialize(seed=st.integers(0, 100), here=st.sets(pieces))
    def start(self, seed, here) -> None:
        self.picker = Picker(Random(seed))
        for sha256, count in COUNTS.items():
            missing = {piece for piece in range(count) if (sha256, piece) not in here}
            self.picker.state.want(sha256, count, bits(missing))
            self.missing.update((sha256, piece) for piece in missing)

    # what is known

    @rule(source=sources, sha256=files)
    def seeds(self, source, sha256) -> None:
        if not self.picker.state.has(source, sha256):
            self.picker.state.add_seed(source, sha256)
            self.announced(source, sha256)

    @rule(source=sources, sha256=files)
    def completes(self, source, sha256) -> None:
        self.picker.state.add_complete(source, sha256)
        self.announced(source, sha256)

    def announced(self, source, sha256) -> None:
        self.known.add(source)
        self.whole[source].add(sha256)
        self.has[source].update(all_of(sha256))
        self.refused[source] -= all_of(sha256)
        self.postponed[source].pop(sha256, None)

    @rule()
    def all_complete(self) -> None:
        for source in SOURCES:
            for sha256 in COUNTS:
                self.completes(source, sha256)

    @rule(source=sources, found=st.sets(pieces, max_size=4))
    def has_more(self, source, found) -> None:
        for sha256, piece in found:
            self.picker.state.add_pieces(source, sha256, 1 << piece)
            self.known.add(source)
        self.has[source].update(found)
        self.refused[source] -= found

    @rule(source=sources)
    def removes(self, source) -> None:
        self.picker.remove_source(source)
        self.known.discard(source)
        self.nexts = [(asked, request) for asked, request in self.nexts if asked != source]
        for what in (self.has, self.whole, self.hash_failed, self.refused, self.postponed):
            what[source].clear()
        self.settle(source, list(self.outstanding))

    @rule(source=sources)
    def cannot_be_reached(self, source) -> None:
        self.picker.state.unreachable(source)

    @rule(source=sources, sha256=files)
    def forgets(self, source, sha256) -> None:
        if not any(
            source in sources for (outstanding, _), sources in self.outstanding.items() if outstanding == sha256
        ):
            self.picker.state.forget(source, sha256)
            self.has[source] -= all_of(sha256)
            self.whole[source].discard(sha256)

    @rule(source=sources, sha256=files, seconds=st.sampled_from([ENDGAME_DELAY, 5 * ENDGAME_DELAY]))
    def cannot_send_it_now(self, source, sha256, seconds) -> None:
        if source in self.known:
            self.picker.state.postpone(source, sha256, self.now + seconds)
            self.postponed[source][sha256] = self.now + seconds

    @invariant()
    def sources_are_those_that_may_have_what_is_missing(self) -> None:
        for sha256 in COUNTS if hasattr(self, "picker") else ():
            found = set(self.picker.state.sources_of(sha256))
            useful = {source for source in SOURCES if any(piece[0] == sha256 for piece in self.offers(source))}
            assert useful <= found <= self.known
            assert not any(sha256 in self.whole[source] for source in found - useful)

    # time, and the choice

    @rule(seconds=st.sampled_from([ENDGAME_DELAY / 2, 2 * ENDGAME_DELAY, 2 * ENDGAME_DELAY]))
    def time_passes(self, seconds) -> None:
        self.now += seconds

    @rule(source=sources)
    def asks_once(self, source) -> None:
        self.ask(source, 1)

    @rule(order=st.permutations(SOURCES), seconds=st.sampled_from([0, 2 * ENDGAME_DELAY]))
    def asks_all(self, order, seconds) -> None:
        for source in order:
            self.now += seconds
            self.ask(source, 10)

    def ask(self, source, times) -> None:
        for _ in range(times):
            request = self.picker.next_request(source, self.now)
            if isinstance(request, PieceRequest):
                self.check_piece(source, (request.sha256, request.piece))
                self.outstanding.setdefault((request.sha256, request.piece), {})[source] = self.now
            elif isinstance(request, NextRequest):
                self.check_next(source, request)
                self.nexts.append((source, request))
                return
            else:
                self.check_nothing_for(source)
                return

    def offers(self, source):
        return (self.has[source] & self.missing) - self.hash_failed[source] - self.refused[source]

    def useful(self, source):
        later = {sha256 for sha256, until in self.postponed[source].items() if until > self.now}
        return {piece for piece in self.offers(source) if piece[0] not in later}

    def unrequested(self):
        return self.missing - self.outstanding.keys()

    def is_due_for_endgame(self, source, piece):
        sources = self.outstanding.get(piece, {})
        return (
            source not in sources
            and len(sources) == 1
            and all(self.now - since > ENDGAME_DELAY for since in sources.values())
        )

    def check_piece(self, source, piece) -> None:
        assert piece in self.useful(source), "asked of one who lacks it, or for what is here"
        if piece in self.outstanding:
            assert self.is_due_for_endgame(source, piece), "asked twice before its time, or a third time"
            assert not self.unrequested(), "asked twice while something was requested of no source"

    def check_next(self, source, request) -> None:
        named = named_in(request)
        assert len(named) == len(set(named)) > 0
        assert set(named) <= self.useful(source) & self.unrequested()

    def check_nothing_for(self, source) -> None:
        assert not self.useful(source) & self.unrequested(), "left out a piece that is requested of no source"
        if not self.unrequested():
            due = {piece for piece in self.useful(source) if self.is_due_for_endgame(source, piece)}
            assert not due, "left out a piece in the endgame"

    # what becomes of it

    @precondition(lambda self: self.nexts)
    @rule(data=st.data())
    def next_arrives(self, data) -> None:
        source, request = self.nexts.pop()
        piece = data.draw(st.sampled_from(named_in(request)))
        others = set(self.picker.started(source, piece[0], piece[1], self.now))
        assert others == (self.outstanding.get(piece, {}).keys() - {source} if piece in self.missing else set())
        if piece in self.missing:
            self.outstanding.setdefault(piece, {})[source] = self.now

    @precondition(lambda self: self.nexts)
    @rule()
    def nothing_is_left_to_give(self) -> None:
        source, request = self.nexts.pop()
        self.picker.refused(source, request)

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), what=st.sampled_from(["got", "got", "lost", "wrong", "lacks", "arriving"]))
    def of_what_is_owed(self, data, what) -> None:
        piece = data.draw(st.sampled_from(sorted(self.outstanding)))
        source = data.draw(st.sampled_from(sorted(self.outstanding[piece])))
        if what == "got":
            self.picker.verified(*piece)
            self.missing.discard(piece)
            self.outstanding.pop(piece)
        elif what == "arriving":
            others = self.picker.started(source, piece[0], piece[1], self.now)
            assert set(others) == self.outstanding[piece].keys() - {source}
            self.outstanding[piece][source] = self.now
        else:
            if what == "lost":
                self.picker.release(source, *piece)
            elif what == "wrong":
                self.picker.hash_failed(source, *piece)
            else:
                self.picker.refused(source, PieceRequest(*piece))
            if what == "wrong" and source in self.known:
                self.hash_failed[source].add(piece)
            elif what == "lacks" and piece[0] in self.whole[source]:
                self.whole[source].discard(piece[0])
                self.has[source] -= all_of(piece[0])
            elif what == "lacks":
                self.refused[source].add(piece)
            self.settle(source, [piece])

    @rule(piece=pieces)
    def comes_unasked(self, piece) -> None:
        self.picker.verified(*piece)
        self.missing.discard(piece)
        self.outstanding.pop(piece, None)

    def settle(self, source, outstanding) -> None:
        for piece in outstanding:
            self.outstanding[piece].pop(source, None)
            if not self.outstanding[piece]:
                del self.outstanding[piece]

    @invariant()
    def done_when_nothing_is_missing(self) -> None:
        if hasattr(self, "picker"):
            assert self.picker.done() == (not self.missing)

    def teardown(self) -> None:
        """Release everything outstanding; every source answers from now on, so all pieces that any has must arrive."""
        for piece, sources in self.outstanding.items():
            for source in sources:
                self.picker.release(source, *piece)
        self.now += 10 * ENDGAME_DELAY
        for _ in range(sum(COUNTS.values())):
            for source in SOURCES:
                request = self.picker.next_request(source, self.now)
                if request is not None:
                    piece = (
                        (request.sha256, request.piece) if isinstance(request, PieceRequest) else named_in(request)[0]
                    )
                    self.picker.verified(*piece)
                    self.missing.remove(piece)
        assert not any(map(self.useful, SOURCES))


def all_of(sha256):
    return {(sha256, piece) for piece in range(COUNTS[sha256])}


def named_in(request):
    return [
        (sha256, piece) for sha256, ranges in request.wants for piece in members(from_ranges(ranges, COUNTS[sha256]))
    ]


TestPickerInvariants = Model.TestCase
TestPickerInvariants.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
