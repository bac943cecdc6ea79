"""The draw itself (转盘): from a ticket to a prize, by whole numbers; and the odds that follow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chalicelib.spending.lottery.campaign import Prize


def total(prizes: Sequence[Prize]) -> int:
    """How many tickets there are: they are numbered from 0, the last is `total - 1`."""
    return sum(prize.weight for prize in prizes)


def draw(ticket: int, prizes: Sequence[Prize]) -> Prize:
    """What a ticket wins: each prize has as many tickets as its weight, one after another in the order of the list.

    AssertionError for a number that is no ticket.
    """
    left = ticket
    if left >= 0:
        for prize in prizes:
            if left < prize.weight:
                return prize
            left -= prize.weight
    raise AssertionError(f"ticket {ticket} of {total(prizes)}")


def odds(prize: Prize, prizes: Sequence[Prize]) -> Fraction:
    """The exact probability of a prize before any has run out."""
    return Fraction(prize.weight, total(prizes))


def in_percent(chance: Fraction) -> str:
    """A probability in percent: exact where decimals can say it, else as a fraction (`1/3`)."""
    percent = chance * 100
    rest = percent.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    if rest != 1:
        return f"{chance.numerator}/{chance.denominator}"
    places = 0
    while percent.denominator != 1:
        percent, places = percent * 10, places + 1
    digits = str(percent.numerator).rjust(places + 1, "0")
    return (f"{digits[:-places]}.{digits[-places:]}" if places else digits) + "%"
