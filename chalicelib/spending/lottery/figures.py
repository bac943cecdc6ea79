"""What a campaign's draws come to: given beside promised, and whether each draw is what its ticket says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.model import Drawn, Version
from chalicelib.spending.lottery.wheel import draw, total

_DECIMALS = 10**4
CRITICAL = (
    *("10.828", "13.816", "16.266", "18.467", "20.515", "22.458", "24.322", "26.124", "27.877", "29.588"),
    *("31.264", "32.909", "34.528", "36.123", "37.697", "39.252", "40.790", "42.312", "43.820"),
)
"""By degrees of freedom from 1: chi-square is above this in one of a thousand fair campaigns."""


class Fit(NamedTuple):
    """How well what the wheel showed fits its odds."""

    version: int
    draws: int
    observed: Mapping[str, int]
    """Times on the wheel of each prize, before any fallback."""
    chi_square: str
    degrees: int
    critical: str


class Sums(NamedTuple):
    """Of all draws that were read."""

    draws: int
    members: int
    points_spent: int
    points_won: int
    by_chance: int
    fallbacks: int
    value_fen: int
    given: Mapping[str, int]
    """Times each prize was given."""
    fits: tuple[Fit, ...]
    unexplained: tuple[str, ...]
    """Ids of draws that are not what their ticket and version say."""


def sums(draws: Iterable[Drawn], versions: Mapping[int, Version]) -> Sums:
    """Count draws, and judge each of them."""
    members: set[str] = set()
    given, wheel = Counter[str](), dict[int, Counter[str]]()
    unexplained: list[str] = []
    totals = Counter[str]()
    for one in draws:
        members.add(one.member_id)
        given[one.prize] += 1
        wheel.setdefault(one.version, Counter())[one.wheel_prize] += 1
        totals.update(
            draws=1,
            spent=one.points_spent,
            won=one.points_won,
            by_chance=not one.points_spent,
            fallbacks=one.is_fallback,
            value=one.value_fen,
        )
        if one.version not in versions or any(problems(one, versions[one.version].campaign)):
            unexplained.append(one.id)
    fits = tuple(
        fit(number, versions[number].campaign, wheel[number]) for number in sorted(wheel) if number in versions
    )
    return Sums(
        totals["draws"],
        len(members),
        totals["spent"],
        totals["won"],
        totals["by_chance"],
        totals["fallbacks"],
        totals["value"],
        dict(given),
        fits,
        tuple(unexplained),
    )


def problems(drawn: Drawn, campaign: Campaign) -> Iterator[str]:
    """What of a draw does not follow from its ticket and the campaign it was drawn in."""
    if drawn.total != total(campaign.prizes) or not 0 <= drawn.ticket < drawn.total:
        yield "ticket"
        return
    won = draw(drawn.ticket, campaign.prizes)
    if drawn.wheel_prize != won.id:
        yield "wheel_prize"
    if drawn.prize not in (won.id, won.fallback):
        yield "prize"
    elif drawn.value_fen != campaign.prize(drawn.prize).value_fen:
        yield "value_fen"
    if drawn.points_spent not in (0, campaign.points):
        yield "points_spent"


def fit(version: int, campaign: Campaign, observed: Mapping[str, int]) -> Fit:
    """Observed against published odds, exactly: the sum over prizes of (observed - expected)² / expected."""
    draws = sum(observed.values())
    chi = chi_square(observed, {prize.id: prize.weight for prize in campaign.prizes})
    degrees = len(campaign.prizes) - 1
    return Fit(version, draws, dict(observed), _decimal(chi), degrees, CRITICAL[degrees - 1])


def chi_square(observed: Mapping[str, int], weights: Mapping[str, int]) -> Fraction:
    """The exact figure; 0 while nothing was drawn."""
    draws, tickets = sum(observed.values()), sum(weights.values())
    found = Fraction(0)
    for id, weight in weights.items():
        expected = Fraction(draws * weight, tickets)
        if expected:
            found += (observed.get(id, 0) - expected) ** 2 / expected
    return found


def _decimal(figure: Fraction) -> str:
    """Four decimals, rounded half up."""
    whole, rest = divmod((figure.numerator * 2 * _DECIMALS + figure.denominator) // (2 * figure.denominator), _DECIMALS)
    return f"{whole}.{rest:04d}"
