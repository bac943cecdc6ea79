"""Awards that were refused and left no entry, kept with their reason beside the journal, for half a year.

No money moves by them, so they cost one put and end by themselves; what was credited is in the journal for ever.
Members read both together (why_not.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.ledger.model import stamp
from chalicelib.programme.award import Refused
from chalicelib.runtime.dynamo import Client, Item, client, decode_item, encode_item, pages
from chalicelib.runtime.settings import settings

KEPT = timedelta(days=183)


class NotPaid(NamedTuple):
    """One activity that earned nothing, and why each rule that could have paid did not."""

    member_id: str
    at: datetime
    activity: str
    id: str
    source: str
    terms_version: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class RefusalsTable:
    """`M#<member>` / `<instant>#<activity>#<id>`; TTL forgets them."""

    dynamo: Client
    name: str

    def put(self, one: NotPaid, now: datetime) -> None:
        """Keep it; the same activity again only replaces its own line."""
        item = {
            "pk": f"M#{one.member_id}",
            "sk": _key(one.at, one.activity, one.id),
            "activity": one.activity,
            "id": one.id,
            "source": one.source,
            "terms": one.terms_version,
            "refused": [[refused.rule, refused.code, refused.text] for refused in one.refused],
            "expires_epoch_s": int((now + KEPT).timestamp()),
        }
        self.dynamo.put_item(TableName=self.name, Item=encode_item(item))

    def line(self, member_id: str, at: datetime, activity: str, id: str) -> tuple[Refused, ...]:
        """Why one activity earned nothing, strongly read; empty when nothing is kept of it."""
        key = {"pk": f"M#{member_id}", "sk": _key(at, activity, id)}
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return _not_paid(decode_item(found)).refused if found else ()

    def page(self, member_id: str, *, before_key: str, limit: int, now: datetime) -> list[tuple[str, NotPaid]]:
        """Up to `limit` lines older than `before_key`, newest first, with their keys; what has ended is left out."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "expires_epoch_s > :now",
            "ExpressionAttributeValues": encode_item({":pk": f"M#{member_id}", ":now": int(now.timestamp())}),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if before_key:
            request["ExclusiveStartKey"] = encode_item({"pk": f"M#{member_id}", "sk": before_key})
        # What has ended counts against a query's limit, so a page may need several.
        items = (decode_item(item) for page in pages(self.dynamo, **request) for item in page)
        return [(item["sk"], _not_paid(item)) for item in islice(items, limit)]


def why_text(refused: Sequence[Refused]) -> str:
    """The reasons in words for a member, each once."""
    return ";".join(dict.fromkeys(one.text for one in refused)) or "没有适用的积分规则"


def _not_paid(item: Item) -> NotPaid:
    return NotPaid(
        member_id=item["pk"][2:],
        at=datetime.fromisoformat(item["sk"][:24]),
        activity=item["activity"],
        id=item["id"],
        source=item["source"],
        terms_version=item["terms"],
        refused=tuple(Refused(*one) for one in item["refused"]),
    )


def _key(at: datetime, activity: str, id: str) -> str:
    return f"{stamp(at)}#{activity}#{id}"


def open_refusals() -> RefusalsTable:
    """The stage's refused awards."""
    return RefusalsTable(client(), settings().refusals_table)
