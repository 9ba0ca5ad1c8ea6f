"""The cookies of several RS: which is shown to which, and that none is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p2p_twisted.peer.peers.cookie_file import CookieFile
from p2p_twisted.peer.peers.rs_choice import Rs
from p2p_twisted.peer.peers.rs_cookies import MAX_COOKIES, MAX_TRIED, RsCookies

A, B, C = (Rs(f"10.0.0.{number}", 65423, f"10.0.0.{number}") for number in (1, 2, 3))
NAMES = [(rs.name, rs.port) for rs in (A, B, C)]


def cookies(saved: dict[str, int] | None = None, names: Any = NAMES, save: Any = lambda saved: None) -> RsCookies:
    return RsCookies(saved or {}, names, save)


def test_a_cookie_is_tried_at_the_others() -> None:
    kept = cookies()
    assert (kept.of(A), kept.at(A)) == ([], 0)
    kept.counts(A, 7)
    assert (kept.of(A), kept.of(B)) == ([7], [7])


def test_each_registry_keeps_its_own() -> None:
    kept = cookies()
    kept.counts(A, 7)
    kept.counts(B, 8)
    assert (kept.of(A), kept.of(B), kept.of(C)) == ([7, 8], [8, 7], [8, 7])
    kept.counts(A, 9)
    assert (kept.of(A), kept.of(B)) == ([9, 8], [8, 9])


def test_few_are_tried() -> None:
    kept = cookies()
    for number, rs in enumerate((A, B)):
        kept.counts(rs, number)
    kept.counts(Rs("10.0.0.1", 65423, "10.0.0.1"), 5)
    assert len(kept.of(C)) == MAX_TRIED


def test_an_rs_that_was_not_named_is_shown_nothing_and_its_cookie_goes_nowhere() -> None:
    kept = cookies({"10.0.0.9:65423": 4, "10.0.0.1:65423": 7}, [("10.0.0.1", 65423)])
    assert kept.of(A) == [7]
    assert kept.of(B) == []
    assert kept.of(Rs("10.0.0.9", 65423, "10.0.0.9")) == [4], "its own"
    assert kept.of(Rs("10.0.0.1", 1, "10.0.0.1")) == [], "another port may be somebody else's"


def test_the_addresses_of_one_name() -> None:
    first, second = (Rs("rs.example", 65423, f"192.0.2.{number}") for number in (1, 2))
    kept = cookies({"rs.example:65423": 3}, [("rs.example", 65423)])
    assert kept.of(first) == [3], "as files were written once"
    kept.counts(first, 7)
    kept.counts(second, 8)
    assert (kept.of(first), kept.of(second)) == ([7, 3], [8, 3])
    service = cookies({"rs.example:4000/192.0.2.1": 7}, [("rs.example", None)])
    assert service.of(Rs("rs.example", 4001, "192.0.2.2")) == [7], "the ports are those of DNS"


def test_the_file(tmp_path: Path) -> None:
    file = CookieFile(tmp_path)
    kept = RsCookies(file.load(), NAMES, file.save)
    kept.counts(A, 7)
    kept.counts(Rs("rs.example", 65423, "2001:db8::1"), 8)
    assert (tmp_path / "cookie").read_text() == "rs.example:65423/2001:db8::1 8\n10.0.0.1:65423 7\n"
    again = RsCookies(file.load(), NAMES, file.save)
    assert again.of(A) == [7]


def test_only_a_change_is_saved() -> None:
    saved: list[dict[str, int]] = []
    kept = cookies(save=saved.append)
    for cookie in (7, 7, 8):
        kept.counts(A, cookie)
    assert saved == [{"10.0.0.1:65423": 7}, {"10.0.0.1:65423": 8}]


def test_the_oldest_are_forgotten() -> None:
    kept = cookies()
    for number in range(MAX_COOKIES + 1):
        kept.counts(Rs("10.0.1.1", number + 1, "10.0.1.1"), number)
    assert kept.of(Rs("10.0.1.1", 1, "10.0.1.1")) == []
    assert kept.of(Rs("10.0.1.1", 2, "10.0.1.1")) == [1]
