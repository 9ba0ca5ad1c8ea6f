"""Who says what of whom, and the memory that it takes: statements, and accounts in a pool of bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest

from ..wire.address import Address

PENDING, CURRENT, DEAD = range(3)
"""States of a statement: its answer is still being read; it counts; it is to be removed."""


class Pool:
    """Bytes of memory, at most `limit`, for what many peers say; each of them has an account.

    When the pool is full, the largest accounts make room for the others: all keep what is below the fair level.
    """

    def __init__(self, limit: int, share: int) -> None:
        """Make an empty pool; one account may take at most `share` bytes."""
        self.limit = limit
        self.share = share
        self.used = 0
        self._accounts: dict[Address, Account] = {}
        self._level: int | None = None

    def account(self, teller: Address) -> Account:
        """Return the account of the peer at `teller`."""
        account = self._accounts.get(teller)
        if account is None:
            account = self._accounts[teller] = Account(self, teller)
            self._level = None
        return account

    def has_room(self, size: int, reserve: int = 0) -> bool:
        """Return whether `size` more bytes fit in, with `reserve` bytes left."""
        return self.used + size <= self.limit - reserve

    @property
    def reserve(self) -> int:
        """Bytes that are for accounts below the fair level."""
        return self.limit // 16

    def level(self) -> int:
        """Return the bytes that each account may keep so that twice the reserve is free."""
        if self._level is None:
            self._level = _fair(sorted(one.used for one in self._accounts.values()), self.limit - 2 * self.reserve)
        return self._level

    def pay(self, size: int) -> None:
        """Take `size` bytes; give them back if it is negative."""
        self.used += size
        if size < 0:
            self._level = None

    def cut(self) -> None:
        """Have the largest accounts give back what they have above the fair level."""
        level = self.level()
        for account in self._accounts.values():
            account.excess = max(0, account.used - level)

    def close(self) -> None:
        """Have nobody take more until something is given back: looking for room takes time."""
        self._level = 0

    def tidy(self) -> None:
        """Forget the accounts that take nothing."""
        self._accounts = {teller: account for teller, account in self._accounts.items() if account.used}
        for account in self._accounts.values():
            account.excess = 0


class Account:
    """The bytes that the statements of one peer take; `excess` of them are to be given back."""

    __slots__ = ("excess", "pool", "teller", "used")

    def __init__(self, pool: Pool, teller: Address) -> None:
        self.pool = pool
        self.teller = teller
        self.used = 0
        self.excess = 0

    def pay(self, size: int) -> None:
        """Take `size` bytes; give them back if it is negative."""
        self.used += size
        self.pool.pay(size)
        if size < 0 < self.excess:
            self.excess += size


class Statement:
    """What one peer says of the documents of one holder; all of it expires at once.

    It is first-hand if the holder itself says it. `expires` is in monotonic seconds.
    """

    __slots__ = ("account", "alone", "count", "expires", "holder", "is_first_hand", "number", "state")

    def __init__(self, number: int, account: Account, holder: Address, is_first_hand: bool) -> None:
        """Make a pending statement with a `number` of its own."""
        self.number = number
        self.account = account
        self.holder = holder
        self.is_first_hand = is_first_hand
        self.expires = 0.0
        self.state = PENDING
        self.count = 0
        """Number of its records."""
        self.alone = (number,)
        """Shared by all documents of which nobody else speaks."""


def in_turn(told: Iterable[tuple[Statement, int]]) -> list[Address]:
    """Return the holders in statements, each of which counts as often as the number says: of each teller in turn."""
    tellers: dict[Address, Counter[Address]] = {}
    for one, number in told:
        tellers.setdefault(one.account.teller, Counter())[one.holder] += number
    turns = zip_longest(*([holder for holder, _ in counts.most_common()] for counts in tellers.values()))
    return list(dict.fromkeys(holder for turn in turns for holder in turn if holder is not None))


def _fair(used: list[int], total: int) -> int:
    """Return the largest level so that what is below it, of each of `used` in ascending order, sums up to `total`."""
    left = total
    for number, size in enumerate(used):
        if size * (len(used) - number) > left:
            return left // (len(used) - number)
        left -= size
    return total
