"""What the journal of a replay comes to, and its table beside an independent recomputation.

A journal may be scanned here: this is a batch tool. No request of the engine does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.ledger.items import member_pk
from chalicelib.ledger.model import Kind
from chalicelib.ledger.table import open_ledger
from chalicelib.members.buyers import find_members
from chalicelib.members.model import Identity
from chalicelib.runtime.dynamo import MAX_BATCH_GET, Item, decode_item, encode_item
from local import say
from local.cdnow_totals import Totals

FEW_MEMBERS = 1000
"""Up to so many members are asked one by one; the journal of more is scanned whole."""
SEGMENTS = 4
FIELDS = "pk, kind, points, posted_at"


def members_of(buyers: Sequence[Identity]) -> frozenset[str]:
    """The members these buyers are bound to."""
    found: set[str] = set()
    for start in range(0, len(buyers), MAX_BATCH_GET):
        found |= set(find_members(buyers[start : start + MAX_BATCH_GET]).values())
    return frozenset(found)


def journal_totals(members: frozenset[str], zone: str, *, few: int = FEW_MEMBERS) -> Totals:
    """Issued and expired points of these members by the month of posting, in the programme's zone."""
    sums: dict[str, Counter[str]] = {kind: Counter() for kind in (Kind.EARN, Kind.EXPIRE)}
    at_home = ZoneInfo(zone)
    for entry in _few(members) if len(members) <= few else _all(members):
        month = datetime.fromisoformat(entry["posted_at"]).astimezone(at_home).strftime("%Y-%m")
        sums[entry["kind"]][month] += abs(entry["points"])
    issued, expired = sums[Kind.EARN], sums[Kind.EXPIRE]
    return Totals(dict(issued), dict(expired))


def print_table(found: Totals, expected: Totals) -> bool:
    """The totals by month; whether both agree to the point, in every month."""
    say.line("    month          issued     expired  outstanding")
    for month in sorted({*found.months, *expected.months}):
        mark = "" if _agree(found, expected, month) else f"   expected {_line(expected, month)}"
        say.line(f"    {month}  {_line(found, month)}{mark}")
    issued, expired = sum(found.issued.values()), sum(found.expired.values())
    say.line(f"    in all   {issued:11,} {expired:11,} {found.outstanding:12,}")
    agree = all(_agree(found, expected, month) for month in {*found.months, *expected.months})
    if agree:
        say.line("    the journal agrees to the point with an independent recomputation from the file")
    else:
        say.trouble("the journal does NOT agree with the independent recomputation from the file")
    return agree


def _agree(found: Totals, expected: Totals, month: str) -> bool:
    return _figures(found, month) == _figures(expected, month)


def _figures(totals: Totals, month: str) -> tuple[int, int, int]:
    return totals.issued.get(month, 0), totals.expired.get(month, 0), totals.outstanding_after(month)


def _line(totals: Totals, month: str) -> str:
    issued, expired, outstanding = _figures(totals, month)
    return f"{issued:11,} {expired:11,} {outstanding:12,}"


def _few(members: frozenset[str]) -> Iterator[Item]:
    ledger = open_ledger()
    for member_id in sorted(members):
        request = {
            "TableName": ledger.journal,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": encode_item({":pk": member_pk(member_id)}),
            "ProjectionExpression": FIELDS,
        }
        yield from _pages(ledger.dynamo.query, request)


def _all(members: frozenset[str]) -> Iterator[Item]:
    ledger = open_ledger()

    def segment(number: int) -> list[Item]:
        request = {
            "TableName": ledger.journal,
            "ProjectionExpression": FIELDS,
            "Segment": number,
            "TotalSegments": SEGMENTS,
        }
        return list(_pages(ledger.dynamo.scan, request))

    with ThreadPoolExecutor(SEGMENTS) as pool:
        for items in pool.map(segment, range(SEGMENTS)):
            yield from (item for item in items if item["pk"][2:] in members)


def _pages(call: Any, request: dict[str, Any]) -> Iterator[Item]:
    while True:
        page = call(**request)
        yield from map(decode_item, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
