"""What points are worth in money (积分价值), by the terms in force on a date. Pure.

A total is valued as a whole and rounded once, toward zero: parts that were each rounded may come to a few fen less.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from chalicelib.ledger.model import end_of
from chalicelib.programme.model import Terms, TermsBook


class Value(NamedTuple):
    """`points` are worth `fen`, by this version of the terms."""

    points: int
    fen: int
    terms_version: int

    def fen_of(self, points: int) -> int:
        """The worth of a total, either sign, rounded toward zero."""
        worth = abs(points) * self.fen // self.points
        return worth if points >= 0 else -worth


def value_on(book: TermsBook, on: date, zone: str) -> Value | None:
    """The value at the end of a business date; None while nothing is published."""
    terms = book.at(end_of(on, zone))
    return value_of(terms) if terms else None


def value_of(terms: Terms) -> Value:
    """The value that terms state."""
    stated = terms.programme.point_value
    return Value(stated.points, stated.fen, terms.version)
