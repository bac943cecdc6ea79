"""Redemptions undone: points to the buckets they came from, pieces, limits and goods back, all of it once or none."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Kind
from chalicelib.runtime.dynamo import transact
from chalicelib.spending.goods import take_back
from chalicelib.spending.goods.coupon_life import Order
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.goods.use_coupon import use_coupon
from chalicelib.spending.mall.cancel import Wish, cancel
from chalicelib.spending.mall.fulfil import ship
from chalicelib.spending.mall.model import RedemptionState, Tracking
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.mall.table import MallTable
from tests.members.stage import ADMIN_KEY
from tests.spending.after_sales import SF, YTO, Desks, with_hats
from tests.spending.malls import COUPON, SHIP, Mall


def buckets(desks: Desks, member_id: str) -> dict[str, int]:
    return dict(desks.mall.ledger.read(member_id).buckets)


@pytest.mark.parametrize("way", ["ship", "pick_up"])
def test_until_it_has_left_a_member_gives_it_up_and_has_all_as_before(mall: Mall, way: str) -> None:
    desks = with_hats(mall, limits=[{"pieces": 1, "period": "day"}])
    token, member_id = mall.member()
    before = buckets(desks, member_id)
    id = desks.parcel(token, way=way)["id"]

    first, again = desks.give_up(token, id).data, desks.give_up(token, id).data
    anew = desks.parcel(token, way=way)

    assert [(one["state"], one["replayed"]) for one in (first, again)] == [("cancelled", False), ("cancelled", True)]
    assert anew["state"] in ("to_ship", "to_pick_up")
    desks.give_up(token, anew["id"])
    assert (buckets(desks, member_id), mall.left("hat")) == (before, (5, 0))
    kinds = [entry.kind for entry in mall.ledger.entries(member_id, before_key=None, limit=9)]
    assert kinds.count(Kind.REVERSE) == kinds.count(Kind.REDEEM) == 2
    assert desks.waiting()["list"] == desks.waiting("to_pick_up")["list"] == []


def test_what_has_left_only_staff_take_back_with_or_without_the_piece(mall: Mall) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    ids = [desks.parcel(token)["id"] for _ in range(2)]
    for id in ids:
        desks.staff(id, "shipment", SF)
    desks.mine(token, ids[1], "received")

    own = [desks.give_up(token, id).json["code"] for id in ids]
    back, broken = desks.take_back(ids[0]).data, desks.take_back(ids[1], stock_back=False).data

    assert own == [40915, 40915]
    assert [back["pieces_out"], broken["pieces_out"]] == [0, 1]
    assert (desks.points(member_id), mall.left("hat")) == (1000, (4, 1))
    assert back["history"][-1]["reason"] == "会员退货"


def test_of_what_was_lost_and_sent_again_one_piece_comes_back(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    desks.staff(id, "shipment", SF)
    desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})

    back = desks.take_back(id).data

    assert (back["pieces_out"], mall.left("hat")) == (1, (4, 1))


def test_another_member_cannot_give_it_up(mall: Mall) -> None:
    desks = with_hats(mall)
    (token, _), (other, _) = mall.member(), mall.member()
    id = desks.parcel(token)["id"]

    assert desks.give_up(other, id).json == desks.give_up(other, "0" * 24).json
    assert desks.mine(token, id).data["state"] == "to_ship"


def test_points_whose_date_has_passed_come_back_with_the_programmes_grace(mall: Mall) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]
    assert set(buckets(desks, member_id)) == {bucket_key(date(2027, 3, 31), PointsClass.CONSUMPTION)}

    mall.counter.stage.now += timedelta(days=400)
    desks.take_back(id)

    assert desks.points(member_id) == 200  # the others' date had passed while they were his
    assert desks.staff(id).data["state"] == "cancelled"


def test_unused_coupons_go_back_and_a_used_one_keeps_the_whole_redemption(mall: Mall) -> None:
    desks = Desks(mall)
    mall.offer(per_order=2)
    token, member_id = mall.member()
    one, other = (mall.bought(token, quantity=2).data for _ in range(2))
    desks.use(one["coupon_codes"][1])

    refused, back = desks.take_back(one["id"]), desks.take_back(other["id"])
    used = desks.use(other["coupon_codes"][0], "T2")

    assert (refused.json["code"], back.status, used.json["code"]) == (40956, 200, 40956)
    assert (desks.points(member_id), mall.left()) == (600, (3, 2))
    states = {coupon.code: str(coupon.state) for coupon in open_goods().coupons(one["coupon_codes"])}
    assert sorted(states.values()) == ["issued", "used"]
    trail = open_goods().trail(f"COUPON#{other['coupon_codes'][0]}")
    assert [(line.action, line.reason) for line in trail] == [("cancelled", "兑换已取消")]


def test_a_coupon_that_staff_cancelled_before_is_not_paid_back(mall: Mall) -> None:
    desks = Desks(mall)
    mall.offer()
    token, member_id = mall.member()
    made = mall.bought(token).data
    (code,) = made["coupon_codes"]
    mall.staff("POST", "/v1/staff/coupons/{code}/cancel", {"reason": "盗刷"}, code=code)

    refused = desks.take_back(made["id"])

    assert (refused.json["code"], desks.points(member_id)) == (40956, 800)


def test_a_bundle_of_many_coupons_goes_back_in_one_transaction(mall: Mall) -> None:
    desks = Desks(mall)
    mall.offer("bundle", 20, good={"kind": "bundle", "coupons": [COUPON] * 10}, per_order=4)
    limits = [{"pieces": 9, "period": period} for period in ("day", "week", "month")]
    item = {**mall.item("bundle")["item"], "limits": limits}
    body = {"version": mall.item("bundle")["version"], "item": item}
    mall.staff("PUT", "/v1/staff/mall/items/{item_id}", body, item_id="bundle")
    token, member_id = mall.member()

    made = mall.bought(token, "bundle", quantity=4).data
    back = desks.take_back(made["id"])

    assert (len(made["coupon_codes"]), back.status) == (40, 200)
    assert (desks.points(member_id), mall.left("bundle")) == (1000, (20, 0))
    too_many = {**mall.item("bundle")["item"], "per_order": 5}
    body = {"version": mall.item("bundle")["version"], "item": too_many}
    refused = mall.staff("PUT", "/v1/staff/mall/items/{item_id}", body, item_id="bundle")
    assert refused.json["field"] == "item.per_order"


def test_a_code_goes_back_to_its_pool_unless_it_was_seen(mall: Mall) -> None:
    desks = Desks(mall)
    mall.staff("POST", "/v1/staff/mall/code-pools/{pool}/codes", {"codes": ["VIP-1", "VIP-2"]}, pool="video")
    mall.offer("vip", stock=0, good={"kind": "virtual", "pool": "video"})
    (token, member_id), (other, _) = mall.member(), mall.member()
    seen, unseen = mall.bought(token, "vip").data["id"], mall.bought(token, "vip").data["id"]
    desks.mine(token, seen, "code")

    refused, back = desks.take_back(seen), desks.take_back(unseen)
    too_late = desks.mine(token, unseen, "code")
    next_one = mall.bought(other, "vip")

    assert [refused.json["code"], back.status, too_late.json["code"], next_one.status] == [40915, 200, 40915, 200]
    assert (desks.points(member_id), mall.left("vip")) == (800, (0, 2))
    assert [line["action"] for line in desks.staff(seen).data["history"]] == ["made", "revealed"]


def test_a_badge_is_taken_off_and_can_be_won_again(mall: Mall) -> None:
    desks = Desks(mall)
    mall.offer("medal", good={"kind": "badge", "badge": "rider"})
    token, _ = mall.member()
    id = mall.bought(token, "medal").data["id"]

    desks.take_back(id)
    without = mall.call("GET", "/v1/me/badges", token=token).data["list"]

    assert (without, mall.left("medal")) == ([], (5, 0))
    assert mall.bought(token, "medal").status == 200


def test_where_money_is_in_it_its_way_back_is_another(mall: Mall) -> None:
    desks = with_hats(mall, prices=[{"id": "points", "points": 200, "cash_fen": 990}])
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]
    desk = desks.desk()
    unpaid = desk.mall.redemption(id)
    assert unpaid
    paid = unpaid._replace(state=RedemptionState.TO_SHIP, version=2)
    now, terms, also = mall.counter.stage.now, desk.terms.ledger, (desk.mall.changed_redemption(paid),)
    capture(member_id, hold_id_of(id), 200, actor="pay", ledger=desk.ledger, terms=terms, now=now, also=also)

    answers = [desks.give_up(token, id), desks.take_back(id)]

    assert [(one.json["code"], one.json["msg"]) for one in answers] == [(40915, "这笔兑换含现金,请走退款")] * 2


def test_sent_and_given_up_at_once_has_one_outcome(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]
    stage, read, looks = mall.counter.stage, MallTable.redemption, []

    def overtaken(table: MallTable, wanted: str) -> object:
        found = read(table, wanted)
        looks.append(wanted)
        if len(looks) == 2:  # the owner's check, then the judgement
            ship(id, Tracking("顺丰", "SF0001"), by="warehouse", mall=table, now=stage.now)
        return found

    monkeypatch.setattr(MallTable, "redemption", overtaken)
    refused = desks.give_up(token, id)
    monkeypatch.setattr(MallTable, "redemption", read)

    assert (refused.json["code"], refused.json["msg"]) == (40915, "这笔兑换已发货,不能这样操作")
    assert (desks.mine(token, id).data["state"], desks.points(member_id), mall.left("hat")) == ("shipped", 800, (4, 1))


def test_given_up_by_two_at_once_the_points_come_back_once(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]
    stage, read, looks = mall.counter.stage, MallTable.redemption, []

    def overtaken(table: MallTable, wanted: str) -> object:
        found = read(table, wanted)
        looks.append(wanted)
        if len(looks) == 2:
            cancel(id, Wish("service", "会员来电", is_member=False), desk=desks.desk(), now=stage.now)
        return found

    monkeypatch.setattr(MallTable, "redemption", overtaken)
    answer = desks.give_up(token, id).data
    monkeypatch.setattr(MallTable, "redemption", read)

    assert (answer["replayed"], answer["reason"]) == (True, "会员来电")
    assert (desks.points(member_id), mall.left("hat")) == (1000, (5, 0))


def test_a_coupon_used_while_its_redemption_is_undone_keeps_it(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = Desks(mall)
    mall.offer()
    token, member_id = mall.member()
    made = mall.bought(token).data
    stage, back = mall.counter.stage, take_back.coupons_back
    code = made["coupon_codes"][0]

    def overtaken(*given: object, **named: object) -> object:
        use_coupon(
            code,
            Order("pos", "T1"),
            20000,
            goods=open_goods(),
            ledger=mall.ledger,
            on=date(2026, 3, 2),
            now=stage.now,
        )
        return back(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("chalicelib.spending.mall.cancel.coupons_back", overtaken)
    refused = desks.take_back(made["id"])

    assert refused.json["code"] == 40956
    assert (desks.points(member_id), mall.left()) == (800, (4, 1))
    assert open_goods().coupon(code).use is not None


def test_when_the_answer_is_lost_the_same_again_tells_what_was_done(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]

    def dies(*given: Any) -> None:
        transact(*given)
        raise RuntimeError("the process died")

    with monkeypatch.context() as patched:
        patched.setattr("chalicelib.ledger.table.transact", dies)
        lost = desks.give_up(token, id)
    again = desks.give_up(token, id).data

    assert (lost.status, again["state"], again["replayed"]) == (500, "cancelled", True)
    assert (desks.points(member_id), mall.left("hat")) == (1000, (5, 0))


def test_who_was_merged_gets_his_points_where_he_is_now(mall: Mall) -> None:
    desks = with_hats(mall, limits=[{"pieces": 1, "period": "day"}])
    token, stays = mall.member(0)
    mall.counter.stage.later(seconds=1)
    others, goes = mall.member()
    id = desks.parcel(others)["id"]
    path, body = "/v1/staff/members/{member_id}/merges", {"other_member_id": goes, "reason": "同一人"}
    merged = mall.call("POST", path, body, token=ADMIN_KEY, member_id=stays).data

    had = mall.bought(token, "hat", delivery=SHIP).json["code"]
    given_up = desks.give_up(token, id).data
    anew = desks.parcel(token)

    assert (merged["member_id"], had, given_up["state"], anew["state"]) == (stays, 40914, "cancelled", "to_ship")
    assert desks.points(stays) == 800


def test_what_staff_do_needs_a_reason_and_a_role(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]

    without = desks.staff(id, "cancel", {"reason": ""})
    barred = desks.staff(id, "cancel", {"reason": "会员退货"}, role="finance")

    assert (without.json["field"], barred.json["code"]) == ("reason", 40300)
    assert SHIP["phone"] not in str(desks.staff(id).data["history"])
