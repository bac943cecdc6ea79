"""A task's lump of points opens its matching product at once, once for each lump."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.earning.order import Paid, Refund
from chalicelib.earning.record_orders import Received, record_orders
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import open_orders
from chalicelib.ledger.table import open_ledger
from chalicelib.members.buyers import bind_buyer, find_members
from chalicelib.members.model import Identity
from chalicelib.programme.table import terms_book
from tests.spending.malls import Mall

OPENED = {"task": "three_orders", "prices": [{"id": "points", "points": 100}]}


def order(mall: Mall, number: str, refund: bool = False) -> None:
    """An order of the shop, settled; or all of it given back."""
    now = mall.counter.stage.now
    fact: Paid | Refund = Paid("tmall", number, "buyer-1", now, 19_900)
    if refund:
        fact = Refund("tmall", number, f"r-{number}", 19_900, now)
    record_orders([Received(fact, now)], orders=open_orders(), find_members=find_members, zone="Asia/Shanghai")
    for one in open_orders().orders([f"tmall#{number}"]):
        settle_order(one, ledger=open_ledger(), book=terms_book())


def shopper(mall: Mall, points: int = 0) -> str:
    token, member_id = mall.member(points, "mei")
    bind_buyer(member_id, Identity("tmall", "buyer-1"), "test", mall.counter.stage.now)
    return token


def test_the_third_order_of_a_month_buys_its_product_in_the_same_moment(mall: Mall) -> None:
    mall.offer("medal", **OPENED)
    token = shopper(mall)
    codes = []
    for number in ("1", "2", "3"):
        codes.append(mall.bought(token, "medal").json["code"])
        order(mall, number)

    shown = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="medal").data
    quoted = mall.quote(token, "medal")
    made = mall.bought(token, "medal")

    assert codes == [42211, 42211, 42211]
    assert (shown["can_redeem"], quoted["can_redeem"], made.status) == (True, True, 200)


def test_a_quote_says_that_its_task_is_not_done_yet(mall: Mall) -> None:
    mall.offer("medal", **OPENED)
    token = shopper(mall, points=1000)

    quoted = mall.quote(token, "medal")

    assert quoted["why_not"] == [{"reason": "task", "text": "完成任务“一月三单”后可兑"}]


def test_points_alone_do_not_open_it_and_each_lump_opens_it_once(mall: Mall) -> None:
    mall.offer("medal", **OPENED)
    token = shopper(mall, points=1000)

    before = mall.bought(token, "medal")
    for number in ("1", "2", "3"):
        order(mall, number)
    first, second = mall.bought(token, "medal"), mall.bought(token, "medal")
    mall.counter.stage.later(days=31)
    token, _ = mall.member(0, "mei")
    for number in ("4", "5", "6"):
        order(mall, number)
    next_month = mall.bought(token, "medal")

    assert [one.json["code"] for one in (before, first, second, next_month)] == [42211, 0, 42211, 0]
    assert before.json["msg"] == "完成任务“一月三单”后可兑"


def test_a_lump_that_was_taken_back_opens_nothing(mall: Mall) -> None:
    mall.offer("medal", **OPENED)
    token = shopper(mall, points=1000)
    for number in ("1", "2", "3"):
        order(mall, number)
    mall.counter.stage.now += timedelta(hours=1)
    order(mall, "3", refund=True)

    assert mall.bought(token, "medal").json["code"] == 42211


def test_old_lumps_out_of_sight_do_not_close_what_a_new_one_opens(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.spending.mall.needs.PAGE", 8)
    monkeypatch.setattr("chalicelib.spending.mall.needs.PAGES", 1)
    mall.offer("medal", **OPENED)
    token = shopper(mall, points=1000)
    for number in ("1", "2", "3"):
        order(mall, number)
    first = mall.bought(token, "medal")
    mall.counter.stage.later(days=31)
    token, member_id = mall.member(0, "mei")
    for _ in range(8):
        mall.counter.give(member_id, 1)
    mall.counter.stage.later(minutes=1)  # else the ids of the eight decide what is newest
    for number in ("4", "5", "6"):
        order(mall, number)

    assert (first.status, mall.bought(token, "medal").status) == (200, 200)


def test_an_item_of_a_task_is_one_piece_an_order(mall: Mall) -> None:
    item = {"name": "奖章", "good": {"kind": "parcel"}, "per_order": 2, **OPENED}

    refused = mall.staff("POST", "/v1/staff/mall/items", {"id": "medal", "item": item})

    assert (refused.status, refused.json["field"]) == (400, "item.per_order")
