"""`make draws`: thousands of draws by real chance through the embedded cloud's tables, members at once, then an audit.

Not among the tests, it takes minutes: 2,000 draws of 700 members in eight threads, some of them asked twice.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest

from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.audit import Finding
from chalicelib.spending.lottery.draw import draw_once
from chalicelib.spending.lottery.statistics import read_statistics
from local.audit import Auditor, Report
from tests.ledger.builders import TODAY_ON
from tests.spending.lotteries import NOON, Fair, open_fair, with_prize

MEMBERS, DRAWS, BOTTLES = 700, 2_000, 3


@pytest.mark.cloud
def test_thousands_of_draws_at_once_are_what_was_published(request: pytest.FixtureRequest) -> None:
    fair = open_fair(request.getfixturevalue("cloud").client("dynamodb"))
    many = with_prize("p10", with_prize("bottle", count=BOTTLES, weight=110), weight=5_900)
    fair.publish(document=many)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: fair.give(f"m{number}", 60), range(MEMBERS)))
        asked = [(f"m{number % MEMBERS}", f"k{number // MEMBERS}") for number in range(DRAWS)]
        again = random.Random(1).sample(asked, 200)
        answers = list(pool.map(lambda one: drawn(fair, *one), [*asked, *again]))

    found = read_statistics(fair.lotteries, fair.lotteries.book(fair.id, NOON))
    (fit,) = found.sums.fits

    assert (found.sums.draws, found.sums.members, found.sums.points_spent) == (DRAWS, MEMBERS, DRAWS * 20)
    assert len(set(answers)) == DRAWS
    assert found.sums.unexplained == ()
    assert found.sums.given["bottle"] == found.taken["bottle"] == min(BOTTLES, fit.observed["bottle"])
    assert found.sums.fallbacks == fit.observed["bottle"] - found.sums.given["bottle"]
    assert Fraction(fit.chi_square) < Fraction(fit.critical)  # one honest run of a thousand is above it
    assert audited(fair) == []
    print(f"\n  {DRAWS:,} draws: chi-square {fit.chi_square}, below {fit.critical} at {fit.degrees} degrees")  # noqa: T201


def drawn(fair: Fair, member_id: str, key: str) -> str:
    answer = draw_once(fair.id, member_id, key=key, is_adult=True, rooms=fair.rooms, terms=fair.terms, now=NOON)
    return answer.drawn.id


def audited(fair: Fair) -> list[Finding]:
    found: list[Finding] = []
    orders = OrdersTable(fair.ledger.dynamo, fair.ledger.ledger.removesuffix("ledger") + "orders")
    Auditor(fair.ledger, orders, fair.terms.ledger, {}, TODAY_ON, Report(found.append), pause=lambda _s: None).run(
        segments=1
    )
    return found
