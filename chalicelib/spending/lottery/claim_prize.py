"""A won parcel becomes a redemption (领奖): when its member says where it goes, or when nobody did in time.

The redemption's row is the guard, one for each draw: a claim, another and the lapse at once leave one of them. What
comes after a claim is the mall's: it is sent, picked up and received like what was redeemed.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.goods.good import Parcel
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.lottery.campaign import stock_id
from chalicelib.spending.lottery.model import Book, Drawn, claimed_as
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.mall.deliver import delivered
from chalicelib.spending.mall.fulfil import BY_ITSELF
from chalicelib.spending.mall.item import Price
from chalicelib.spending.mall.model import Delivery, Redemption, RedemptionState, state_once_paid
from chalicelib.spending.mall.pick_up import code_digest, new_code
from chalicelib.spending.mall.table import MallTable

ATTEMPTS = 4
PRIZE = "prize"
"""The one price of what was won: nothing."""
UNCLAIMED = "逾期未领取"


class Prizes(NamedTuple):
    """The tables that a claim touches."""

    lotteries: LotteryTable
    mall: MallTable
    ledger: LedgerTable


class Claimed(NamedTuple):
    """The redemption a prize has become, whether it was that before, and the code to pick it up with: told once."""

    redemption: Redemption
    replayed: bool
    pick_up_code: str = ""


def claim_prize(
    member_id: str, campaign_id: str, draw_id: str, delivery: Delivery, *, prizes: Prizes, now: datetime
) -> Claimed:
    """Say where a won parcel goes, once; again answers what stands. A paused campaign's prizes are claimed, too.

    Raises DRAW_NOT_FOUND for unknown and foreign ones; PRIZE_STATE for what is no parcel, and after the deadline;
    DELIVERY_MISSING for a way it cannot go and a store it cannot be picked up at; BUSY.
    """
    account = prizes.ledger.read(member_id)
    drawn = prizes.lotteries.drawn(campaign_id, draw_id)
    if drawn is None or not account.is_of(drawn.member_id):
        raise JifenError(Code.DRAW_NOT_FOUND)
    if drawn.kind != "parcel":
        raise JifenError(Code.PRIZE_STATE, "这个奖品已直接发放,不用领取")
    code = new_code() if delivery.way == "pick_up" else ""
    for _ in range(ATTEMPTS):
        if standing := prizes.mall.redemption(claimed_as(drawn.id)):
            return _again(standing)
        book = prizes.lotteries.book(campaign_id, now)
        gives = _open_parcel(book, drawn, delivery, now)
        made = _redemption(drawn, account.member_id, now)._replace(
            state=state_once_paid(delivery),
            delivery=delivered(gives, delivery, stores=prizes.mall.stores, now=now),
            pick_up_digest=code_digest(code) if code else "",
        )
        if prizes.lotteries.settle(drawn, prizes.mall.new_redemption(made)):
            return Claimed(made, False, code)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def lapse(drawn: Drawn, *, prizes: Prizes, now: datetime) -> bool:
    """Nobody claimed it in time: it is closed, and its piece goes back to the stock. Whether this call did that."""
    made = _redemption(drawn, drawn.member_id, now)._replace(
        state=RedemptionState.LAPSED, reason=UNCLAIMED, changed_at=now
    )
    told = prizes.mall.told(made, Line("lapsed", BY_ITSELF, now, UNCLAIMED))
    return prizes.lotteries.settle(drawn, prizes.mall.new_redemption(made), told, _piece_back(made, prizes))


def _piece_back(made: Redemption, prizes: Prizes) -> Also:
    return stock_returned(prizes.mall.name, made.stock_id, made.quantity)


def _again(standing: Redemption) -> Claimed:
    if standing.state is RedemptionState.LAPSED:
        raise JifenError(Code.PRIZE_STATE, "领奖期限已过,奖品已失效")
    return Claimed(standing, True)


def _open_parcel(book: Book, drawn: Drawn, delivery: Delivery, now: datetime) -> Parcel:
    """What was won, while it can be claimed and go this way."""
    if book.claim_until_at and now >= book.claim_until_at:
        raise JifenError(Code.PRIZE_STATE, "领奖期限已过,奖品已失效")
    gives = book.versions[-1].campaign.prize(drawn.prize).gives
    if not isinstance(gives, Parcel) or delivery.way not in gives.ways:
        raise JifenError(Code.DELIVERY_MISSING, "这个奖品不支持这种配送方式", field="delivery")
    return gives


def _redemption(drawn: Drawn, member_id: str, now: datetime) -> Redemption:
    """The row of a won piece; what becomes of it is the caller's."""
    return Redemption(
        id=claimed_as(drawn.id),
        member_id=member_id,
        item_id=f"{drawn.campaign_id}.{drawn.prize}",
        name=drawn.name,
        good=drawn.kind,
        price=Price(id=PRIZE, points=0),
        quantity=1,
        quoted_at=drawn.at,
        made_at=now,
        state=RedemptionState.LAPSED,
        stock_id=stock_id(drawn.campaign_id, drawn.prize, drawn.place),
        draw=f"{drawn.campaign_id}#{drawn.id}",
    )
