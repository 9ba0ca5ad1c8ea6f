"""What each downloader is told of the pieces that have come."""

from pathlib import Path

import pytest

from p2p_twisted.library.pieces import MIN_PIECE
from p2p_twisted.peer.serving import piece_news
from p2p_twisted.peer.serving.piece_news import PieceNews, news_lines
from p2p_twisted.swarm.storage import Storage
from p2p_twisted.swarm.target import Target
from p2p_twisted.wire.changes import Have

A, B = "a" * 64, "b" * 64


def a_file(sha256: str, pieces: int, have: set[int] | None = None) -> Storage:
    content = Storage("a.bin", sha256, pieces * MIN_PIECE, A, Target(Path("/nowhere"), "a.bin"))
    content.have = have or set()
    return content


def test_who_has_heard_nothing_is_told_of_all_that_is_here() -> None:
    contents = [a_file(A, 9, {1, 2, 8}), a_file(B, 4), a_file("c" * 64, 1, {0})]
    assert PieceNews().since(None, contents) == [Have(A, 9 * MIN_PIECE, ((1, 2), (8, 8)))]


def test_each_is_told_of_what_came_since() -> None:
    news, one, other = PieceNews(), a_file(A, 9), a_file(B, 4)
    news.add(one, 5)
    place = news.place
    for content, piece in ((one, 7), (other, 3), (one, 6)):
        news.add(content, piece)
    assert news.since(place, []) == [Have(A, 9 * MIN_PIECE, ((6, 7),)), Have(B, 4 * MIN_PIECE, ((3, 3),))]
    assert news.since(news.place, []) == []
    assert news_lines(news.since(place, [])).decode().splitlines()[1] == f"have\t{B}\t{4 * MIN_PIECE}\t3"


def test_who_has_heard_nothing_for_long_is_told_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_news, "MAX_REMEMBERED", 3)
    news, content = PieceNews(), a_file(A, 9, {0, 1, 2, 3, 4})
    for piece in range(5):
        news.add(content, piece)
    assert news.since(1, [content]) == [Have(A, 9 * MIN_PIECE, ((0, 4),))]
    assert news.since(2, [content]) == [Have(A, 9 * MIN_PIECE, ((2, 4),))]
