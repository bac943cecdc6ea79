"""The pure draw: every ticket wins exactly what the weights say, and a hundred thousand of them fit the odds."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest

from chalicelib.spending.lottery.figures import CRITICAL, chi_square, fit
from chalicelib.spending.lottery.wheel import draw, in_percent, odds, total
from tests.spending.lotteries import TICKETS, a_campaign

WHEEL = a_campaign().prizes
WEIGHTS = {prize.id: prize.weight for prize in WHEEL}


def test_all_tickets_together_win_each_prize_exactly_as_often_as_its_weight() -> None:
    won = Counter(draw(ticket, WHEEL).id for ticket in range(total(WHEEL)))

    assert won == WEIGHTS
    assert total(WHEEL) == 10_000


def test_each_prize_begins_where_the_one_before_it_ends() -> None:
    firsts = {id: draw(ticket, WHEEL).id for id, ticket in TICKETS.items()}
    before = [draw(ticket - 1, WHEEL).id for ticket in TICKETS.values() if ticket]

    assert list(firsts) == list(firsts.values()) == list(WEIGHTS)
    assert before == list(WEIGHTS)[:-1]


@pytest.mark.parametrize("ticket", [-1, 10_000])
def test_there_is_no_ticket_beyond_the_half_open_range(ticket: int) -> None:
    with pytest.raises(AssertionError):
        draw(ticket, WHEEL)


def test_a_hundred_thousand_draws_fit_the_published_odds() -> None:
    source = random.Random(20_260_301)

    won = Counter(draw(source.randrange(total(WHEEL)), WHEEL).id for _ in range(100_000))

    assert chi_square(won, WEIGHTS) < Fraction(CRITICAL[len(WEIGHTS) - 2])


def test_a_wheel_that_drops_its_last_ticket_of_a_hundred_would_be_found_out() -> None:
    source = random.Random(20_260_301)

    won = Counter(draw(source.randrange(9_900), WHEEL).id for _ in range(100_000))

    assert chi_square(won, WEIGHTS) > Fraction(CRITICAL[len(WEIGHTS) - 2])


def test_the_figure_is_exact_and_of_what_was_drawn() -> None:
    campaign = a_campaign(prizes=[{**one, "weight": 1} for one in _first(2)])

    assert chi_square({"p10": 6, "p20": 4}, {"p10": 1, "p20": 1}) == Fraction(2, 5)
    assert fit(1, campaign, {"p10": 6, "p20": 4})[1:] == (10, {"p10": 6, "p20": 4}, "0.4000", 1, "10.828")
    assert fit(1, campaign, {}).chi_square == "0.0000"


def test_odds_are_said_exactly() -> None:
    shown = {prize.id: in_percent(odds(prize, WHEEL)) for prize in WHEEL}

    assert shown == {"p10": "60%", "p20": "25%", "p50": "8%", "coupon": "6%", "p200": "0.9%", "bottle": "0.1%"}
    assert in_percent(Fraction(1, 3)) == "1/3"
    assert in_percent(Fraction(1, 80_000)) == "0.00125%"
    assert in_percent(Fraction(1)) == "100%"


def _first(count: int) -> list[dict[str, object]]:
    from tests.spending.lotteries import wheel

    return list(wheel()["prizes"][:count])
