"""Issues, receipts and alerts as plain items, and back. What is missing in an item is a defect and raises KeyError.

pk              sk           month, publish_at                 holds
issue#<id>      issue        2026-03, planned instant          an issue; also `due` while a sweep has work with it
key#<sha256>    draft                                          which issue an Idempotency-Key made
sending#<id>    sending      -, instant of the next look       how far a channel of several steps has got with it;
                                                               `due` while its publication is to be looked at
outcome#<receipt>  outcome                                     what a channel has told of a sending since
cover#<sha256>  cover                                          the id that a picture has at the Official Account
outbox#<id>     sent         outbox#2026-03, planned instant   an issue as the outbox channel has it
alert#2026-03   2026-03-04                                     a planned day that nothing was approved for
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.publishing.model import (
    AWAITING,
    Action,
    Alert,
    Delivery,
    Goal,
    Heading,
    Issue,
    Kpi,
    Line,
    Outcome,
    Plan,
    PointsItem,
    Receipt,
    Sending,
    Slot,
    State,
    day_of,
    month_of,
)

Item = dict[str, Any]
DUE = "issue"
PUBLICATION_DUE = "publication"


def stamp(at: datetime) -> str:
    """An instant as stored: UTC to the millisecond, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def issue_key(issue_id: str) -> Item:
    return {"pk": f"issue#{issue_id}", "sk": "issue"}


def outbox_key(issue_id: str) -> Item:
    return {"pk": f"outbox#{issue_id}", "sk": "sent"}


def issue_item(issue: Issue) -> Item:
    """The whole issue; it stands in the `due` index only while a sweep has work with it."""
    item = {
        **issue_key(issue.id),
        **plan_item(issue.plan),
        "month": month_of(day_of(issue.plan.publish_at)),
        "state": issue.state.value,
        "version": issue.version,
        "authors": list(issue.authors),
        "history": [{**asdict(line), "action": line.action.value, "at": stamp(line.at)} for line in issue.history],
        "attempts": issue.attempts,
        "failure": issue.failure,
    }
    if issue.claimed_at:
        item["claimed_at"] = stamp(issue.claimed_at)
    if issue.receipt:
        item |= {"receipt": issue.receipt.id, "sent_at": stamp(issue.receipt.sent_at)}
    if issue.state in AWAITING:
        item["due"] = DUE
    return item


def plan_item(plan: Plan) -> Item:
    """What staff wrote; equal plans give equal items."""
    return {**asdict(plan), "publish_at": stamp(plan.publish_at)}


def issue_of(item: Item) -> Issue:
    return Issue(
        id=_id_of(item),
        plan=plan_of(item),
        state=State(item["state"]),
        version=item["version"],
        authors=tuple(item["authors"]),
        history=tuple(_line_of(line) for line in item["history"]),
        claimed_at=_instant(item.get("claimed_at")),
        attempts=item["attempts"],
        receipt=receipt_of(item) if "receipt" in item else None,
        failure=item["failure"],
    )


def plan_of(item: Item) -> Plan:
    return Plan(
        title=item["title"],
        publish_at=datetime.fromisoformat(item["publish_at"]),
        channel=item["channel"],
        headline=_slot_of(item["headline"]),
        second=_slot_of(item["second"]),
        third=_slot_of(item["third"]),
    )


def heading_of(item: Item) -> Heading:
    """An issue from the calendar index, read without its articles."""
    return Heading(
        id=_id_of(item),
        title=item["title"],
        publish_at=datetime.fromisoformat(item["publish_at"]),
        channel=item["channel"],
        state=State(item["state"]),
        version=item["version"],
        slot_titles=(item["headline"]["title"], item["second"]["title"], item["third"]["title"]),
        sent_at=_instant(item.get("sent_at")),
    )


def outbox_item(issue: Issue, receipt: Receipt) -> Item:
    """The sent issue as the outbox keeps it."""
    return {
        **outbox_key(issue.id),
        **plan_item(issue.plan),
        "month": f"outbox#{month_of(day_of(issue.plan.publish_at))}",
        "receipt": receipt.id,
        "sent_at": stamp(receipt.sent_at),
    }


def sending_key(issue_id: str) -> Item:
    return {"pk": f"sending#{issue_id}", "sk": "sending"}


def cover_key(digest: str) -> Item:
    return {"pk": f"cover#{digest}", "sk": "cover"}


def sending_item(issue_id: str, sending: Sending) -> Item:
    """It stands in the `due` index only while its publication is to be looked at."""
    item = {**sending_key(issue_id), **sending._asdict(), "began_at": stamp(sending.began_at)}
    for name in ("tried_at", "look_at"):
        del item[name]
    if sending.tried_at:
        item["tried_at"] = stamp(sending.tried_at)
    if sending.look_at:
        item |= {"due": PUBLICATION_DUE, "publish_at": stamp(sending.look_at)}
    return item


def sending_of(item: Item) -> Sending:
    return Sending(
        content=item["content"],
        began_at=datetime.fromisoformat(item["began_at"]),
        draft_id=item["draft_id"],
        is_tried=item["is_tried"],
        data_id=item["data_id"],
        tried_at=_instant(item.get("tried_at")),
        publish_id=item.get("publish_id", ""),
        look_at=_instant(item.get("publish_at")),
    )


def outcome_key(receipt_id: str) -> Item:
    return {"pk": f"outcome#{receipt_id}", "sk": "outcome"}


def outcome_item(receipt_id: str, outcome: Outcome) -> Item:
    told_at, links = stamp(outcome.told_at), list(outcome.links)
    return {**outcome_key(receipt_id), **outcome._asdict(), "told_at": told_at, "links": links}


def outcome_of(item: Item) -> Outcome:
    counts = {name: item[name] for name in ("total", "meant", "sent", "failed")}
    told_at, links = datetime.fromisoformat(item["told_at"]), tuple(item.get("links", ()))
    return Outcome(item["status"], **counts, told_at=told_at, text=item.get("text", ""), links=links)


def delivery_of(item: Item) -> Delivery:
    return Delivery(_id_of(item), plan_of(item), receipt_of(item))


def receipt_of(item: Item) -> Receipt:
    return Receipt(item["receipt"], datetime.fromisoformat(item["sent_at"]))


def alert_item(alert: Alert) -> Item:
    return {
        "pk": f"alert#{month_of(alert.day)}",
        "sk": alert.day.isoformat(),
        "planned_at": stamp(alert.planned_at),
        "raised_at": stamp(alert.raised_at),
    }


def alert_of(item: Item) -> Alert:
    planned_at, raised_at = (datetime.fromisoformat(item[name]) for name in ("planned_at", "raised_at"))
    return Alert(date.fromisoformat(item["sk"]), planned_at, raised_at)


def _id_of(item: Item) -> str:
    return str(item["pk"]).partition("#")[2]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _line_of(item: Item) -> Line:
    at = datetime.fromisoformat(item["at"])
    return Line(Action(item["action"]), item["by"], at, item["version"], item["detail"])


def _slot_of(item: Item) -> Slot:
    points_item, goal = item["points_item"], item["goal"]
    return Slot(
        title=item["title"],
        body=item["body"],
        goods=tuple(item["goods"]),
        points_item=PointsItem(**points_item) if points_item else None,
        sign_up_link=item["sign_up_link"],
        interaction=item["interaction"],
        goal=Goal(goal["text"], Kpi(**goal["kpi"]) if goal["kpi"] else None) if goal else None,
        cover_media_id=item.get("cover_media_id", ""),
    )
