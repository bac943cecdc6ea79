"""The insight table, the one file of this room that talks to DynamoDB; items.py draws the items.

lines             put in batches under their own key, read by a query of each of a day's shards
marks             one item a day in one partition, read whole: it says which days are to be summed
totals of days    put whole; read by key, or by a query of a month
closed months     put once, with conditions on the months beside them; never changed
stages            in stages_table.py
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.insight import items
from chalicelib.insight.line import Line
from chalicelib.insight.model import Day, Mark, month_of
from chalicelib.insight.month import Closed, Reopened
from chalicelib.insight.stages_table import StagesTable
from chalicelib.runtime.dynamo import (
    BATCH_ATTEMPTS,
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

MAX_BATCH_PUT = 25
_A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class InsightTable:
    """The daybook and its totals of one stage, over a low-level client."""

    dynamo: Client
    name: str

    @property
    def stages(self) -> StagesTable:
        """What the same table holds of stages."""
        return StagesTable(self.dynamo, self.name)

    def put_lines(self, lines: Iterable[Line]) -> None:
        """Put each line under its own key, 25 a call; the same line again changes nothing. Raises UNAVAILABLE."""
        found = {(item["pk"], item["sk"]): item for item in map(items.line_item, lines)}
        rows = [{"PutRequest": {"Item": encode_item(item)}} for item in found.values()]
        for start in range(0, len(rows), MAX_BATCH_PUT):
            self._write_batch(rows[start : start + MAX_BATCH_PUT])

    def remove(self, keys: Sequence[Item]) -> None:
        """Delete lines or totals that have no ground in the journal; only a rebuilding does that."""
        rows = [{"DeleteRequest": {"Key": encode_item({name: key[name] for name in ("pk", "sk")})}} for key in keys]
        for start in range(0, len(rows), MAX_BATCH_PUT):
            self._write_batch(rows[start : start + MAX_BATCH_PUT])

    def _write_batch(self, rows: list[Any]) -> None:
        wanted: Any = {self.name: rows}
        for attempt in range(BATCH_ATTEMPTS):
            wanted = self.dynamo.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
            if not wanted:
                return
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1)

    def lines(self, on: date) -> Iterator[Line]:
        """Every line of a day, strongly read: member by member, each member's by rising number."""
        for shard in range(items.SHARDS):
            for item in self._query(items.line_pk(on, shard)):
                yield items.line_of_item(item)

    def standing(self, keys: Sequence[Item]) -> dict[tuple[str, str], Item]:
        """What stands under keys, strongly read, by key."""
        found = map(decode_item, batch_get(self.dynamo, self.name, keys))
        return {(item["pk"], item["sk"]): item for item in found}

    def mark(self, on: date, token: str) -> None:
        """Say that lines of a day were written; to be called after they were."""
        self._update(on, "SET #token = :token", {"#token": "token"}, {":token": token})

    def mark_summed(self, on: date, seen: str, problems: Sequence[str]) -> None:
        """Say under which token a day was summed, and what is wrong with it."""
        values = {":seen": seen, ":problems": list(problems)}
        self._update(on, "SET seen = :seen, problems = :problems", {}, values)

    def _update(self, on: date, expression: str, names: dict[str, str], values: Item) -> None:
        request: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        self.dynamo.update_item(
            TableName=self.name,
            Key=encode_item({"pk": items.DAYS, "sk": on.isoformat()}),
            UpdateExpression=expression,
            ExpressionAttributeValues=encode_item(values),
            **request,
        )

    def marks(self, since: date = date.min, until: date = date.max) -> list[Mark]:
        """The marks of all days from `since` through `until` that have one, earliest first."""
        found = self._query(items.DAYS, since.isoformat(), until.isoformat())
        return [items.mark_of(item) for item in found]

    def put_day(self, day: Day) -> None:
        """Set the totals of a day."""
        self.dynamo.put_item(TableName=self.name, Item=encode_item(items.day_item(day)))

    def day(self, on: date) -> Day | None:
        """The totals of a day."""
        return self.days_at([on]).get(on)

    def days_at(self, dates: Sequence[date]) -> dict[date, Day]:
        """The totals of several days, 100 a call; those that there are."""
        found = self.standing([items.day_key(on) for on in dates])
        return {day.on: day for day in map(items.day_of_item, found.values())}

    def days(self, since: date, until: date) -> list[Day]:
        """The totals of the days from `since` through `until` that have some, earliest first: a query a month."""
        found: list[Day] = []
        month = since.replace(day=1)
        while month <= until:
            page = self._query(f"T#{month_of(month)}", since.isoformat(), until.isoformat())
            found += map(items.day_of_item, page)
            month = (month.replace(day=28) + _A_WEEK).replace(day=1)
        return found

    def closes(self, month: str = "") -> list[Closed]:
        """Every closing of a month, or of all, newest first."""
        found = list(self._query(items.CLOSES, month or "0", f"{month or '~'}~"))
        reopened = {item["sk"].removesuffix("#reopened"): item for item in found if item["sk"].endswith("#reopened")}
        closed = [item for item in found if not item["sk"].endswith("#reopened")]
        return [items.closed_of(item, reopened.get(item["sk"])) for item in reversed(closed)]

    def put_closed(self, closed: Closed, before: Closed | None) -> bool:
        """Keep a closed month for ever, while the month before stays closed; False when that or the number is taken."""
        writes = [self._put_new(items.closed_item(closed))]
        if before is not None:
            key = f"{items.closed_sk(before.statement.month, before.number)}#reopened"
            writes.append(self._absent(key))
        return self._transact(writes)

    def put_reopened(self, closed: Closed, reopened: Reopened, *, following_sk: str) -> bool:
        """Keep a reopening for ever, while the closing of the month after is not there; False when one of them is."""
        return self._transact([self._put_new(items.reopened_item(closed, reopened)), self._absent(following_sk)])

    def _transact(self, writes: list[dict[str, Any]]) -> bool:
        try:
            transact(self.dynamo, writes)
        except Cancelled as error:
            if error.is_transient():
                raise
            return False
        return True

    def _put_new(self, item: Item) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self.name,
                "Item": encode_item(item),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _absent(self, sk: str) -> dict[str, Any]:
        return {
            "ConditionCheck": {
                "TableName": self.name,
                "Key": encode_item({"pk": items.CLOSES, "sk": sk}),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _query(self, pk: str, since: str = "", until: str = "") -> Iterator[Item]:
        condition, values = "pk = :pk", {":pk": pk}
        if since:
            condition, values = (
                "pk = :pk AND sk BETWEEN :since AND :until",
                {**values, ":since": since, ":until": until},
            )
        found = pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=encode_item(values),
            ConsistentRead=True,
        )
        return (decode_item(item) for page in found for item in page)


def open_insight() -> InsightTable:
    """The stage's daybook and totals."""
    return InsightTable(client(), settings().insight_table)
