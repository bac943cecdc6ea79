"""What a member has in a campaign: draws made, chances left, what stands between him and the next draw. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from chalicelib.errors import Code
from chalicelib.ledger.counters import Counted, used
from chalicelib.ledger.model import Account, business_on
from chalicelib.programme.conditions import in_words, of_the_member
from chalicelib.programme.model import Terms
from chalicelib.programme.standing import NO_TAGS, standing_of
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.model import Book, State
from chalicelib.spending.lottery.sense import MOST_DAYS


class WhyNot(NamedTuple):
    """What stands between a member and a draw."""

    code: Code
    text: str


Cost = Literal["chance", "points"]
"""What a draw is paid with."""


class Left(NamedTuple):
    """What a member has left today."""

    draws: int
    """Of the day's draws, however they are paid."""
    chances: int
    """Of those earned in the campaign."""

    @property
    def cost(self) -> Cost:
        """What the next draw is paid with: a chance while there is one."""
        return "chance" if self.chances else "points"


def drawn_today(campaign_id: str) -> str:
    """The counter of a member's draws of a day, short for the account's sake; no rule, cap or task can be named so."""
    return f":d{campaign_id}"


def chances_used(campaign_id: str) -> str:
    """The counter of the chances a member has drawn with."""
    return f":c{campaign_id}"


def counts_of(campaign_id: str, campaign: Campaign, on: date, zone: str, *, by_chance: bool) -> tuple[Counted, ...]:
    """What a draw counts. Chances are counted as long as any campaign that began then may last: its end may move."""
    counts = (Counted(drawn_today(campaign_id), on, 1),)
    if not by_chance:
        return counts
    through_on = business_on(campaign.from_at, zone) + timedelta(days=MOST_DAYS + 1)
    return (*counts, Counted(chances_used(campaign_id), through_on, 1))


def left_of(account: Account, campaign_id: str, campaign: Campaign, earned: int, on: date) -> Left:
    """What is left of the day's draws and of the `earned` chances."""
    return Left(
        max(campaign.daily_draws - used(account.counters, drawn_today(campaign_id), on), 0),
        max(earned - used(account.counters, chances_used(campaign_id), on), 0),
    )


def closed(book: Book, campaign: Campaign, now: datetime) -> WhyNot | None:
    """Why nobody may draw now."""
    if book.head.state is State.PAUSED:
        return WhyNot(Code.LOTTERY_CLOSED, "抽奖活动暂停中" + (f":{book.head.reason}" if book.head.reason else ""))
    if now < campaign.from_at:
        return WhyNot(Code.LOTTERY_CLOSED, "抽奖活动还没有开始")
    if now >= campaign.until_at:
        return WhyNot(Code.LOTTERY_CLOSED, "抽奖活动已结束")
    return None


def barred(
    campaign: Campaign, account: Account, tags: frozenset[str], left: Left, terms: Terms, on: date
) -> WhyNot | None:
    """Why this member, who has these tags, may not draw, whatever his points."""
    if account.frozen:
        return WhyNot(Code.MEMBER_FROZEN, Code.MEMBER_FROZEN.msg)
    name = of_the_member(campaign.who, NO_TAGS, standing_of(account, terms, on, tags), on)
    if name is not None:
        return WhyNot(Code.NOT_ELIGIBLE, in_words(campaign.who, name))
    if not left.draws:
        return WhyNot(Code.DRAW_LIMIT, f"每天最多抽{campaign.daily_draws}次,明天再来")
    if not left.chances and campaign.points is None:
        return WhyNot(Code.NO_CHANCE, Code.NO_CHANCE.msg)
    return None


def costs_otherwise(asked: Cost | None, campaign: Campaign, left: Left) -> WhyNot | None:
    """That the next draw is not paid with what the member was told that it would be; None where he stated nothing."""
    if asked in (None, left.cost):
        return None
    if asked == "chance":
        return WhyNot(Code.DRAW_COST_CHANGED, f"抽奖机会已用完,这次抽奖需要{campaign.points}分,请确认后再抽")
    return WhyNot(Code.DRAW_COST_CHANGED, "你有抽奖机会,这次抽奖不用积分,请确认后再抽")
