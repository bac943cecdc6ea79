"""Coupons, bundles and codes for points and money: promised while the money is awaited, given with it, once, or not at
all and nothing kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connect.wechat.shipping import PATH
from chalicelib.connect.wechat_pay.orders import Order, order_of
from chalicelib.connect.wechat_pay.refunds import RefundState, refund_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.merge import merge_accounts
from chalicelib.ledger.model import business_on
from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.goods.model import CouponState, PoolCode
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.give_money_back import refund_number
from chalicelib.spending.mall.items import redemption_item, redemption_of
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState, Report
from chalicelib.spending.mall.settle_payment import settle_paid
from tests.connect.merchant import MCHID
from tests.members.stage import Answer
from tests.spending.audited import differences
from tests.spending.cash import BUNDLE, POOL, Till, codes_of, coupons_of, open_till
from tests.spending.malls import COUPON
from tests.spending.meanwhile import meanwhile
from tests.spending.offers import SECKILL, Offers

REFUNDS = "/v3/refund/domestic/refunds"


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        yield opened
        assert differences() == []


def shown(till: Till, token: str, id: str) -> Any:
    return till.desks.mine(token, id).data


def reveal(till: Till, token: str, id: str) -> Answer:
    return till.desks.mine(token, id, "code")


def unpaid(till: Till) -> tuple[str, str, str]:
    """(token, member, redemption) whose money was asked for."""
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)
    return token, member_id, id


def require_money_back(till: Till, id: str) -> None:
    """All of it, once, whoever tells of it again."""
    till.later(minutes=5)
    till.sweep()
    back = refund_of(till.api, refund_number(id))
    assert back is not None
    assert (back.state, back.refund_fen, till.row(id).money) == (RefundState.DONE, 1990, Money.REFUNDED)


def test_a_coupon_is_given_when_it_is_paid_and_not_before(till: Till) -> None:
    till.sell("voucher")
    token, member_id, id = unpaid(till)
    before = shown(till, token, id), coupons_of(till, member_id), differences()

    again = [till.tell(id, payment) for payment in [till.pay(id)] * 2]

    (coupon,) = coupons_of(till, member_id)
    after = shown(till, token, id)
    assert (before[0]["state"], before[0]["coupon_codes"], *before[1:]) == ("unpaid", [], [], [])
    assert again == [[], []]
    assert (after["state"], after["money"], after["coupon_codes"]) == ("done", "paid", [coupon.code])
    assert (coupon.face_fen, coupon.source, coupon.source_id, coupon.state) == (1000, "mall", id, CouponState.ISSUED)
    assert (till.points(member_id), till.mall.left("voucher")) == ((700, 0), (4, 1))


def test_a_coupons_days_begin_when_it_is_paid(till: Till) -> None:
    till.sell("voucher")
    till.later(hours=11, minutes=55)  # five minutes before midnight
    _, member_id, id = unpaid(till)
    redeemed_on = business_on(till.now, till.desk.terms.zone)
    till.later(minutes=6)

    till.tell(id, till.pay(id))

    paid_on = business_on(till.now, till.desk.terms.zone)
    (coupon,) = coupons_of(till, member_id)
    assert paid_on == redeemed_on + timedelta(days=1)
    assert coupon.until_on == paid_on + timedelta(days=COUPON["valid_days"] - 1)


def test_a_code_is_the_members_when_it_is_paid_and_nobody_elses_until_then(till: Till) -> None:
    till.sell("vip", 1, prices=[{"id": "mixed", "points": 300, "cash_fen": 1990}, {"id": "points", "points": 400}])
    token, member_id, id = unpaid(till)
    other, _ = till.buyer()

    early = shown(till, token, id)["has_code"], reveal(till, token, id).json["code"], codes_of(till, id)
    taken = [till.mall.bought(other, "vip", price=price).json["code"] for price in ("points", "mixed")]
    agreed = differences()
    till.tell(id, till.pay(id))

    assert early == (False, 40915, 0)
    assert (taken, agreed) == ([40954, 40954], [])
    assert (shown(till, token, id)["has_code"], reveal(till, token, id).data["codes"]) == (True, ["VIP-0"])
    assert (till.points(member_id), till.mall.left("vip")) == ((700, 0), (0, 1))


def test_what_is_not_paid_was_never_given_and_can_be_had_by_the_next(till: Till) -> None:
    till.sell("vip", 1)
    _, member_id, id = unpaid(till)
    till.later(minutes=15, seconds=1)

    till.sweep()

    assert (till.row(id).state, till.row(id).codes) == (RedemptionState.LAPSED, ())
    assert (till.points(member_id), till.mall.left("vip")) == ((1000, 0), (1, 0))
    till.paid()


def test_forty_coupons_come_with_one_payment_and_go_back_with_one_cancelling(till: Till) -> None:
    price = {"id": "mixed", "points": 15, "cash_fen": 100}
    till.sell("pack", 20, good=BUNDLE, per_order=20, prices=[price], limits=[])
    token, member_id = till.buyer()
    id = till.mall.bought(token, "pack", price="mixed", quantity=20).data["id"]
    till.begin(token, id)
    payment = till.pay(id)

    assert till.tell(id, payment, fen=2000) == []
    given = coupons_of(till, member_id)
    undone = till.desks.take_back(id).data

    assert (len(given), {one.name for one in given}) == (40, {"满199减10", "满99减5"})
    assert sorted(one.code for one in given) == sorted(till.row(id).codes)
    assert (undone["state"], undone["money"], undone["cash_fen"]) == ("cancelled", "refunding", 2000)
    assert {one.state for one in coupons_of(till, member_id)} == {CouponState.CANCELLED}
    assert (till.points(member_id), till.mall.left("pack")) == ((1000, 0), (20, 0))


@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "late and honoured"])
def test_who_paid_gets_what_he_was_quoted_whatever_became_of_the_item(till: Till, *, is_late: bool) -> None:
    till.sell("voucher", late_payment="honour")
    _, member_id, id = unpaid(till)
    worse = {**COUPON, "name": "满999减1", "face_fen": 100, "min_order_fen": 99900}
    till.change(name="小额券", good=worse, late_payment="honour")
    till.mall.switch("voucher", "off")
    till.later(minutes=16 if is_late else 1)
    if is_late:
        till.sweep()

    again = till.tell(id, till.pay(id, late=is_late))

    (coupon,) = coupons_of(till, member_id)
    assert again == []
    assert (coupon.name, coupon.face_fen, coupon.min_order_fen) == ("满199减10", 1000, 19900)
    assert (till.row(id).state, till.row(id).is_late, till.points(member_id)) == (
        RedemptionState.DONE,
        is_late,
        (700, 0),
    )


@pytest.mark.parametrize("item", ["voucher", "vip"])
def test_money_that_comes_too_late_goes_back_and_nothing_is_given(till: Till, item: str) -> None:
    till.sell(item)
    member_id, id, payment = till.late()

    again = [till.tell(id, payment) for _ in range(2)]

    row = till.row(id)
    assert again == [[], []]
    assert (row.state, row.reason, row.codes) == (RedemptionState.LAPSED, "超时后付款,原路退回", ())
    assert (till.points(member_id), till.mall.left(item), coupons_of(till, member_id)) == ((1000, 0), (5, 0), [])
    require_money_back(till, id)


def test_late_money_for_a_code_that_is_gone_meanwhile_goes_back(till: Till) -> None:
    till.sell("vip", 1, late_payment="honour")
    member_id, id, payment = till.late()
    till.paid()

    assert till.tell(id, payment) == []

    assert (till.row(id).state, till.points(member_id)) == (RedemptionState.LAPSED, (1000, 0))
    require_money_back(till, id)


def test_where_no_code_is_found_though_a_piece_was_reserved_all_goes_back_and_the_member_reads_why(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.sell("vip")
    token, member_id, id = unpaid(till)
    payment = till.pay(id)
    asked: list[int] = []

    def found_none(_goods: GoodsTable, _pool: str, wanted: int) -> tuple[PoolCode, ...]:
        asked.append(wanted)
        raise JifenError(Code.SOLD_OUT)

    with monkeypatch.context() as patch:
        patch.setattr(GoodsTable, "free_codes", found_none)
        first = till.tell(id, payment)
    again = till.tell(id, payment)

    answer = shown(till, token, id)
    told = [one["body"]["reason"] for one in till.world.get("/received", path=REFUNDS)["received"]]
    assert (first, again, asked) == ([], [], [1, 1, 1])
    assert (answer["state"], answer["reason"]) == ("lapsed", "卡密已发完,款项原路退回")
    assert (answer["points"], answer["has_code"], set(told)) == (300, False, {"卡密已发完,款项原路退回"})
    assert till.lines(id)[0] == ("paid_sold_out", "wechat_pay")
    assert (till.points(member_id), till.mall.left("vip"), codes_of(till, id)) == ((1000, 0), (5, 0), 0)
    require_money_back(till, id)
    till.redeem(token)  # the limit was counted down


def test_a_pool_that_lost_a_code_costs_no_member_his_money_and_only_the_loss_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_till(monkeypatch) as till:
        till.sell("vip", 1)
        _, member_id, id = unpaid(till)
        goods = till.desk.goods
        (code,) = goods.free_codes(POOL, 1)
        goods.dynamo.delete_item(TableName=goods.name, Key=encode_item({"pk": f"POOL#{POOL}", "sk": f"C#{code.id}"}))
        before = [one.what for one in differences()]

        assert till.tell(id, till.pay(id)) == []

        assert (till.row(id).state, till.points(member_id)) == (RedemptionState.LAPSED, (1000, 0))
        require_money_back(till, id)
        assert before == [one.what for one in differences()] == ["left"]


def test_a_code_that_somebody_was_quicker_to_take_is_picked_anew(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.sell("vip", 3)
    _, _, quicker = till.paid()
    (taken,) = till.desk.goods.pool_codes(POOL, till.row(quicker).codes)
    _, _, id = unpaid(till)
    payment, stale, real = till.pay(id), [0], GoodsTable.free_codes

    def behind(goods: GoodsTable, pool: str, wanted: int) -> tuple[PoolCode, ...]:
        """The index still lists a code that is another's."""
        stale[0] -= 1
        return (taken._replace(given_to="", source_id=""),) if stale[0] >= 0 else real(goods, pool, wanted)

    monkeypatch.setattr(GoodsTable, "free_codes", behind)
    stale[0] = 3
    in_vain = till.tell(id, payment), till.row(id).state
    stale[0] = 2

    assert in_vain == (["m-1"], RedemptionState.UNPAID)
    assert till.tell(id, payment) == []
    assert (till.row(id).state, codes_of(till, id), codes_of(till, quicker)) == (RedemptionState.DONE, 1, 1)
    assert till.row(id).codes != till.row(quicker).codes


@pytest.mark.parametrize("item", ["voucher", "vip"])
@pytest.mark.parametrize("is_late", [False, True], ids=["in time", "late and honoured"])
def test_of_two_who_hear_of_a_payment_both_are_told_the_same_goods(
    till: Till, monkeypatch: pytest.MonkeyPatch, item: str, *, is_late: bool
) -> None:
    till.sell(item, 30, limits=[], late_payment="honour")
    cases = 0
    for at in range(1, 30):
        id = till.late()[1] if is_late else unpaid(till)[2]
        if not is_late:
            till.pay(id)
        order = order_of(till.api, trade_number(id))
        assert order is not None
        told: list[Redemption] = []

        def hear(id: str = id, order: Order = order, told: list[Redemption] = told) -> None:
            told.append(settle_paid(id, order, desk=till.desk, api=till.api, now=till.now))

        with meanwhile(monkeypatch, at, hear) as happened:
            hear()
        assert {one.codes for one in told} == {till.row(id).codes}
        assert len(till.row(id).codes) == 1
        if not happened:
            break
        cases += 1

    assert cases >= 3


def test_staff_take_back_what_nobody_used_and_the_money_follows(till: Till) -> None:
    till.sell("vip")
    token, member_id, id = till.paid()
    own = till.desks.give_up(token, id)

    first, again = till.desks.take_back(id).data, till.desks.take_back(id).data

    assert own.json["code"] == 40915  # what was given its member gives back by staff only
    assert [(one["state"], one["money"], one["replayed"]) for one in (first, again)] == [
        ("cancelled", "refunding", False),
        ("cancelled", "refunding", True),
    ]
    assert (till.points(member_id), till.mall.left("vip"), codes_of(till, id)) == ((1000, 0), (5, 0), 0)
    require_money_back(till, id)


def test_what_was_used_or_seen_is_not_taken_back_and_its_money_stays(till: Till) -> None:
    till.sell("voucher")
    _, buyer_id, used = till.paid()
    assert till.desks.use(till.row(used).codes[0]).status == 200
    till.sell("vip")
    token, viewer_id, seen = till.paid()
    reveal(till, token, seen)

    refused = [till.desks.take_back(id).json["code"] for id in (used, seen)]

    assert refused == [40956, 40915]
    assert [till.row(id).money for id in (used, seen)] == [Money.PAID] * 2
    assert [till.points(one) for one in (buyer_id, viewer_id)] == [(700, 0)] * 2


@pytest.mark.parametrize("item", ["voucher", "vip", "pack"])
def test_wechat_is_told_at_once_that_nothing_is_sent(till: Till, item: str) -> None:
    till.sell(item)
    _, _, id = till.paid()
    order = {"mchid": MCHID, "out_trade_no": trade_number(id)}
    due = till.row(id).report, till.world.get("/shipping", **order)["shipping"]

    for _ in range(2):
        till.sweep()

    told = till.world.get("/shipping", **order)["shipping"]
    assert (due, till.row(id).report) == ((Report.DUE, None), Report.DONE)
    assert told == {"logistics_type": 3, "delivery_mode": 1, "shipping_list": [{"item_desc": till.row(id).name}]}
    assert len(till.world.get("/received", path=PATH)["received"]) == 1


def test_what_is_undone_before_wechat_was_told_is_told_no_more(till: Till) -> None:
    till.sell("voucher")
    _, _, id = till.paid()
    till.desks.take_back(id)

    till.later(minutes=5)
    till.sweep()

    assert (till.row(id).report, till.world.get("/received", path=PATH)["received"]) == (Report.NONE, [])


def test_who_became_another_member_before_he_paid_has_his_coupon(till: Till) -> None:
    till.sell("voucher")
    _, member_id, id = unpaid(till)
    token, surviving_id = till.buyer()
    desk = till.desk
    merge_accounts(member_id, surviving_id, actor="s1", ledger=desk.ledger, terms=desk.terms.ledger, now=till.now)

    till.tell(id, till.pay(id))

    coupons = till.mall.call("GET", "/v1/me/coupons", token=token).data["list"]
    assert [one["code"] for one in coupons] == list(till.row(id).codes)
    assert till.points(surviving_id) == (1700, 0)


@pytest.mark.parametrize("item", ["voucher", "vip"])
def test_who_became_another_member_before_his_late_money_was_honoured_agrees_and_has_it_back(
    till: Till, item: str
) -> None:
    till.sell(item)
    till.honour()
    member_id, id, payment = till.late()
    _, surviving_id = till.buyer()
    desk = till.desk
    merge_accounts(member_id, surviving_id, actor="s1", ledger=desk.ledger, terms=desk.terms.ledger, now=till.now)

    told, spent, agreed = till.tell(id, payment), till.points(surviving_id), differences()
    till.desks.take_back(id)

    assert (told, spent, agreed) == ([], (1700, 0), [])
    assert till.points(surviving_id) == (2000, 0)
    require_money_back(till, id)


def test_an_offer_sells_codes_for_points_and_money_from_its_own_pieces(till: Till) -> None:
    till.sell("vip", 3)
    offers = Offers(till.mall, "vip")
    offers.on(SECKILL | {"peak_per_second": 100}, pieces=2, points=100, cash_fen=1990)
    (token, member_id), (other, other_id) = till.buyer(), till.buyer()
    paid, lapsing = (till.mall.redeem(one, offers.quoted(one)).data["id"] for one in (token, other))
    set_aside = offers.left(), till.mall.left("vip"), differences()
    for one, id in ((token, paid), (other, lapsing)):
        till.begin(one, id)

    till.tell(paid, till.pay(paid))
    till.later(minutes=15, seconds=1)
    till.sweep()

    assert set_aside == ((0, 2), (1, 0), [])
    assert (till.row(paid).state, codes_of(till, paid)) == (RedemptionState.DONE, 1)
    assert (till.row(lapsing).state, codes_of(till, lapsing)) == (RedemptionState.LAPSED, 0)
    assert (offers.left(), till.mall.left("vip")) == ((1, 1), (1, 0))
    assert (till.points(member_id), till.points(other_id)) == ((900, 0), (1000, 0))


def test_a_row_of_before_promises_were_kept_still_reads(till: Till) -> None:
    token, _ = till.buyer()
    row = till.row(till.redeem(token))

    assert "promised" not in redemption_item(row)
    assert redemption_of(redemption_item(row)) == row
