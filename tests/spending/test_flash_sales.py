"""Offers and flash sales over HTTP: pieces set aside and put back, a price within its span, each member his share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.offers import keep_offer
from tests.spending.malls import HAT, SHIP, Mall
from tests.spending.offers import FLASH, GROUP, SECKILL, Offers, offers_of


@pytest.fixture
def offers(mall: Mall) -> Offers:
    return offers_of(mall)


def test_switching_an_offer_on_sets_its_pieces_aside_and_ending_it_puts_the_unsold_back(offers: Offers) -> None:
    offers.add()
    draft = offers.mall.left(), offers.left()
    offers.switch("on")
    running = offers.mall.left(), offers.left()
    token, _ = offers.mall.member()
    offers.bought(token)
    offers.switch("off")
    over = offers.mall.left(), offers.left()

    assert draft == ((10, 0), (0, 0))
    assert running == ((6, 0), (4, 0))
    assert over == ((9, 0), (0, 1))


def test_an_offer_is_redeemed_like_an_item_at_its_own_price_and_the_redemption_names_it(offers: Offers) -> None:
    offers.on(campaign="double_eleven")
    token, member_id = offers.mall.member(1000)

    made = offers.bought(token).data
    (coupon,) = offers.mall.call("GET", "/v1/me/coupons", token=token).data["list"]
    (entry, *_) = offers.mall.ledger.entries(member_id, before_key=None, limit=1)

    assert (made["points"], made["offer_id"], made["item_id"]) == (120, "weekend", "coupon")
    assert made["coupon_codes"] == [coupon["code"]]
    assert (offers.points(member_id), entry.cause.campaign) == ((880, 0), "double_eleven")


def test_the_shelf_sells_on_at_the_usual_price_beside_an_offer(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)

    usual = offers.mall.bought(token).data

    assert (usual["points"], usual["offer_id"], offers.mall.left(), offers.left()) == (200, None, (5, 1), (4, 0))


def test_a_quote_taken_twice_is_one_redemption_also_after_the_offers_end(offers: Offers) -> None:
    offers.on()
    token, member_id = offers.mall.member(1000)
    quote = offers.quoted(token)

    first = offers.mall.redeem(token, quote).data
    offers.switch("off")
    again = offers.mall.redeem(token, quote).data

    assert again == {**first, "replayed": True}
    assert offers.points(member_id) == (880, 0)


def test_an_offer_sells_from_its_first_instant_until_its_last_and_not_at_it(offers: Offers) -> None:
    start = offers.now + timedelta(hours=1)
    offers.on(from_at=start.isoformat(), until_at=(start + timedelta(hours=1)).isoformat())
    token, _ = offers.mall.member(1000)
    offers.later(minutes=59, seconds=59)
    early = offers.quote(token)
    offers.later(seconds=1)
    first = offers.bought(token)
    offers.later(minutes=59, seconds=59)
    last, kept = offers.bought(token), offers.mall.member(1000)[0]
    quote = offers.quoted(kept)
    offers.later(seconds=1)
    late, too_late = offers.quote(token), offers.mall.redeem(kept, quote)

    assert [one.json["code"] for one in (early, first, last, late, too_late)] == [42212, 0, 0, 42212, 42212]
    assert (early.json["msg"], late.json["msg"]) == ("活动还未开始", "活动已结束")


def test_a_member_has_so_many_pieces_in_all_and_midnight_changes_nothing(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    first = offers.bought(token)
    offers.mall.counter.stage.now = offers.now.replace(hour=15, minute=59, second=59)
    second = offers.bought(token)
    offers.later(seconds=1)
    third = offers.bought(token)

    assert [one.json["code"] for one in (first, second, third)] == [0, 0, 40914]
    assert offers.quote(token).data["why_not"] == [{"reason": "limit", "text": "累计限兑2件"}]


def test_an_offers_limit_is_not_the_items_and_the_other_way_round(mall: Mall) -> None:
    offers = offers_of(mall, limits=[{"pieces": 1, "period": "day"}])
    offers.on()
    token, _ = mall.member(1000)

    codes = [one.json["code"] for one in (mall.bought(token), offers.bought(token), offers.bought(token))]

    assert codes == [0, 0, 0]
    assert mall.bought(token).json["code"] == 40914


def test_the_last_piece_is_one_members_while_the_shelf_has_more(offers: Offers) -> None:
    offers.on(pieces=1)
    members = [offers.mall.member(200) for _ in range(3)]
    quotes = [offers.quoted(token) for token, _ in members]

    codes = [offers.mall.redeem(token, quote).json["code"] for (token, _), quote in zip(members, quotes, strict=True)]

    assert codes == [0, 40954, 40954]
    assert (offers.left(), offers.mall.left()) == ((0, 1), (9, 0))
    assert [offers.points(id)[0] for _, id in members] == [80, 200, 200]


def test_a_price_that_changed_meanwhile_is_the_quotes_own_for_ten_minutes(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    kept, old = offers.quoted(token), offers.quoted(token)
    offers.change(points=150)
    offers.later(minutes=9, seconds=59)
    in_time = offers.mall.redeem(token, kept)
    offers.later(seconds=1)

    assert in_time.data["points"] == 120
    assert offers.mall.redeem(token, old).json["code"] == 42210
    assert offers.bought(token).data["points"] == 150


def test_a_quote_of_an_offer_is_its_members_own(offers: Offers) -> None:
    offers.on()
    (token, _), (other, other_id) = offers.mall.member(1000), offers.mall.member(1000)

    assert offers.mall.redeem(other, offers.quoted(token)).json["code"] == 42210
    assert (offers.points(other_id), offers.left()) == ((1000, 0), (4, 0))


def test_who_may_not_have_the_item_or_the_offer_may_not_have_it_by_the_offer(mall: Mall) -> None:
    offers = offers_of(mall, "gold", who={"levels": ["gold"]})
    offers.on(offer_id="for_gold")
    plain = Offers(mall, mall.offer())
    plain.on(offer_id="gated", who={"levels": ["gold"]})
    token, member_id = mall.member(1000)

    quoted = [one.quote(token, id).data for one, id in ((offers, "for_gold"), (plain, "gated"))]
    refused = [mall.redeem(token, one["quote"]).json for one in quoted]

    assert [one["why_not"] for one in quoted] == [[{"reason": "levels", "text": "仅限黄金会员"}]] * 2
    assert [(one["code"], one["msg"]) for one in refused] == [(42211, "仅限黄金会员")] * 2
    assert offers.points(member_id) == (1000, 0)


def test_a_frozen_member_gets_nothing(offers: Offers) -> None:
    offers.on()
    token, member_id = offers.mall.member()
    path, key = "/v1/staff/members/{member_id}/freeze", offers.mall.counter.staff("customer_service")
    offers.mall.call("POST", path, {"reason": "盗号嫌疑"}, token=key, key="f1", member_id=member_id)

    assert offers.bought(token).json["code"] == 40950
    assert offers.left() == (4, 0)


def test_what_is_off_is_off_item_or_offer(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    quote = offers.quoted(token)
    offers.mall.switch("coupon", "off")

    assert offers.mall.redeem(token, quote).json["code"] == 42212
    assert offers.quote(token).json["code"] == 42212
    assert offers.seen(token) == []


def test_members_see_what_runs_and_what_comes_with_the_reason_why_not(offers: Offers) -> None:
    offers.on()
    tomorrow = {"from_at": (offers.now + timedelta(days=1)).isoformat()}
    offers.on(SECKILL, "flash_hour", **tomorrow)
    offers.add(offer_id="hidden")
    token, _ = offers.mall.member(100)

    running, coming = offers.seen(token)

    assert [(one["id"], one["state"], one["left"]) for one in (running, coming)] == [
        ("weekend", "running", 4),
        ("flash_hour", "coming", 4),
    ]
    assert (running["points"], running["usual_prices"]) == (120, [{"points": 200, "cash_fen": 0}])
    assert running["why_not"] == [{"reason": "points", "text": "还差20分"}]
    assert [one["reason"] for one in coming["why_not"]] == ["not_on_sale", "points"]
    assert offers.quote(token, "hidden").json["code"] == 40415


def test_a_deed_that_an_offers_item_asks_for_is_named_once(mall: Mall) -> None:
    offers = offers_of(mall, needs={"activity": "check_in", "times": 1, "name": "签到"})
    offers.on()
    token, _ = mall.member(1000)

    missing = [{"reason": "needs", "text": "还差1次签到"}]
    assert [one["why_not"] for one in offers.seen(token)] == [missing]
    assert offers.quote(token).data["why_not"] == missing


def test_pieces_follow_the_document_while_the_offer_is_on(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    offers.bought(token)

    offers.change(pieces=8)
    more = offers.left(), offers.mall.left()
    offers.change(pieces=2)
    fewer = offers.left(), offers.mall.left()
    too_few, too_many = offers.change(pieces=1), offers.change(pieces=12)

    assert (more, fewer) == (((7, 1), (2, 0)), ((1, 1), (8, 0)))
    assert too_few.status == 200
    assert (too_many.json["code"], too_many.json["msg"]) == (40916, "库存只剩9件")
    assert (offers.left(), offers.mall.left()) == ((0, 1), (9, 0))


def test_an_offer_cannot_have_fewer_pieces_than_it_sold_and_says_so(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    for _ in range(2):
        offers.bought(token)

    refused = offers.change(pieces=1)

    assert (refused.json["code"], refused.json["msg"]) == (40916, "已售出2件,不能少于已售出的件数")
    assert (offers.left(), offers.mall.left()) == ((2, 2), (6, 0))


def test_an_offer_that_was_ended_and_begins_again_gets_the_rest_of_its_pieces(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    offers.bought(token)
    offers.switch("off")

    offers.switch("on")

    assert (offers.left(), offers.mall.left()) == ((3, 1), (6, 0))


def test_an_offer_without_enough_pieces_is_not_switched_on_at_all(offers: Offers) -> None:
    offers.add(pieces=11)

    refused = offers.switch("on")

    assert (refused.json["code"], refused.json["msg"]) == (40916, "库存只剩10件")
    assert (offers.shown()["state"], offers.left(), offers.mall.left()) == ("draft", (0, 0), (10, 0))


def test_switching_again_and_changing_again_change_nothing(offers: Offers) -> None:
    offers.on()
    again = offers.switch("on")
    body = {"version": 2, "offer": {**offers.shown()["offer"], "pieces": 5}}
    path = "/v1/staff/offers/{offer_id}"

    changed = [offers.mall.staff("PUT", path, body, offer_id="weekend") for _ in range(2)]
    stale = offers.mall.staff(
        "PUT", path, {**body, "offer": offers.shown()["offer"] | {"pieces": 6}}, offer_id="weekend"
    )

    assert again.data["version"] == 2
    assert [one.data["version"] for one in changed] == [3, 3]
    assert stale.json["code"] == 40906
    assert (offers.left(), offers.mall.left()) == ((5, 0), (5, 0))


def test_a_piece_that_is_sold_while_an_offer_is_switched_on_is_not_set_aside(
    offers: Offers, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = offers.mall.member(1000)
    offers.add(pieces=10)
    read, sold = GoodsTable.shards_left, []

    def sold_meanwhile(table: GoodsTable, stock_id: str, shards: int) -> dict[int, int]:
        left = read(table, stock_id, shards)
        if not sold:
            sold.append(offers.mall.bought(token).status)
        return left

    monkeypatch.setattr(GoodsTable, "shards_left", sold_meanwhile)
    monkeypatch.setattr(keep_offer.time, "sleep", lambda _seconds: None)
    refused = offers.switch("on")

    assert (sold, refused.json["msg"]) == ([200], "库存只剩9件")
    assert (offers.left(), offers.mall.left()) == ((0, 0), (9, 1))


def test_the_sweep_puts_back_what_an_offer_did_not_sell_once(offers: Offers) -> None:
    offers.on()
    offers.later(days=1, hours=23, minutes=59)
    offers.sweep()
    before = offers.left(), offers.mall.left()
    offers.later(minutes=1)
    offers.sweep()
    offers.sweep()

    assert before == ((4, 0), (6, 0))
    assert (offers.left(), offers.mall.left()) == ((0, 0), (10, 0))


def test_a_sweep_that_found_an_offer_ended_leaves_its_pieces_where_it_was_begun_again_meanwhile(offers: Offers) -> None:
    offers.on()
    offers.switch("off")
    ended = offers.room().offers.offer("weekend")
    offers.switch("on")

    moved = keep_offer.put_back(ended, room=offers.room(), pause=lambda _seconds: None)

    assert moved == 0
    assert (offers.left(), offers.mall.left()) == ((4, 0), (6, 0))


def test_a_piece_that_comes_back_weeks_after_the_end_is_on_the_shelf_again(offers: Offers) -> None:
    offers.on()
    token, _ = offers.mall.member(1000)
    bought = offers.bought(token).data
    offers.later(days=2 + 30)

    cancelled = offers.cancel(bought["id"]).status
    offers.sweep()

    assert (cancelled, offers.left(), offers.mall.left()) == (200, (0, 0), (10, 0))


def test_what_cannot_be_is_refused_with_its_field(offers: Offers) -> None:
    naive = offers.now.replace(tzinfo=None).isoformat()
    wrong = {
        "offer.until_at": {"until_at": offers.now.isoformat()},
        "offer.from_at": {"from_at": naive},
        "offer.cash_fen": {"template": GROUP, "cash_fen": 100},
        "offer.template.per_order": {"template": {**FLASH, "per_order": 2}},
        "offer.who.skus": {"who": {"skus": ["1"]}},
        "offer.points": {"points": 0},
    }

    answers = {field: offers.add(offer_id="wrong", **given) for field, given in wrong.items()}

    assert {one.status for one in answers.values()} == {400}
    assert [one.json["field"].removeprefix("offer.") for one in answers.values()] == [
        field.removeprefix("offer.") for field in wrong
    ]
    assert offers.add(until_at=(offers.now + timedelta(days=31, seconds=1)).isoformat()).status == 400
    assert offers.add(item="nothing").json["code"] == 40410


def test_what_an_offer_is_stands_once_it_was_on(offers: Offers) -> None:
    offers.on(SECKILL)
    offers.later(seconds=1)

    changes: list[dict[str, Any]] = [
        {"template": dict(FLASH)},
        {"template": {**SECKILL, "peak_per_second": 301}},
        {"from_at": (offers.now + timedelta(hours=1)).isoformat()},
    ]

    assert [offers.change(**given).json["code"] for given in changes] == [40916] * 3
    assert offers.change(template={**SECKILL, "peak_per_second": 299}).status == 200


def test_staff_are_warned_of_a_price_that_costs_money_or_is_none(mall: Mall) -> None:
    offers = offers_of(mall, cost_fen=300)
    offers.add(points=100)
    offers.add(offer_id="same", points=200)

    low, same = offers.shown(), offers.shown("same")

    assert [one["code"] for one in low["warnings"]] == ["below_cost"]
    assert [one["code"] for one in same["warnings"]] == ["below_cost", "not_cheaper"]


def test_staff_see_what_was_sold_in_which_hour(offers: Offers) -> None:
    offers.on()
    token, other = offers.mall.member(1000)[0], offers.mall.member(1000)[0]
    offers.bought(token)
    offers.bought(other)
    offers.later(hours=3)
    offers.bought(token)

    assert offers.shown()["sold_by_hour"] == [
        {"from_at": "2026-03-02T12:00:00+08:00", "pieces": 2},
        {"from_at": "2026-03-02T15:00:00+08:00", "pieces": 1},
    ]


def test_a_parcel_may_cost_money_too_and_its_pieces_come_back_when_nobody_pays(mall: Mall) -> None:
    offers = offers_of(mall, "hat", **HAT)
    offers.on(cash_fen=990)
    token, member_id = mall.member(1000)

    made = mall.redeem(token, offers.quoted(token), SHIP).data

    assert (made["state"], made["cash_fen"], offers.points(member_id), offers.left()) == (
        "unpaid",
        990,
        (880, 120),
        (3, 1),
    )


def test_a_badge_is_for_points_alone_also_by_an_offer_whose_item_became_one(mall: Mall) -> None:
    badge = {"kind": "badge", "badge": "rider"}
    offers = offers_of(mall)
    offers.on(cash_fen=990)
    token, _ = mall.member(1000)
    item = mall.item("coupon")
    changed = {"version": item["version"], "item": {**item["item"], "good": badge}}
    assert mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="coupon").status == 200
    offers.later(seconds=6)

    refused = [offers.add(offer_id="badge", cash_fen=990), offers.bought(token)]

    assert [one.json["code"] for one in refused] == [40000, 42212]
    assert refused[0].json["field"] == "offer.cash_fen"
    assert offers.left() == (4, 0)


def test_codes_of_a_pool_are_sold_by_an_offer_as_by_the_shelf(mall: Mall) -> None:
    path = "/v1/staff/mall/code-pools/{pool}/codes"
    mall.staff("POST", path, {"codes": ["VIP-1", "VIP-2"]}, pool="video")
    offers = offers_of(mall, "vip", stock=0, good={"kind": "virtual", "pool": "video"})
    offers.on(SECKILL | {"peak_per_second": 100}, pieces=1)
    first, second, third = (mall.member(1000)[0] for _ in range(3))

    codes = [offers.bought(first), offers.bought(second), mall.bought(second, "vip"), mall.bought(third, "vip")]

    assert [one.json["code"] for one in codes] == [0, 40954, 0, 40954]


def test_every_change_of_an_offer_leaves_its_line(offers: Offers) -> None:
    offers.on()
    offers.later(seconds=1)
    offers.change(points=110)
    offers.later(seconds=1)
    offers.switch("off")

    lines = offers.shown()["history"]

    assert [(one["action"], one["reason"]) for one in lines] == [
        ("off", "周末活动"),
        ("changed", ""),
        ("on", "周末活动"),
        ("created", ""),
    ]


def test_a_groups_price_does_not_buy_alone(offers: Offers) -> None:
    offers.on(GROUP)
    token, member_id = offers.mall.member(1000)

    assert offers.mall.redeem(token, offers.quoted(token)).json["code"] == 42210
    assert offers.points(member_id) == (1000, 0)


def test_an_item_that_became_what_each_has_once_is_not_sold_thrice_by_its_offer(mall: Mall) -> None:
    offers = offers_of(mall, per_order=3)
    offers.on({**FLASH, "per_member": 3, "per_order": 3})
    standing = mall.item("coupon")
    badge = {**standing["item"], "per_order": 1, "good": {"kind": "badge", "badge": "rider"}}
    mall.staff(
        "PUT", "/v1/staff/mall/items/{item_id}", {"version": standing["version"], "item": badge}, item_id="coupon"
    )
    offers.later(seconds=6)
    token, member_id = mall.member(1000)

    three, one = offers.quote(token, quantity=3), offers.bought(token)

    assert (three.json["code"], three.json["field"]) == (40000, "quantity")
    assert (one.data["kind"], one.data["quantity"], offers.points(member_id)) == ("badge", 1, (880, 0))
