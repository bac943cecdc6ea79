"""Stores: as staff keep them, as members choose one, and what a redemption remembers of it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.documents import switch
from chalicelib.spending.lottery.table import forget
from chalicelib.spending.mall.items import redemption_item
from chalicelib.spending.mall.model import Delivery
from chalicelib.spending.mall.stores_table import open_stores
from chalicelib.spending.mall.table import open_mall
from tests.members.stage import Answer
from tests.spending.after_sales import with_hats
from tests.spending.lotteries import wheel, with_prize
from tests.spending.malls import HAT, PICK_UP, SHIP, STORE, Mall
from tests.spending.offers import GROUP, offers_of
from tests.spending.prizes import DEADLINE, OVER, Booth
from tests.spending.test_costs import cost

PATH = "/v1/staff/mall/stores"


def write(mall: Mall, store_id: str = "sh01", **given: Any) -> Answer:
    return mall.staff("POST", PATH, {"id": store_id, "store": {**STORE, **given}})


def seen(mall: Mall, **query: str) -> Any:
    token, _ = mall.member(0, "mei")
    return mall.call("GET", "/v1/me/mall/stores", token=token, query=query).data


def ids(shown: Any) -> list[str]:
    return [one["id"] for one in shown["list"]]


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"name": ""}, "name"),
        ({"address": "上海\n南京东路"}, "address"),
        ({"phone": "call me"}, "phone"),
        ({"latitude_e6": 31.2}, "latitude_e6"),
        ({"latitude_e6": 90_000_001, "longitude_e6": 0}, "latitude_e6"),
        ({"latitude_e6": 31_230_416}, "store.longitude_e6"),
        ({"longitude_e6": 121_473_701}, "store.latitude_e6"),
        ({"manager": "小美"}, "manager"),
    ],
)
def test_a_store_that_makes_no_sense_is_refused_by_the_field(mall: Mall, fault: dict[str, Any], field: str) -> None:
    refused = write(mall, **fault)

    assert (refused.status, refused.json["field"]) == (400, field)
    assert mall.staff("GET", PATH).data["list"] == []


def test_a_store_is_written_changed_and_switched_with_its_history(mall: Mall) -> None:
    first, again, other = write(mall), write(mall), write(mall, name="别的店")
    at = {"latitude_e6": 31_230_416, "longitude_e6": 121_473_701}
    body = {"version": 1, "store": {**STORE, **at}}
    changed = mall.staff("PUT", PATH + "/{store_id}", body, store_id="sh01")
    late = mall.staff("PUT", PATH + "/{store_id}", {**body, "store": STORE}, store_id="sh01")
    draft = ids(seen(mall))
    mall.switch_store("sh01", "on")
    shown = seen(mall)
    mall.switch_store("sh01", "off")
    found = mall.staff("GET", PATH + "/{store_id}", store_id="sh01").data

    assert (first.data, other.json["code"], late.json["code"]) == (again.data, 40912, 40906)
    assert (draft, shown["list"], ids(seen(mall))) == ([], [{"id": "sh01", **STORE, **at}], [])
    assert changed.data["store"] == {**STORE, **at}
    assert [line["action"] for line in found["history"]] == ["off", "on", "changed", "created"]
    assert mall.staff("GET", PATH + "/{store_id}", store_id="sh02").json["code"] == 40419


def test_a_changed_store_is_told_at_once(mall: Mall) -> None:
    mall.store()
    before = seen(mall)["list"][0]["hours"]
    body = {"version": 2, "store": {**STORE, "hours": "春节休息"}}
    mall.staff("PUT", PATH + "/{store_id}", body, store_id="sh01")

    assert (before, seen(mall)["list"][0]["hours"]) == (STORE["hours"], "春节休息")


def test_members_find_stores_by_city_by_words_and_page_by_page(mall: Mall) -> None:
    for store_id, city, name in (("b2", "上海", "徐汇店"), ("a1", "北京", "国贸店"), ("b1", "上海", "静安店")):
        mall.store(store_id, city=city, name=name)
    write(mall, "b3")

    first = seen(mall, limit="2")
    mall.switch_store("b1", "off")
    then = seen(mall, limit="2", cursor=first["next_cursor"])

    assert (ids(first), first["has_more"], first["cities"]) == (["b1", "b2"], True, ["上海", "北京"])
    assert (ids(then), then["has_more"], then["next_cursor"]) == (["a1"], False, None)
    assert ids(seen(mall, city="北京")) == ["a1"]
    assert ids(seen(mall, search="上海 徐汇")) == ["b2"]
    assert ids(seen(mall, search="广州")) == []
    token, _ = mall.member(0)
    refused = mall.call("GET", "/v1/me/mall/stores", token=token, query={"cursor": "b1"})
    assert refused.json["code"] == 40002


def test_a_pick_up_names_a_store_that_is_on(mall: Mall) -> None:
    mall.offer("hat", **HAT)
    token, _ = mall.member()

    none = mall.bought(token, "hat", delivery=PICK_UP)
    write(mall)
    mall.store("sh02")
    draft, unknown = (mall.bought(token, "hat", delivery={**PICK_UP, "store": one}) for one in ("sh01", "nowhere"))
    mall.switch_store("sh01", "on")
    made = mall.bought(token, "hat", delivery=PICK_UP).data
    sent = mall.bought(token, "hat", delivery=SHIP)

    assert [one.json["code"] for one in (none, draft, unknown)] == [42213] * 3
    assert {one.json["field"] for one in (none, draft, unknown)} == {"delivery.store"}
    assert none.json["msg"] == "还没有可以自提的门店"
    assert draft.json["msg"] == unknown.json["msg"] == "没有这家门店,或门店已停用,请重新选择"
    assert (made["state"], made["delivery"]["store"], made["delivery"]["store_name"]) == (
        "to_pick_up",
        "sh01",
        "上海一店",
    )
    assert (sent.status, mall.left("hat")) == (200, (3, 2))


def switched_elsewhere(mall: Mall, state: str) -> None:
    """Another process switches the store: this one goes on with what it holds."""
    stores = open_stores()
    standing = stores.documents.one("sh01")
    assert standing
    now = mall.counter.stage.now
    switch(stores.documents, standing, state, seen_version=standing.version, reason="开业", by="s1", now=now)


def test_a_store_that_opened_is_known_at_once_and_one_that_closed_within_five_seconds(mall: Mall) -> None:
    mall.offer("hat", **HAT)
    write(mall)
    token, _ = mall.member(2000)

    def bought() -> int:
        code: int = mall.bought(token, "hat", delivery=PICK_UP).json["code"]
        return code

    draft = bought()
    switched_elsewhere(mall, "on")
    opened = bought()
    switched_elsewhere(mall, "off")
    mall.counter.stage.later(seconds=5)

    assert (draft, opened, bought()) == (42213, 0, 42213)


def test_a_redemption_keeps_its_stores_name_and_address_and_is_repeated_after_its_store_was_closed(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    quote = mall.quote(token, "hat")["quote"]
    made = mall.redeem(token, quote, PICK_UP).data
    mall.switch_store("sh01", "off")
    body = {"version": 3, "store": {**STORE, "name": "新名字", "address": "新地址"}}
    assert mall.staff("PUT", PATH + "/{store_id}", body, store_id="sh01").status == 200

    again = mall.redeem(token, quote, PICK_UP).data
    new = mall.bought(token, "hat", delivery=PICK_UP)

    assert (again["id"], again["replayed"], new.json["field"]) == (made["id"], True, "delivery.store")
    kept = desks.mine(token, made["id"]).data["delivery"]
    assert (kept["store_name"], kept["store_address"]) == (STORE["name"], STORE["address"])
    assert desks.hand_out(made["id"], made["pick_up_code"]).data["store_name"] == STORE["name"]


def test_a_parcel_is_picked_up_only_where_its_document_says(mall: Mall) -> None:
    for store_id in ("sh01", "sh02"):
        mall.store(store_id)
    unknown = {"kind": "parcel", "ways": ["pick_up"], "stores": ["sh02", "sh03"]}
    body = {"id": "cap", "item": {**HAT, "good": unknown}}
    refused = mall.staff("POST", "/v1/staff/mall/items", body)
    mall.offer("hat", **{**HAT, "good": {**unknown, "stores": ["sh02"]}})
    token, _ = mall.member()

    elsewhere = mall.bought(token, "hat", delivery=PICK_UP)
    there = mall.bought(token, "hat", delivery={**PICK_UP, "store": "sh02"})

    assert (refused.status, refused.json["field"]) == (400, "item.good.stores.1")
    assert (elsewhere.json["field"], there.status) == ("delivery.store", 200)
    assert elsewhere.json["msg"] == "这件商品不能在这家门店自提,请重新选择"
    item = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="hat").data
    assert (item["stores"], ids(seen(mall, item_id="hat"))) == (["sh02"], ["sh02"])


def test_no_store_hands_out_what_is_only_sent_or_is_no_parcel(mall: Mall) -> None:
    mall.store()
    mall.offer("sent", **{**HAT, "good": {"kind": "parcel", "ways": ["ship"]}})
    mall.offer("coupon")
    mall.offer("hat", **HAT)

    assert [ids(seen(mall, item_id=one)) for one in ("sent", "coupon", "hat")] == [[], [], ["sh01"]]


@pytest.mark.parametrize("good", [{"ways": ["ship"], "stores": ["sh01"]}, {"ways": ["pick_up"], "stores": ["a", "a"]}])
def test_stores_of_a_parcel_that_say_nothing_are_refused(mall: Mall, good: dict[str, Any]) -> None:
    body = {"id": "hat", "item": {**HAT, "good": {"kind": "parcel", **good}}}

    assert mall.staff("POST", "/v1/staff/mall/items", body).json["field"] == "item.good.stores"


def test_who_stands_in_the_wrong_store_is_told_the_right_one(mall: Mall) -> None:
    desks = with_hats(mall)
    mall.store("sh02", name="上海二店")
    token, _ = mall.member()
    made = desks.parcel(token, way="pick_up")
    id, code = made["id"], made["pick_up_code"]

    wrong = [desks.hand_out(id, code, store="sh02") for _ in range(7)]
    guess = desks.hand_out(id, "00000000" if code != "00000000" else "00000001", store="sh02")
    right, again = (desks.hand_out(id, code, store="sh01").data for _ in range(2))

    assert {(one.json["code"], one.json["field"], one.json["msg"]) for one in wrong} == {
        (40915, "store", "这笔兑换应在“上海一店”取货")
    }
    assert guess.json["code"] == 42214, "a wrong code tells nobody where a parcel waits"
    assert (right["state"], right["store"], again["replayed"]) == ("done", "sh01", True)


def as_before_there_was_a_list(redemption_id: str, store: str) -> None:
    """A redemption's row as it was written when the store was a text of the mini-program's."""
    mall = open_mall()
    found = mall.redemption(redemption_id)
    assert found
    row = redemption_item(found._replace(delivery=Delivery("pick_up", store=store)))
    row["delivery"] = row["delivery"][:5]
    mall.dynamo.put_item(TableName=mall.name, Item=encode_item(row))


def test_what_was_redeemed_before_stores_had_a_list_is_read_and_handed_out(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    made = desks.parcel(token, way="pick_up")
    as_before_there_was_a_list(made["id"], "sh-old")

    shown = desks.mine(token, made["id"]).data["delivery"]
    elsewhere = desks.hand_out(made["id"], made["pick_up_code"], store="sh01")
    handed = desks.hand_out(made["id"], made["pick_up_code"], store="sh-old").data

    assert (shown["store"], shown["store_name"], shown["store_address"]) == ("sh-old", "", "")
    assert elsewhere.json["msg"] == "这笔兑换应在“sh-old”取货"
    assert (handed["state"], handed["store"], handed["store_name"]) == ("done", "sh-old", None)


def test_a_place_in_a_group_and_a_prize_name_a_store_of_the_list_too(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = offers_of(mall, "hat", **HAT)
    offers.on(GROUP)
    booth = Booth(mall, monkeypatch)
    (mei, _), (lan, _) = mall.member(1000), mall.member(1000)
    drawn, nowhere = booth.draw(mei), {**PICK_UP, "store": "nowhere"}

    no_group, no_prize = offers.open(mei, delivery=nowhere), booth.claim(mei, drawn, nowhere)
    group_id = offers.open(mei, delivery=PICK_UP).data["id"]
    mall.switch_store("sh01", "off")
    closed = offers.join(lan, group_id, delivery=PICK_UP)
    mall.switch_store("sh01", "on")
    offers.join(lan, group_id, delivery=PICK_UP)
    prize = booth.claim(mei, drawn, PICK_UP).data
    formed = mall.call("GET", "/v1/me/redemptions", token=lan).data["list"][0]

    assert {(one.json["code"], one.json["field"]) for one in (no_group, no_prize, closed)} == {
        (42213, "delivery.store")
    }
    assert prize["delivery"]["store_name"] == formed["delivery"]["store_name"] == STORE["name"]


def test_a_lottery_is_published_only_with_stores_that_there_are(mall: Mall) -> None:
    forget()
    gives = {"kind": "parcel", "ways": ["pick_up"], "stores": ["sh01", "sh02"]}
    document = with_prize("bottle", wheel(claim_until_at=DEADLINE, until_at=OVER), gives=gives, count=3)
    drafted = mall.staff("POST", "/v1/staff/lotteries", {"document": document}, key="wheel").data
    path, asked = "/v1/staff/lotteries/{lottery_id}", {"lottery_id": drafted["id"]}
    publication, reviewer = {"version": 1, "reason": "开张"}, mall.counter.staff("reviewer")
    mall.store("sh01")

    refused = mall.call("POST", f"{path}/publish", publication, token=reviewer, **asked).json
    told = mall.staff("GET", path, **asked).data["faults"]
    write(mall, "sh02")
    published = mall.call("POST", f"{path}/publish", publication, token=reviewer, **asked)

    place = [prize["id"] for prize in document["prizes"]].index("bottle")
    assert (refused["code"], refused["field"]) == (42226, f"prizes.{place}.gives.stores.1")
    assert [one["path"] for one in told] == [refused["field"]]
    assert published.status == 200


def test_the_list_of_what_lies_ready_says_at_which_store(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    made, sent = desks.parcel(token, way="pick_up"), desks.parcel(token)

    def sheet(**query: str) -> list[dict[str, str]]:
        found = mall.staff("GET", "/v1/staff/mall/ship-list", query=query).data
        return list(csv.DictReader(io.StringIO(found["csv"].removeprefix("\ufeff"))))

    (ready,), (leaving,) = sheet(state="to_pick_up"), sheet()
    assert (ready["兑换编号"], ready["门店编号"], ready["门店"]) == (f"R{made['id']}", "sh01", STORE["name"])
    assert (leaving["兑换编号"], leaving["门店编号"], leaving["地址"]) == (f"R{sent['id']}", "", SHIP["address"])
    assert mall.staff("GET", "/v1/staff/mall/ship-list", query={"state": "done"}).json["field"] == "state"


def test_a_pick_up_costs_what_a_sending_does(mall: Mall) -> None:
    with_hats(mall)
    token, _ = mall.member()
    quotes = [mall.quote(token, "hat")["quote"] for _ in range(2)]
    mall.redeem(token, quotes[0], PICK_UP)

    assert cost(lambda: mall.redeem(token, quotes[1], PICK_UP)) == (["BatchGetItem", "TransactWriteItems"], 8)


def test_the_longest_store_fits_into_its_redemptions_kilobyte(mall: Mall) -> None:
    with_hats(mall)
    mall.store("x" * 40, name="店" * 40, address="路" * 120)
    token, _ = mall.member()
    mall.bought(token, "hat", delivery=PICK_UP)
    quote = mall.quote(token, "hat")["quote"]

    asked, units = cost(lambda: mall.redeem(token, quote, {**PICK_UP, "store": "x" * 40}))

    assert (len(asked), units) == (2, 8)


@pytest.mark.parametrize("role", ["store_manager", "guide", "finance"])
def test_who_hands_out_may_look_stores_up_but_not_write_them(mall: Mall, role: str) -> None:
    mall.store()
    key = mall.counter.staff(role)

    looked = mall.call("GET", PATH, token=key)
    written = mall.call("POST", PATH, {"id": "sh02", "store": STORE}, token=key)

    assert (ids(looked.data), written.json["code"]) == (["sh01"], 40300)
