"""Wherever a process breaks between points, pieces and money, time and repetition bring them together again: a hold is
resolved once, no money is kept for nothing, and nothing is given for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from chalicelib.connect.wechat_pay.orders import Order, State, order_of
from chalicelib.connect.wechat_pay.refunds import RefundState, refund_of
from chalicelib.ledger.model import Kind, business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.spending.goods.model import CouponState
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.events import SweepUnfinished
from chalicelib.spending.mall.give_money_back import refund_number
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState, Report
from chalicelib.spending.mall.shelf import limit_key
from tests.members.stage import Answer
from tests.spending.after_sales import YTO
from tests.spending.audited import differences
from tests.spending.breaking import Died, How, breaking
from tests.spending.cash import FEN, Till, codes_of, coupons_of, open_till

PAID, LAPSED, CANCELLED = "paid", "lapsed", "cancelled"
NEVER = 10**6


class Stopped(Exception):
    """A step was refused or got no answer: who took it goes no further."""


class Buyer(NamedTuple):
    """A member, the redemption once it is known, and what was paid for it."""

    token: str
    member_id: str
    redemption_id: str = ""


Act = Callable[[Till, Buyer], object]


class History(NamedTuple):
    """What happens unbroken first, then what is broken; how it may end, and how it does where nothing breaks."""

    begin: Callable[[Till], Buyer]
    act: Act
    ends: frozenset[str]
    end: str


def ok(answer: Answer) -> Answer:
    if answer.status != 200:
        raise Stopped
    return answer


def sweep(till: Till) -> None:
    try:
        till.sweep()
    except SweepUnfinished:
        raise Stopped from None


def tell(till: Till, redemption_id: str) -> None:
    """The worker hears of the payment, if there is one; what fails comes again later."""
    order = order_of(till.api, trade_number(redemption_id))
    if order and order.transaction_id and till.tell(redemption_id, {"transaction_id": order.transaction_id}):
        raise Stopped


def new_buyer(till: Till) -> Buyer:
    return Buyer(*till.buyer())


def unpaid(till: Till) -> Buyer:
    token, member_id = till.buyer()
    buyer = Buyer(token, member_id, till.redeem(token))
    till.begin(token, buyer.redemption_id)
    return buyer


def overdue(till: Till) -> Buyer:
    buyer = unpaid(till)
    till.later(minutes=15, seconds=1)
    return buyer


def paid(till: Till) -> Buyer:
    return Buyer(*till.paid())


def paid_unheard(till: Till) -> Buyer:
    buyer = unpaid(till)
    till.pay(buyer.redemption_id)
    return buyer


def paid_and_over(till: Till) -> Buyer:
    buyer = paid_unheard(till)
    till.later(minutes=15)
    return buyer


def late(till: Till) -> Buyer:
    buyer = overdue(till)
    till.sweep()
    till.pay(buyer.redemption_id, late=True)
    return buyer


def late_honoured(till: Till) -> Buyer:
    buyer = late(till)
    tell(till, buyer.redemption_id)
    return buyer


def buys(till: Till, buyer: Buyer) -> None:
    quote = till.mall.quote(buyer.token, till.item, "mixed")["quote"]
    id = ok(till.mall.redeem(buyer.token, quote, till.delivery())).data["id"]
    ok(till.begin(buyer.token, id))
    till.pay(id)
    tell(till, id)


def heard(till: Till, buyer: Buyer) -> None:
    tell(till, buyer.redemption_id)
    till.later(minutes=5)
    sweep(till)


def swept(till: Till, _buyer: Buyer) -> None:
    sweep(till)


def given_up(till: Till, buyer: Buyer) -> None:
    ok(till.desks.give_up(buyer.token, buyer.redemption_id))
    till.later(minutes=5)
    sweep(till)


def taken_back(till: Till, buyer: Buyer) -> None:
    ok(till.desks.take_back(buyer.redemption_id))
    till.later(minutes=5)
    sweep(till)


def sent(till: Till, buyer: Buyer) -> None:
    ok(till.desks.staff(buyer.redemption_id, "shipment", YTO))
    sweep(till)


HISTORIES = {
    "it is bought": History(new_buyer, buys, frozenset({"", LAPSED, PAID}), PAID),
    "it lapses": History(overdue, swept, frozenset({LAPSED}), LAPSED),
    "it is paid and only the sweep hears of it": History(paid_and_over, swept, frozenset({PAID}), PAID),
    "it is given up": History(unpaid, given_up, frozenset({LAPSED}), LAPSED),
    "it is given up when it was paid": History(paid_unheard, given_up, frozenset({PAID, CANCELLED}), CANCELLED),
    "late money goes back": History(late, heard, frozenset({LAPSED}), LAPSED),
    "it is undone by its member": History(paid, given_up, frozenset({PAID, CANCELLED}), CANCELLED),
    "it is sent": History(paid, sent, frozenset({PAID}), PAID),
}
HONOURED = {
    "late money is honoured": History(late, heard, frozenset({PAID}), PAID),
    "it was honoured late and is undone by staff": History(
        late_honoured, taken_back, frozenset({PAID, CANCELLED}), CANCELLED
    ),
}
GIVEN = {
    **{name: one for name, one in HISTORIES.items() if name not in ("it is undone by its member", "it is sent")},
    "it is undone by staff": History(paid, taken_back, frozenset({PAID, CANCELLED}), CANCELLED),
    "it is told to WeChat": History(paid, swept, frozenset({PAID}), PAID),
}
"""Of what is given as soon as it is paid."""


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        opened.mall.stock("bottle", 200)
        yield opened
        assert differences() == []


@pytest.mark.parametrize("name", HISTORIES)
def test_wherever_it_breaks_all_comes_together_again(till: Till, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert breaks_everywhere(till, monkeypatch, HISTORIES[name]) >= 2


@pytest.mark.parametrize("name", HONOURED)
def test_the_same_of_an_item_that_honours_late_money(till: Till, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    till.honour()

    assert breaks_everywhere(till, monkeypatch, HONOURED[name]) >= 1


@pytest.mark.parametrize("item", ["voucher", "vip"])
@pytest.mark.parametrize("name", GIVEN)
def test_a_coupon_or_a_code_is_given_with_its_price_wherever_it_breaks(
    till: Till, monkeypatch: pytest.MonkeyPatch, name: str, item: str
) -> None:
    till.sell(item, 50)

    assert breaks_everywhere(till, monkeypatch, GIVEN[name]) >= 1


@pytest.mark.parametrize("item", ["voucher", "vip"])
@pytest.mark.parametrize("name", HONOURED)
def test_the_same_of_coupons_and_codes_whose_late_money_is_honoured(
    till: Till, monkeypatch: pytest.MonkeyPatch, name: str, item: str
) -> None:
    till.sell(item, 50)
    till.honour()

    assert breaks_everywhere(till, monkeypatch, HONOURED[name]) >= 1


def breaks_everywhere(till: Till, monkeypatch: pytest.MonkeyPatch, history: History) -> int:
    """Break a history at each of its calls in turn, each time with a buyer of his own; answers how many there were."""
    assert broken(till, monkeypatch, history, NEVER, How.DIES_AFTER) is None
    assert broken(till, monkeypatch, history, 1, How.DIES_BEFORE) is not None
    at = 1
    while (is_outside := broken(till, monkeypatch, history, at, How.DIES_AFTER)) is not None:
        if is_outside:  # who writes to a store and lives on does nothing further, either
            broken(till, monkeypatch, history, at, How.UNANSWERED)
            broken(till, monkeypatch, history, at, How.UNREACHED)
        at += 1
    return at - 1


def broken(till: Till, monkeypatch: pytest.MonkeyPatch, history: History, at: int, how: How) -> bool | None:
    """Whether the call that broke went outside; None when the history has not so many calls."""
    buyer = history.begin(till)
    with breaking(monkeypatch, at, how) as one:
        try:
            history.act(till, buyer)
        except (Died, Stopped, ConnectionError):
            assert one.is_broken, f"stopped before call {at}"
    recover(till, buyer)
    end = standing(till, buyer)
    assert end in (history.ends if one.is_broken else {history.end}), f"{how} {at}"
    require_settled(till, buyer)
    return one.is_outside if one.is_broken else None


def redemption_of(till: Till, buyer: Buyer) -> Redemption | None:
    places = till.desk.mall.listed_redemptions([buyer.member_id], before="", limit=2)
    assert len(places) <= 1
    return till.row(places[0][1]) if places else None


def recover(till: Till, buyer: Buyer) -> None:
    """Time passes, what was not heard of is told again, the sweep comes as it always does."""
    for minutes in (16, 5):
        till.later(minutes=minutes)
        found = redemption_of(till, buyer)
        if found and found.money is Money.AWAITED:
            tell(till, found.id)
        till.sweep()


def require_settled(till: Till, buyer: Buyer) -> None:
    """A notice that comes once more finds everything done."""
    if found := redemption_of(till, buyer):
        tell(till, found.id)
        assert redemption_of(till, buyer) == found


def standing(till: Till, buyer: Buyer) -> str:
    """How it ended, once points, limits and money have been held against each other."""
    one = redemption_of(till, buyer)
    if one is None:
        assert till.points(buyer.member_id) == (1000, 0)
        return ""
    is_kept = one.state in (RedemptionState.TO_SHIP, RedemptionState.SHIPPED, RedemptionState.DONE)
    assert till.points(buyer.member_id) == ((700, 0) if is_kept else (1000, 0))
    entries = open_ledger().entries(buyer.member_id, before_key=None, limit=20)
    kinds = [entry.kind for entry in entries]
    assert kinds.count(Kind.HOLD) == 1
    assert kinds.count(Kind.CAPTURE) + kinds.count(Kind.RELEASE) == 1
    on = business_on(one.made_at, till.desk.terms.zone)
    key = limit_key(till.item, "month", buyer.member_id, on)
    assert till.desk.mall.used([key]) == {key: int(is_kept and not one.is_late)}
    require_money(till, one, order_of(till.api, trade_number(one.id)))
    is_out = one.state in (RedemptionState.SHIPPED, RedemptionState.DONE)
    assert one.report is (Report.DONE if is_out else Report.NONE)
    require_goods(till, one, is_kept=is_kept)
    return PAID if is_kept else str(one.state)


def require_goods(till: Till, one: Redemption, *, is_kept: bool) -> None:
    """Its one coupon or code is the member's exactly while its price is kept."""
    good = [coupon.state is not CouponState.CANCELLED for coupon in coupons_of(till, one.member_id)]
    assert good == ([is_kept] if one.good == "coupon" and one.codes else [])
    assert codes_of(till, one.id) == int(is_kept and one.good == "virtual")
    assert len(one.codes) == int(one.good != "parcel" and one.state is not RedemptionState.LAPSED)


def require_money(till: Till, one: Redemption, order: Order | None) -> None:
    """What WeChat Pay has of the money is what the redemption says, and is kept only for what was given."""
    back = refund_of(till.api, refund_number(one.id))
    if one.money is Money.PAID:
        assert order is not None
        assert (order.state, order.total_fen) == (State.PAID, FEN)
        assert back is None
        return
    assert one.state in (RedemptionState.LAPSED, RedemptionState.CANCELLED)
    if one.money is Money.AWAITED:
        assert order is None or order.state is State.CLOSED
        assert back is None
        return
    assert one.money is Money.REFUNDED
    assert order is not None
    assert back is not None
    assert order.state is State.REFUNDED
    assert (back.state, back.refund_fen) == (RefundState.DONE, FEN)
