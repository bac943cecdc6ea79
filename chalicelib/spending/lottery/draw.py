"""One draw (抽奖): paid, drawn and given in one transaction, once for each key of the member's.

The ticket is drawn once a call, before anything is judged, and goes through every lost race with it: nothing that the
member or another does leads to another ticket. The draw's own row is the guard: whoever asks again under the same key
is answered from it, whatever has changed since.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn, Redeem
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import Account, Cause, Kind, Part, Posting, Refusal, Stock, business_on
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.give import Handed, hand
from chalicelib.spending.goods.good import Parcel, Virtual
from chalicelib.spending.goods.model import Given, PoolCode
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery.campaign import Campaign, Points, Prize, Thanks, stock_id
from chalicelib.spending.lottery.count_chances import count_chances
from chalicelib.spending.lottery.model import Drawn, Version, draw_id
from chalicelib.spending.lottery.standing import barred, closed, counts_of, left_of
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.lottery.wheel import draw, total
from chalicelib.spending.mall.item import pool_stock

ACTIVITY = "lottery"
ATTEMPTS = 3
"""How often other codes of a pool are picked when somebody else got the first ones."""
_MOST_COUPONS = 10

Roll = Callable[[int], int]
"""A whole number from 0 up to but not including this one, every one as likely."""


class Rooms(NamedTuple):
    """The tables that a draw touches."""

    ledger: LedgerTable
    lotteries: LotteryTable
    goods: GoodsTable


class Asked(NamedTuple):
    """One draw that was asked for, and what chance has made of it."""

    id: str
    campaign_id: str
    version: Version
    ticket: int
    earned: int
    """Chances."""
    coupon_codes: tuple[str, ...]
    picked: tuple[PoolCode, ...]
    """A free code of the pool that the ticket wins from, if there is one."""
    at: datetime

    @property
    def campaign(self) -> Campaign:
        return self.version.campaign


class Answer(NamedTuple):
    """A draw as it stands; `replayed` when it was made before."""

    drawn: Drawn
    replayed: bool


def draw_once(
    campaign_id: str,
    member_id: str,
    *,
    key: str,
    is_adult: bool,
    rooms: Rooms,
    terms: Terms,
    now: datetime,
    roll: Roll = lambda tickets: secrets.randbelow(tickets),
) -> Answer:
    """Draw in a campaign, paid with a chance while there is one, else with points; again under `key`: the first answer.

    Raises ADULTS_ONLY, LOTTERY_NOT_FOUND, LOTTERY_CLOSED, NOT_ELIGIBLE, DRAW_LIMIT, NO_CHANCE, INSUFFICIENT_POINTS,
    MEMBER_FROZEN, BUSY.
    """
    if not is_adult:
        raise JifenError(Code.ADULTS_ONLY, field="is_adult")
    id = draw_id(campaign_id, member_id, key)
    try:
        return _drawn(id, campaign_id, member_id, rooms, terms, now, roll)
    except JifenError:
        standing = rooms.lotteries.drawn(campaign_id, id)
        if standing is None:
            raise
        return Answer(standing, replayed=True)


def _drawn(id: str, campaign_id: str, member_id: str, rooms: Rooms, terms: Terms, now: datetime, roll: Roll) -> Answer:
    book = rooms.lotteries.book(campaign_id, now)
    version = book.at(now)
    if why := closed(book, version.campaign, now):
        raise JifenError(why.code, why.text)
    asked = Asked(
        id=id,
        campaign_id=campaign_id,
        version=version,
        ticket=roll(total(version.campaign.prizes)),
        earned=_earned(version.campaign, member_id, rooms.ledger, terms.zone),
        coupon_codes=tuple(f"{secrets.randbelow(10**16):016d}" for _ in range(_MOST_COUPONS)),
        picked=(),
        at=now,
    )
    for attempt in range(ATTEMPTS + 1):
        # Who is unlucky with every code of a pool gets the fallback, as if there were none: not another ticket.
        asked = asked._replace(picked=_picked(asked, rooms.goods) if attempt < ATTEMPTS else ())
        made: list[Drawn] = []
        try:
            receipt = spend(
                member_id,
                partial(_decided, asked, made, rooms.lotteries, terms),
                ledger=rooms.ledger,
                terms=terms.ledger,
                now=now,
            )
        except JifenError as error:
            if error.code is not Code.BUSY or not asked.picked or attempt == ATTEMPTS:
                raise
        else:
            if receipt.replayed:  # its entry stands: so does its row
                raise JifenError(Code.KEY_REUSED)
            return Answer(made[-1], replayed=False)
    raise AssertionError("the last attempt answers or raises")


def _earned(campaign: Campaign, member_id: str, ledger: LedgerTable, zone: str) -> int:
    if not campaign.grants:
        return 0
    return count_chances(campaign, ledger.read(member_id), ledger=ledger, zone=zone)


def _picked(asked: Asked, goods: GoodsTable) -> tuple[PoolCode, ...]:
    gives = draw(asked.ticket, asked.campaign.prizes).gives
    if not isinstance(gives, Virtual):
        return ()
    try:
        return goods.free_codes(gives.pool, 1)
    except JifenError as error:
        if error.code is not Code.SOLD_OUT:
            raise
        return ()


def _decided(asked: Asked, made: list[Drawn], lotteries: LotteryTable, terms: Terms, seen: Seen) -> Posting:
    """The draw's posting for the member as he is read; what it makes of the draw goes into `made`."""
    account, campaign = seen.account, asked.campaign
    today_on = business_on(asked.at, terms.zone)
    cause = _cause(asked, account.member_id)
    left = left_of(account, asked.campaign_id, campaign, asked.earned, today_on)
    if why := barred(campaign, account, left, terms, today_on):
        raise Refusal(why.code, cause, why.text)
    wheel_prize = draw(asked.ticket, campaign.prizes)
    prize = _given_prize(wheel_prize, asked, seen, lotteries.name)
    spent = 0 if left.chances else campaign.points or 0
    pay = Redeem(
        cause,
        spent,
        terms.version,
        text=f"{campaign.name}:{prize.name}" + ("" if spent else "(抽奖机会)"),
        facts={
            "draw": asked.id,
            "version": asked.version.number,
            "ticket": asked.ticket,
            "wheel_prize": wheel_prize.id,
            "prize": prize.id,
        },
        counts=counts_of(asked.campaign_id, campaign, today_on, terms.zone, by_chance=not spent),
    )
    posting = apply(account, [pay, *_won_points(prize, asked, cause, terms)], terms.ledger, asked.at)
    handed = _handed(prize, asked, account, lotteries.name, terms.zone)
    drawn = _row(asked, account, wheel_prize, prize, spent, handed, posting.account.available_points)
    made.append(drawn)
    stocks = _stocks(prize, asked, lotteries.name)
    return posting._replace(also=(lotteries.put_drawn(drawn), *handed.also), stocks=stocks)


def _cause(asked: Asked, member_id: str) -> Cause:
    return Cause(
        kind=Kind.REDEEM,
        activity=ACTIVITY,
        id=asked.id,
        at=asked.at,
        occurred_at=asked.at,
        source="mini_program",
        actor=member_id,
        campaign=asked.campaign_id,
    )


def _given_prize(wheel_prize: Prize, asked: Asked, seen: Seen, table: str) -> Prize:
    """The wheel's prize, or what it said beforehand that it becomes when none is left."""
    ran_out = any(stock.id in seen.spent_budgets for stock in _stocks(wheel_prize, asked, table))
    has_no_code = isinstance(wheel_prize.gives, Virtual) and not asked.picked
    if wheel_prize.fallback and (ran_out or has_no_code):
        return asked.campaign.prize(wheel_prize.fallback)
    return wheel_prize


def _stocks(prize: Prize, asked: Asked, table: str) -> tuple[Stock, ...]:
    """What is taken from shelves: of a pool its own stock, too, which other prizes and items share."""
    stocks: tuple[Stock, ...] = ()
    if prize.count is not None:
        id = stock_id(asked.campaign_id, prize.id, asked.campaign.slice_at(asked.at))
        stocks = (Stock(table, id, asked.version.shards[prize.id], 1),)
    if isinstance(prize.gives, Virtual):
        stocks = (*stocks, Stock(table, pool_stock(prize.gives.pool), 1, 1))
    return stocks


def _won_points(prize: Prize, asked: Asked, cause: Cause, terms: Terms) -> tuple[Earn, ...]:
    if not isinstance(prize.gives, Points):
        return ()
    points, on = prize.gives.points, business_on(asked.at, terms.zone)
    why = f"{asked.campaign.name}抽中{prize.name}"
    return (
        Earn(
            cause._replace(kind=Kind.EARN),
            points,
            prize.gives.validity.bucket(PointsClass.ACTIVITY, on),
            "",
            terms.version,
            breakdown=(Part("", points, why),),
            text=why,
            facts={"draw": asked.id},
        ),
    )


def _handed(prize: Prize, asked: Asked, account: Account, table: str, zone: str) -> Handed:
    """What beside points is given; of a thing that is sent the draw's own row says so."""
    if isinstance(prize.gives, Points | Thanks | Parcel):
        return Handed((), ())
    return hand(
        prize.gives,
        prize.name,
        1,
        member_id=account.member_id,
        given=Given("lottery", asked.id, asked.at, business_on(asked.at, zone)),
        new_codes=iter(asked.coupon_codes),
        picked=asked.picked,
        table=table,
    )


def _row(
    asked: Asked, account: Account, wheel_prize: Prize, prize: Prize, spent: int, handed: Handed, after_points: int
) -> Drawn:
    campaign = asked.campaign
    return Drawn(
        id=asked.id,
        campaign_id=asked.campaign_id,
        version=asked.version.number,
        member_id=account.member_id,
        at=asked.at,
        ticket=asked.ticket,
        total=total(campaign.prizes),
        wheel_prize=wheel_prize.id,
        prize=prize.id,
        name=prize.name,
        kind=prize.gives.kind,
        value_fen=prize.value_fen,
        points_spent=spent,
        points_won=prize.gives.points if isinstance(prize.gives, Points) else 0,
        codes=handed.codes,
        pool=prize.gives.pool if isinstance(prize.gives, Virtual) else "",
        balance_after_points=after_points,
        place=campaign.slice_at(asked.at),
        is_shown=prize.value_fen > campaign.shown_above_fen,
    )
