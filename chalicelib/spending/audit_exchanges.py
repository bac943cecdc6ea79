"""The auditor's judgement of exchanges to partners: whose points are held, spent or back by what became of each, and
what the days of partners count. Pure, of items as they are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.audit import UNREADABLE, Finding, differences
from chalicelib.ledger.items import entry_of, guard_of
from chalicelib.ledger.model import business_on
from chalicelib.ledger.redeem import redemption_cause
from chalicelib.ledger.release import hold_key
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.exchange.items import exchange_item, exchange_of, limit_ends_s, limit_key
from chalicelib.spending.exchange.model import ACTIVITY, HELD_FOR, Exchange, State

_BACK = (State.REFUSED, State.VOIDED)


class ExchangeKeys(NamedTuple):
    """Where what paid for an exchange stands: the guard of its hold, and the entry of one that was charged late."""

    hold: str
    late: str


def keys_of_exchange(one: Exchange) -> ExchangeKeys:
    """The keys in the ledger's table and in the member's journal."""
    return ExchangeKeys(hold_key(one.hold_id), redemption_cause(one.id, activity=ACTIVITY, at=one.asked_at).key)


def readable_exchange(item: Item, table: str) -> tuple[Exchange | None, list[Finding]]:
    """The exchange of a row, if it reads as one, and every attribute that is not as its state has it."""
    try:
        one = exchange_of(item)
        expected = exchange_item(one)
    except UNREADABLE as error:
        return None, [Finding(table, f"{item['pk']} {item['sk']}", "exchange", "a readable exchange", repr(error))]
    return one, differences(item, expected, table)


def check_exchange(
    one: Exchange, hold: Item | None, late: Item | None, owner_ids: Collection[str], now: datetime, table: str
) -> Iterator[Finding]:
    """All that is wrong with an exchange beside its hold and its late entry, as stored; `owner_ids` are all ids of its
    member. Asked for, its points are held; done, they were spent once; else they went back.
    """
    key = f"EXCHANGE#{one.id} E"
    if hold is None:
        yield Finding(table, key, "hold", f"the hold of {one.points} points", "none")
        return
    try:
        guard, charged = guard_of(hold), -entry_of(late).points if late else 0
    except UNREADABLE as error:
        yield Finding(table, key, "points", "a readable hold and a readable entry", repr(error))
        return
    stands = {
        "held points": sum(guard.taken.values()),
        "spent points": sum(guard.state.get("spent", {}).values()),
        "points charged late": charged,
    }
    for what, wanted in _expected(one, stands["held points"], now).items():
        if stands[what] != wanted:
            yield Finding(table, key, what, f"{wanted}, as it is {one.state}", str(stands[what]))
    if guard.member_id not in owner_ids:
        yield Finding(table, key, "member", f"{guard.member_id}, whose points were held", one.member_id)


def _expected(one: Exchange, held: int, now: datetime) -> dict[str, int]:
    """Points by where they are; of one that is asked for the ledger gives them back by itself in the end."""
    in_time = one.state is State.DONE and not one.charged_late
    is_asked = one.state is State.ASKED and not (held == 0 and one.asked_at + HELD_FOR <= now)
    return {
        "held points": one.points if is_asked else 0,
        "spent points": one.points if in_time else 0,
        "points charged late": one.points if one.charged_late else 0,
    }


def counts(one: Exchange, zone: str) -> bool:
    """Whether an exchange counts against its day: unless it went back before that was over."""
    return one.state not in _BACK or one.ended_at is None or business_on(one.ended_at, zone) != one.on


def limits_of_exchange(one: Exchange, zone: str, now: datetime) -> list[Item]:
    """The keys of the rows that must count it: none once they may be forgotten."""
    if not counts(one, zone) or limit_ends_s(one.on) <= now.timestamp():
        return []
    return [limit_key(one.partner_id, one.on, whose) for whose in (one.member_id, "")[: 1 + one.counts_for_all]]


@dataclass
class PartnerDays:
    """Sums over the whole table: what the days of partners should count of all members, and what they do."""

    zone: str
    points: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By key of the row."""
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        """Count one row of the table; most say nothing of exchanges. One that is not readable is named elsewhere."""
        pk, sk = str(item["pk"]), str(item["sk"])
        if pk.startswith("LIMIT#exchange:") and pk.count("#") == 1:
            self.rows[pk, sk] = item.get("points", 0), item.get("times", 0)
        elif pk.startswith("EXCHANGE#") and sk == "E":
            try:
                one = exchange_of(item)
            except UNREADABLE:
                return
            if one.counts_for_all and counts(one, self.zone):
                key = limit_key(one.partner_id, one.on)
                self.points[key["pk"], key["sk"]] += one.points
                self.times[key["pk"], key["sk"]] += 1

    def findings(self, table: str) -> Iterator[Finding]:
        """Every row of a partner's day that counts otherwise than its exchanges."""
        for key, found in sorted(self.rows.items()):
            wanted = self.points[key], self.times[key]
            for what, should, stands in zip(("points", "times"), wanted, found, strict=True):
                if should != stands:
                    yield Finding(table, " ".join(key), what, f"{should}, as its exchanges come to", str(stands))
