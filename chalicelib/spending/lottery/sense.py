"""What a campaign must not be published with: the law's limits, and what could not be kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from chalicelib.ledger.validity import OnDate
from chalicelib.programme.activity import CHECK_IN, ORDER
from chalicelib.programme.conditions import EVERYTHING, When
from chalicelib.programme.forbidden import forbidden_deed
from chalicelib.programme.model import Programme
from chalicelib.spending.goods.good import Bundle, Coupon, Parcel, Virtual, coupons_of
from chalicelib.spending.lottery.campaign import Campaign, Grant, Points, Prize, Thanks
from chalicelib.spending.lottery.stocks import MOST_SHARDS, shards_of

Faults = Iterator[tuple[str, str]]

TOP_VALUE_FEN = 50_000 * 100
"""The most that one prize of a draw may be worth in China."""
MOST_DAYS = 92
"""How long a campaign may last: what gave chances is counted from the member's journal of these days."""
CLAIM_DAYS = 7
"""Days that the last winner has at least to claim what is sent."""
MOST_CLAIM_DAYS = 366
_NOT_OF_A_MEMBER = (
    "platforms",
    "skus",
    "categories",
    "weekdays",
    "hours",
    "from_on",
    "until_on",
    "first",
    "min_fen",
)
"""Conditions of a deed, which say nothing about who may draw."""


def faults_of(campaign: Campaign, programme: Programme, now: datetime) -> Faults:
    """(path, reason in Chinese) of everything that forbids publishing `campaign` now, under a programme."""
    timed = list(_of_the_time(campaign, now))
    yield from timed
    if campaign.points is None and not campaign.grants:
        yield "points", "和grants至少写一项,否则没有人能抽奖"
    for place, grant in enumerate(campaign.grants):
        yield from _of_a_grant(f"grants.{place}", grant, programme)
    yield from _of_who(campaign.who)
    ids = [prize.id for prize in campaign.prizes]
    for place, prize in enumerate(campaign.prizes):
        if ids.index(prize.id) < place:
            yield f"prizes.{place}.id", "有重复项"
        yield from _of_a_prize(f"prizes.{place}", prize, campaign, programme)
    if not timed:
        yield from _of_claims(campaign)
    if not timed and campaign.slices:
        yield from _of_slices(campaign)
    if sum(shards_of(campaign).values()) * max(len(campaign.slices), 1) > MOST_SHARDS:
        yield "slices", "太多:限量奖品的种类乘以时段数不能超过" + str(MOST_SHARDS)


def _of_the_time(campaign: Campaign, now: datetime) -> Faults:
    instants = [("from_at", campaign.from_at), ("until_at", campaign.until_at)]
    if campaign.claim_until_at:
        instants.append(("claim_until_at", campaign.claim_until_at))
    instants += [(f"slices.{place}.from_at", one.from_at) for place, one in enumerate(campaign.slices)]
    naive = [path for path, at in instants if at.tzinfo is None]
    yield from ((path, "应带时区") for path in naive)
    if naive:
        return
    if campaign.until_at <= max(campaign.from_at, now):
        yield "until_at", "应晚于开始时间和现在"
    elif campaign.until_at - campaign.from_at > timedelta(days=MOST_DAYS):
        yield "until_at", f"太晚,一次抽奖最长{MOST_DAYS}天"


def _of_claims(campaign: Campaign) -> Faults:
    """Who wins a thing in the last minute has time to say where it goes; nobody has for ever."""
    if campaign.claim_until_at is None:
        if any(prize.gives.kind == "parcel" for prize in campaign.prizes):
            yield "claim_until_at", "必填:有实物奖品时应公布领奖截止时间"
        return
    after = campaign.claim_until_at - campaign.until_at
    if not timedelta(days=CLAIM_DAYS) <= after <= timedelta(days=MOST_CLAIM_DAYS):
        yield "claim_until_at", f"应在抽奖结束后{CLAIM_DAYS}天到{MOST_CLAIM_DAYS}天之间"


def _of_a_grant(path: str, grant: Grant, programme: Programme) -> Faults:
    indicator = next((one for one in programme.indicators if one.id == grant.activity), None)
    if grant.activity not in (CHECK_IN, ORDER) and (indicator is None or indicator.penalty):
        yield f"{path}.activity", "不是当前方案里可以得分的行为"
        return
    deed = forbidden_deed(grant.activity, ())
    named = {rule.id: rule for rule in programme.rules if rule.activity == grant.activity}
    for rule_id in grant.rules:
        if rule_id not in named:
            yield f"{path}.rules", f"里的{rule_id}不是这个行为的规则"
    for id, text in [(grant.activity, indicator.name if indicator else ""), *((id, named[id].name) for id in named)]:
        if not grant.rules or id in grant.rules or id == grant.activity:
            deed = deed or forbidden_deed(id, (text,)) or _by_name(text)
    if deed:
        yield f"{path}.activity", f"是{deed},微信不允许以抽奖机会奖励{deed}"


def _by_name(text: str) -> str:
    """The deed that an indicator or rule is called in Chinese."""
    return next((deed for deed in ("分享", "转发", "关注", "点赞", "集赞", "下载") if deed in text), "")


def _of_who(who: When) -> Faults:
    if wrong := who.problem():
        yield f"who.{wrong[0]}", wrong[1]
    for name in _NOT_OF_A_MEMBER:
        if getattr(who, name) != getattr(EVERYTHING, name):
            yield f"who.{name}", "不是会员条件"


def _of_a_prize(path: str, prize: Prize, campaign: Campaign, programme: Programme) -> Faults:
    if wrong := _problem(prize):
        yield f"{path}.gives.{wrong[0]}", wrong[1]
    if prize.value_fen > TOP_VALUE_FEN:
        yield f"{path}.value_fen", "超过50000元,抽奖的最高奖不能超过这个金额"
    if prize.value_fen < (worth := _worth_fen(prize, programme)):
        yield f"{path}.value_fen", f"低于奖品自身的价值{worth}分钱"
    if isinstance(prize.gives, Thanks) and prize.value_fen:
        yield f"{path}.value_fen", "应为0"
    if isinstance(prize.gives, Parcel | Virtual) and not prize.value_fen:
        yield f"{path}.value_fen", "应大于0:按它公示价值较高的中奖者"
    if isinstance(prize.gives, Points) and isinstance(prize.gives.validity, OnDate):
        last_on = campaign.until_at.date() + timedelta(days=1)
        if prize.gives.validity.on <= last_on:
            yield f"{path}.gives.validity.on", "早于抽奖结束,抽中的积分将无法使用"
    yield from _of_a_fallback(path, prize, campaign)


def _of_a_fallback(path: str, prize: Prize, campaign: Campaign) -> Faults:
    may_end = prize.count is not None or prize.gives.kind == "virtual"
    if not may_end:
        if prize.fallback is not None:
            yield f"{path}.fallback", "不需要:这个奖品不限量"
        if prize.gives.kind == "parcel":
            yield f"{path}.count", "必填:实物奖品应公布数量"
        return
    if prize.gives.kind in ("points", "thanks"):
        yield f"{path}.count", "不能写:积分和谢谢参与不限量"
        return
    other = next((one for one in campaign.prizes if one.id == prize.fallback), None)
    if other is None or other.gives.kind not in ("points", "thanks"):
        yield f"{path}.fallback", "应是本活动的一个积分奖品或谢谢参与,奖品发完后改发它"


def _problem(prize: Prize) -> tuple[str, str] | None:
    gives = prize.gives
    if isinstance(gives, Points):
        problem = getattr(gives.validity, "problem", None)
        wrong = problem() if problem else None
        return (f"validity.{wrong[0]}", wrong[1]) if wrong else None
    return None if isinstance(gives, Thanks) else gives.problem()


def _worth_fen(prize: Prize, programme: Programme) -> int:
    """What a prize says of its own worth: points at the programme's value, coupons at their face."""
    gives = prize.gives
    if isinstance(gives, Points):
        return gives.points * programme.point_value.fen // programme.point_value.points
    if isinstance(gives, Coupon | Bundle):
        return sum(coupon.face_fen for coupon in coupons_of(gives))
    return 0


def _of_slices(campaign: Campaign) -> Faults:
    """Every slice holds every limited prize, in one proportion: nobody draws while the better ones are kept back."""
    whole = {prize.id: prize.count for prize in campaign.prizes if prize.count is not None}
    starts = [one.from_at for one in campaign.slices]
    if starts[0] != campaign.from_at or any(first >= then for first, then in pairwise(starts)):
        yield "slices", "应从活动开始时间起,按时间先后排列"
    if starts[-1] >= campaign.until_at:
        yield "slices", "的最后一段应早于活动结束时间开始"
    for place, one in enumerate(campaign.slices):
        held = campaign.counts(place)
        if len(held) != len(one.portions) or set(held) != set(whole):
            yield f"slices.{place}.portions", "应各写一次全部限量奖品"
            return
        pairs = pairwise(sorted(whole))
        if any(held[one_id] * (whole[other] or 0) != held[other] * (whole[one_id] or 0) for one_id, other in pairs):
            yield f"slices.{place}.portions", "应与各奖品总数同比例"
    for prize_id, count in whole.items():
        if sum(campaign.counts(place)[prize_id] for place in range(len(campaign.slices))) != count:
            yield "slices", f"里{prize_id}的数量之和应等于它的总数"
