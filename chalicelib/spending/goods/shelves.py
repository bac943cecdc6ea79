"""Stocks as staff change them: each change once, spread over the stock's shards, with its line."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.runtime.dynamo import Cancelled, Client, Item, batch_get, client, decode_item, encode_item, transact
from chalicelib.runtime.settings import settings
from chalicelib.spending.goods.table import stock_change

ATTEMPTS = 6
BACKOFF_S = 0.05


class Change(NamedTuple):
    """A change of a stock: pieces added, or below zero taken off."""

    stock_id: str
    shards: int
    pieces: int
    by: str
    reason: str
    at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ShelvesTable:
    """The stocks of one stage, over a low-level client."""

    dynamo: Client
    name: str
    pause: Callable[[float], None] = time.sleep

    def change(self, change: Change, *, key: str) -> Change:
        """Make a change, once for each key; raises ITEM_STATE when fewer pieces are left, KEY_REUSED, BUSY."""
        line = {
            "pk": f"KEY#{key}",
            "sk": "STOCK",
            "listed_of": change.stock_id,
            "listed_key": f"{stamp(change.at)}#{key[:16]}",
            "pieces": change.pieces,
            "by": change.by,
            "reason": change.reason,
            "at": stamp(change.at),
            "input_hash": digest({"stock": change.stock_id, "pieces": change.pieces, "reason": change.reason}),
        }
        put = {"TableName": self.name, "Item": encode_item(line), "ConditionExpression": "attribute_not_exists(pk)"}
        for attempt in range(ATTEMPTS):
            parts = self._spread(change)
            if not parts:
                return self._short(change, key, line)
            updates = [
                {"Update": stock_change(self.name, change.stock_id, shard, part)} for shard, part in parts.items()
            ]
            try:
                transact(self.dynamo, [{"Put": put}, *updates])
                return change
            except Cancelled as cancelled:
                if standing := cancelled.reasons[0].item:
                    return _again(change, standing, line)
                is_outsold = any(reason.code == "ConditionalCheckFailed" for reason in cancelled.reasons)
                if not is_outsold and not cancelled.is_transient():
                    raise
            self.pause(random.uniform(0, BACKOFF_S * 2**attempt))
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _spread(self, change: Change) -> dict[int, int]:
        """How many pieces go to, or come off, each shard: evenly added; taken off where most are left, none where too
        few are.
        """
        if change.pieces > 0:
            each, more = divmod(change.pieces, change.shards)
            return {shard: part for shard in range(change.shards) if (part := each + (shard < more))}
        keys = [{"pk": change.stock_id, "sk": f"S#{shard}"} for shard in range(change.shards)]
        left = {int(item["sk"][2:]): item["left"] for item in map(decode_item, batch_get(self.dynamo, self.name, keys))}
        wanted = -change.pieces
        if sum(left.values()) < wanted:
            return {}
        parts: dict[int, int] = {}
        for shard in sorted(left, key=lambda one: -left[one]):
            parts[shard] = -min(wanted, left[shard])
            wanted += parts[shard]
            if not wanted:
                break
        return parts

    def _short(self, change: Change, key: str, line: Item) -> Change:
        """Too few are left: because this very change took them, or it is refused."""
        keys = [{"pk": change.stock_id, "sk": f"S#{shard}"} for shard in range(change.shards)]
        found = map(decode_item, batch_get(self.dynamo, self.name, [*keys, {"pk": f"KEY#{key}", "sk": "STOCK"}]))
        by_sort = {item["sk"]: item for item in found}
        if standing := by_sort.pop("STOCK", None):
            return _again(change, standing, line)
        left = sum(item["left"] for item in by_sort.values())
        raise JifenError(Code.ITEM_STATE, f"最多可减{left}件,已兑和预留的不能减", field="pieces")


def _again(change: Change, standing: Item, line: Item) -> Change:
    if standing["input_hash"] != line["input_hash"]:
        raise JifenError(Code.KEY_REUSED)
    return change._replace(by=standing["by"], at=datetime.fromisoformat(standing["at"]), replayed=True)


def open_shelves() -> ShelvesTable:
    """The stage's stocks."""
    return ShelvesTable(client(), settings().spending_table)
