"""A member's journal read again as what the member did: the past that a simulation judges anew. Pure.

The entries of the window say who did what and when, and what was paid; orders bring their lines and refunds, refused
behaviours come from beside the journal. What an entry does not hold of its activity (a behaviour's money or length) and
the draft asks for is left out on both sides, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.earning.claim_reward import ACTIVITY as CLAIM
from chalicelib.earning.make_up import MAKE_UP
from chalicelib.earning.order import Order, order_key
from chalicelib.earning.order_terms import ordered_of
from chalicelib.earning.refusals import NotPaid
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Counters, counted
from chalicelib.ledger.growth import Growth, grown
from chalicelib.ledger.levels import FIRST, Tenure
from chalicelib.ledger.model import Entry, Kind, Part, business_on
from chalicelib.ledger.rebuild import days_after, tenure_after
from chalicelib.programme.activity import CHECK_IN, ORDER, Behaved, CheckedIn
from chalicelib.programme.model import Terms
from chalicelib.programme.past import (
    Aside,
    Claim,
    Deed,
    Event,
    MemberHistory,
    PaidBefore,
    Repair,
    TakenBack,
    Window,
    shares,
)
from chalicelib.programme.rules.by_length import ByLength
from chalicelib.programme.rules.per_amount import PerAmount

Answered = Callable[[str, int], bool]
"""Whether an activity is answered by the terms of a version: so that it is a behaviour, and no prize or present."""


class Begun(NamedTuple):
    """How a member stood as the window began, and the window's entries by their number."""

    member_id: str
    check_ins: CheckInDays
    counters: Counters
    tenure: Tenure
    growth: Growth
    joined_on: date | None
    entries: tuple[Entry, ...]
    is_whole: bool
    """Whether every entry from the first to the window's end is there: nothing is judged on a part."""

    @property
    def order_keys(self) -> list[str]:
        """The orders that its entries name."""
        keys = [_order_key(entry) for entry in self.entries if entry.kind is Kind.EARN and entry.activity == ORDER]
        return list(dict.fromkeys(keys))


def begun(member_id: str, entries: Iterable[Entry], since: datetime, until: datetime) -> Begun:
    """A member's whole journal, in any order, cut at the window: entries belong to it by when they were posted."""
    numbered = sorted((entry for entry in entries if entry.posted_at < until), key=lambda entry: entry.sequence)
    check_ins, tenure, joined_on = CheckInDays(), FIRST, None
    counters: Counters = {}
    growth: Growth = {}
    place = 0
    for entry in numbered:
        if entry.posted_at < since:
            place += 1
            joined_on = _joined_on(entry) or joined_on
            check_ins = days_after(check_ins, entry)
            counters, tenure = counted(counters, entry.counts), tenure_after(tenure, entry)
            growth = grown(growth, entry.growth, entry.growth_on) if entry.growth_on else growth
    is_whole = [entry.sequence for entry in numbered] == list(range(1, len(numbered) + 1))
    return Begun(member_id, check_ins, counters, tenure, growth, joined_on, tuple(numbered[place:]), is_whole)


def history(
    one: Begun,
    *,
    orders: Mapping[str, Order],
    refused: Sequence[NotPaid],
    draft: Terms,
    window: Window,
    answered: Answered,
) -> MemberHistory:
    """What the member did in the window. `orders` are by key; business dates are those of the draft's zone."""
    if not one.is_whole:
        return MemberHistory(one.member_id, (), not_simulated={"incomplete_journal": 1})
    reading = _Reading(orders, draft, answered)
    for entry in one.entries:
        reading.read(entry)
    for line in refused:
        reading.hear(line, window)
    return MemberHistory(
        member_id=one.member_id,
        events=tuple(sorted(reading.events, key=lambda event: event.at)),
        paid=reading.paid(),
        check_ins=one.check_ins,
        counters=one.counters,
        level=one.tenure.level,
        joined_on=one.joined_on,
        growth=one.growth,
        tenure=one.tenure,
        level_after=None if reading.left_out["level_set"] else one.entries[-1].level_after,
        not_simulated=dict(+reading.left_out),
    )


class _Credit:
    """What one entry credited, and what of it was taken back within the window."""

    def __init__(self, entry: Entry) -> None:
        self.terms_version = entry.terms_version
        self.parts = entry.breakdown if shares(entry.breakdown) else (Part(entry.rule, entry.points, ""),)
        self.points = entry.points
        self.taken_points = 0


class _Group:
    """One activity of the journal: its credits by rule, and the refunds seen of it."""

    def __init__(self, is_judged: bool) -> None:
        self.is_judged = is_judged
        self.credits: dict[str, _Credit] = {}
        self.refunds: list[str] = []


class _Reading:
    """The entries of one member, read one after another."""

    def __init__(self, orders: Mapping[str, Order], draft: Terms, answered: Answered) -> None:
        self.orders, self.draft, self.answered = orders, draft, answered
        self.events: list[Event] = []
        self.groups: dict[tuple[str, str], _Group] = {}
        self.left_out: Counter[str] = Counter()
        self.fallen: Counter[tuple[str, int]] = Counter()
        """Points taken back of no credit of the same activity: a task's lump that another order had brought."""

    def read(self, entry: Entry) -> None:
        """Take in the next entry."""
        if entry.kind is Kind.EARN:
            self._earned(entry)
        elif entry.kind is Kind.REDEEM and entry.activity == MAKE_UP:
            self._did(entry, Repair(date.fromisoformat(entry.cause.id)))
        elif entry.kind is Kind.REVERSE and "refund_no" in entry.facts:
            self._refunded(entry)
        elif entry.kind is Kind.REVERSE and "penalty" not in entry.facts:
            self._voided(entry)
        # Counted once for a member: his level is on neither side then.
        if _is_level_set(entry):
            self.left_out["level_set"] = 1
        if joined_on := _joined_on(entry):
            self.events.append(Aside(entry.posted_at, joined_on=joined_on))

    def hear(self, line: NotPaid, window: Window) -> None:
        """Take in a behaviour that earned nothing, unless it did so after all when it was told again."""
        on = business_on(line.at, self.draft.zone)
        is_new = (line.activity, line.id) not in self.groups
        told_otherwise = any(one.code in ("key_reused", "order_refunded") for one in line.refused)
        if not is_new or told_otherwise or line.activity not in self.draft.answers:
            return
        if not window.from_on <= on <= window.to_on:
            return
        if _asks(self.draft, line.activity):
            self.left_out[line.activity] += 1
            return
        hour = line.at.astimezone(ZoneInfo(self.draft.zone)).hour
        behaved = Behaved(line.activity, on, hour, platform=line.source)
        self.events.append(Deed(line.at, _id(line.activity, line.id), behaved, on, hour))

    def paid(self) -> tuple[PaidBefore, ...]:
        """What the judged activities were really paid, by rule and version."""
        times: Counter[tuple[str, int]] = Counter()
        points: Counter[tuple[str, int]] = Counter(self.fallen)
        for group in self.groups.values():
            for credit in group.credits.values() if group.is_judged else ():
                for rule in shares(credit.parts):
                    times[rule, credit.terms_version] += 1
                for rule, share in shares(credit.parts, max(0, credit.points - credit.taken_points)).items():
                    points[rule, credit.terms_version] += share
        return tuple(PaidBefore(*key, times[key], points[key]) for key in {**times, **points})

    def _earned(self, entry: Entry) -> None:
        owner = (entry.activity, entry.cause.id.removesuffix(f"~{entry.rule}") if entry.rule else entry.cause.id)
        group = self.groups.get(owner)
        if group is None:
            owner = (entry.activity, entry.cause.id)
            group = self.groups[owner] = _Group(self._first(entry))
        group.credits[entry.rule] = _Credit(entry)
        if not group.is_judged:
            self._leave(entry)

    def _first(self, entry: Entry) -> bool:
        """Note what an activity's first entry says was done; whether it can be judged again."""
        activity = entry.activity
        if activity == MAKE_UP:
            return True  # the repair's rewards: the repair itself is told by what it cost
        if activity == CHECK_IN:
            self._did(entry, CheckedIn(date.fromisoformat(entry.cause.id), CheckInDays()))
            return True
        if activity == CLAIM:
            _began_on, rule, days = entry.cause.id.split(":")
            self._did(entry, Claim(rule, int(days)))
            return True
        if activity == ORDER:
            return self._ordered(entry)
        behaved = self._behaved(entry)
        if behaved is None:
            self.left_out[activity] += bool(entry.points or self.answered(activity, entry.terms_version))
            return False
        self._did(entry, behaved)
        return True

    def _ordered(self, entry: Entry) -> bool:
        order = self.orders.get(_order_key(entry))
        if order is None or order.paid is None or order.received_at is None:
            self.left_out[ORDER] += 1
            return False
        ordered = ordered_of(order._replace(goods_received_at=None), order.paid, (), self.draft.zone)
        on = business_on(order.bound_at or order.received_at, self.draft.zone)
        deed = Deed(entry.posted_at, _id(ORDER, order.key), ordered, on, ordered.hour or 0, entry.level_before)
        self.events.append(deed)
        return True

    def _behaved(self, entry: Entry) -> Behaved | None:
        """The event, as far as its entry holds it; None when the draft asks for more, or when it was none."""
        asked = _asks(self.draft, entry.activity)
        if not self.answered(entry.activity, entry.terms_version) or not asked <= entry.facts.keys():
            return None
        local = entry.cause.occurred_at.astimezone(ZoneInfo(self.draft.zone))
        return Behaved(
            indicator=entry.activity,
            on=local.date(),
            hour=local.hour,
            quantity=int(entry.facts.get("quantity", _least_quantity(entry))),
            fen=int(entry.facts.get("fen", 0)),
            length=int(entry.facts.get("length", 0)),
            platform=entry.cause.source,
        )

    def _did(self, entry: Entry, activity: CheckedIn | Claim | Repair | Behaved) -> None:
        local = entry.cause.occurred_at.astimezone(ZoneInfo(self.draft.zone))
        on = activity.on if isinstance(activity, CheckedIn) else business_on(entry.posted_at, self.draft.zone)
        deed_id = _id(entry.activity, entry.cause.id)
        self.events.append(Deed(entry.posted_at, deed_id, activity, on, local.hour, entry.level_before))

    def _leave(self, entry: Entry) -> None:
        """What is left out still fills the caps it filled."""
        if entry.counts or entry.growth:
            self.events.append(Aside(entry.posted_at, entry.counts, growth=entry.growth, growth_on=entry.growth_on))

    def _refunded(self, entry: Entry) -> None:
        key, refund_no = _order_key(entry), str(entry.facts["refund_no"])
        group = self.groups.get((ORDER, key))
        if group is None:
            # One line a refund, though each credit it touches has an entry.
            self.left_out["refund_of_earlier_order"] += entry.cause.id.endswith(f":{refund_no}")
        if group is None or not group.is_judged:
            self._leave(entry)
            return
        if entry.rule in group.credits:
            group.credits[entry.rule].taken_points += _nominal_points(entry)
        elif entry.rule:
            self.fallen[entry.rule, entry.terms_version] -= _nominal_points(entry)
        order = self.orders[key]
        if order.paid is not None and refund_no in order.refunds and refund_no not in group.refunds:
            group.refunds.append(refund_no)
            known = [order.refunds[one] for one in group.refunds]
            ordered = ordered_of(order._replace(goods_received_at=None), order.paid, known, self.draft.zone)
            self.events.append(TakenBack(entry.posted_at, _id(ORDER, key), ordered))

    def _voided(self, entry: Entry) -> None:
        """A void's first entry bears the behaviour's own name, further ones that of their rule too."""
        named = [entry.cause.id, entry.cause.id.removesuffix(f":{entry.rule}")]
        owner = next(((entry.activity, one) for one in named if (entry.activity, one) in self.groups), None)
        if owner is None:
            self.left_out["void_of_earlier_behaviour"] += "voided_points" in entry.facts
            self._leave(entry)
            return
        group = self.groups[owner]
        if not group.is_judged:
            self._leave(entry)
        if entry.rule in group.credits:
            group.credits[entry.rule].taken_points += _nominal_points(entry)
        if "voided_points" in entry.facts:
            self.events.append(TakenBack(entry.posted_at, _id(*owner)))


def _asks(draft: Terms, indicator: str) -> set[str]:
    """What the draft must know of an event of this indicator beyond that it was done: its `fen`, its `length`."""
    answers = draft.answers.get(indicator)
    asked: set[str] = set()
    for one in (*answers.rules, *answers.multipliers) if answers else ():
        if isinstance(one.rule.amount, PerAmount) or one.rule.when.min_fen:
            asked.add("fen")
        if isinstance(one.rule.amount, ByLength):
            asked.add("length")
    if answers and any(task.counts == "fen" or task.when.min_fen for task, _lump in answers.tasks):
        asked.add("fen")
    return asked


def _is_level_set(entry: Entry) -> bool:
    """Whether an entry gives a level that neither growth nor time has decided: by hand, or brought from elsewhere."""
    changes = entry.level_after != entry.level_before or "level_until" in entry.facts
    return changes and entry.activity != "level" and (not entry.growth or "opened_points" in entry.facts)


def _least_quantity(entry: Entry) -> int:
    """How often an event that does not say it was done, as its counters of times and ladders tell; else once."""
    times = [one.add for one in entry.counts if one.name.partition(":")[2][:1] in ("t", "l")]
    return max([1, *times])


def _nominal_points(entry: Entry) -> int:
    """What a take-back was for, whether it was taken, is owed, was waived or kept back in money."""
    waived, charged = entry.facts.get("waived_points", 0), entry.facts.get("charged_points", 0)
    return int(waived) + int(charged) - entry.points


def _joined_on(entry: Entry) -> date | None:
    return date.fromisoformat(str(entry.facts["joined_on"])) if "joined_on" in entry.facts else None


def _order_key(entry: Entry) -> str:
    return order_key(entry.cause.source, str(entry.facts.get("order_no", "")))


def _id(activity: str, cause_id: str) -> str:
    return f"{activity}#{cause_id}"
