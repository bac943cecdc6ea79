"""Which changes of a published campaign are for members alone: no other is ever made. Pure.

more pieces of a prize            count up
better odds of a better prize     weight up, taken from thanks or, without it, from what is worth least; same total
cheaper draws                     points down
more chances                      more draws a day, more chances for a deed, higher or no limits, a further deed
more time                         a later end of draws, of claims
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib.spending.lottery.campaign import Campaign, Grant, Prize, Thanks
from chalicelib.spending.lottery.wheel import total

Faults = Iterator[tuple[str, str]]
Plain = Mapping[str, Any]
_WORSE = "只能作对会员有利的调整"
_OTHER = "公示后不能更改"
_MAY_CHANGE = frozenset({"until_at", "claim_until_at", "points", "daily_draws", "grants", "prizes", "slices"})


def unfavourable(before: Campaign, after: Campaign) -> Faults:
    """(path, reason in Chinese) of each change that members could lose by, or that is none of the allowed."""
    for name in before.__dataclass_fields__:
        if name not in _MAY_CHANGE and getattr(before, name) != getattr(after, name):
            yield name, _OTHER
    if after.until_at < before.until_at:
        yield "until_at", _WORSE
    if before.claim_until_at and (after.claim_until_at is None or after.claim_until_at < before.claim_until_at):
        yield "claim_until_at", _WORSE  # who had none stated is no worse off when the next version states one
    if after.points != before.points and (
        after.points is None or before.points is None or after.points > before.points
    ):
        yield "points", _WORSE
    if after.daily_draws < before.daily_draws:
        yield "daily_draws", _WORSE
    yield from _of_grants(before.grants, after.grants)
    yield from _of_prizes(before, after)
    yield from _of_slices(before, after)


def out_of_reach(before: Campaign | None, after: Campaign, now: datetime) -> Faults:
    """(path, reason) of each slice that is over and would hold pieces which nobody could win any more."""
    ends = [*(one.from_at for one in after.slices[1:]), after.until_at]
    for place, end_at in enumerate(ends[: len(after.slices)]):
        had = before.counts(place) if before else {}
        if end_at <= now and any(count > had.get(prize_id, 0) for prize_id, count in after.counts(place).items()):
            yield f"slices.{place}", "已经结束,放入的奖品无法抽中"


def _of_grants(before: tuple[Grant, ...], after: tuple[Grant, ...]) -> Faults:
    """Grants keep their places; further ones come after them."""
    if len(after) < len(before):
        yield "grants", _WORSE
    for place, (old, new) in enumerate(zip(before, after, strict=False)):
        if (old.activity, old.rules) != (new.activity, new.rules):
            yield f"grants.{place}", _OTHER
        if new.chances < old.chances:
            yield f"grants.{place}.chances", _WORSE
        for name in ("most_per_day", "most"):
            had, has = getattr(old, name), getattr(new, name)
            if has is not None and (had is None or has < had):
                yield f"grants.{place}.{name}", _WORSE


def _of_prizes(before: Campaign, after: Campaign) -> Faults:
    if [prize.id for prize in before.prizes] != [prize.id for prize in after.prizes]:
        yield "prizes", _OTHER
        return
    yield from _of_odds(before, after)
    for place, (old, new) in enumerate(zip(before.prizes, after.prizes, strict=True)):
        same = ("name", "gives", "value_fen", "fallback")
        for name in same:
            if getattr(old, name) != getattr(new, name):
                yield f"prizes.{place}.{name}", _OTHER
        if old.count != new.count and (old.count is None or new.count is None or new.count < old.count):
            yield f"prizes.{place}.count", _WORSE


def _of_odds(before: Campaign, after: Campaign) -> Faults:
    if total(before.prizes) != total(after.prizes):
        yield "prizes", "的权重之和不能更改"
    for place, (old, new) in enumerate(zip(before.prizes, after.prizes, strict=True)):
        is_least = _is_least(old, before)
        if new.weight < old.weight and not is_least:
            yield f"prizes.{place}.weight", "只能从谢谢参与或价值最低的奖品调出"
        if new.weight > old.weight and is_least:
            yield f"prizes.{place}.weight", "只能调高更好的奖品的概率"


def _is_least(prize: Prize, campaign: Campaign) -> bool:
    """Whether no other prize is worse to win: that it states no value makes no prize as poor as thanks."""
    if any(isinstance(one.gives, Thanks) for one in campaign.prizes):
        return isinstance(prize.gives, Thanks)
    return prize.value_fen == min(one.value_fen for one in campaign.prizes)


def _of_slices(before: Campaign, after: Campaign) -> Faults:
    """A slice gets more pieces, never another beginning."""
    if [one.from_at for one in before.slices] != [one.from_at for one in after.slices]:
        yield "slices", _OTHER
        return
    for place in range(len(before.slices)):
        had, has = before.counts(place), after.counts(place)
        if any(has.get(prize_id, 0) < count for prize_id, count in had.items()):
            yield f"slices.{place}.portions", _WORSE
