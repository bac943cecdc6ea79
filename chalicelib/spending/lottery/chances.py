"""Chances (抽奖机会): what a member's own journal says he has earned of them in a campaign. Pure.

Nothing is kept: a chance is there while the entry that gave it stands, and a refund or a void takes it back by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from chalicelib.ledger.model import Entry, Kind, business_on
from chalicelib.programme.buyers import ORDERS
from chalicelib.spending.lottery.campaign import Grant


@dataclass
class _Award:
    """What one rule paid for a deed."""

    rules: frozenset[str]
    """Itself, and those that had a part in it."""
    points: int
    """Less what was taken back."""


@dataclass
class _Deed:
    """One cause of an activity, as its entries tell of it."""

    at: datetime
    paid_fen: int = 0
    """Of an order."""
    back_fen: int = 0
    is_bought: bool = False
    """It is an order that the account counts among those of which money is left."""
    is_gone: bool = False
    awards: dict[str, _Award] = field(default_factory=dict)
    """By the rule that an entry names."""

    def earn(self, entry: Entry) -> None:
        """One more award, or the entry of none."""
        self.at = min(self.at, entry.cause.at)
        self.paid_fen = max(self.paid_fen, int(entry.facts.get("paid_fen", 0)))
        self.is_bought = self.is_bought or any(one.name == ORDERS for one in entry.counts)
        rules = frozenset(part.rule for part in entry.breakdown if part.points > 0)
        if entry.points:
            self.awards[entry.rule] = _Award(rules, entry.points)

    def take_back(self, entry: Entry) -> None:
        """A refund or a void; what the shop or the brand bears of it is taken back, too."""
        kept = [int(entry.facts.get(name, 0)) for name in ("waived_points", "charged_points")]
        if award := self.awards.get(entry.rule):
            award.points -= sum(kept) - entry.points
        if "~" not in entry.cause.id:
            self.back_fen += int(entry.facts.get("refunded_fen", 0))
        if "voided_points" in entry.facts or any(one.name == ORDERS and one.add < 0 for one in entry.counts):
            self.is_gone = True

    @property
    def stands(self) -> bool:
        """Whether it has not come back whole. Of an order the account says so: coupon and points come back as no money,
        and its points may be gone while money is left.
        """
        if self.is_gone or self.is_bought:
            return not self.is_gone
        is_refunded = bool(self.paid_fen) and self.back_fen >= self.paid_fen
        return not is_refunded and (not self.awards or any(award.points > 0 for award in self.awards.values()))

    def answers(self, rules: Sequence[str]) -> bool:
        """Whether one of these rules paid for it and something of that is left; any deed where none is named."""
        return not rules or any(one.points > 0 and not one.rules.isdisjoint(rules) for one in self.awards.values())


def earned_chances(entries: Iterable[Entry], grants: Sequence[Grant], zone: str) -> int:
    """How many chances a member's entries of the campaign's time have given and not lost again."""
    by_activity: dict[str, list[Entry]] = {}
    for entry in entries:
        by_activity.setdefault(entry.activity, []).append(entry)
    return sum(_by_grant(_standing(by_activity.get(grant.activity, [])), grant, zone) for grant in grants)


def _by_grant(deeds: Iterable[_Deed], grant: Grant, zone: str) -> int:
    per_day: dict[date, int] = {}
    for deed in deeds:
        if deed.answers(grant.rules):
            on = business_on(deed.at, zone)
            most = grant.most_per_day
            found = per_day.get(on, 0) + grant.chances
            per_day[on] = found if most is None else min(found, most)
    chances = sum(per_day.values())
    return chances if grant.most is None else min(chances, grant.most)


def _standing(entries: Sequence[Entry]) -> list[_Deed]:
    """What was done and has not come back whole."""
    done: dict[str, _Deed] = {}
    for entry in entries:
        if entry.kind is Kind.EARN:
            done.setdefault(_base(entry), _Deed(entry.cause.at)).earn(entry)
    for entry in entries:
        id = _base(entry)
        while entry.kind is Kind.REVERSE and id not in done and ":" in id:
            id = id.rpartition(":")[0]
        if entry.kind is Kind.REVERSE and id in done:
            done[id].take_back(entry)
    return [deed for deed in done.values() if deed.stands]


def _base(entry: Entry) -> str:
    """The cause that an entry follows from: a further award carries its rule after a `~`."""
    return entry.cause.id.partition("~")[0]
