"""Lists of the mall that grow: page by page, with a bounded number of requests."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from tests.members.stage import ADMIN_KEY, Answer
from tests.spending.exchanges import MILES
from tests.spending.malls import COUPON, STORE, Mall
from tests.spending.offers import FLASH, GROUP, Offers, offers_of
from tests.spending.test_costs import cost
from tests.spending.test_payment_gifts import PLAN

ITEMS = "/v1/me/mall/items"


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200
    assert answer.data["has_more"] == (answer.data["next_cursor"] is not None)
    return [one.get("id") or one["code"] for one in answer.data["list"]]


def pages(mall: Mall, path: str, token: str, *, member_id: str = "", **query: str) -> list[list[str]]:
    """The ids of every page, by the cursor of the page before."""
    found, cursor = [], ""
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        answer = mall.call("GET", path, token=token, query=asked, member_id=member_id)
        found.append(ids(answer))
        assert answer.data["next_cursor"] != cursor
        cursor = answer.data["next_cursor"]
        if not cursor:
            return found


def stocked(mall: Mall, *points: int, **given: Any) -> list[str]:
    """Items of these prices, `i0` and so on, all of one rank."""
    return [
        mall.offer(f"i{number}", 1, prices=[{"id": "points", "points": one}], **given)
        for number, one in enumerate(points)
    ]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("rank", [["i1", "i3"], ["i2", "i0"], ["i4"]]),
        ("points", [["i1", "i3"], ["i2", "i0"], ["i4"]]),
        ("-points", [["i4", "i0"], ["i2", "i1"], ["i3"]]),
    ],
)
def test_pages_of_the_catalogue_have_every_item_once_in_its_order(
    mall: Mall, sort: str, expected: list[list[str]]
) -> None:
    stocked(mall, 300, 100, 200, 100, 400)
    token, _ = mall.member()

    assert pages(mall, ITEMS, token, limit="2", sort=sort) == expected
    assert pages(mall, ITEMS, token, limit="5", sort=sort) == [[*chain(*expected)]]


def test_a_page_goes_on_where_the_last_one_ended_though_an_item_before_it_went_off_and_one_came(mall: Mall) -> None:
    stocked(mall, 100, 200, 300, 400)
    token, _ = mall.member()
    first = mall.call("GET", ITEMS, token=token, query={"limit": "2", "sort": "points"})
    mall.switch("i0", "off")
    mall.switch("i1", "off")
    mall.offer("cheap", prices=[{"id": "points", "points": 1}])

    query = {"limit": "2", "sort": "points", "cursor": first.data["next_cursor"]}
    then = mall.call("GET", ITEMS, token=token, query=query)

    assert (ids(first), ids(then)) == (["i0", "i1"], ["i2", "i3"])


def test_a_cursor_is_of_its_sort(mall: Mall) -> None:
    stocked(mall, 100, 200)
    token, _ = mall.member()
    cursor = mall.call("GET", ITEMS, token=token, query={"limit": "1", "sort": "points"}).data["next_cursor"]

    other = mall.call("GET", ITEMS, token=token, query={"limit": "1", "sort": "rank", "cursor": cursor})
    none = mall.call("GET", ITEMS, token=token, query={"cursor": "2"})

    assert [one.json["code"] for one in (other, none)] == [40002, 40002]


def test_a_page_of_what_is_affordable_is_full_though_most_is_not(mall: Mall) -> None:
    stocked(mall, 100, 5000, 200, 5000, 300, 5000, 400, 5000)
    mall.offer("gone", 0, prices=[{"id": "points", "points": 150}])
    token, _ = mall.member(1000)

    shown = pages(mall, ITEMS, token, limit="2", sort="points", affordable="true")

    assert shown == [["i0", "i2"], ["i4", "i6"]]


def test_what_is_affordable_is_found_behind_a_hundred_items_that_are_sold_out(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.spending.mall.browse.JUDGED_AT_ONCE", 3)
    for number in range(7):
        mall.offer(f"gone{number}", 0, rank=1)
    mall.offer("there", rank=2)
    token, _ = mall.member(1000)

    assert pages(mall, ITEMS, token, affordable="true") == [["there"]]


def test_a_page_costs_the_same_requests_however_many_items_and_deeds_it_shows(mall: Mall) -> None:
    needs = {"activity": "check_in", "times": 1, "name": "签到"}
    limits = [{"pieces": 2, "period": "month"}]
    token, _ = mall.member(1000)

    def asked(**query: str) -> list[str]:
        mall.call("GET", ITEMS, token=token)  # the catalogue is held from now on
        return cost(lambda: mall.call("GET", ITEMS, token=token, query=query))[0]

    def add(names: str) -> None:
        for name in names:
            badge = {"kind": "badge", "badge": f"badge_{name}"}
            mall.offer(name, limits=limits, needs=needs, good=badge)

    add("a")
    few, few_affordable = asked(), asked(affordable="true")
    add("bcdefghijk")
    many, many_affordable = asked(), asked(affordable="true")

    assert many == few == ["BatchGetItem"] * 4 + ["Query"]
    assert many_affordable == few_affordable == few


def test_a_small_page_judges_its_own_items_only(mall: Mall) -> None:
    stocked(mall, *[100] * 6, shards=64)
    token, _ = mall.member(1000)
    mall.call("GET", ITEMS, token=token)

    one, _ = cost(lambda: mall.call("GET", ITEMS, token=token, query={"limit": "1"}))
    six, _ = cost(lambda: mall.call("GET", ITEMS, token=token))

    assert (one, len(six) - len(one)) == (["BatchGetItem", "BatchGetItem"], 3)


def test_without_a_cursor_the_first_fifty_come(mall: Mall) -> None:
    for number in range(51):
        body = {"id": f"s{number:02d}", "store": STORE}
        mall.staff("POST", "/v1/staff/mall/stores", body)

    first = mall.staff("GET", "/v1/staff/mall/stores")
    rest = mall.staff("GET", "/v1/staff/mall/stores", query={"cursor": first.data["next_cursor"]})

    assert (len(ids(first)), ids(rest)) == (50, ["s50"])
    assert mall.staff("GET", "/v1/staff/mall/stores", query={"limit": "101"}).json["field"] == "limit"


@pytest.mark.parametrize(
    ("path", "name", "document"),
    [
        ("/v1/staff/mall/items", "item", {"name": "满减券", "good": COUPON, "prices": [{"id": "p", "points": 1}]}),
        ("/v1/staff/mall/stores", "store", STORE),
        (
            "/v1/staff/payment-gifts",
            "plan",
            PLAN,
        ),
        ("/v1/staff/offers", "offer", {}),
        ("/v1/staff/exchange-partners", "partner", {}),
    ],
)
def test_what_staff_wrote_is_paged_by_id(mall: Mall, path: str, name: str, document: dict[str, Any]) -> None:
    if name == "offer":
        document = offers_of(mall).document()
    document = document or dict(MILES)
    for id in ("c", "a", "b"):
        written = mall.call("POST", path, {"id": id, name: document}, token=ADMIN_KEY)
        assert written.status == 200, written.json

    assert pages(mall, path, mall.operator, limit="2") == [["a", "b"], ["c"]]
    assert mall.staff("GET", path, query={"cursor": "!"}).json["code"] == 40002
    beyond = mall.staff("GET", path, query={"cursor": "zz"}).json
    assert beyond["code"] == 40002 if name == "item" else beyond["data"]["list"] == []


def test_coupons_are_paged_by_their_last_day_for_members_and_staff(mall: Mall) -> None:
    for days in (3, 1, 2):
        mall.offer(f"c{days}", good={**COUPON, "valid_days": days}, per_order=2)
    token, member_id = mall.member(2000)
    bought = [mall.bought(token, f"c{days}", quantity=2).data["coupon_codes"] for days in (3, 1, 2)]
    in_order = [*sorted(bought[1]), *sorted(bought[2]), *sorted(bought[0])]

    mine = pages(mall, "/v1/me/coupons", token, limit="4")
    theirs = pages(mall, "/v1/staff/members/{member_id}/coupons", mall.operator, member_id=member_id, limit="1")
    wrong = mall.call("GET", "/v1/me/coupons", token=token, query={"cursor": in_order[0]})

    assert mine == [in_order[:4], in_order[4:]]
    assert theirs == [[code] for code in in_order]
    assert wrong.json["code"] == 40002


def test_an_old_cursor_brings_no_coupons_back_that_ended_long_ago(mall: Mall) -> None:
    token, _ = mall.member(1000, "mei")
    for days in (1, 2, 60):
        mall.offer(f"c{days}", good={**COUPON, "valid_days": days})
        mall.bought(token, f"c{days}")
    cursor = mall.call("GET", "/v1/me/coupons", token=token, query={"limit": "1"}).data["next_cursor"]
    mall.counter.stage.later(days=32)
    token, _ = mall.member(0, "mei")

    first = ids(mall.call("GET", "/v1/me/coupons", token=token))

    assert len(first) == 1
    assert ids(mall.call("GET", "/v1/me/coupons", token=token, query={"cursor": cursor})) == first


def test_offers_are_paged_by_their_beginning(mall: Mall) -> None:
    offers = offers_of(mall, stock=20)
    for number in range(3):
        from_at = (offers.now + timedelta(hours=3 - number)).isoformat()
        offers.on(FLASH, f"o{number}", from_at=from_at)
    token, _ = mall.member()

    first = mall.call("GET", "/v1/me/offers", token=token, query={"limit": "2"})
    offers.switch("off", "o2")
    offers.switch("off", "o1")
    then = mall.call("GET", "/v1/me/offers", token=token, query={"limit": "2", "cursor": first.data["next_cursor"]})

    assert (ids(first), ids(then)) == (["o2", "o1"], ["o0"])
    assert mall.call("GET", "/v1/me/offers", token=token, query={"cursor": "o1"}).json["code"] == 40002


def requests_of(offers: Offers, token: str) -> list[str]:
    offers.seen(token)  # offers and items are held from now on
    return cost(lambda: offers.mall.call("GET", "/v1/me/offers", token=token))[0]


def test_offers_cost_the_same_requests_however_many_there_are_and_groups_he_is_in(mall: Mall) -> None:
    offers = offers_of(mall, stock=50)
    mei, _ = mall.member(5000)
    group = {**GROUP, "per_member": 9}
    offers.on(group, "g0", pieces=9)
    offers.open(mei, offer_id="g0")
    few = requests_of(offers, mei)
    for number in range(1, 5):
        offers.on(group, f"g{number}", pieces=5)
        offers.open(mei, offer_id=f"g{number}")
    left = offers.open(mei, offer_id="g0").data["id"]
    offers.leave(mei, left)

    many, shown = requests_of(offers, mei), offers.seen(mei)

    account_with_holds = ["BatchGetItem", "Query", "BatchGetItem"]
    assert few == many == [*account_with_holds, *["BatchGetItem"] * 2, "Query", "BatchGetItem"]
    assert [len(one["groups"]) for one in shown] == [1] * 5
    assert left not in str(shown)


def test_whose_two_ids_became_one_sees_the_places_of_both(mall: Mall) -> None:
    offers = offers_of(mall, stock=20)
    (mei, mei_id), (old, old_id) = mall.member(1000), mall.member(1000)
    offers.on({**GROUP, "per_member": 3})
    groups = {offers.open(one).data["id"] for one in (mei, old)}

    offers.merge(old_id, mei_id)

    (shown,) = offers.seen(mei)
    assert {one["id"] for one in shown["groups"]} == groups
