"""Wrong pick-up codes are counted, by redemption and by member of staff, so that nobody finds a code by trying.

Each try is counted before it is judged, and taken off again when it was right: many tries at once are no way around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import Cancelled, Client, Item, batch_get, client, decode_item, encode_item, transact
from chalicelib.runtime.settings import settings

WRONG_MOST = 5
LOCKED_FOR = timedelta(minutes=15)
"""From the last wrong one on; then the count begins anew."""
KEPT_FOR = timedelta(days=1)
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class TriesTable:
    """The counts of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def claim(self, subjects: Sequence[str], now: datetime) -> None:
        """Count one try against each subject; raises PICK_UP_LOCKED when one of them has none left, BUSY."""
        for _ in range(ATTEMPTS):
            found = batch_get(self.dynamo, self.name, [_key(one) for one in subjects])
            standing = {item["pk"]: item for item in map(decode_item, found)}
            writes = [self._one_more(_key(one), standing.get(_key(one)["pk"]), now) for one in subjects]
            try:
                transact(self.dynamo, writes)
            except Cancelled:
                continue
            return
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _one_more(self, key: Item, standing: Item | None, now: datetime) -> dict[str, Any]:
        is_counting = standing is not None and stamp(now) < standing["until_at"]
        wrong = standing["wrong"] if standing and is_counting else 0
        if standing and wrong >= WRONG_MOST:
            left = datetime.fromisoformat(standing["until_at"]) - now
            raise JifenError(Code.PICK_UP_LOCKED, retry_after_seconds=int(left.total_seconds()) + 1)
        item = {
            **key,
            "wrong": wrong + 1,
            "until_at": stamp(now + LOCKED_FOR),
            "version": standing["version"] + 1 if standing else 1,
            "expires_epoch_s": int((now + KEPT_FOR).timestamp()),
        }
        put: dict[str, Any] = {"TableName": self.name, "Item": encode_item(item)}
        put["ConditionExpression"] = "attribute_not_exists(pk)"
        if standing:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = encode_item({":before": standing["version"]})
        return {"Put": put}

    def forgive(self, subjects: Sequence[str]) -> None:
        """The try was right: it counts against nobody."""
        for one in subjects:
            self.dynamo.update_item(
                TableName=self.name,
                Key=encode_item(_key(one)),
                UpdateExpression="ADD wrong :less, version :one",
                ExpressionAttributeValues=encode_item({":less": -1, ":one": 1}),
            )


def _key(subject: str) -> Item:
    return {"pk": f"TRIES#{subject}", "sk": "TRIES"}


def open_tries() -> TriesTable:
    """The stage's counts."""
    return TriesTable(client(), settings().spending_table)
