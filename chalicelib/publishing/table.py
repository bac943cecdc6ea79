"""The publishing table: the one file of this room that talks to DynamoDB. Items and keys are drawn in items.py.

read one issue                   key, strong
change one issue                 put at the version that was read
issues of a month, in time order index `calendar`
issues a sweep has work with     index `due`, oldest first
publications to look at          index `due`, oldest first
what the outbox has of a month   index `calendar`, month `outbox#2026-03`
alerts of a month                key, strong
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.errors import Code, JifenError
from chalicelib.publishing import items
from chalicelib.publishing.model import Alert, Delivery, Heading, Issue, Outcome, Receipt, Sending
from chalicelib.publishing.pages import Page, cursor_of, position_of
from chalicelib.runtime.dynamo import (
    Client,
    ConditionFailed,
    Item,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
    put_once,
)
from chalicelib.runtime.settings import settings

T = TypeVar("T")

_HEADING = {
    "ProjectionExpression": "pk, publish_at, title, channel, #state, #version, sent_at, "
    "headline.title, #second.title, third.title",
    "ExpressionAttributeNames": {"#month": "month", "#state": "state", "#version": "version", "#second": "second"},
}
_WHOLE = {"ExpressionAttributeNames": {"#month": "month"}}


class Overtaken(JifenError):
    """The issue was changed since it was read; nothing was written."""

    def __init__(self) -> None:
        super().__init__(Code.VERSION_TAKEN)


@dataclass(frozen=True, slots=True)
class PublishingTable:
    """The table of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def issue(self, issue_id: str) -> Issue:
        """The issue as it stands; raises ISSUE_NOT_FOUND."""
        item = self._get(items.issue_key(issue_id))
        if item is None:
            raise JifenError(Code.ISSUE_NOT_FOUND)
        return items.issue_of(item)

    def create(self, issue: Issue, *, guard: str, input_hash: str) -> str:
        """Write a new issue unless the guard stands already; answers the id of the issue that the guard names.

        Raises KEY_REUSED when the guard was set with another input, Cancelled when two requests met at this instant.
        """
        guard_item = {"pk": f"key#{guard}", "sk": "draft", "issue_id": issue.id, "input_hash": input_hash}
        standing = put_once(self.dynamo, self.name, guard_item, [items.issue_item(issue)])
        return str(standing["issue_id"]) if standing else issue.id

    def save(self, issue: Issue, *, seen_version: int) -> None:
        """Store a changed issue if it still stands at the version that was read; raises Overtaken if not.

        The version covers the state and the channel, so a claim saved here is a claim on (issue, channel).
        """
        try:
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(items.issue_item(issue)),
                ConditionExpression="#version = :seen",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":seen": {"N": str(seen_version)}},
            )
        except ConditionFailed:
            raise Overtaken from None

    def headings(self, month: str, *, limit: int, cursor: str | None = None) -> Page[Heading]:
        """Issues with their publish time in a month, earliest first, without their articles."""
        return self._calendar_page(month, month, items.heading_of, _HEADING, limit, cursor)

    def all_headings(self, month: str) -> list[Heading]:
        """Every issue of a month, earliest first."""
        headings: list[Heading] = []
        cursor: str | None = None
        while True:
            page = self.headings(month, limit=100, cursor=cursor)
            headings += page.list
            cursor = page.next_cursor
            if cursor is None:
                return headings

    def due_ids(self, now: datetime) -> Iterator[str]:
        """Ids of issues whose time has come and that are not finished, oldest first (eventually consistent)."""
        return self._due(items.DUE, now)

    def publications_to_look_at(self, now: datetime) -> Iterator[str]:
        """Ids of issues published without push whose job is to be asked for by now (eventually consistent)."""
        return self._due(items.PUBLICATION_DUE, now)

    def sending(self, issue_id: str) -> Sending | None:
        """How far a channel of several steps has got with an issue; None when it has not begun."""
        item = self._get(items.sending_key(issue_id))
        return items.sending_of(item) if item else None

    def put_sending(self, issue_id: str, sending: Sending) -> None:
        """Keep how far a channel has got; whoever has the claim is the only one who does."""
        self.dynamo.put_item(TableName=self.name, Item=encode_item(items.sending_item(issue_id, sending)))

    def outcome(self, receipt_id: str) -> Outcome | None:
        """What a channel has told of a sending since; None when it has told nothing."""
        item = self._get(items.outcome_key(receipt_id))
        return items.outcome_of(item) if item else None

    def put_outcome(self, receipt_id: str, outcome: Outcome) -> None:
        """Keep what a channel tells of a sending, unless something newer stands."""
        with suppress(ConditionFailed):
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(items.outcome_item(receipt_id, outcome)),
                ConditionExpression="attribute_not_exists(pk) OR told_at < :at",
                ExpressionAttributeValues=encode_item({":at": items.stamp(outcome.told_at)}),
            )

    def cover(self, digest: str) -> str:
        """The media id of a picture by the SHA-256 of its bytes; empty when it was not brought yet."""
        item = self._get(items.cover_key(digest))
        return str(item["media_id"]) if item else ""

    def put_cover(self, digest: str, media_id: str) -> str:
        """Keep under which id a picture was brought; answers the first one's when it is there already."""
        item = {**items.cover_key(digest), "media_id": media_id}
        try:
            conditional(self.dynamo, "put_item", **self._put_new(item)["Put"])
        except ConditionFailed as standing:
            return str(standing.item["media_id"]) if standing.item else media_id
        return media_id

    def put_in_outbox(self, issue: Issue, receipt: Receipt) -> Receipt:
        """Keep a sent issue once; answers the first receipt when it is there already."""
        item = items.outbox_item(issue, receipt)
        try:
            conditional(self.dynamo, "put_item", **self._put_new(item)["Put"])
        except ConditionFailed:
            standing = self._get(items.outbox_key(issue.id))
            if standing is None:
                raise
            return items.receipt_of(standing)
        return receipt

    def outbox(self, month: str, *, limit: int, cursor: str | None = None) -> Page[Delivery]:
        """What the outbox has of the issues planned in a month, whole; a page ends early at 1 MB."""
        return self._calendar_page(f"outbox#{month}", month, items.delivery_of, _WHOLE, limit, cursor)

    def raise_alert(self, alert: Alert) -> None:
        """Keep an alert; the first of a day stays."""
        try:
            conditional(self.dynamo, "put_item", **self._put_new(items.alert_item(alert))["Put"])
        except ConditionFailed:
            return

    def alerts(self, month: str) -> list[Alert]:
        """The alerts of a month's planned days, in order; at most 31 small items."""
        answer = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"alert#{month}"}},
            ConsistentRead=True,
        )
        return [items.alert_of(decode_item(typed)) for typed in answer["Items"]]

    def _due(self, mark: str, now: datetime) -> Iterator[str]:
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName="due",
            KeyConditionExpression="due = :due AND publish_at <= :now",
            ExpressionAttributeValues={":due": {"S": mark}, ":now": {"S": items.stamp(now)}},
        )
        return (typed["pk"]["S"].partition("#")[2] for page in found for typed in page)

    def _get(self, key: Item) -> Item | None:
        answer = self.dynamo.get_item(TableName=self.name, Key=encode_item(key), ConsistentRead=True)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def _put_new(self, item: Item) -> dict[str, Any]:
        return {
            "Put": {
                "TableName": self.name,
                "Item": encode_item(item),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _calendar_page(
        self,
        partition: str,
        month: str,
        read: Callable[[Item], T],
        shape: dict[str, Any],
        limit: int,
        cursor: str | None,
    ) -> Page[T]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": "calendar",
            "KeyConditionExpression": "#month = :month",
            "ExpressionAttributeValues": {":month": {"S": partition}},
            "Limit": limit,
            **shape,
        }
        if cursor is not None:
            publish_at, issue_id = position_of(cursor, month)
            key = items.issue_key(issue_id) if partition == month else items.outbox_key(issue_id)
            request["ExclusiveStartKey"] = encode_item({**key, "month": partition, "publish_at": publish_at})
        answer = self.dynamo.query(**request)
        last = decode_item(answer.get("LastEvaluatedKey", {}))
        found = tuple(read(decode_item(typed)) for typed in answer["Items"])
        return Page(found, cursor_of(last["publish_at"], last["pk"].partition("#")[2]) if last else None)


def open_publishing() -> PublishingTable:
    """The table of this stage."""
    return PublishingTable(client(), settings().publishing_table)
