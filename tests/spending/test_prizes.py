"""Parcels that were won: claimed once until the deadline, then fulfilled like what was redeemed, or lapsed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.dynamo import client
from chalicelib.spending.lottery.claim_prize import Claimed, claim_prize, lapse
from chalicelib.spending.lottery.sweep import sweep_unclaimed
from chalicelib.spending.lottery.table import open_lotteries
from chalicelib.spending.mall.events import SweepUnfinished
from chalicelib.spending.mall.model import Delivery
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.members.stage import ADMIN_KEY
from tests.spending.after_sales import SF, YTO
from tests.spending.malls import PICK_UP, SHIP, Mall
from tests.spending.prizes import BOTTLE, DEADLINE, Booth, codes
from tests.spending.test_costs import cost

TO = Delivery(**SHIP)


@pytest.fixture
def booth(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> Booth:
    return Booth(mall, monkeypatch)


def test_a_won_parcel_is_claimed_sent_and_received_like_what_was_redeemed(booth: Booth) -> None:
    token, member_id = booth.mall.member(100)
    draw_id = booth.draw(token)

    claimed = booth.claim(token, draw_id).data
    listed = booth.desks.waiting()["list"]
    sheet = booth.mall.staff("GET", "/v1/staff/mall/ship-list").data["csv"]
    booth.desks.staff(claimed["id"], "shipment", SF)
    received = booth.desks.mine(token, claimed["id"], "received").data

    assert (claimed["state"], claimed["source"], claimed["points"], claimed["name"]) == (
        "to_ship",
        "lottery",
        0,
        "水壶",
    )
    assert [one["id"] for one in listed] == [claimed["id"]]
    assert SHIP["address"] in sheet
    assert received["state"] == "done"
    assert booth.desks.points(member_id) == 80, "a draw, and nothing for its prize"
    mine = booth.mall.call("GET", "/v1/me/redemptions", token=token).data["list"]
    assert [one["id"] for one in mine] == [claimed["id"]]
    assert booth.bottles() == (2, 1)


def test_the_list_of_prizes_says_how_it_stands_with_each_parcel(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)
    booth.draw(token, "coupon")

    before = booth.prizes(token)
    claimed = booth.claim(token, draw_id).data
    after = booth.prizes(token)
    page = booth.mall.call("GET", "/v1/lotteries/{lottery_id}", lottery_id=booth.id).data

    by_kind = {one["kind"]: one["claim"] for one in before}
    assert by_kind == {"coupon": None, "parcel": {"state": "open", "until_at": DEADLINE, "redemption_id": None}}
    assert {one["kind"]: one["claim"] for one in after}["parcel"] == {
        "state": "claimed",
        "until_at": DEADLINE,
        "redemption_id": claimed["id"],
    }
    assert (page["claim_until_at"], "视为放弃" in page["unclaimed"]) == (DEADLINE, True)


def test_a_claim_again_answers_what_stands_wherever_it_wants_it_sent(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)

    first = booth.claim(token, draw_id).data
    again = booth.claim(token, draw_id, {**SHIP, "address": "别处别路100号"}).data
    booth.until(DEADLINE)
    late = booth.claim(token, draw_id).data

    assert [first["replayed"], again["replayed"], late["replayed"]] == [False, True, True]
    assert (again["delivery"]["address"], late["id"]) == (SHIP["address"], first["id"])


def test_it_is_picked_up_for_the_code_that_the_first_answer_tells(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)

    claimed, again = booth.claim(token, draw_id, PICK_UP).data, booth.claim(token, draw_id, PICK_UP).data
    handed = booth.desks.hand_out(claimed["id"], claimed["pick_up_code"]).data

    assert again["pick_up_code"] is None
    assert (handed["state"], handed["name"], handed["store"]) == ("done", "水壶", "sh01")


def test_only_a_parcel_of_ones_own_is_claimed_and_only_as_it_can_go(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    others, _ = booth.mall.member(100)
    bottle, coupon = booth.draw(token), booth.draw(token, "coupon")

    foreign, unknown = booth.claim(others, bottle), booth.claim(token, "0" * 32)
    formless, no_parcel = booth.claim(token, "x"), booth.claim(token, coupon)
    no_store = booth.claim(token, bottle, {**PICK_UP, "store": ""})

    assert codes(foreign, unknown, formless, no_parcel, no_store) == [40426, 40426, 40426, 40929, 40000]
    assert booth.state(bottle) == "unclaimed"


def test_a_way_that_the_prize_does_not_go_is_refused(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BOTTLE, "ways", ["ship"])
    booth = Booth(mall, monkeypatch)
    token, _ = mall.member(100)
    draw_id = booth.draw(token)

    assert codes(booth.claim(token, draw_id, PICK_UP), booth.claim(token, draw_id)) == [42213, 0]


def test_of_two_claims_at_once_one_is_made(booth: Booth) -> None:
    token, member_id = booth.mall.member(100)
    draw_id, now = booth.draw(token), booth.mall.counter.stage.now
    won: list[Claimed] = []
    rooms = booth.rooms()

    def other() -> None:
        won.append(claim_prize(member_id, booth.id, draw_id, TO, prizes=rooms, now=now))

    met = rooms._replace(lotteries=replace(rooms.lotteries, dynamo=Meanwhile(client(), other)))
    late = claim_prize(member_id, booth.id, draw_id, TO._replace(address="别处别路100号"), prizes=met, now=now)

    assert (won[0].replayed, late.replayed) == (False, True)
    assert late.redemption.delivery == TO


def test_a_claim_whose_answer_was_lost_was_made(booth: Booth) -> None:
    token, member_id = booth.mall.member(100)
    draw_id, now, rooms = booth.draw(token), booth.mall.counter.stage.now, booth.rooms()
    lost = rooms._replace(lotteries=replace(rooms.lotteries, dynamo=Interrupted(client())))

    with pytest.raises(ConnectionError):
        claim_prize(member_id, booth.id, draw_id, TO, prizes=lost, now=now)

    assert booth.claim(token, draw_id).data["replayed"] is True


def test_what_nobody_claimed_lapses_at_the_deadline_and_its_piece_is_back(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    lapsing, kept = booth.draw(token), booth.draw(token)
    booth.claim(token, kept)
    booth.until("2026-03-11T23:59:59.999+08:00")
    booth.desks.sweep()
    before = booth.state(lapsing)
    booth.until(DEADLINE)
    refused = booth.claim(token, lapsing)
    booth.desks.sweep()
    booth.desks.sweep()

    after = booth.claim(token, lapsing)

    assert (before, booth.state(lapsing), booth.state(kept)) == ("unclaimed", "lapsed", "to_ship")
    assert codes(refused, after) == [40929, 40929]
    assert "期限已过" in after.json["msg"]
    assert booth.bottles() == (2, 1)
    assert {one["draw_id"]: one["claim"]["state"] for one in booth.prizes(token)} == {
        lapsing: "lapsed",
        kept: "claimed",
    }
    told = booth.desks.staff(booth.mall.call("GET", "/v1/me/redemptions", token=token).data["list"][0]["id"]).data
    assert (told["reason"], [line["action"] for line in told["history"]]) == ("逾期未领取", ["made", "lapsed"])


def test_a_sweep_without_time_leaves_the_rest_to_the_next_one(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    for _ in range(3):
        booth.draw(token)
    now = datetime.fromisoformat(DEADLINE)
    times = iter([True, True, False])

    first = sweep_unclaimed(prizes=booth.rooms(), now=now, has_time=lambda: next(times))
    second = sweep_unclaimed(prizes=booth.rooms(), now=now, has_time=lambda: True)

    assert (first.lapsed, first.finished, second.lapsed, second.finished) == (2, False, 1, True)
    assert booth.bottles() == (3, 0)


def test_a_prize_with_a_defect_keeps_no_other_from_lapsing_and_is_told_of(
    booth: Booth, caplog: pytest.LogCaptureFixture
) -> None:
    token, _ = booth.mall.member(100)
    broken, *others = [booth.draw(token) for _ in range(3)]
    key = {"pk": {"S": f"DRAW#{booth.id}#{broken[0]}"}, "sk": {"S": broken}}
    table, dynamo = open_lotteries().name, client()
    dynamo.update_item(TableName=table, Key=key, UpdateExpression="REMOVE ticket")
    booth.until(DEADLINE)
    caplog.clear()

    with pytest.raises(SweepUnfinished):
        booth.desks.sweep()

    assert [booth.state(id) for id in (broken, *others)] == ["unclaimed", "lapsed", "lapsed"]
    (told,) = [line.message for line in caplog.records if '"prize_sweep_failed"' in line.message]
    assert (broken in told, '"error":"KeyError"' in told) == (True, True)


def test_a_claim_and_the_lapse_at_once_leave_one_of_them(booth: Booth) -> None:
    token, member_id = booth.mall.member(100)
    draw_id, rooms = booth.draw(token), booth.rooms()
    now = datetime.fromisoformat(DEADLINE) - timedelta(milliseconds=1)
    drawn = rooms.lotteries.drawn(booth.id, draw_id)
    assert drawn is not None
    met = rooms._replace(
        lotteries=replace(
            rooms.lotteries,
            dynamo=Meanwhile(client(), lambda: lapse(drawn, prizes=rooms, now=now + timedelta(milliseconds=1))),
        )
    )

    with pytest.raises(JifenError) as refused:
        claim_prize(member_id, booth.id, draw_id, TO, prizes=met, now=now)

    assert refused.value.code is Code.PRIZE_STATE
    assert (booth.state(draw_id), booth.bottles()) == ("lapsed", (3, 0))


def test_a_later_version_gives_what_was_won_before_more_time(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)
    later = "2026-03-20T00:00:00+08:00"
    booth.publish(claim_until_at=later)
    booth.until(DEADLINE)
    booth.desks.sweep()
    put_off = booth.state(draw_id)

    claimed = booth.claim(token, draw_id).data
    booth.until(later)
    booth.desks.sweep()

    assert (put_off, claimed["state"], booth.state(draw_id)) == ("unclaimed", "to_ship", "to_ship")


def test_what_was_put_off_lapses_at_the_later_deadline(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)
    later = "2026-03-20T00:00:00+08:00"
    booth.publish(claim_until_at=later)
    for at in (DEADLINE, later):
        booth.until(at)
        booth.desks.sweep()

    assert booth.state(draw_id) == "lapsed"


def test_a_paused_lotterys_prizes_are_claimed_all_the_same(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)
    path = "/v1/staff/lotteries/{lottery_id}/pause"
    booth.mall.staff("POST", path, {"reason": "核查"}, lottery_id=booth.id)

    assert booth.claim(token, draw_id).status == 200


def test_who_was_merged_claims_what_was_won_before(booth: Booth) -> None:
    mall = booth.mall
    token, stays = mall.member(0)
    mall.counter.stage.later(seconds=1)
    others, goes = mall.member(100)
    draw_id = booth.draw(others)
    path, body = "/v1/staff/members/{member_id}/merges", {"other_member_id": goes, "reason": "同一人"}
    mall.call("POST", path, body, token=ADMIN_KEY, member_id=stays)

    claimed = booth.claim(token, draw_id).data

    told = booth.desks.staff(claimed["id"]).data
    assert (told["member_id"], told["state"]) == (stays, "to_ship")


def test_a_member_cannot_cancel_a_prize_and_staff_can_without_any_points(booth: Booth) -> None:
    token, member_id = booth.mall.member(100)
    id = booth.claim(token, booth.draw(token)).data["id"]

    own = booth.desks.give_up(token, id)
    done, again = booth.desks.take_back(id).data, booth.desks.take_back(id).data

    assert own.json["code"] == 40915
    assert (done["state"], done["replayed"], again["replayed"]) == ("cancelled", False, True)
    assert (booth.desks.points(member_id), booth.bottles()) == (80, (3, 0))


def test_a_lost_prize_is_sent_again_without_a_published_piece(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    id = booth.claim(token, booth.draw(token)).data["id"]
    booth.desks.staff(id, "shipment", SF)
    body = {**YTO, "reason": "快递丢件"}

    taking = booth.desks.staff(id, "reissue", {**body, "takes_stock": True})
    sent = booth.desks.staff(id, "reissue", {**body, "takes_stock": False}).data

    assert (taking.json["code"], sent["reissued"], booth.bottles()) == (40915, 1, (2, 1))


def test_a_claim_costs_its_two_rows(booth: Booth) -> None:
    token, _ = booth.mall.member(100)
    draw_id = booth.draw(token)

    claimed = cost(lambda: booth.claim(token, draw_id))
    again = cost(lambda: booth.claim(token, draw_id))

    assert claimed == (["BatchGetItem", "GetItem", "GetItem", "TransactWriteItems"], 4)
    assert again == (["BatchGetItem", "GetItem", "GetItem"], 0)
