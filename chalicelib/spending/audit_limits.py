"""The auditor's judgement of the rows that count what a member had: `LIMIT#…`, of items, offers, gifts and partners.
Pure, of items as they are stored.

A row counts what stands: a redemption that was undone, a place that was given up and an exchange that went back on its
own day are counted no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chalicelib.ledger.audit import Finding
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.audit import GIVEN_BACK
from chalicelib.spending.audit_exchanges import counts
from chalicelib.spending.exchange.model import Exchange
from chalicelib.spending.mall.model import Redemption

_EXCHANGE, _GIFT = "exchange:", "gift:"

Key = tuple[str, str]


class LimitRow(NamedTuple):
    """Of whom and of what a row counts."""

    scope: str
    """The item, or `offer:`, `gift:`, `exchange:` and an id."""
    member_id: str
    """Empty of a partner's day that counts all members."""
    period: str

    @property
    def gift_plan(self) -> str:
        """The plan of gifts whose row it is, empty of others."""
        return self.scope.removeprefix(_GIFT) if self.scope.startswith(_GIFT) else ""

    @property
    def partner(self) -> str:
        """The partner whose row it is, empty of others."""
        return self.scope.removeprefix(_EXCHANGE) if self.scope.startswith(_EXCHANGE) else ""


def limit_row_of(item: Item) -> LimitRow:
    """What a row's key says; AssertionError of a row that is no limit's."""
    kind, scope, *whose = str(item["pk"]).split("#")
    if kind != "LIMIT":
        raise AssertionError(f"{item['pk']} counts nothing")
    return LimitRow(scope, whose[0] if whose else "", str(item["sk"]))


def check_pieces(item: Item, redemptions: Iterable[Redemption], places: Iterable[Key], table: str) -> Iterator[Finding]:
    """Whether a row of an item or an offer counts the pieces of the redemptions that stand and name it, and the joined
    places that do; `places` are the keys that each of these names.
    """
    key = str(item["pk"]), str(item["sk"])
    wanted = sum(one.quantity for one in redemptions if key in one.limits and one.state not in GIVEN_BACK)
    wanted += sum(named == key for named in places)
    if item.get("pieces") != wanted:
        yield Finding(table, " ".join(key), "pieces", f"{wanted}, as what stands names it", str(item.get("pieces")))


def check_day(item: Item, exchanges: Iterable[Exchange], zone: str, table: str) -> Iterator[Finding]:
    """Whether a row of a member's day at a partner counts the points and times of his exchanges of that day."""
    row = limit_row_of(item)
    own = [
        one
        for one in exchanges
        if (one.partner_id, one.member_id, one.on.isoformat()) == (row.partner, row.member_id, row.period)
        and counts(one, zone)
    ]
    wanted = {"points": sum(one.points for one in own), "times": len(own)}
    for what, should in wanted.items():
        if item.get(what) != should:
            found = str(item.get(what))
            yield Finding(table, f"{item['pk']} {item['sk']}", what, f"{should}, as his exchanges come to", found)


def check_gifts(item: Item, payments: Iterable[Item], table: str) -> Iterator[Finding]:
    """Whether a row of gifts counts no more than a member had of the plan: fewer where its limit came later. `payments`
    are those that brought him coupons.
    """
    plan = limit_row_of(item).gift_plan
    most = sum(one.get("plan") == plan for one in payments)
    pieces = item.get("pieces", 0)
    if not 0 <= pieces <= most:
        yield Finding(table, f"{item['pk']} {item['sk']}", "pieces", f"0 to {most}, the gifts he had", str(pieces))


def missing_limits(key: str, named: Iterable[Key], standing: Iterable[Key], table: str) -> Iterator[Finding]:
    """Rows that something (`key`) is counted by and that are not there."""
    for one in sorted({*named} - {*standing}):
        yield Finding(table, key, "limit", f"the row {' '.join(one)} that counts it", "none")
