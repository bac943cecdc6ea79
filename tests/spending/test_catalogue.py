"""The catalogue as operators keep it and as members see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.runtime import dynamo
from chalicelib.spending.mall.item import MallItem, Price, Rotation
from chalicelib.spending.mall.keep_item import read_item
from chalicelib.spending.mall.shelf import advice, is_on_sale
from tests.programme.builders import demo_terms
from tests.spending.malls import BASE, COUPON, HAT, SHIP, Mall

ITEM = {**BASE, "name": "满减券", "good": COUPON}


def read(**given: Any) -> MallItem:
    return read_item({**ITEM, **given}, demo_terms().programme)


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"good": {**COUPON, "face_fen": 20_000}}, "item.good.face_fen"),
        ({"good": {"kind": "car"}}, "good.kind"),
        ({"prices": []}, "prices"),
        ({"prices": [{"id": "points", "points": 0}]}, "prices.0.points"),
        ({"prices": [{"id": "a", "points": 1}, {"id": "a", "points": 2}]}, "item.prices.1.id"),
        (
            {"good": {"kind": "badge", "badge": "rider"}, "prices": [{"id": "mixed", "points": 1, "cash_fen": 100}]},
            "item.prices.0.cash_fen",
        ),
        ({"prices": [{"id": "points", "points": 10**8}], "per_order": 11}, "item.prices.0.points"),
        ({"shards": 4, "per_order": 2}, "item.shards"),
        ({"limits": [{"pieces": 1, "period": "day"}, {"pieces": 2, "period": "day"}]}, "item.limits.1.period"),
        ({"who": {"weekdays": [1]}}, "item.who.weekdays"),
        ({"rotation": {"every": "month", "of": 2, "turn": 2}}, "item.rotation.turn"),
        (
            {"windows": [{"from_at": "2026-03-02T00:00:00Z", "until_at": "2026-03-02T00:00:00Z"}]},
            "item.windows.0.until_at",
        ),
        ({"colour": "red"}, "colour"),
        ({"task": "no_such_task"}, "item.task"),
        ({"needs": {"activity": "no_such_deed", "times": 1, "name": "骑行"}}, "item.needs.activity"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused_by_the_field(mall: Mall, fault: dict[str, Any], field: str) -> None:
    refused = mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": {**ITEM, **fault}})

    assert (refused.status, refused.json["field"]) == (400, field)
    assert mall.staff("GET", "/v1/staff/mall/items").data["list"] == []


def test_an_item_is_written_once_and_its_id_is_its_own(mall: Mall) -> None:
    first, again = (mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": ITEM}) for _ in range(2))
    mall.switch("one", "on")
    later = mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": ITEM})
    other = mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": {**ITEM, "name": "别的"}})

    assert first.data == again.data
    assert (later.status, later.data["state"], later.data["version"]) == (200, "on", 2)
    assert (other.status, other.json["code"]) == (409, 40912)


def test_an_id_that_no_key_can_be_made_of_is_nobodys(mall: Mall) -> None:
    token, _ = mall.member(0)
    far = "a" * 1025

    def as_dynamodb_does(params: dict[str, Any], **_given: Any) -> None:
        if len(params["Key"].get("sk", {"S": ""})["S"].encode()) > 1024:
            raise ValueError("Size of rangekey has exceeded the maximum size limit of 1024 bytes")

    events = dynamo.client().meta.events
    events.register("provide-client-params.dynamodb.GetItem", as_dynamodb_does, unique_id="sizes")
    try:
        answers = [
            mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id=far),
            mall.call("GET", "/v1/me/mall/stores", token=token, query={"item_id": far}),
            mall.call("POST", "/v1/me/offers/{offer_id}/quotes", {}, token=token, offer_id=far),
            mall.staff("GET", "/v1/staff/mall/stores/{store_id}", store_id=far),
        ]
    finally:
        events.unregister("provide-client-params.dynamodb.GetItem", unique_id="sizes")

    assert [answer.json["code"] for answer in answers] == [40410, 40410, 40415, 40419]


def test_two_operators_cannot_overwrite_each_other(mall: Mall) -> None:
    mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": ITEM})
    other = mall.counter.staff("operator", "bei")
    path = "/v1/staff/mall/items/{item_id}"

    mine = mall.staff("PUT", path, {"version": 1, "item": {**ITEM, "name": "我的"}}, item_id="one")
    repeated = mall.staff("PUT", path, {"version": 1, "item": {**ITEM, "name": "我的"}}, item_id="one")
    theirs = mall.call("PUT", path, {"version": 1, "item": {**ITEM, "name": "他的"}}, token=other, item_id="one")

    assert (mine.data["version"], repeated.data["version"], theirs.json["code"]) == (2, 2, 40906)
    assert [line["action"] for line in mine.data["history"]] == ["changed", "created"]


def test_drafts_are_not_for_members(mall: Mall) -> None:
    mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": ITEM})
    token, _ = mall.member(0)

    assert mall.call("GET", "/v1/me/mall/items", token=token).data["list"] == []
    assert mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="one").json["code"] == 40410
    body = {"item_id": "one", "price": "points"}
    assert mall.call("POST", "/v1/me/mall/quotes", body, token=token).json["code"] == 40410


def test_a_stock_change_counts_once_and_never_cuts_what_is_sold(mall: Mall) -> None:
    mall.offer(stock=5)
    token, _ = mall.member()
    mall.bought(token)

    once, again = mall.stock("coupon", -3, key="cut"), mall.stock("coupon", -3, key="cut")
    too_many = mall.stock("coupon", -2)
    other = mall.stock("coupon", 9, key="cut")

    assert (once.data["left"], again.data["replayed"]) == (1, True)
    assert (too_many.json["code"], too_many.json["msg"]) == (40912, "最多可减1件,已兑和预留的不能减")
    assert other.json["code"] == 40900
    assert mall.left() == (1, 1)


def test_a_stock_in_shards_sells_to_its_last_piece(mall: Mall) -> None:
    mall.offer(stock=5, shards=3, limits=[])
    mall.stock("coupon", -2)
    token, _ = mall.member(2000)

    answers = [mall.bought(token).json["code"] for _ in range(4)]

    assert answers == [0, 0, 0, 40954]
    assert mall.left() == (0, 3)


def test_where_a_stock_is_counted_stays_once_it_was_on_sale(mall: Mall) -> None:
    mall.offer(shards=3)
    version = mall.item("coupon")["version"]
    changed = {"version": version, "item": {**mall.item("coupon")["item"], "shards": 1}}

    refused = mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="coupon")

    assert (refused.json["code"], refused.json["field"]) == (40912, "item.shards")


def test_pieces_of_a_draft_are_not_lost_by_counting_them_elsewhere(mall: Mall) -> None:
    item = {**BASE, **HAT, "shards": 4}
    mall.staff("POST", "/v1/staff/mall/items", {"id": "hat", "item": item})
    mall.stock("hat", 100)
    changed = {"version": 1, "item": {**item, "shards": 1}}

    refused = mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="hat")
    mall.stock("hat", -100)
    accepted = mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="hat")

    assert (refused.json["code"], refused.json["field"], accepted.status) == (40912, "item.shards", 200)


def test_members_find_sort_and_narrow_what_they_can_have(mall: Mall) -> None:
    mall.offer("coupon", rank=3)
    mall.offer("hat", **{**HAT, "prices": [{"id": "points", "points": 900}]}, rank=1, category="装备")
    mall.offer(
        "doll", **{**HAT, "name": "IP玩偶", "prices": [{"id": "points", "points": 3000}]}, rank=2, category="装备"
    )
    token, _ = mall.member(1000)

    def ids(**query: str) -> list[str]:
        found = mall.call("GET", "/v1/me/mall/items", token=token, query=query).data["list"]
        return [one["id"] for one in found]

    assert ids() == ["hat", "doll", "coupon"]
    assert ids(sort="points") == ["coupon", "hat", "doll"]
    assert ids(sort="-points") == ["doll", "hat", "coupon"]
    assert ids(affordable="true") == ["hat", "coupon"]
    assert ids(search="玩偶") == ["doll"]
    assert ids(category="装备") == ["hat", "doll"]
    doll = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="doll").data
    assert doll["why_not"] == [{"reason": "points", "text": "还差2000分"}]
    assert mall.call("GET", "/v1/me/mall/items", token=token, query={"sort": "name"}).json["field"] == "sort"


def test_what_ended_at_midnight_is_not_affordable_though_nobody_booked_it(mall: Mall) -> None:
    mall.offer()
    token, _ = mall.member(1000, "mei")
    before = can_have(mall, token)
    mall.counter.stage.later(days=400)
    token, _ = mall.member(0, "mei")

    assert (before, can_have(mall, token)) == ((True, True, True), (False, False, False))


def test_held_points_whose_time_has_passed_are_affordable_though_nobody_booked_it(mall: Mall) -> None:
    mall.offer()
    mixed = {"id": "mixed", "points": 900, "cash_fen": 100}
    mall.offer("bottle", name="水壶", good={"kind": "parcel"}, prices=[mixed])
    token, _ = mall.member(1000)
    mall.bought(token, "bottle", price="mixed", delivery=SHIP)
    before = can_have(mall, token)
    mall.counter.stage.later(hours=3)

    assert (before, can_have(mall, token)) == ((False, False, False), (True, True, True))


def can_have(mall: Mall, token: str) -> tuple[bool, bool, bool]:
    """What the list, the item and a quote say of the coupon."""
    listed = mall.call("GET", "/v1/me/mall/items", token=token, query={"search": "券"}).data["list"]
    item = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="coupon").data
    return listed[0]["can_redeem"], item["can_redeem"], mall.quote(token)["can_redeem"]


def test_items_take_turns_by_month() -> None:
    item = read(rotation={"every": "month", "of": 2, "turn": 0})
    instants = [datetime(2026, month, 28, 15, 59, 59, tzinfo=UTC) for month in (1, 2, 3, 4)]

    on_sale = [is_on_sale(item, demo_terms(), at) for at in instants]
    at_midnight = is_on_sale(item, demo_terms(), instants[1] + timedelta(seconds=1))

    assert on_sale == [True, False, True, False]
    assert at_midnight, "February has 28 days: it is March in Shanghai"


def test_every_week_is_somebodys_turn_and_only_one_of_them() -> None:
    items = [
        MallItem(name="x", good=read().good, prices=read().prices, rotation=Rotation(every="week", of=3, turn=turn))
        for turn in range(3)
    ]
    days = [datetime(2026, 12, 28, tzinfo=UTC) + timedelta(days=day) for day in range(21)]

    turns = [[is_on_sale(item, demo_terms(), day) for item in items].index(True) for day in days]

    assert all(len(set(turns[week : week + 7])) == 1 for week in range(0, 21, 7))
    assert len({turns[0], turns[7], turns[14]}) == 3


@pytest.mark.parametrize(
    ("points", "cash_fen", "cost_fen", "least", "below"),
    [(900, 0, 900, 900, False), (899, 0, 900, 900, True), (300, 1990, 2000, 10, False), (300, 1990, 2291, 301, True)],
)
def test_the_price_helper_says_what_covers_the_cost(
    points: int, cash_fen: int, cost_fen: int, least: int, below: bool
) -> None:
    found = advice(cost_fen, Price(id="p", points=points, cash_fen=cash_fen), demo_terms())

    assert (found.least_points, found.is_below_cost) == (least, below)


def test_what_asks_for_deeds_is_not_called_affordable_before_they_are_done(mall: Mall) -> None:
    needs = {"activity": "check_in", "times": 1, "name": "签到"}
    mall.offer("medal", good={"kind": "badge", "badge": "rider"}, needs=needs)
    token, _ = mall.member(1000)

    def found(**query: str) -> list[Any]:
        shown: list[Any] = mall.call("GET", "/v1/me/mall/items", token=token, query=query).data["list"]
        return [(one["id"], [why["text"] for why in one["why_not"]]) for one in shown]

    before = found(), found(affordable="true")
    mall.call("POST", "/v1/me/check-ins", token=token)

    assert before == ([("medal", ["还差1次签到"])], [])
    assert found(affordable="true") == [("medal", [])]
