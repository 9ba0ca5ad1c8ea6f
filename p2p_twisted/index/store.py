"""The statements of all peers and their memory: first-hand records and hearsay, each in a pool of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from ..wire.address import Address
from .statement import CURRENT, DEAD, Account, Pool, Statement
from .table import Entry, Table, Variant, cost

STATEMENT_COST = 600
"""Bytes of memory for a statement without its records."""


class Store:
    """Keeps statements, and what each says of which document."""

    def __init__(self, max_first_hand: int, max_hearsay: int) -> None:
        """Make an empty store with so many bytes for either kind."""
        self._first_hand = Pool(max_first_hand, max_first_hand)
        self._hearsay = Pool(max_hearsay, max_hearsay // 4)
        self._statements: dict[int, Statement] = {}
        self._numbers = count()
        self._table = Table(self._statements)
        self._has_dead = False
        self._sweeping: Iterator[None] | None = None
        self.cuts = 0
        """Number of times that the largest accounts had to give something back."""

    def __iter__(self) -> Iterator[Statement]:
        return iter(self._statements.values())

    def __len__(self) -> int:
        return sum(statement.count for statement in self if statement.state == CURRENT)

    def first_hand(self, holder: Address) -> Statement:
        """Return a new, pending statement of `holder` about itself."""
        return self._statement(self._first_hand.account(holder), holder, True)

    def hearsay(self, teller: Address, holder: Address) -> Statement | None:
        """Return a new, pending statement of the peer at `teller` about `holder`; None if there is no room for it."""
        account = self._hearsay.account(teller)
        return self._statement(account, holder, False) if self._make_room(account, STATEMENT_COST) else None

    def _statement(self, account: Account, holder: Address, is_first_hand: bool) -> Statement:
        account.pay(STATEMENT_COST)
        statement = Statement(next(self._numbers), account, holder, is_first_hand)
        self._statements[statement.number] = statement
        return statement

    def kill(self, statements: Iterable[Statement]) -> None:
        """Let `statements` count no more."""
        for statement in statements:
            statement.state = DEAD
            self._has_dead = True

    def say(self, statement: Statement, name: str, packed: bytes) -> bool:
        """Let `statement` say `packed` of the document `name`, in place of what it said.

        Return False if there is no room, or it counts no more.
        """
        if statement.state == DEAD or not self._make_room(statement.account, cost(name, packed)):
            return False
        old = self._table.find(name, statement)
        if old != packed:
            if old is not None:
                self._table.remove(name, old, statement)
            self._table.add(name, packed, statement)
        return True

    def withdraw(self, statement: Statement, name: str) -> bool:
        """Remove what `statement` says of the document `name`; return whether it was anything."""
        packed = self._table.find(name, statement)
        if packed is not None:
            self._table.remove(name, packed, statement)
        return packed is not None

    def says(self, statement: Statement, name: str, packed: bytes) -> bool:
        """Return whether `statement` says just that of the document `name`."""
        return self._table.says(statement, name, packed)

    def variants(self, name: str) -> list[Variant]:
        """Return all that is said of the document `name`, also by statements that do not count."""
        return self._table.variants(name)

    def said(self, name: str) -> tuple[Entry, ...]:
        """Return all that is said of the document `name`, with the numbers of the statements that say it."""
        return self._table.entries(name)

    def said_alone(self, names: Iterable[str]) -> list[Entry | None]:
        """Return the same of many documents, None for each of which nothing is said, or several things."""
        return self._table.sole_entries(names)

    def names(self) -> list[str]:
        """Return the names of all documents, also of those of which no statement counts any more."""
        return self._table.names()

    def variant(self, name: str, packed: bytes) -> Variant | None:
        """Return who says `packed` of the document `name`, None if nobody does."""
        return self._table.variant(name, packed)

    # memory

    def _make_room(self, account: Account, size: int) -> bool:
        """Return whether `account` may take `size` bytes.

        The last part of a pool is for accounts below the fair level; meanwhile the largest give some back.
        """
        pool = account.pool
        if account.used + size > pool.share:
            return False
        if pool.has_room(size, pool.reserve):
            return True
        is_small = account.used + size <= pool.level()
        if is_small and self._sweeping is None:
            pool.cut()
            self.cuts += 1
            self._sweeping = self._sweep()
        self._step()
        return self._search_room(pool, size) if is_small else pool.has_room(size, pool.reserve)

    def _search_room(self, pool: Pool, size: int) -> bool:
        """Free memory until `size` bytes fit in; return whether they do."""
        while not pool.has_room(size):
            if self._sweeping is None and not self._has_dead:
                pool.close()
                return False
            self._step()
        return True

    def _step(self) -> None:
        """Take a step of the sweep, if there is anything to free."""
        if self._sweeping is None and self._has_dead:
            self._sweeping = self._sweep()
        if self._sweeping is not None:
            next(self._sweeping, None)

    def sweep(self) -> Iterator[None]:
        """Free the memory of dead statements, in small steps."""
        while self._has_dead or self._sweeping is not None:
            self._step()
            yield

    def _sweep(self) -> Iterator[None]:
        """Free the memory of statements that are dead now, and what accounts have in excess."""
        over = [one for one in self if _is_over(one)]
        self._has_dead = False
        yield from self._table.sweep()
        for statement in [one for one in over if not one.count]:  # an empty one may have said something meanwhile
            del self._statements[statement.number]
            statement.account.pay(-STATEMENT_COST)
        self._first_hand.tidy()
        self._hearsay.tidy()
        self._sweeping = None


def _is_over(statement: Statement) -> bool:
    is_empty = not statement.count and statement.state == CURRENT and not statement.is_first_hand
    return statement.state == DEAD or is_empty
