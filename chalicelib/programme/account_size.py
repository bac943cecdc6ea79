"""How large the account of one member may grow under a programme: every counter in use, points of every date. Pure.

An account beyond a kilobyte costs two write units more per operation.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.counters import Count
from chalicelib.ledger.items import account_item
from chalicelib.ledger.model import Account
from chalicelib.ledger.validity import Validity
from chalicelib.programme.activity import ORDER
from chalicelib.programme.buyers import ORDERS
from chalicelib.programme.growth import GRANTED, SUM
from chalicelib.programme.model import Prepared, Programme, Rule, Terms
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.rules.streak import MADE_UP, Streak
from chalicelib.programme.tasks import LUMP_UNIT, Task, counter_name

UNIT_BYTES = 1024
OTHER_BYTES = 395
"""Everything of an account but what is in its maps of buckets and counters, at its largest; asserted in
tests/ledger/test_budgets.py.
"""
IDLE_BYTES = 37
"""When points last ended for want of activity."""
BUCKET_BYTES = 9
"""A key of four characters and six digits of points, with their place in the map."""
_ON = date(2027, 6, 15)
_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
LONGEST_DAYS = 3700
"""No validity lasts longer, but for those without a date, whose points share one bucket."""


def largest_account_bytes(programme: Programme) -> int:
    """What DynamoDB counts for an account whose member did all that the enabled rules and tasks answer."""
    counters = account_item(Account("m", "0000", counters=largest_counters(programme))).get("counters", {})
    in_counters = sum(1 + len(name) + len(count) for name, count in counters.items())
    idle = IDLE_BYTES if programme.idle_months else 0
    return OTHER_BYTES + idle + in_counters + BUCKET_BYTES * most_buckets(programme)


def largest_counters(programme: Programme) -> dict[str, Count]:
    """Every counter that enabled rules and tasks may fill, each near its largest figure."""
    terms = Terms(1, datetime(2020, 1, 1, tzinfo=UTC), programme)
    counters: dict[str, Count] = {}
    for answers in terms.answers.values():
        for one in () if answers.is_penalty else (*answers.rules, *answers.multipliers):
            counters |= _of_rule(one)
        for task, lump in answers.tasks:
            counters |= _of_rule(lump)
            last_on = _ON if task.counts == "days" else None
            for window in range(_windows(task)):
                name = counter_name(task.id, _ON + timedelta(days=window))
                counters[name] = Count(_ON, task.goal * LUMP_UNIT + task.points, last_on)
    if programme.growth and programme.growth.behaviour:
        counters[SUM] = Count(_ON, 99_999)
        counters[GRANTED] = Count(_ON, programme.growth.behaviour.most_per_year)
    if ORDER in terms.answers:
        counters[ORDERS] = Count(None, 999)
    if programme.transfer:
        counters[":transfer.points"] = Count(_ON, programme.transfer.max_points_per_day)
        counters[":transfer.times"] = Count(_ON, programme.transfer.times_per_day)
    return counters


def _windows(task: Task) -> int:
    """How many windows of a task an account may count in, or still answer for, at once."""
    if task.window.kind == "dates":
        return 1
    shortest_days = {"week": 7, "month": 28, "quarter": 90, "year": 365}[task.window.kind]
    return 1 + -(-task.refund_days // shortest_days)


def _of_rule(one: Prepared) -> dict[str, Count]:
    rule, amount = one.rule, one.rule.amount
    counters = {limit.name: Count(None if limit.period == "ever" else _ON, limit.most) for limit in one.limits}
    if one.first:
        counters[one.first] = Count(None, 1)
    if isinstance(amount, Ladder):
        counters[f"{rule.id}:l{amount.period[0]}"] = Count(None if amount.period == "ever" else _ON, 9999)
    if isinstance(amount, Cumulative) and amount.claim == "by_hand":
        counters |= {f"{rule.id}:c{reward.days}": Count(_ON, 1) for reward in amount.rewards}
    if isinstance(amount, Streak) and amount.make_up:
        counters[MADE_UP] = Count(_ON, amount.make_up.per_month)
    return counters


def most_buckets(programme: Programme) -> int:
    """How many buckets may stand at once: rules of one class share those that end on one day."""
    penalties = {one.id for one in programme.indicators if one.penalty}
    paying: list[Rule | Task] = [
        rule
        for rule in programme.rules
        if rule.enabled and rule.activity not in penalties and not isinstance(rule.amount, Multiplier)
    ]
    paying += [task for task in programme.tasks if task.enabled]
    shared: set[str] = set()
    rare = 0
    for one in paying:
        keys, days = _standing_keys(one.validity, one.points_class)
        dates = _most_dates(one, days)
        if dates is None or dates >= len(keys):
            shared |= keys
        else:
            rare += dates
    return len(shared) + rare


@lru_cache(maxsize=256)
def _standing_keys(validity: Validity, points_class: PointsClass) -> tuple[frozenset[str], int]:
    """The buckets of credits that have not ended on a day, and over how many days those credits were given."""
    keys: set[str] = set()
    for days in range(LONGEST_DAYS):
        on = _ON - timedelta(days=days)
        ends_on = validity.expires_on(on)
        if ends_on is not None and ends_on < _ON and keys:
            return frozenset(keys), days
        keys.add(validity.bucket(points_class, on))
        if ends_on is None:
            return frozenset(keys), days + 1
    return frozenset(keys), LONGEST_DAYS


def _most_dates(one: Rule | Task, days: int) -> int | None:
    """On how many dates one can pay within so many days; None when nothing says."""
    if isinstance(one, Task):
        kind = one.window.kind
        return 1 if kind == "dates" else days // _DAYS[kind] + 2
    when = one.when
    bounds = [1] if when.first else []
    if when.from_on and when.until_on:
        bounds.append((when.until_on - when.from_on).days + 1)
    for cap in one.caps:
        if cap.times:
            bounds.append(cap.times * (days // _DAYS[cap.period] + 2) if cap.period in _DAYS else cap.times)
    return min(bounds, default=None)
