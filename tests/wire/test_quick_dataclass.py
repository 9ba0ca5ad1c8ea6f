"""Dataclasses that are quick to make: what they share behaves as what ``dataclass`` writes."""

from __future__ import annotations

from dataclasses import field, fields, is_dataclass, replace

import pytest

from p2p_twisted.wire.quick_dataclass import quick_dataclass


@quick_dataclass(frozen=True)
class Point:
    """Two numbers."""

    x: int
    y: int = 2


@quick_dataclass(frozen=True)
class Named(Point):
    """The same, with a name and marks."""

    name: str = ""
    marks: list[str] = field(default_factory=list)


@quick_dataclass(frozen=True)
class Other:
    """Has the fields of a Point, and is none."""

    x: int
    y: int = 2


def test_it_is_a_dataclass() -> None:
    assert is_dataclass(Named)
    assert [each.name for each in fields(Named)] == ["x", "y", "name", "marks"]
    assert replace(Point(1), y=3) == Point(1, 3)
    assert Named(1).marks is not Named(1).marks


def test_equality_is_that_of_the_class_and_all_fields() -> None:
    assert Point(1) == Point(x=1, y=2)
    others: list[object] = [Point(1, 3), Named(1), Other(1), (1, 2)]
    assert Point(1) not in others
    assert {Point(1): "found"}[Point(1)] == "found"
    assert len({Point(1), Point(1), Point(2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Named(1))


def test_its_text_is_that_of_a_dataclass() -> None:
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert repr(Named(1, name="a")) == "Named(x=1, y=2, name='a', marks=[])"
