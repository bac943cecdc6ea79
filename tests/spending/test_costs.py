"""What a redemption costs: requests and write units, counted; and what its row weighs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.runtime import dynamo
from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.mall.close_unpaid import close_unpaid
from chalicelib.spending.mall.items import redemption_item
from chalicelib.spending.mall.table import open_mall
from tests.ledger.item_size import item_bytes, transaction_units
from tests.members.stage import Answer
from tests.spending.after_sales import SF, YTO, Desks, with_hats
from tests.spending.cash import open_till
from tests.spending.malls import HAT, SHIP, Mall


def cost(act: Callable[[], Answer]) -> tuple[list[str], int]:
    """(requests in order, write units of all transactions) of one call, the session's own read left out."""
    answers: list[Answer] = []
    asked, units = counted(lambda: answers.append(act()))
    assert [answer.status for answer in answers] == [200]
    return asked[1:], units


def counted(act: Callable[[], object]) -> tuple[list[str], int]:
    """The same of whatever else is done, with all of its requests."""
    asked: list[str] = []
    units = 0

    def seen(params: dict[str, Any], model: Any, **_given: Any) -> None:
        nonlocal units
        asked.append(model.name)
        if model.name == "TransactWriteItems":
            units += transaction_units(params["TransactItems"])

    events = dynamo.client().meta.events
    events.register(
        "provide-client-params.dynamodb.*", lambda params, model, **_: seen(params, model), unique_id="cost"
    )
    try:
        act()
    finally:
        events.unregister("provide-client-params.dynamodb.*", unique_id="cost")
    return asked, units


@pytest.mark.parametrize(
    ("given", "delivery", "units"),
    [
        ({**HAT}, SHIP, 8),
        ({}, None, 10),
        ({"limits": [{"pieces": 9, "period": "day"}]}, None, 12),
        ({"good": {"kind": "badge", "badge": "rider"}}, None, 10),
    ],
    ids=["parcel", "coupon", "coupon with a limit", "badge"],
)
def test_a_redemption_is_one_read_and_one_transaction(
    mall: Mall, given: dict[str, Any], delivery: dict[str, str] | None, units: int
) -> None:
    mall.offer("one", **given)
    token, _ = mall.member()
    quotes = [mall.quote(token, "one")["quote"] for _ in range(2)]
    mall.redeem(token, quotes[0], delivery) if not given.get("good", {}).get("badge") else None

    asked, written = cost(lambda: mall.redeem(token, quotes[1], delivery))

    assert asked == ["BatchGetItem", "TransactWriteItems"]
    assert written == units


def test_it_costs_the_same_after_a_hundred_credits(mall: Mall) -> None:
    mall.offer("one", **HAT)
    token, member_id = mall.member()
    for _ in range(100):
        mall.counter.give(member_id, 3)
    quote = mall.quote(token, "one")["quote"]

    assert cost(lambda: mall.redeem(token, quote, SHIP)) == (["BatchGetItem", "TransactWriteItems"], 8)


def test_a_repeat_writes_nothing(mall: Mall) -> None:
    mall.offer("one", **HAT)
    token, _ = mall.member()
    quote = mall.quote(token, "one")["quote"]
    mall.redeem(token, quote, SHIP)

    _, written = cost(lambda: mall.redeem(token, quote, SHIP))

    assert mall.left("one") == (4, 1)
    assert written <= 8, "asked for in vain: the entry stands"


def test_what_comes_after_a_redemption_costs(mall: Mall) -> None:
    desks = with_hats(mall, limits=[{"pieces": 9, "period": "day"}])
    token, _ = mall.member()
    sent, given_up = (desks.parcel(token)["id"] for _ in range(2))
    picked = desks.parcel(token, way="pick_up")
    mall.counter.staff("customer_service")
    mall.counter.staff("store_manager", "store")

    shipped = cost(lambda: desks.staff(sent, "shipment", SF))
    reissued = cost(lambda: desks.staff(sent, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True}))
    undone = cost(lambda: desks.give_up(token, given_up))
    handed_out = cost(lambda: desks.hand_out(picked["id"], picked["pick_up_code"]))

    assert shipped == (["GetItem", "TransactWriteItems", "Query"], 4)
    assert reissued == (["GetItem", "BatchGetItem", "TransactWriteItems", "Query"], 6)
    assert undone == (["GetItem", "GetItem", "GetItem", "BatchGetItem", "TransactWriteItems"], 14)
    tries, change = ["BatchGetItem", "TransactWriteItems", "GetItem"], ["GetItem", "TransactWriteItems"]
    assert handed_out == ([*tries, "UpdateItem", "UpdateItem", *change], 8)


def test_what_the_money_of_a_redemption_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_till(monkeypatch) as till:
        (token, _), (other, _) = till.buyer(), till.buyer()
        paid, lapsing = till.redeem(token), till.redeem(other)
        for one, id in ((token, paid), (other, lapsing)):
            till.begin(one, id)
        payment = till.pay(paid)
        quote = till.mall.quote(token, "bottle", price="mixed")["quote"]

        made = cost(lambda: till.mall.redeem(token, quote, SHIP))
        settled = counted(lambda: till.tell(paid, payment))
        undone = cost(lambda: till.desks.give_up(token, paid))
        till.later(minutes=16)
        closed = counted(lambda: close_unpaid(lapsing, desk=till.desk, api=till.api, now=till.now))

    writes = "TransactWriteItems"
    assert made == (["BatchGetItem", writes], 12)  # with a limit
    assert settled == (["GetItem", "BatchGetItem", writes], 10)
    assert undone == (["GetItem", "GetItem", "BatchGetItem", writes], 14)
    assert closed == (["GetItem", "BatchGetItem", writes], 14)


@pytest.mark.parametrize(
    ("item", "reads"),
    [("voucher", ["GetItem"]), ("vip", ["GetItem", "Query", "Query", "BatchGetItem"])],
    ids=["a coupon", "a code"],
)
def test_what_is_given_with_its_payment_costs_its_own_row_more(
    monkeypatch: pytest.MonkeyPatch, item: str, reads: list[str]
) -> None:
    with open_till(monkeypatch) as till:
        till.sell(item, limits=[])
        token, _ = till.buyer()
        quotes = [till.mall.quote(token, item, price="mixed")["quote"] for _ in range(2)]
        id = till.mall.redeem(token, quotes[0]).data["id"]
        till.begin(token, id)
        payment = till.pay(id)

        made = cost(lambda: till.mall.redeem(token, quotes[1]))
        settled = counted(lambda: till.tell(id, payment))

    before = reads[1:]  # around the pool, from a place by chance
    assert made == ([*before, "BatchGetItem", "TransactWriteItems"], 10)
    assert settled == ([*reads, "BatchGetItem", "TransactWriteItems"], 12)


def test_what_becomes_of_a_coupon_costs_two_rows(mall: Mall) -> None:
    mall.offer()
    desks = Desks(mall)
    code = mall.bought(mall.member()[0]).data["coupon_codes"][0]

    costs = [cost(lambda: desks.use(code)), cost(lambda: desks.bring_back(code))]

    assert [units for _, units in costs] == [4, 4]


@pytest.mark.parametrize(
    ("name", "address", "most_bytes"),
    [("骑行水壶", "上海市黄浦区人民大道1号某某大厦12层1203室", 1024), ("帽" * 40, "址" * 120, 2048)],
    ids=["ordinary", "the longest words there can be"],
)
def test_a_redemptions_row_weighs_a_kilobyte(mall: Mall, name: str, address: str, most_bytes: int) -> None:
    limits = [{"pieces": 99, "period": period} for period in ("day", "week", "month")]
    mall.offer("one", **{**HAT, "name": name, "limits": limits})
    token, _ = mall.member()

    made = mall.bought(token, "one", delivery={**SHIP, "address": address}).data

    row = open_mall().redemption(made["id"])
    assert row is not None
    assert most_bytes / 2 < item_bytes(encode_item(redemption_item(row))) <= most_bytes
