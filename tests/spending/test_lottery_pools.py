"""A campaign is published only while the pools of its virtual prizes hold all the codes that it promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.lottery import manage
from tests.spending.lotteries import NOON, TICKETS, Fair, open_fair, wheel, with_prize

FILMS: dict[str, Any] = {"gives": {"kind": "virtual", "pool": "films"}, "value_fen": 3000, "fallback": "p20"}
PATH = "prizes.3.gives.pool"


@pytest.fixture
def fair() -> Iterator[Fair]:
    with mock_aws():
        yield open_fair(boto3.client("dynamodb", region_name="cn-north-1"))


def fill(fair: Fair, codes: int, pool: str = "films", first: int = 0) -> None:
    numbers = range(first, first + codes)
    fair.goods.add_codes([PoolCode(pool, f"{one:024x}", f"secret-{one}") for one in numbers], f"STOCK#pool:{pool}")


def refusal(fair: Fair, document: Any, *, change: bool = False) -> tuple[Code, str | None, str] | None:
    try:
        if change:
            fair.change(document)
        else:
            fair.publish(document=document)
    except JifenError as refused:
        return refused.code, refused.field, refused.msg
    return None


@pytest.mark.parametrize(("codes", "count", "says"), [(0, 2, "不存在"), (1, 2, "只剩1个"), (0, None, "不存在")])
def test_a_pool_with_too_few_codes_stops_the_publication(fair: Fair, codes: int, count: int | None, says: str) -> None:
    if codes:
        fill(fair, codes)

    found = refusal(fair, with_prize("coupon", count=count, **FILMS))

    assert found is not None
    assert found[:2] == (Code.LOTTERY_INVALID, PATH)
    assert says in found[2]


def test_a_pool_that_suffices_is_published_and_staff_are_told_beforehand_where_it_does_not(fair: Fair) -> None:
    document = with_prize("coupon", count=2, **FILMS)
    fair.id = "0" * 16
    manage.create(fair.lotteries, document, id=fair.id, key="k", by="s-writer", now=NOON)
    before = manage.check(fair.lotteries, fair.goods, fair.id, fair.terms, NOON)
    fill(fair, 2)
    after = manage.check(fair.lotteries, fair.goods, fair.id, fair.terms, NOON)

    fair.release()

    assert ([path for path, _ in before], after) == ([PATH], [])
    assert fair.lotteries.head(fair.id).published == 1


def test_two_prizes_of_one_pool_need_the_codes_of_both(fair: Fair) -> None:
    fill(fair, 3)
    document = with_prize("p50", with_prize("coupon", count=2, **FILMS), count=2, **FILMS)

    assert refusal(fair, document) is not None
    fill(fair, 1, first=3)
    assert refusal(fair, document) is None


def test_a_later_version_needs_the_codes_of_what_is_still_to_be_won(fair: Fair) -> None:
    fill(fair, 2)
    fair.publish(document=with_prize("coupon", count=2, **FILMS))
    fair.give()
    fair.draw(ticket=TICKETS["coupon"])

    cheaper = with_prize("coupon", wheel(points=10), count=2, **FILMS)
    assert refusal(fair, cheaper, change=True) is None, "one is left, and one is still to be won"
    more = with_prize("coupon", wheel(points=10), count=3, **FILMS)
    assert refusal(fair, more, change=True) is not None
    fill(fair, 1, first=2)
    fair.release()
    assert fair.lotteries.head(fair.id).published == 3
