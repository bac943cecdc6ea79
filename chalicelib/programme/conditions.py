"""The conditions of a rule: all that are stated must hold, and the first that does not is named. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Annotated

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Ordered, Standing, money_fen
from chalicelib.programme.buyers import is_buyer
from chalicelib.programme.caps import Id

Word = Annotated[str, Len(1, 64)]
WEEKDAYS = "一二三四五六日"


@document
class When:
    """When a rule answers. Lists are "one of these"; an empty one, or None, states nothing."""

    levels: Annotated[tuple[Word, ...], Len(0, 20)] = ()
    tags: Annotated[tuple[Word, ...], Len(0, 50)] = ()
    """The member has one of these tags, or the event itself has. Members' own count where points are spent, in the mall
    and the lottery; what earns looks at the event's alone.
    """
    platforms: Annotated[tuple[Word, ...], Len(0, 20)] = ()
    skus: Annotated[tuple[Word, ...], Len(0, 1000)] = ()
    """Only these lines of an order earn."""
    categories: Annotated[tuple[Word, ...], Len(0, 200)] = ()
    """Only lines of these categories earn; together with `skus` a line must be in both."""
    weekdays: Annotated[tuple[Annotated[int, Ge(1), Le(7)], ...], Len(0, 7)] = ()
    hours: Annotated[tuple[tuple[Annotated[int, Ge(0), Le(23)], Annotated[int, Ge(1), Le(24)]], ...], Len(0, 12)] = ()
    """[from, to) in the programme's zone."""
    from_on: date | None = None
    until_on: date | None = None
    """The last day, itself included."""
    first: bool = False
    """Only this rule's first award to the member, for ever."""
    min_fen: Annotated[int, Ge(0), Le(10**9)] = 0
    """Least money paid for the lines that earn: without freight, coupon and points, less refunds."""
    within_days_of_joining: Annotated[int, Ge(1), Le(3660)] | None = None
    """The day of joining is the first of these days; a deed of an earlier business day is none of a newcomer's."""
    buyers: bool = False
    """Only members with an order that was credited before and has not come back whole."""
    gate: Id | None = None
    """Only members whose level, or a running trial's, has this gate among its privileges."""

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) of what can never hold or stands twice."""
        for name in ("levels", "tags", "platforms", "skus", "categories", "weekdays"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                return name, "有重复项"
        for place, (first_hour, end_hour) in enumerate(self.hours):
            if first_hour >= end_hour:
                return f"hours.{place}", "的开始应早于结束"
        if self.from_on and self.until_on and self.from_on > self.until_on:
            return "until_on", "早于开始日期"
        return None


EVERYTHING = When()


@document
class Trial:
    """A rule or task that only these members see, before all do."""

    members: Annotated[tuple[Annotated[str, Len(1, 64)], ...], Len(0, 1000)]


Check = Callable[[When, Activity, Standing, date, int], str | None]


def checks_of(when: When) -> tuple[Check, ...]:
    """The checks that `when` needs at all, in the order in which they are asked; `first` is no check."""
    checks: list[Check] = []
    if when.from_on or when.until_on or when.weekdays or when.hours:
        checks.append(_of_the_time)
    if when.levels or when.gate or when.tags or when.buyers or when.within_days_of_joining is not None:
        checks.append(_of_the_member)
    if when.platforms or when.skus or when.categories or when.min_fen:
        checks.append(_of_the_deed)
    return tuple(checks)


def unmet(
    checks: Iterable[Check], when: When, activity: Activity, standing: Standing, on: date, hour: int
) -> str | None:
    """The name of the first condition that does not hold, None when all do; `on` and `hour` as `judged_at` says."""
    for check in checks:
        name = check(when, activity, standing, on, hour)
        if name is not None:
            return name
    return None


def judged_at(activity: Activity, on: date, hour: int) -> tuple[date, int]:
    """The business date and hour by which conditions are judged: those of the deed itself, where it knows them."""
    if isinstance(activity, Behaved):
        return activity.on, activity.hour
    if isinstance(activity, Ordered):
        return activity.paid_on or on, hour if activity.hour is None else activity.hour
    return activity.on, hour


def _of_the_time(when: When, activity: Activity, standing: Standing, on: date, hour: int) -> str | None:
    if when.from_on is not None and on < when.from_on:
        return "from_on"
    if when.until_on is not None and on > when.until_on:
        return "until_on"
    if when.weekdays and on.isoweekday() not in when.weekdays:
        return "weekdays"
    if when.hours and not any(first <= hour < end for first, end in when.hours):
        return "hours"
    return None


def _of_the_member(when: When, activity: Activity, standing: Standing, on: date, hour: int) -> str | None:
    return of_the_member(when, activity.tags if isinstance(activity, Behaved) else _NO_TAGS, standing, on)


_NO_TAGS: frozenset[str] = frozenset()


def of_the_member(when: When, own_tags: frozenset[str], standing: Standing, on: date) -> str | None:
    """The name of the first condition on the member that does not hold; `own_tags` are those of the event itself."""
    if when.levels and standing.level not in when.levels:
        return "levels"
    if when.gate is not None and when.gate not in standing.gates:
        return "gate"
    if when.tags and standing.tags.isdisjoint(when.tags) and own_tags.isdisjoint(when.tags):
        return "tags"
    if when.within_days_of_joining is not None:
        joined_on = standing.joined_on
        if joined_on is None or not 0 <= (on - joined_on).days < when.within_days_of_joining:
            return "within_days_of_joining"
    if when.buyers and not is_buyer(standing.counters, on):
        return "buyers"
    return None


def _of_the_deed(when: When, activity: Activity, standing: Standing, on: date, hour: int) -> str | None:
    if isinstance(activity, CheckedIn):
        return None
    if when.platforms and activity.platform not in when.platforms:
        return "platforms"
    if isinstance(activity, Behaved):
        return "min_fen" if activity.fen < when.min_fen else None
    if (when.skus or when.categories) and not any(earning_lines(when, activity) or ()):
        return "skus" if when.skus else "categories"
    if when.min_fen and earning_money_fen(when, activity) < when.min_fen:
        return "min_fen"
    return None


def earning_money_fen(when: When, order: Ordered) -> int:
    """What was paid in money for the lines that earn, less refunds."""
    if not (when.skus or when.categories):
        return sum(money_fen(order))
    return sum(only(earning_lines(when, order), money_fen(order)))


def still_holds(when: When, before: Ordered, after: Ordered) -> bool:
    """Whether an order after refunds still has its rule's least amount, and any money of what it had before."""
    fen = earning_money_fen(when, after)
    return fen >= when.min_fen and (fen > 0 or not earning_money_fen(when, before))


def earning_lines(when: When, order: Ordered) -> tuple[bool, ...] | None:
    """For each line whether it earns under `skus` and `categories`; None when neither is stated and all do."""
    if not (when.skus or when.categories):
        return None
    return tuple(
        (not when.skus or line.sku in when.skus) and (not when.categories or line.category in when.categories)
        for line in order.lines
    )


def only(earning: Sequence[bool] | None, amounts: Sequence[int]) -> Sequence[int]:
    """`amounts` of the earning lines, 0 for the others; what follows the lines (the freight) earns only with all."""
    if earning is None:
        return amounts
    places = range(len(amounts))
    return [amounts[place] if place < len(earning) and earning[place] else 0 for place in places]


def in_words(when: When, name: str) -> str:
    """Why a condition does not hold and when it can, fit to show a member."""
    if name == "from_on":
        return f"活动{_day(when.from_on)}开始"
    if name == "until_on":
        return f"活动已于{_day(when.until_on)}结束"
    if name == "weekdays":
        days = "、".join(f"周{WEEKDAYS[day - 1]}" for day in sorted(when.weekdays))
        return f"仅限{days}"
    if name == "hours":
        hours = "、".join(f"{first}点至{end}点" for first, end in when.hours)
        return f"仅限{hours}"
    if name == "min_fen":
        return f"满{yuan(when.min_fen)}元可得"
    if name == "within_days_of_joining":
        return f"仅限入会{when.within_days_of_joining}天内"
    return _PLAIN[name]


_PLAIN = {
    "levels": "当前等级不参加",
    "gate": "仅限享有该权益的等级参加",
    "tags": "仅限受邀会员参加",
    "buyers": "仅限有过消费的会员",
    "platforms": "该渠道不参加",
    "skus": "本单没有参加活动的商品",
    "categories": "本单没有参加活动的商品",
}


def yuan(fen: int) -> str:
    """Fen as yuan, without needless zeros."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}" if rest else str(whole)


def _day(on: date | None) -> str:
    return f"{on.year}年{on.month}月{on.day}日" if on else ""
