"""What a draw comes to for one member: who may, what it costs, what the ticket wins, and all that is written. Pure but
for the shape of its writes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn, Redeem
from chalicelib.ledger.model import Account, Cause, Kind, Part, Posting, Refusal, Stock, business_on
from chalicelib.ledger.table import Seen
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.give import Handed, hand
from chalicelib.spending.goods.good import Parcel, Virtual
from chalicelib.spending.goods.model import Given, PoolCode
from chalicelib.spending.lottery.campaign import Campaign, Points, Prize, Thanks, stock_id
from chalicelib.spending.lottery.model import Drawn, Version
from chalicelib.spending.lottery.standing import Cost, barred, costs_otherwise, counts_of, left_of
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.lottery.wheel import draw, total
from chalicelib.spending.mall.item import pool_stock

ACTIVITY = "lottery"


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
    cost: Cost | None = None
    """What the member was told that it would be paid with; None: whatever it is."""

    @property
    def campaign(self) -> Campaign:
        return self.version.campaign


def decide(
    asked: Asked, tags: frozenset[str], lotteries: LotteryTable, terms: Terms, seen: Seen
) -> tuple[Posting, Drawn]:
    """The draw's posting for the member as he is read, with these tags, and its row. Pure; a Refusal where he may not
    draw, or it would be paid otherwise than he was told.
    """
    account, campaign = seen.account, asked.campaign
    today_on = _counted_on(account, asked.at, terms.zone)
    cause = _cause(asked, account.member_id)
    left = left_of(account, asked.campaign_id, campaign, asked.earned, today_on)
    if why := barred(campaign, account, tags, left, terms, today_on):
        raise Refusal(why.code, cause, why.text)
    if why := costs_otherwise(asked.cost, campaign, left):
        raise Refusal(why.code, cause, why.text, field="cost")
    wheel_prize = draw(asked.ticket, campaign.prizes)
    prize = _given_prize(wheel_prize, asked, seen, lotteries.name)
    spent = 0 if left.cost == "chance" else campaign.points or 0
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
    also = (lotteries.put_drawn(drawn), *handed.also)
    return posting._replace(also=also, stocks=_stocks(prize, asked, lotteries.name)), drawn


def _counted_on(account: Account, at: datetime, zone: str) -> date:
    """The day whose draws it is one of. Who asks before midnight and is judged after a posting of the next day draws
    on that day: the account has forgotten how often he drew on the one before.
    """
    return business_on(max(at, account.posted_at or at), zone)


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
    ran_out = any(stock.id in seen.spent for stock in _stocks(wheel_prize, asked, table))
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
        claim_until_at=campaign.claim_until_at if isinstance(prize.gives, Parcel) else None,
    )
