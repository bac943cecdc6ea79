"""What members own and what pools and stocks hold, in the spending table."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    Item,
    batch_get,
    client,
    decode_item,
    encode_item,
    pages,
    transact,
)
from chalicelib.runtime.settings import settings
from chalicelib.spending.goods.items import badge_of, code_item, code_of, coupon_item, coupon_key, coupon_of
from chalicelib.spending.goods.model import OwnedBadge, OwnedCoupon, PoolCode
from chalicelib.spending.goods.trail import Line, line_item, line_of

LINES_SHOWN = 100
CODES_A_WRITE = 50
"""Codes that one transaction puts into a pool."""
_LOOKED_AT = 20
"""Free codes looked at to pick some: the index may still list what was given a moment ago."""


@dataclass(frozen=True, slots=True)
class GoodsTable:
    """Coupons, badges, code pools and stocks of one stage, over a low-level client."""

    dynamo: Client
    name: str
    start: Callable[[], str] = lambda: secrets.token_hex(12)
    """Where in a pool the search for free codes begins, so that two at once do not want the same."""

    def coupon(self, code: str) -> OwnedCoupon:
        """A coupon, strongly read; raises COUPON_NOT_FOUND."""
        item = self.get(coupon_key(code))
        if item is None:
            raise JifenError(Code.COUPON_NOT_FOUND)
        return coupon_of(item)

    def change_coupon(self, coupon: OwnedCoupon, line: Line) -> bool:
        """Store a changed coupon at the version before, with its line; whether nobody was first."""
        try:
            transact(self.dynamo, [also.write for also in self.changed_coupon(coupon, line)])
        except Cancelled as cancelled:
            if cancelled.is_transient() or cancelled.reasons[0].code == "ConditionalCheckFailed":
                return False
            raise
        return True

    def changed_coupon(self, coupon: OwnedCoupon, line: Line) -> tuple[Also, Also]:
        """The writes of a changed coupon and its line, for a transaction."""
        key = coupon_key(coupon.code)
        put = {
            "TableName": self.name,
            "Item": encode_item(coupon_item(coupon)),
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": encode_item({":before": coupon.version - 1}),
        }
        told = {"TableName": self.name, "Item": encode_item(line_item(key["pk"], coupon.version, line))}
        refusal = JifenError(Code.COUPON_STATE)
        return Also({"Put": put}, refusal), Also({"Put": told}, refusal)

    def trail(self, pk: str) -> list[Line]:
        """The newest lines of a coupon or a redemption, oldest of them first, strongly read."""
        found = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :line)",
            ExpressionAttributeValues=encode_item({":pk": pk, ":line": "L#"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=LINES_SHOWN,
        )
        return [line_of(decode_item(item)) for item in reversed(found["Items"])]

    def coupons(self, codes: Sequence[str]) -> list[OwnedCoupon]:
        """The coupons among these codes, strongly read, a hundred a call."""
        found = batch_get(self.dynamo, self.name, [coupon_key(code) for code in codes])
        return [coupon_of(decode_item(item)) for item in found]

    def coupon_page(
        self, member_ids: Sequence[str], *, after: str, since: str = "", limit: int
    ) -> tuple[list[OwnedCoupon], str | None]:
        """Up to `limit` coupons of a member, the first to end first, behind a place (`<last day>#<code>`), none that
        ended before `since`; the last one's place where more follow. May lag. A query for each of his ids, and the
        coupons' rows, a hundred a call.
        """
        first = max(f"{after}!" if after else "", since)
        found = [
            one
            for id in member_ids
            for one in islice(self.owned(id, "coupon", since=first, limit=limit + 1), limit + 1)
        ]
        places = sorted(one["listed_key"].removeprefix("coupon#") for one in found)
        page = [place.partition("#")[2] for place in places[:limit]]
        by_code = {coupon.code: coupon for coupon in self.coupons(page)}
        following = places[limit - 1] if len(places) > limit else None
        return [by_code[code] for code in page if code in by_code], following

    def owned(self, member_id: str, kind: str, *, since: str = "", limit: int = 0) -> Iterator[Item]:
        """Keys of what a member owns of a kind (`coupon`, `badge`, `redemption`), listed from `since` on, by `limit`
        a call. May lag.
        """
        values = {":member": member_id, ":first": f"{kind}#{since}", ":last": f"{kind}#~"}
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="listed",
            KeyConditionExpression="listed_of = :member AND listed_key BETWEEN :first AND :last",
            ExpressionAttributeValues=encode_item(values),
            **({"Limit": limit} if limit else {}),
        )
        return (decode_item(item) for page in found for item in page)

    def badges(self, member_id: str) -> list[OwnedBadge]:
        """A member's honours, the oldest first."""
        keys = [{"pk": one["pk"], "sk": one["sk"]} for one in self.owned(member_id, "badge")]
        found = [badge_of(decode_item(item)) for item in batch_get(self.dynamo, self.name, keys)]
        return sorted(found, key=lambda badge: (badge.given_at, badge.badge))

    def badges_among(self, badges: Sequence[str], member_ids: Sequence[str]) -> frozenset[str]:
        """Which of these honours one of these ids has, strongly read; no call where there are none."""
        keys = [{"pk": f"BADGE#{badge}", "sk": id} for badge in badges for id in member_ids]
        return frozenset(badge_of(decode_item(item)).badge for item in batch_get(self.dynamo, self.name, keys))

    def free_codes(self, pool: str, wanted: int) -> tuple[PoolCode, ...]:
        """`wanted` codes that are free, read strongly; SOLD_OUT when the pool has too few."""
        start = self.start()
        keys = [{"pk": one["pk"], "sk": one["sk"]} for one in islice(self._free(pool, start), _LOOKED_AT + wanted)]
        found = [code_of(decode_item(item)) for item in batch_get(self.dynamo, self.name, keys)]
        free = [code for code in found if not code.given_to][:wanted]
        if len(free) < wanted:
            raise JifenError(Code.SOLD_OUT)
        return tuple(free)

    def _free(self, pool: str, start: str) -> Iterator[Item]:
        """Keys of a pool's free codes, around from `start`."""
        for operator in (">=", "<"):
            found = pages(
                self.dynamo,
                TableName=self.name,
                IndexName="work",
                KeyConditionExpression=f"work_of = :pool AND work_key {operator} :start",
                ExpressionAttributeValues=encode_item({":pool": f"POOL#{pool}", ":start": start}),
                Limit=_LOOKED_AT,
            )
            yield from (decode_item(item) for page in found for item in page)

    def pool_codes(self, pool: str, ids: Sequence[str]) -> list[PoolCode]:
        """Codes of a pool by their ids, strongly read."""
        found = batch_get(self.dynamo, self.name, [{"pk": f"POOL#{pool}", "sk": f"C#{id}"} for id in ids])
        return [code_of(decode_item(item)) for item in found]

    def add_codes(self, codes: Sequence[PoolCode], stock_id: str) -> int:
        """Put new codes into their pool and its stock, up to CODES_A_WRITE in one transaction; how many were new."""
        standing = {code.id for code in self.pool_codes(codes[0].pool, [code.id for code in codes])}
        new = [code for code in codes if code.id not in standing]
        if not new:
            return 0
        puts = [
            {"Put": {"TableName": self.name, "Item": encode_item(code_item(code)), "ConditionExpression": _NEW}}
            for code in new
        ]
        try:
            transact(self.dynamo, [*puts, {"Update": stock_change(self.name, stock_id, 0, len(new))}])
        except Cancelled as cancelled:
            if any(reason.code == "ConditionalCheckFailed" for reason in cancelled.reasons):
                raise JifenError(Code.BUSY, retry_after_seconds=1) from None
            raise
        return len(new)

    def shelf(self, stocks: Sequence[tuple[str, int]]) -> dict[str, tuple[int, int]]:
        """(left, taken) of each stock, given as (id, shards), strongly read in one call per hundred shards."""
        keys = [{"pk": id, "sk": f"S#{shard}"} for id, shards in stocks for shard in range(shards)]
        totals = {id: (0, 0) for id, _ in stocks}
        for item in map(decode_item, batch_get(self.dynamo, self.name, keys)):
            left, taken = totals[item["pk"]]
            totals[item["pk"]] = (left + item["left"], taken + item["taken"])
        return totals

    def shards_left(self, stock_id: str, shards: int) -> dict[int, int]:
        """How many pieces are left in each shard of a stock, strongly read."""
        keys = [{"pk": stock_id, "sk": f"S#{shard}"} for shard in range(shards)]
        found = map(decode_item, batch_get(self.dynamo, self.name, keys))
        return {int(item["sk"].removeprefix("S#")): item["left"] for item in found}

    def get(self, key: Item) -> Item | None:
        """One item, strongly read."""
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True).get("Item")
        return decode_item(found) if found else None


_NEW = "attribute_not_exists(pk)"


def stock_change(table: str, stock_id: str, shard: int, pieces: int) -> dict[str, Any]:
    """The write that puts pieces onto a shelf, or takes unsold ones off it while it has so many."""
    values = {":pieces": pieces, ":none": 0}
    update: dict[str, Any] = {
        "TableName": table,
        "Key": encode_item({"pk": stock_id, "sk": f"S#{shard}"}),
        "UpdateExpression": "ADD #left :pieces, taken :none",
        "ExpressionAttributeNames": {"#left": "left"},
    }
    if pieces < 0:
        update["ConditionExpression"] = "#left >= :fewest"
        values[":fewest"] = -pieces
    return {**update, "ExpressionAttributeValues": encode_item(values)}


def stock_taken(table: str, stock_id: str, shard: int, pieces: int) -> Also:
    """The write that takes pieces out of a shard beside what was sold, while it has so many."""
    update = {
        "TableName": table,
        "Key": encode_item({"pk": stock_id, "sk": f"S#{shard}"}),
        "UpdateExpression": "ADD #left :less, taken :pieces",
        "ConditionExpression": "#left >= :pieces",
        "ExpressionAttributeNames": {"#left": "left"},
        "ExpressionAttributeValues": encode_item({":less": -pieces, ":pieces": pieces}),
    }
    return Also({"Update": update}, JifenError(Code.SOLD_OUT, "库存不足"))


def stock_returned(table: str, stock_id: str, pieces: int) -> Also:
    """The write that puts sold pieces back, for the transaction that undoes their sale.

    They go to the first shard, whichever they came from: only the sums over a stock's shards mean anything.
    """
    update = {
        "TableName": table,
        "Key": encode_item({"pk": stock_id, "sk": "S#0"}),
        "UpdateExpression": "ADD #left :pieces, taken :less",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#left": "left"},
        "ExpressionAttributeValues": encode_item({":pieces": pieces, ":less": -pieces}),
    }
    return Also({"Update": update}, JifenError(Code.ITEM_STATE))


def open_goods() -> GoodsTable:
    """The stage's goods."""
    return GoodsTable(client(), settings().spending_table)
