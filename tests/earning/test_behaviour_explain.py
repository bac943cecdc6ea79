"""What a balance buys, said with every credit."""

from __future__ import annotations

import pytest

from chalicelib.programme.explain import explain
from tests.earning.behaviours import terms

WARES = [
    {"name": "车锁", "points": 2000},
    {"name": "满199减10", "points": 200},
    {"name": "水壶", "points": 1500},
]


@pytest.mark.parametrize(
    ("balance_points", "affordable", "following", "worth_fen"),
    [
        (0, None, {"name": "满199减10", "missing_points": 200}, 0),
        (199, None, {"name": "满199减10", "missing_points": 1}, 199),
        (200, "满199减10", {"name": "水壶", "missing_points": 1300}, 200),
        (1999, "水壶", {"name": "车锁", "missing_points": 1}, 1999),
        (9999, "车锁", None, 9999),
    ],
)
def test_the_dearest_thing_one_can_have_and_the_next(
    balance_points: int, affordable: str | None, following: object, worth_fen: int
) -> None:
    assert explain(balance_points, terms(showcase=WARES)) == {
        "affordable": affordable,
        "next": following,
        "worth_fen": worth_fen,
    }


def test_without_a_showcase_it_says_the_worth_alone() -> None:
    value = {"points": 3, "fen": 1}

    assert explain(100, terms(showcase=[], point_value=value, deduction=None)) == {
        "affordable": None,
        "next": None,
        "worth_fen": 33,
    }
