"""Rows of milestones and the report of stages in the insight table; stage_items.py draws the items.

rows      put at the version that was read, so that of two writers at once the second looks again
report    one item, put whole
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from chalicelib.insight import items, stage_items
from chalicelib.insight.milestones import Milestones
from chalicelib.insight.stage_items import Kept
from chalicelib.insight.stages import StageReport
from chalicelib.runtime.dynamo import (
    Client,
    ConditionFailed,
    batch_get,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
)
from chalicelib.runtime.settings import settings


@dataclass(frozen=True, slots=True)
class StagesTable:
    """What a stack's insight table holds of stages, over a low-level client."""

    dynamo: Client
    name: str

    def rows(self, member_ids: Collection[str]) -> dict[str, Kept]:
        """The rows of those of the members who have one, strongly read, 100 a call."""
        found = map(decode_item, batch_get(self.dynamo, self.name, [stage_items.row_key(one) for one in member_ids]))
        return {item["sk"]: stage_items.row_of(item) for item in found}

    def row(self, member_id: str) -> Milestones:
        """What a member has reached, nothing before his first line; of who was merged what the survivor has."""
        row = self.rows([member_id]).get(member_id, Kept()).milestones
        while row.merged_into:
            row = self.rows([row.merged_into]).get(row.merged_into, Kept()).milestones
        return row

    def put_row(self, member_id: str, milestones: Milestones, over: Kept) -> bool:
        """Set a member's row in place of `over`; False when another row stands there by now."""
        item = stage_items.row_item(member_id, Kept(milestones, over.version + 1))
        condition = {
            "ConditionExpression": "#version = :version" if over.version else "attribute_not_exists(pk)",
            **(
                {
                    "ExpressionAttributeNames": {"#version": "version"},
                    "ExpressionAttributeValues": encode_item({":version": over.version}),
                }
                if over.version
                else {}
            ),
        }
        try:
            conditional(self.dynamo, "put_item", TableName=self.name, Item=encode_item(item), **condition)
        except ConditionFailed:
            return False
        return True

    def all_rows(self) -> Iterator[list[Milestones]]:
        """Every row, strongly read, a page at a time."""
        for shard in range(items.SHARDS):
            found = pages(
                self.dynamo,
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=encode_item({":pk": stage_items.row_pk(shard)}),
                ConsistentRead=True,
            )
            for page in found:
                yield [stage_items.row_of(decode_item(item)).milestones for item in page]

    def put_report(self, report: StageReport) -> None:
        """Set the report of stages."""
        self.dynamo.put_item(TableName=self.name, Item=encode_item(stage_items.report_item(report)))

    def report(self) -> StageReport | None:
        """The report of stages, None before the first night."""
        found = [decode_item(item) for item in batch_get(self.dynamo, self.name, [stage_items.REPORT_KEY])]
        return stage_items.report_of(found[0]) if found else None


def open_stages() -> StagesTable:
    """What the insight table holds of stages."""
    return StagesTable(client(), settings().insight_table)
