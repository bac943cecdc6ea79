"""Group buys over HTTP: opened, joined, left, formed or failed; points held until it is decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.mall import needs
from chalicelib.spending.offers import settle_group, sweep
from chalicelib.spending.offers.events import SweepUnfinished
from chalicelib.spending.offers.group import Place
from chalicelib.spending.offers.room import Room
from tests.spending.audited import differences
from tests.spending.malls import HAT, SHIP, Mall
from tests.spending.offers import GROUP, Offers, offers_of


@pytest.fixture
def offers(mall: Mall) -> Offers:
    offers = offers_of(mall)
    offers.on(GROUP)
    return offers


def test_a_group_holds_its_members_points_and_pieces_until_it_forms(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id) = offers.mall.member(1000), offers.mall.member(1000)

    opened = offers.open(mei).data
    waiting = offers.points(mei_id), offers.left(), offers.mall.call("GET", "/v1/me/redemptions", token=mei).data
    formed = offers.join(lan, opened["id"]).data

    assert (opened["state"], opened["missing"], opened["place"]["state"]) == ("open", 1, "joined")
    assert opened["deadline_at"] == "2026-03-03T12:00:00+08:00"
    assert (waiting[:2], waiting[2]["list"]) == (((880, 120), (3, 1)), [])
    assert (formed["state"], formed["place"]["state"]) == ("formed", "given")
    assert (offers.points(mei_id), offers.points(lan_id), offers.left()) == ((880, 0), (880, 0), (2, 2))


def test_what_a_group_brings_is_a_redemption_like_any_other(offers: Offers) -> None:
    (mei, _), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.join(lan, group_id)

    (redemption,) = offers.mall.call("GET", "/v1/me/redemptions", token=mei).data["list"]
    (coupon,) = offers.mall.call("GET", "/v1/me/coupons", token=mei).data["list"]

    assert (redemption["state"], redemption["points"], redemption["offer_id"]) == ("done", 120, "weekend")
    assert redemption["coupon_codes"] == [coupon["code"]]
    assert offers.group(mei, group_id)["place"]["redemption_id"] == redemption["id"]


def test_what_a_group_brought_can_be_cancelled_like_any_other_redemption_once(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    made = offers.join(lan, group_id).data["place"]["redemption_id"]

    first, again = offers.cancel(made), offers.cancel(made)
    (coupon,) = offers.mall.call("GET", "/v1/me/coupons", token=lan).data["list"]

    assert (first.data["state"], again.data["state"], coupon["state"]) == ("cancelled", "cancelled", "cancelled")
    assert (offers.points(lan_id), offers.points(mei_id), offers.left()) == ((1000, 0), (880, 0), (3, 1))
    assert offers.open(lan).status == 200


def test_an_items_task_opens_it_once_by_a_group_too_and_again_when_the_group_failed(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "_done", lambda *_asked: needs._Done(["a-lump"], 0))
    offers = offers_of(mall, task="three_orders")
    offers.on({**GROUP, "per_member": 5})
    mei, mei_id = mall.member(1000)
    offers.open(mei)
    twice, shelf = offers.open(mei).json["code"], mall.bought(mei).json["code"]
    told = [one["reason"] for one in offers.seen(mei)[0]["why_not"]]
    offers.later(days=1)
    offers.sweep()

    assert (twice, shelf, told) == (42211, 42211, ["task"])
    assert (offers.points(mei_id), offers.open(mei).status) == ((1000, 0), 200)


def test_a_group_that_is_not_full_at_its_deadline_fails_and_all_of_it_goes_back(offers: Offers) -> None:
    (mei, mei_id), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.later(hours=23, minutes=59, seconds=59)
    offers.sweep()
    before = offers.group(mei, group_id)["state"], offers.points(mei_id)
    quote = offers.quoted(lan)
    offers.later(seconds=1)
    at_the_deadline = offers.join(lan, group_id, quote)
    offers.sweep()
    offers.sweep()
    after = offers.group(mei, group_id)

    assert before == ("open", (880, 120))
    assert at_the_deadline.json["code"] == 40918
    assert (after["state"], after["place"]["state"]) == ("failed", "released")
    assert (offers.points(mei_id), offers.left()) == ((1000, 0), (4, 0))
    assert offers.join(lan, group_id).json["code"] == 40918


def test_a_group_with_a_defect_keeps_no_other_from_its_end(offers: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [offers.mall.member(1000) for _ in range(3)]
    broken, *_ = [offers.open(token).data["id"] for token, _ in members]
    offers.later(days=1)
    finish = sweep.finish_group

    def finished(group_id: str, *, room: Room, now: datetime) -> bool:
        if group_id == broken:
            raise ValueError("a row that nobody can read")
        return finish(group_id, room=room, now=now)

    monkeypatch.setattr(sweep, "finish_group", finished)
    with pytest.raises(SweepUnfinished):
        offers.sweep()
    back = [offers.points(member_id) for _, member_id in members]
    monkeypatch.undo()
    offers.sweep()

    assert back == [(880, 120), (1000, 0), (1000, 0)]
    assert offers.points(members[0][1]) == (1000, 0)


@pytest.mark.parametrize(
    "defect", [AssertionError("13800138000"), ClientError({"Error": {"Code": "ValidationException"}}, "Query")]
)
@pytest.mark.parametrize("forms", [False, True])
def test_a_place_with_a_defect_keeps_no_later_place_from_its_end(
    mall: Mall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, defect: Exception, forms: bool
) -> None:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3})
    members = [mall.member(1000) for _ in range(3 if forms else 2)]
    broken = min(member_id for _, member_id in members)
    resolve = settle_group._resolve

    def resolved(place: Place, *given: Any) -> None:
        if place.member_id == broken:
            raise defect
        resolve(place, *given)

    monkeypatch.setattr(settle_group, "_resolve", resolved)
    group_id = offers.open(members[0][0]).data["id"]
    for token, _ in members[1:]:
        assert offers.join(token, group_id).status == 200
    offers.later(days=1)
    caplog.clear()
    with pytest.raises(SweepUnfinished):
        offers.sweep()
    meanwhile = {member_id: offers.points(member_id) for _, member_id in members}
    told = [line.message for line in caplog.records if '"place_failed"' in line.message]
    monkeypatch.setattr(settle_group, "_resolve", resolve)
    offers.sweep()
    offers.sweep()

    end = (880, 0) if forms else (1000, 0)
    assert meanwhile == {id: (880, 120) if id == broken else end for _, id in members}
    assert [type(defect).__name__ in line and "13800138000" not in line for line in told] == [True]
    assert {offers.points(member_id) for _, member_id in members} == {end}
    assert offers.left() == (1, 3) if forms else (4, 0)
    assert differences() == []


def test_a_member_whose_group_failed_may_open_another(offers: Offers) -> None:
    mei, mei_id = offers.mall.member(1000)
    offers.open(mei)
    offers.later(days=1)
    offers.sweep()

    assert offers.open(mei).status == 200
    assert offers.points(mei_id) == (880, 120)


def test_the_last_second_still_forms_a_group(offers: Offers) -> None:
    (mei, _), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.later(hours=23, minutes=59, seconds=59)

    assert offers.join(lan, group_id).data["state"] == "formed"


def test_a_group_ends_no_later_than_its_offer(offers: Offers) -> None:
    offers.later(hours=47)

    assert offers.open(offers.mall.member(1000)[0]).data["deadline_at"] == "2026-03-04T12:00:00+08:00"


def test_a_full_group_takes_nobody_more(offers: Offers) -> None:
    (mei, _), (lan, _), (yun, yun_id) = (offers.mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    offers.join(lan, group_id)

    assert offers.join(yun, group_id).json["code"] == 40917
    assert offers.points(yun_id) == (1000, 0)


def test_nobody_has_two_places_in_a_group(mall: Mall) -> None:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3, "per_member": 2})
    mei, mei_id = mall.member(1000)
    group_id = offers.open(mei).data["id"]

    assert offers.join(mei, group_id).json["code"] == 40919
    assert (offers.points(mei_id), offers.left()) == ((880, 120), (3, 1))


def test_nobody_has_more_places_in_all_than_the_offer_allows(offers: Offers) -> None:
    (mei, mei_id), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    offers.open(mei)
    other_id = offers.open(lan).data["id"]

    refused = offers.join(mei, other_id), offers.open(mei)

    assert [one.json["code"] for one in refused] == [40914, 40914]
    assert offers.points(mei_id) == (880, 120)


def test_the_same_quote_again_answers_what_stands(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id) = offers.mall.member(1000), offers.mall.member(1000)
    quotes = offers.quoted(mei), offers.quoted(lan)
    opened = offers.open(mei, quotes[0]).data
    offers.later(seconds=5)
    again = offers.open(mei, quotes[0]).data
    formed = offers.join(lan, opened["id"], quotes[1]).data
    offers.later(days=3)
    late = offers.join(lan, opened["id"], quotes[1]).data

    assert (opened["replayed"], again) == (False, {**opened, "replayed": True})
    assert late == {**formed, "replayed": True}
    assert (offers.points(mei_id), offers.points(lan_id)) == ((880, 0), (880, 0))


def test_a_quote_takes_one_place_wherever_it_is_shown(mall: Mall) -> None:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3, "per_member": 5})
    (mei, mei_id), (lan, _) = mall.member(1000), mall.member(1000)
    quote, other_id = offers.quoted(mei), offers.open(lan).data["id"]
    own_id = offers.open(mei, quote).data["id"]

    elsewhere = offers.join(mei, other_id, quote)
    offers.leave(mei, own_id)
    after = offers.join(mei, other_id, quote)

    assert [one.json["code"] for one in (elsewhere, after)] == [42210, 42210]
    assert (offers.points(mei_id), offers.left()) == ((1000, 0), (3, 1))


def test_who_leaves_has_his_points_and_the_place_is_free_again(mall: Mall) -> None:
    offers = offers_of(mall)
    offers.on({**GROUP, "size": 3})
    (mei, mei_id), (lan, lan_id), (yun, _) = (mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    offers.join(lan, group_id)

    left, again = offers.leave(mei, group_id).data, offers.leave(mei, group_id).data
    back = offers.join(mei, group_id).data
    formed = offers.join(yun, group_id).data

    assert (left["taken"], left["place"]["state"], again) == (1, "left", left)
    assert (back["taken"], formed["state"]) == (2, "formed")
    assert (offers.points(mei_id), offers.points(lan_id), offers.left()) == ((880, 0), (880, 0), (1, 3))


def test_a_group_that_all_have_left_is_over(offers: Offers) -> None:
    (mei, mei_id), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.leave(mei, group_id)

    assert offers.join(lan, group_id).json["code"] == 40918
    assert (offers.points(mei_id), offers.left()) == ((1000, 0), (4, 0))


def test_nobody_leaves_a_group_that_has_formed_or_that_he_is_not_in(offers: Offers) -> None:
    (mei, mei_id), (lan, _), (yun, _) = (offers.mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    foreign = offers.leave(yun, group_id)
    offers.join(lan, group_id)

    assert (foreign.json["code"], offers.leave(mei, group_id).json["code"]) == (40416, 40918)
    assert offers.points(mei_id) == (880, 0)
    assert offers.leave(mei, "0" * 24).json["code"] == 40416


def test_a_quote_is_its_members_own(offers: Offers) -> None:
    (mei, _), (lan, lan_id) = offers.mall.member(1000), offers.mall.member(1000)

    assert offers.open(lan, offers.quoted(mei)).json["code"] == 42210
    assert offers.points(lan_id) == (1000, 0)


def test_a_quote_of_another_offer_or_of_the_mall_takes_no_place(mall: Mall) -> None:
    offers = offers_of(mall)
    offers.on(GROUP)
    offers.on(GROUP, "other", pieces=2)
    (mei, _), (lan, _) = mall.member(1000), mall.member(1000)
    group_id = offers.open(mei).data["id"]

    refused = [
        offers.join(lan, group_id, offers.quoted(lan, "other")),
        offers.join(lan, group_id, mall.quote(lan)["quote"]),
        offers.open(lan, offers.quoted(lan, "other")),
    ]

    assert [one.json["code"] for one in refused] == [42210] * 3


def test_the_last_piece_is_one_members_place(mall: Mall) -> None:
    offers = offers_of(mall)
    offers.on(GROUP, pieces=1)
    (mei, _), (lan, lan_id) = mall.member(1000), mall.member(1000)
    quote = offers.quoted(lan)
    group_id = offers.open(mei).data["id"]

    assert offers.join(lan, group_id, quote).json["code"] == 40954
    assert offers.points(lan_id) == (1000, 0)


def test_a_place_costs_what_its_quote_said(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    quote = offers.quoted(lan)
    offers.change(points=150)
    offers.join(lan, group_id, quote)

    assert (offers.points(mei_id), offers.points(lan_id)) == ((880, 0), (880, 0))


def test_what_a_group_was_opened_for_is_what_it_brings(offers: Offers) -> None:
    (mei, _), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    item = offers.mall.item("coupon")
    document = {**item["item"], "good": {**item["item"]["good"], "face_fen": 500}}
    body = {"version": item["version"], "item": document}
    offers.mall.staff("PUT", "/v1/staff/mall/items/{item_id}", body, item_id="coupon")

    refused = offers.join(lan, group_id)

    assert refused.json["code"] == 40913


def test_a_frozen_member_takes_no_place_and_one_frozen_later_keeps_his(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id), (yun, yun_id) = (offers.mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    path, key = "/v1/staff/members/{member_id}/freeze", offers.mall.counter.staff("customer_service")
    for number, member_id in enumerate((mei_id, yun_id)):
        offers.mall.call("POST", path, {"reason": "盗号嫌疑"}, token=key, key=f"f{number}", member_id=member_id)

    refused = offers.join(yun, group_id)
    formed = offers.join(lan, group_id).data

    assert (refused.json["code"], formed["state"]) == (40950, "formed")
    assert (offers.points(mei_id), offers.points(lan_id), offers.points(yun_id)) == ((880, 0), (880, 0), (1000, 0))


def test_an_offer_that_is_ended_takes_its_open_groups_with_it(offers: Offers) -> None:
    (mei, mei_id), (lan, _) = offers.mall.member(1000), offers.mall.member(1000)
    group_id, quote = offers.open(mei).data["id"], offers.quoted(lan)
    offers.switch("off")
    refused = offers.join(lan, group_id, quote)
    offers.sweep()

    assert refused.json["code"] == 42212
    assert offers.group(mei, group_id)["state"] == "failed"
    assert (offers.points(mei_id), offers.left(), offers.mall.left()) == ((1000, 0), (0, 0), (10, 0))


def test_pieces_of_groups_that_fail_with_their_offers_end_are_back_on_the_shelf(offers: Offers) -> None:
    mei, mei_id = offers.mall.member(1000)
    offers.later(hours=30)
    offers.open(mei)
    offers.later(hours=18)
    offers.sweep()

    assert (offers.points(mei_id), offers.left(), offers.mall.left()) == ((1000, 0), (0, 0), (10, 0))


def test_who_is_in_a_group_is_told_without_saying_who(offers: Offers) -> None:
    (mei, mei_id), (lan, lan_id), (yun, _) = (offers.mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    offers.later(seconds=1)

    seen = offers.group(yun, group_id)
    offers.join(lan, group_id)
    members = offers.group(lan, group_id)["members"]

    assert (seen["missing"], seen["place"], [one["is_me"] for one in seen["members"]]) == (1, None, [False])
    assert [(one["name"], one["is_leader"], one["is_me"]) for one in members] == [
        (f"****{mei_id[-4:]}", True, False),
        (f"****{lan_id[-4:]}", False, True),
    ]


def test_a_member_sees_his_open_groups_with_the_offer(offers: Offers) -> None:
    mei, _ = offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]

    (shown,) = offers.seen(mei)

    assert shown["groups"] == [
        {"id": group_id, "state": "open", "size": 2, "taken": 1, "deadline_at": "2026-03-03T12:00:00+08:00"}
    ]
    assert [one["reason"] for one in shown["why_not"]] == ["limit"]


def test_who_was_merged_meanwhile_gets_what_his_place_brings(offers: Offers) -> None:
    (mei, mei_id), (lan, _), (yun, yun_id) = (offers.mall.member(1000) for _ in range(3))
    group_id = offers.open(mei).data["id"]
    offers.merge(mei_id, yun_id)

    twice = offers.join(yun, group_id)
    formed = offers.join(lan, group_id).data
    (redemption,) = offers.mall.call("GET", "/v1/me/redemptions", token=yun).data["list"]

    assert (twice.json["code"], formed["state"], redemption["state"]) == (40919, "formed", "done")
    assert offers.group(yun, group_id)["place"]["state"] == "given"
    assert offers.points(yun_id) == (1880, 0)


def test_who_was_merged_meanwhile_has_his_points_back_when_he_leaves(offers: Offers) -> None:
    (mei, mei_id), (yun, yun_id) = offers.mall.member(1000), offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.merge(mei_id, yun_id)

    offers.leave(yun, group_id)

    assert (offers.points(yun_id), offers.left()) == ((2000, 0), (4, 0))


def test_a_parcels_way_is_said_when_joining_and_its_code_is_told_once(mall: Mall) -> None:
    offers = offers_of(mall, "hat", **HAT)
    mall.store()
    offers.on(GROUP)
    (mei, _), (lan, _) = mall.member(1000), mall.member(1000)
    quote = offers.quoted(lan)

    group_id = offers.open(mei, delivery=SHIP).data["id"]
    without = offers.join(lan, group_id)
    formed = offers.join(lan, group_id, quote, delivery={"way": "pick_up", "store": "sh01"}).data
    again = offers.join(lan, group_id, quote, delivery={"way": "pick_up", "store": "sh01"}).data
    states = [mall.call("GET", "/v1/me/redemptions", token=one).data["list"][0]["state"] for one in (mei, lan)]

    assert without.json["code"] == 42213
    assert (len(formed["pick_up_code"]), again["pick_up_code"]) == (8, None)
    assert states == ["to_ship", "to_pick_up"]


def test_codes_of_a_pool_are_given_when_the_group_forms(mall: Mall) -> None:
    path = "/v1/staff/mall/code-pools/{pool}/codes"
    mall.staff("POST", path, {"codes": ["VIP-1", "VIP-2"]}, pool="video")
    offers = offers_of(mall, "vip", stock=0, good={"kind": "virtual", "pool": "video"})
    offers.on(GROUP, pieces=2)
    (mei, _), (lan, _) = mall.member(1000), mall.member(1000)
    offers.join(lan, offers.open(mei).data["id"])

    shown = set()
    for token in (mei, lan):
        (one,) = mall.call("GET", "/v1/me/redemptions", token=token).data["list"]
        path = "/v1/me/redemptions/{redemption_id}/code"
        shown.update(mall.call("POST", path, token=token, redemption_id=one["id"]).data["codes"])

    assert shown == {"VIP-1", "VIP-2"}


def test_a_place_that_no_code_is_found_for_waits_while_its_points_are_held_and_is_released_then(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    mall.codes("video", ["VIP-1", "VIP-2"])
    offers = offers_of(mall, "vip", stock=0, good={"kind": "virtual", "pool": "video"})
    offers.on(GROUP, pieces=2)
    members = [mall.member(1000), mall.member(1000)]

    def found_none(_goods: GoodsTable, _pool: str, _wanted: int) -> None:
        raise JifenError(Code.SOLD_OUT)

    monkeypatch.setattr(GoodsTable, "free_codes", found_none)
    group_id = offers.open(members[0][0]).data["id"]
    offers.join(members[1][0], group_id)
    offers.later(days=2, hours=23)
    with pytest.raises(SweepUnfinished):
        offers.sweep()
    waiting = [offers.points(member_id) for _, member_id in members]
    offers.later(hours=1)
    offers.sweep()
    offers.sweep()

    assert waiting == [(880, 120)] * 2
    assert [offers.points(member_id) for _, member_id in members] == [(1000, 0)] * 2
    assert [offers.group(token, group_id)["place"]["state"] for token, _ in members] == ["released"] * 2
    assert offers.left()[1] == 0


def test_a_badge_cannot_be_bought_by_a_group(mall: Mall) -> None:
    offers = offers_of(mall, "medal", good={"kind": "badge", "badge": "rider"})

    assert offers.add(GROUP).json["field"] == "offer.item"


@pytest.mark.parametrize("hours", [1, 47])
def test_a_hold_that_the_ledger_gave_back_by_itself_leaves_no_piece_behind(offers: Offers, hours: int) -> None:
    mei, mei_id = offers.mall.member(1000)
    group_id = offers.open(mei).data["id"]
    offers.later(days=3, hours=hours)
    if hours == 47:
        # What is due is the member's by right: spending books it.
        offers.mall.bought(mei)
        offers.mall.bought(mei)
        offers.mall.bought(mei)
        offers.mall.bought(mei)
        offers.mall.bought(mei)
    offers.sweep()

    assert offers.group(mei, group_id)["state"] == "failed"
    assert (sum(offers.points(mei_id)) % 200, offers.left()[1]) == (0, 0)


def test_the_deadline_of_a_group_is_hours_from_its_opening_also_over_midnight(offers: Offers) -> None:
    offers.mall.counter.stage.now = offers.now.replace(hour=15, minute=59, second=59)
    opened = offers.open(offers.mall.member(1000)[0]).data

    assert opened["opened_at"] == "2026-03-02T23:59:59+08:00"
    assert opened["deadline_at"] == (offers.now + timedelta(hours=32)).strftime("%Y-%m-%dT23:59:59+08:00")
