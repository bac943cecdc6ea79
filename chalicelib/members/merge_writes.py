"""What a merge writes of the members table, for the transaction of the two accounts. Pure shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.members import items
from chalicelib.members.model import Identity, Link, Member
from chalicelib.members.table import ABSENT, CURRENT
from chalicelib.runtime.dynamo import encode_item

Write = dict[str, Any]


def merge_writes(
    name: str, closing: Member, surviving: Member, identities: Sequence[tuple[Identity, datetime]]
) -> list[Write]:
    """The writes that give all identities of one member to the other, and his reminder where the other has none: two
    an identity and at most four, each refused where something has changed since it was read.
    """
    takes_reminder = closing.reminder_hour is not None and surviving.reminder_hour is None
    writes = [
        _profile(
            name,
            closing,
            "SET merged_into = :to REMOVE reminder_hour",
            f"{CURRENT} AND identity_count = :count",
            {":to": surviving.member_id, ":count": closing.identity_count},
        ),
        _profile(
            name,
            surviving,
            f"ADD identity_count :more {'SET reminder_hour = :its' if takes_reminder else ''}",
            CURRENT,
            {":more": len(identities), **({":its": closing.reminder_hour} if takes_reminder else {})},
        ),
    ]
    for identity, bound_at in identities:
        writes += _moved(name, identity, closing.member_id, Link(surviving.member_id, "", bound_at))
    if closing.reminder_hour is not None:
        gone = items.reminder_key(closing.member_id, closing.reminder_hour)
        writes.append({"Delete": {"TableName": name, "Key": encode_item(gone)}})
        if takes_reminder:
            row = items.reminder_key(surviving.member_id, closing.reminder_hour)
            writes.append({"Put": {"TableName": name, "Item": encode_item(row)}})
    return writes


def _profile(name: str, member: Member, change: str, condition: str, values: Mapping[str, Any]) -> Write:
    """A change of a profile that is as it was read: nobody was merged into another, the reminder stands as it did."""
    hour = member.reminder_hour
    as_read = "attribute_not_exists(reminder_hour)" if hour is None else "reminder_hour = :hour"
    given = {**values, **({} if hour is None else {":hour": hour})}
    update = {
        "TableName": name,
        "Key": encode_item(items.member_key(member.member_id)),
        "UpdateExpression": change.strip(),
        "ConditionExpression": f"{condition} AND {as_read}",
        "ExpressionAttributeValues": encode_item(given),
    }
    return {"Update": update}


def _moved(name: str, identity: Identity, from_id: str, link: Link) -> list[Write]:
    """An identity's link points to the survivor, and his own list has it; the other's list stays as it was."""
    update = {
        "TableName": name,
        "Key": encode_item(items.link_key(identity)),
        "UpdateExpression": "SET member_id = :to",
        "ConditionExpression": "member_id = :from",
        "ExpressionAttributeValues": encode_item({":to": link.member_id, ":from": from_id}),
    }
    listed = items.listed_identity_item(identity, link)
    put = {"TableName": name, "Item": encode_item(listed), "ConditionExpression": ABSENT}
    return [{"Update": update}, {"Put": put}]
