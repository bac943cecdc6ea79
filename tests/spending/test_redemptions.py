"""Redemptions over HTTP: paid and given at once, each once, never one piece too many, each refusal with its reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.ledger.model import Kind
from tests.members.stage import ADMIN_KEY
from tests.spending.malls import COUPON, HAT, SHIP, Mall


def points(mall: Mall, member_id: str) -> int:
    return mall.ledger.read(member_id).available_points


def test_points_become_a_coupon_and_the_entry_says_for_what(mall: Mall) -> None:
    mall.offer(campaign="november")
    token, member_id = mall.member(1000)

    made = mall.bought(token).data
    (coupon,) = mall.call("GET", "/v1/me/coupons", token=token).data["list"]
    (entry,) = [one for one in mall.ledger.entries(member_id, before_key=None, limit=9) if one.kind is Kind.REDEEM]

    assert (made["state"], made["points"], made["coupon_codes"]) == ("done", 200, [coupon["code"]])
    assert (coupon["face_fen"], coupon["min_order_fen"], coupon["until_on"]) == (1000, 19900, "2026-03-31")
    assert (entry.points, entry.text, entry.cause.campaign) == (-200, "兑换满减券", "november")
    assert (points(mall, member_id), mall.left()) == (800, (4, 1))


def test_a_quote_taken_twice_is_one_redemption(mall: Mall) -> None:
    mall.offer()
    token, member_id = mall.member(1000)
    quote = mall.quote(token)["quote"]

    first, again = mall.redeem(token, quote).data, mall.redeem(token, quote).data
    mall.counter.stage.later(hours=1)
    late = mall.redeem(token, quote).data

    assert again == late == {**first, "replayed": True}
    assert (points(mall, member_id), mall.left()) == (800, (4, 1))


def test_what_succeeded_is_told_again_though_the_item_is_off_and_sold_out_by_now(mall: Mall) -> None:
    mall.offer(stock=1)
    token, _ = mall.member(200)
    quote = mall.quote(token)["quote"]
    mall.redeem(token, quote)
    mall.switch("coupon", "off")

    assert mall.redeem(token, quote).data["replayed"]


def test_a_quote_is_good_for_ten_minutes_and_keeps_its_price_meanwhile(mall: Mall) -> None:
    mall.offer()
    token, member_id = mall.member(1000)
    kept, old = mall.quote(token)["quote"], mall.quote(token)["quote"]
    document = {**mall.item("coupon")["item"], "prices": [{"id": "points", "points": 900}]}
    mall.staff(
        "PUT",
        "/v1/staff/mall/items/{item_id}",
        {"version": mall.item("coupon")["version"], "item": document},
        item_id="coupon",
    )

    mall.counter.stage.later(minutes=9, seconds=59)
    in_time = mall.redeem(token, kept)
    mall.counter.stage.later(seconds=1)
    too_late = mall.redeem(token, old)

    assert in_time.data["points"] == 200
    assert (too_late.status, too_late.json["code"]) == (422, 42210)
    assert points(mall, member_id) == 800


def test_a_quote_holds_and_is_told_again_though_its_price_was_taken_away(mall: Mall) -> None:
    mall.offer()
    token, _ = mall.member()
    taken, kept = mall.quote(token)["quote"], mall.quote(token)["quote"]
    first = mall.redeem(token, taken)
    item = mall.item("coupon")
    changed = {"version": item["version"], "item": {**item["item"], "prices": [{"id": "dearer", "points": 900}]}}
    assert mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="coupon").status == 200
    mall.counter.stage.now += timedelta(seconds=10)

    again, later = mall.redeem(token, taken), mall.redeem(token, kept)

    assert (first.status, again.data["replayed"]) == (200, True)
    assert (later.status, later.data["points"], later.data["replayed"]) == (200, 200, False)


def test_a_quote_with_money_taken_again_a_moment_later_is_one_redemption(mall: Mall) -> None:
    price = {"id": "mixed", "points": 300, "cash_fen": 1990}
    mall.offer("bottle", name="骑行水壶", good={"kind": "parcel"}, prices=[price])
    token, _ = mall.member()
    quote = mall.quote(token, "bottle", price="mixed")["quote"]

    first = mall.redeem(token, quote, SHIP)
    mall.counter.stage.now += timedelta(seconds=2)
    again = mall.redeem(token, quote, SHIP)

    assert (first.status, again.status) == (200, 200)
    assert again.data == {**first.data, "replayed": True}
    assert mall.left("bottle") == (4, 1)


def test_a_quote_is_its_members_own_and_nobody_can_alter_it(mall: Mall) -> None:
    mall.offer()
    token, member_id = mall.member(1000)
    other, other_id = mall.member(1000)
    quote = mall.quote(token)["quote"]
    flipped = [quote[:place] + chr(ord(quote[place]) ^ 1) + quote[place + 1 :] for place in range(0, len(quote), 7)]

    answers = [mall.redeem(other, quote), *(mall.redeem(token, one) for one in flipped)]

    assert {answer.json["code"] for answer in answers} <= {42210, 40000}
    assert (points(mall, member_id), points(mall, other_id), mall.left()) == (1000, 1000, (5, 0))


def test_what_was_shown_is_what_is_given_or_nothing(mall: Mall) -> None:
    mall.offer()
    token, _ = mall.member(1000)
    quote = mall.quote(token)["quote"]
    document = {**mall.item("coupon")["item"], "good": {**COUPON, "face_fen": 500}}
    version = mall.item("coupon")["version"]
    mall.staff("PUT", "/v1/staff/mall/items/{item_id}", {"version": version, "item": document}, item_id="coupon")

    assert mall.redeem(token, quote).json["code"] == 40913


def test_the_last_piece_is_one_members_and_the_others_keep_their_points(mall: Mall) -> None:
    mall.offer(stock=1)
    members = [mall.member(200) for _ in range(3)]
    quotes = [mall.quote(token)["quote"] for token, _ in members]

    answers = [mall.redeem(token, quote) for (token, _), quote in zip(members, quotes, strict=True)]

    assert [answer.json["code"] for answer in answers] == [0, 40954, 40954]
    assert [points(mall, id) for _, id in members] == [0, 200, 200]
    assert mall.left() == (0, 1)


def test_too_few_points_are_refused_with_what_is_missing_and_take_no_piece(mall: Mall) -> None:
    mall.offer()
    token, _ = mall.member(150)

    quoted = mall.quote(token)
    refused = mall.redeem(token, quoted["quote"])

    assert quoted["why_not"] == [{"reason": "points", "text": "还差50分"}]
    assert (refused.json["code"], refused.json["msg"]) == (40901, "积分不足,还差50分")
    assert mall.left() == (5, 0)


def test_limits_hold_per_period_and_begin_anew_at_the_business_midnight(mall: Mall) -> None:
    mall.offer(limits=[{"pieces": 1, "period": "day"}, {"pieces": 2, "period": "month"}], stock=9)
    token, _ = mall.member(1000)
    first = mall.bought(token)

    same_day = mall.bought(token)
    mall.counter.stage.now = mall.counter.stage.now.replace(hour=15, minute=59, second=59)
    last_second = mall.bought(token)
    mall.counter.stage.later(seconds=1)
    next_day = mall.bought(token)
    mall.counter.stage.later(days=1)
    third = mall.bought(token)

    assert [one.json["code"] for one in (first, same_day, last_second, next_day, third)] == [0, 40914, 40914, 0, 40914]
    assert same_day.json["msg"] == "今日限兑1件"
    assert mall.left() == (7, 2)


def test_several_pieces_are_one_redemption_with_a_coupon_each(mall: Mall) -> None:
    mall.offer(per_order=3)
    token, member_id = mall.member(1000)

    made = mall.bought(token, quantity=3).data

    assert (made["points"], len(set(made["coupon_codes"]))) == (600, 3)
    assert (points(mall, member_id), mall.left()) == (400, (2, 3))


@pytest.mark.parametrize("quantity", [0, -1, 4, 10**12])
def test_a_quantity_outside_the_items_is_refused_at_the_quote(mall: Mall, quantity: int) -> None:
    mall.offer(per_order=3)
    token, _ = mall.member()

    body = {"item_id": "coupon", "price": "points", "quantity": quantity}
    refused = mall.call("POST", "/v1/me/mall/quotes", body, token=token)

    assert (refused.status, refused.json["field"]) == (400, "quantity")


def test_a_parcel_wants_its_delivery_and_nothing_else_does(mall: Mall) -> None:
    mall.offer("hat", **HAT)
    mall.offer()
    mall.store()
    token, _ = mall.member()

    without = mall.bought(token, "hat")
    sent = mall.bought(token, "hat", delivery=SHIP).data
    fetched = mall.bought(token, "hat", delivery={"way": "pick_up", "store": "sh01"}).data
    needless = mall.bought(token, delivery=SHIP)

    assert (without.json["code"], needless.json["code"]) == (42213, 42213)
    assert (sent["state"], sent["delivery"]["address"]) == ("to_ship", SHIP["address"])
    assert (fetched["state"], len(fetched["pick_up_code"])) == ("to_pick_up", 8)
    assert mall.left("hat") == (3, 2)


def test_a_badge_is_had_once(mall: Mall) -> None:
    mall.offer("medal", name="骑士奖牌", worth="emotional", good={"kind": "badge", "badge": "rider"})
    token, member_id = mall.member()

    first, again = mall.bought(token, "medal"), mall.bought(token, "medal")
    (badge,) = mall.call("GET", "/v1/me/badges", token=token).data["list"]

    assert [first.json["code"], again.json["code"]] == [0, 40955]
    assert (badge["badge"], badge["name"]) == ("rider", "骑士奖牌")
    assert (points(mall, member_id), mall.left("medal")) == (800, (4, 1))


def test_who_has_a_badge_is_told_before_he_asks_for_it(mall: Mall) -> None:
    mall.offer("medal", name="骑士", good={"kind": "badge", "badge": "rider"})
    token, _ = mall.member()
    mall.bought(token, "medal")

    listed = mall.call("GET", "/v1/me/mall/items", token=token).data["list"]
    affordable = mall.call("GET", "/v1/me/mall/items", token=token, query={"affordable": "true"}).data["list"]
    quoted = mall.quote(token, "medal")

    assert [listed[0]["why_not"], quoted["why_not"]] == [[{"reason": "owned", "text": "你已拥有这枚奖牌"}]] * 2
    assert affordable == []


def test_who_was_merged_has_the_badges_of_both_and_none_twice(mall: Mall) -> None:
    mall.offer("medal", name="骑士", good={"kind": "badge", "badge": "rider"})
    token, stays = mall.member()
    mall.counter.stage.later(seconds=1)
    others, goes = mall.member()
    mall.bought(others, "medal")
    path, body = "/v1/staff/members/{member_id}/merges", {"other_member_id": goes, "reason": "同一人"}
    assert mall.call("POST", path, body, token=ADMIN_KEY, member_id=stays).status == 200

    again = mall.bought(token, "medal")

    assert again.json["code"] == 40955
    assert (points(mall, stays), mall.left("medal")) == (1800, (4, 1))


def test_a_bundle_brings_all_its_coupons(mall: Mall) -> None:
    other = {**COUPON, "name": "满499减50", "face_fen": 5000, "min_order_fen": 49900}
    mall.offer("bundle", good={"kind": "bundle", "coupons": [COUPON, other]})
    token, _ = mall.member()

    mall.bought(token, "bundle")

    found = mall.call("GET", "/v1/me/coupons", token=token).data["list"]
    assert sorted(one["name"] for one in found) == ["满199减10", "满499减50"]


def pool(mall: Mall, *codes: str) -> None:
    path = "/v1/staff/mall/code-pools/{pool}/codes"
    mall.staff("POST", path, {"codes": list(codes)}, pool="video")


def test_a_code_is_revealed_to_one_member_only_when_asked(mall: Mall) -> None:
    pool(mall, "VIP-1", "VIP-2", "VIP-1")
    mall.offer("vip", stock=0, good={"kind": "virtual", "pool": "video"})
    one, other = mall.member(), mall.member()
    made = [mall.bought(token, "vip").data for token, _ in (one, other)]
    dry = mall.bought(one[0], "vip")

    path = "/v1/me/redemptions/{redemption_id}/code"
    shown = [mall.call("POST", path, token=one[0], redemption_id=made[0]["id"]).data for _ in range(2)]
    foreign = mall.call("POST", path, token=other[0], redemption_id=made[0]["id"])
    others = mall.call("POST", path, token=other[0], redemption_id=made[1]["id"]).data

    assert shown[0]["codes"] == shown[1]["codes"]
    assert sorted(shown[0]["codes"] + others["codes"]) == ["VIP-1", "VIP-2"]
    assert "codes" not in made[0]
    assert (dry.json["code"], foreign.json["code"]) == (40954, 40411)
    assert mall.left("vip") == (0, 2)


def test_a_pool_that_is_filled_again_sells_on(mall: Mall) -> None:
    pool(mall, "VIP-1")
    mall.offer("vip", stock=0, good={"kind": "virtual", "pool": "video"})
    token, _ = mall.member()
    mall.bought(token, "vip")

    pool(mall, "VIP-1", "VIP-2")

    assert mall.bought(token, "vip").status == 200
    assert mall.left("vip") == (0, 2)


def test_who_may_not_have_it_is_told_who_may(mall: Mall) -> None:
    mall.offer(who={"levels": ["gold"]})
    token, member_id = mall.member()

    refused = mall.bought(token)

    assert (refused.status, refused.json["code"], refused.json["msg"]) == (422, 42211, "仅限黄金会员")
    assert points(mall, member_id) == 1000


def test_an_honour_may_ask_for_deeds(mall: Mall) -> None:
    mall.offer(
        "medal", good={"kind": "badge", "badge": "rider"}, needs={"activity": "check_in", "times": 2, "name": "签到"}
    )
    token, _ = mall.member()
    answers = []
    for _ in range(3):
        answers.append(mall.bought(token, "medal"))
        mall.call("POST", "/v1/me/check-ins", token=token)
        mall.counter.stage.later(days=1)

    assert [one.json["code"] for one in answers] == [42211, 42211, 0]
    assert answers[0].json["msg"] == "还差2次签到"


def test_an_item_sells_only_in_its_windows(mall: Mall) -> None:
    now = mall.counter.stage.now
    window = {"from_at": (now + timedelta(hours=1)).isoformat(), "until_at": (now + timedelta(hours=2)).isoformat()}
    mall.offer(windows=[window])
    token, _ = mall.member()

    early = mall.bought(token)
    (shown,) = mall.call("GET", "/v1/me/mall/items", token=token).data["list"]
    mall.counter.stage.later(hours=1)
    open_now = mall.bought(token)
    mall.counter.stage.later(hours=1)
    over = mall.bought(token)

    assert [one.json["code"] for one in (early, open_now, over)] == [42212, 0, 42212]
    assert (shown["opens_at"], shown["can_redeem"]) == ("2026-03-02T13:00:00+08:00", False)
    assert mall.call("GET", "/v1/me/mall/items", token=token).data["list"] == []


def test_a_frozen_member_redeems_nothing(mall: Mall) -> None:
    mall.offer()
    token, member_id = mall.member()
    path, key = "/v1/staff/members/{member_id}/freeze", mall.counter.staff("customer_service")
    mall.call("POST", path, {"reason": "盗号嫌疑"}, token=key, key="f1", member_id=member_id)

    assert mall.bought(token).json["code"] == 40950
    assert mall.left() == (5, 0)


def test_redemptions_are_listed_newest_first_by_pages(mall: Mall) -> None:
    mall.offer()
    token, _ = mall.member()
    other, _ = mall.member()
    made = []
    for _ in range(3):
        made.append(mall.bought(token).data["id"])
        mall.counter.stage.later(seconds=1)

    first = mall.call("GET", "/v1/me/redemptions", token=token, query={"limit": "2"}).data
    second = mall.call("GET", "/v1/me/redemptions", token=token, query={"cursor": first["next_cursor"]}).data
    foreign = mall.call("GET", "/v1/me/redemptions/{redemption_id}", token=other, redemption_id=made[0])

    assert [one["id"] for one in first["list"] + second["list"]] == made[::-1]
    assert (second["has_more"], foreign.json["code"]) == (False, 40411)
