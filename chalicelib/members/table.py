"""The members table: the only file of the room that speaks to DynamoDB, but for members' tags (tags_table.py). Key
shapes are listed in items.py.

Reads are strong, so that what one call answered holds for the next. Nothing is deleted here but the row of a reminder
that moved or ended: sessions and keys are revoked, and the table forgets what has ended by itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.members import items
from chalicelib.members.model import LOGIN_PROVIDER, Identity, Link, Member, Migration, Session, StaffKey
from chalicelib.runtime import dynamo as db
from chalicelib.runtime.settings import settings

Write = dict[str, Any]
ATTEMPTS = 4
ABSENT = "attribute_not_exists(pk)"
CURRENT = "attribute_exists(pk) AND attribute_not_exists(merged_into)"
"""Of a profile: it is there, and the member was not merged into another."""
NONCE_FREE = "attribute_not_exists(pk) OR expires_epoch_s < :now OR body_digest = :body"
_IDENTITY_ITEMS = (items.link_item, items.listed_identity_item)
NAME_FREE = "attribute_not_exists(pk) OR is_free = :true"


@dataclass(frozen=True, slots=True)
class MembersTable:
    """One method per access pattern; `pause` waits that many seconds between attempts, tests pass their own."""

    dynamo: db.Client
    name: str
    pause: Callable[[float], None] = time.sleep

    def session(self, digest: str) -> Session | None:
        """The session stored under a token's digest, expired and revoked ones included."""
        item = self._get(items.session_key(digest))
        return items.read_session(item) if item else None

    def open_session(self, session: Session, code_digest: str) -> bool:
        """Store a session and burn the login code it came from, both or neither; False if the code was burnt before."""
        burn = self._put(items.code_item(code_digest, session.opened_at), ABSENT)
        return self._write([burn, self._put(items.session_item(session), ABSENT)]) is None

    def revoke_session(self, digest: str, now: datetime) -> None:
        """End a session that exists; a second time changes nothing."""
        self.dynamo.update_item(
            TableName=self.name,
            Key=db.encode_item(items.session_key(digest)),
            UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
            ExpressionAttributeValues=db.encode_item({":now": items.stamp(now)}),
        )

    def claim_nonce(self, nonce: str, body_digest: str, now: datetime, *, keep_seconds: int) -> bool:
        """Remember whose body a nonce belongs to, in one write; False if it still belongs to another body."""
        expires_epoch_s = items.epoch(now) + keep_seconds
        values = {":now": items.epoch(now), ":body": body_digest}
        claim = self._put(items.nonce_item(nonce, body_digest, expires_epoch_s), NONCE_FREE, values)
        try:
            db.conditional(self.dynamo, "put_item", **claim["Put"])
        except db.ConditionFailed:
            return False
        return True

    def member(self, member_id: str) -> Member | None:
        """A member's profile; of who was merged the survivor's, by one read more."""
        item = self._get(items.member_key(member_id))
        while item and "merged_into" in item:
            item = self._get(items.member_key(item["merged_into"]))
        return items.read_profile(item) if item else None

    def log_in_id(self, member_id: str) -> str | None:
        """The account that a member logs in by, the one bound last where there are several."""
        listed = self.identities(member_id)
        bound = [(at, one.external_id) for one, at in listed if one.provider == LOGIN_PROVIDER]
        return max(bound)[1] if bound else None

    def identities(self, member_id: str) -> list[tuple[Identity, datetime]]:
        """A member's own list of identities, each with when it was bound, strongly read."""
        found = db.pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :identity)",
            ExpressionAttributeValues=db.encode_item({":pk": items.member_key(member_id)["pk"], ":identity": "ID#"}),
            ConsistentRead=True,
        )
        return [items.read_listed_identity(db.decode_item(item)) for page in found for item in page]

    def known(self, member_ids: Collection[str]) -> set[str]:
        """Those of the ids that are members', strongly read, a hundred a call."""
        keys = [items.member_key(member_id) for member_id in sorted(set(member_ids))]
        return {item["pk"].partition("#")[2] for item in self._batch(keys)}

    def links(self, identities: Sequence[Identity]) -> dict[Identity, Link]:
        """Whose identities these are, unknown ones left out: one batch read per 100, unprocessed keys asked again.

        Raises JifenError UNAVAILABLE when keys stay unprocessed after the last attempt.
        """
        by_key = {identity.key(): identity for identity in identities}
        keys = [items.link_key(identity) for identity in by_key.values()]
        return {by_key[item["pk"]]: items.read_link(item) for item in self._batch(keys)}

    def add_member(self, member: Member, identity: Identity, link: Link) -> Link | None:
        """Store a new member with a first identity, or answer the link that the identity has already."""
        refused = self._write(self.new_member(member, [identity], link))
        if refused is None:
            return None
        standing = refused.reasons[0].item
        if standing is None:
            raise refused
        return items.read_link(standing)

    def new_member(self, member: Member, identities: Sequence[Identity], link: Link) -> list[Write]:
        """The writes that make a member with these identities, each link first, each refused where something stands:
        for a transaction of this table's or of another's.
        """
        writes = [self._put(item(one, link), ABSENT) for one in identities for item in _IDENTITY_ITEMS]
        return [*writes, self._put(items.profile_item(member), ABSENT)]

    def migration(self) -> Migration | None:
        """How this stage took in members of another programme, None when it has not."""
        item = self._get(items.MIGRATION_KEY)
        return items.read_migration(item) if item else None

    def begin_migration(self, migration: Migration) -> Migration:
        """Keep how members of another programme are taken in, once for ever; answers what stands."""
        put = self._put(items.migration_item(migration), ABSENT)
        try:
            db.conditional(self.dynamo, "put_item", **put["Put"])
        except db.ConditionFailed as standing:
            return items.read_migration(standing.item) if standing.item else migration
        return migration

    def add_identity(self, identity: Identity, link: Link) -> Link | None:
        """Bind one more identity to a member (to the survivor of who was merged), or answer the link that the identity
        has already.

        Raises JifenError MEMBER_NOT_FOUND when there is no such member.
        """
        count = {
            "TableName": self.name,
            "Key": db.encode_item(items.member_key(link.member_id)),
            "UpdateExpression": "ADD identity_count :one",
            "ConditionExpression": CURRENT,
            "ExpressionAttributeValues": db.encode_item({":one": 1}),
        }
        refused = self._write(
            [
                {"Update": count},
                self._put(items.link_item(identity, link), ABSENT),
                self._put(items.listed_identity_item(identity, link), ABSENT),
            ]
        )
        if refused is None:
            return None
        if refused.reasons[0].code == "ConditionalCheckFailed":
            profile = refused.reasons[0].item
            if profile is None:
                raise JifenError(Code.MEMBER_NOT_FOUND)
            return self.add_identity(identity, link._replace(member_id=profile["merged_into"]))
        standing = refused.reasons[1].item
        if standing is None:
            raise refused
        return items.read_link(standing)

    def set_reminder(self, member_id: str, hour: int | None) -> None:
        """Keep the hour of a member's reminder, in the profile and in that hour's list, or None for no reminder.

        Both or neither, and out of the last hour's list. Raises MEMBER_NOT_FOUND, BUSY.
        """
        for attempt in range(ATTEMPTS):
            standing = self.member(member_id)
            if standing is None:
                raise JifenError(Code.MEMBER_NOT_FOUND)
            if standing.reminder_hour == hour:
                return
            if self._write(self._reminder_writes(standing, hour)) is None:
                return
            self._wait(attempt)  # another call moved it first
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _reminder_writes(self, standing: Member, hour: int | None) -> list[Write]:
        before = standing.reminder_hour
        values = {":hour": hour, ":before": before}
        profile = {
            "TableName": self.name,
            "Key": db.encode_item(items.member_key(standing.member_id)),
            "UpdateExpression": "REMOVE reminder_hour" if hour is None else "SET reminder_hour = :hour",
            "ConditionExpression": f"{CURRENT} AND "
            + ("attribute_not_exists(reminder_hour)" if before is None else "reminder_hour = :before"),
            "ExpressionAttributeValues": db.encode_item({k: v for k, v in values.items() if v is not None}),
        }
        writes: list[Write] = [{"Update": profile}]
        if hour is not None:
            row = items.reminder_key(standing.member_id, hour)
            writes.append({"Put": {"TableName": self.name, "Item": db.encode_item(row)}})
        if before is not None:
            row = items.reminder_key(standing.member_id, before)
            writes.append({"Delete": {"TableName": self.name, "Key": db.encode_item(row)}})
        return writes

    def reminded(self, hour: int, shard: int) -> Iterator[list[str]]:
        """The members of one part of an hour's list, by rising id, in pages that one batch read can take."""
        found = db.pages(
            self.dynamo,
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=db.encode_item({":pk": items.reminder_pk(hour, shard)}),
            ConsistentRead=True,
            Limit=db.MAX_BATCH_GET,
        )
        for page in found:
            yield [item["sk"]["S"] for item in page]

    def staff_key(self, staff_id: str) -> StaffKey | None:
        """A staff key's row, revoked ones included."""
        item = self._get(items.staff_key_key(staff_id))
        return items.read_staff_key(item) if item else None

    def staff_keys(self, after: str | None, limit: int) -> list[StaffKey]:
        """Up to `limit` staff keys by rising staff id, those after `after` only."""
        values = {":staff": items.STAFF, ":after": items.STAFF_KEY_PREFIX + (after or ""), ":end": "KEY~"}
        page = self.dynamo.query(
            TableName=self.name,
            KeyConditionExpression="pk = :staff AND sk BETWEEN :after AND :end",
            ExpressionAttributeValues=db.encode_item(values),
            ConsistentRead=True,
            Limit=limit + 1,  # BETWEEN takes `after` itself along
        )
        keys = [items.read_staff_key(db.decode_item(item)) for item in page["Items"]]
        return [held for held in keys if held.staff_id != after][:limit]

    def add_staff_key(self, held: StaffKey) -> str | None:
        """Store a new staff key under a name no live key has; answers the staff id that has the name, if one has."""
        name_item = {**items.staff_name_key(held.name), "staff_id": held.staff_id, "is_free": False}
        refused = self._write(
            [
                self._put(items.staff_key_item(held), ABSENT),
                self._put(name_item, NAME_FREE, {":true": True}),
            ]
        )
        if refused is None:
            return None
        standing = refused.reasons[1].item
        if standing is None:
            raise refused
        return str(standing["staff_id"])

    def revoke_staff_key(self, held: StaffKey, revoked_by: str, now: datetime) -> bool:
        """End a staff key and free its name, both or neither; False if somebody else did so first."""
        end = {
            "TableName": self.name,
            "Key": db.encode_item(items.staff_key_key(held.staff_id)),
            "UpdateExpression": "SET revoked_by = :by, revoked_at = :at",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(revoked_at)",
            "ExpressionAttributeValues": db.encode_item({":by": revoked_by, ":at": items.stamp(now)}),
        }
        free = {
            "TableName": self.name,
            "Key": db.encode_item(items.staff_name_key(held.name)),
            "UpdateExpression": "SET is_free = :true",
            "ConditionExpression": "staff_id = :id",
            "ExpressionAttributeValues": db.encode_item({":true": True, ":id": held.staff_id}),
        }
        return self._write([{"Update": end}, {"Update": free}]) is None

    def _get(self, key: Mapping[str, str]) -> db.Item | None:
        answer = self.dynamo.get_item(TableName=self.name, Key=db.encode_item(key), ConsistentRead=True)
        return db.decode_item(answer["Item"]) if "Item" in answer else None

    def _put(self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None) -> Write:
        put = {"TableName": self.name, "Item": db.encode_item(item), "ConditionExpression": condition}
        if values:
            put["ExpressionAttributeValues"] = db.encode_item(values)
        return {"Put": put}

    def _write(self, writes: Sequence[Write]) -> db.Cancelled | None:
        """All or nothing; answers the refusal if a condition failed. Contention is tried again, then BUSY."""
        for attempt in range(ATTEMPTS):
            try:
                db.transact(self.dynamo, writes)
            except db.Cancelled as refused:
                if not refused.is_transient():
                    return refused
            else:
                return None
            self._wait(attempt)
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _batch(self, keys: Sequence[Mapping[str, Any]]) -> list[db.Item]:
        return [db.decode_item(item) for item in db.batch_get(self.dynamo, self.name, keys, self._wait)]

    def _wait(self, attempt: int) -> None:
        """Full jitter below 50, 100, 200, 400 ms: callers that collided must not collide again in step."""
        self.pause(random.uniform(0, 0.05 * 2**attempt))


def open_members() -> MembersTable:
    """This stage's table."""
    return MembersTable(db.client(), settings().members_table)
