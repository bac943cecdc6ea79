"""Key shapes of the members table, and its items as the model's values. Pure.

    pk                       sk                what
    MEMBER#<member_id>       PROFILE           registered_at, identity_count, reminder_hour, merged_into
    MEMBER#<member_id>       ID#<digest>       the member's own list of identities, for answers about their data
    MEMBER#<member_id>       TAGS, TAGS#...    the member's tags and a line for each change of them: tags_table.py's
    ID#<provider>#<id>       LINK              whose identity this is
    SESSION#<digest>         SESSION           a token's session; the token itself is nowhere
    CODE#<digest>            CODE              a login code that was used
    NONCE#<nonce>            NONCE             a nonce of the order feed and the digest of its body
    STAFF                    KEY#<staff_id>    a staff key's digest, roles and audit trail
    STAFF                    NAME#<name>       which key has this name; free again once that key is revoked
    MIGRATION                OPENING           the instant and the ratio at which members of another programme came
    REMIND#<hour>#<shard>    <member_id>       who is reminded at this hour; deleted when the member moves on

Outside ids and names are percent-encoded in keys. `expires_epoch_s` lets the table forget sessions, codes and
nonces some time after they ended; nothing relies on when.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from chalicelib.members.model import CODE_REMEMBERED, Identity, Link, Member, Migration, Session, StaffKey
from chalicelib.members.roles import Role
from chalicelib.members.tokens import digest

Item = dict[str, Any]
Key = dict[str, str]
STAFF = "STAFF"
STAFF_KEY_PREFIX = "KEY#"
MIGRATION_KEY = {"pk": "MIGRATION", "sk": "OPENING"}
REMINDER_SHARDS = 8
"""Partitions of one hour's reminders: most members choose the same evening hours. Never to be changed."""


def member_key(member_id: str) -> Key:
    return {"pk": f"MEMBER#{member_id}", "sk": "PROFILE"}


def link_key(identity: Identity) -> Key:
    return {"pk": identity.key(), "sk": "LINK"}


def session_key(token_digest: str) -> Key:
    return {"pk": f"SESSION#{token_digest}", "sk": "SESSION"}


def staff_key_key(staff_id: str) -> Key:
    return {"pk": STAFF, "sk": STAFF_KEY_PREFIX + staff_id}


def staff_name_key(name: str) -> Key:
    return {"pk": STAFF, "sk": f"NAME#{quote(name, safe='')}"}


def reminder_pk(hour: int, shard: int) -> str:
    return f"REMIND#{hour:02d}#{shard}"


def reminder_key(member_id: str, hour: int) -> Key:
    shard = sha256(member_id.encode()).digest()[0] % REMINDER_SHARDS
    return {"pk": reminder_pk(hour, shard), "sk": member_id}


def session_item(session: Session) -> Item:
    return {
        **session_key(session.key),
        "member_id": session.member_id,
        "opened_at": stamp(session.opened_at),
        "expires_at": stamp(session.expires_at),
        "expires_epoch_s": epoch(session.expires_at),
    }


def read_session(item: Mapping[str, Any]) -> Session:
    return Session(
        key=item["pk"].removeprefix("SESSION#"),
        member_id=item["member_id"],
        opened_at=instant(item["opened_at"]),
        expires_at=instant(item["expires_at"]),
        is_revoked="revoked_at" in item,
    )


def code_item(code_digest: str, used_at: datetime) -> Item:
    forgotten_at = epoch(used_at + CODE_REMEMBERED)
    return {"pk": f"CODE#{code_digest}", "sk": "CODE", "used_at": stamp(used_at), "expires_epoch_s": forgotten_at}


def nonce_item(nonce: str, body_digest: str, expires_epoch_s: int) -> Item:
    return {"pk": f"NONCE#{nonce}", "sk": "NONCE", "body_digest": body_digest, "expires_epoch_s": expires_epoch_s}


def profile_item(member: Member) -> Item:
    """A new member's profile: nobody is reminded of anything unasked."""
    return {
        **member_key(member.member_id),
        "registered_at": stamp(member.registered_at),
        "identity_count": member.identity_count,
    }


def read_profile(item: Mapping[str, Any]) -> Member:
    return Member(
        item["pk"].removeprefix("MEMBER#"),
        instant(item["registered_at"]),
        item["identity_count"],
        item.get("reminder_hour"),
        item.get("merged_into", ""),
    )


def link_item(identity: Identity, link: Link) -> Item:
    return {
        **link_key(identity),
        "member_id": link.member_id,
        "bound_by": link.bound_by,
        "bound_at": stamp(link.bound_at),
    }


def listed_identity_item(identity: Identity, link: Link) -> Item:
    return {
        "pk": member_key(link.member_id)["pk"],
        "sk": f"ID#{digest(identity.key())}",  # a sort key ends at 1,024 bytes, an outside id may be longer
        "provider": identity.provider,
        "external_id": identity.external_id,
        "bound_at": stamp(link.bound_at),
    }


def read_listed_identity(item: Mapping[str, Any]) -> tuple[Identity, datetime]:
    """An identity of a member's own list and when it was bound."""
    return Identity(item["provider"], item["external_id"]), instant(item["bound_at"])


def read_link(item: Mapping[str, Any]) -> Link:
    return Link(item["member_id"], item["bound_by"], instant(item["bound_at"]))


def migration_item(migration: Migration) -> Item:
    return {**MIGRATION_KEY, **migration._asdict(), "opened_at": stamp(migration.opened_at)}


def read_migration(item: Mapping[str, Any]) -> Migration:
    return Migration(instant(item["opened_at"]), item["old_points"], item["new_points"], item["never"])


def staff_key_item(held: StaffKey) -> Item:
    return {
        **staff_key_key(held.staff_id),
        "staff_name": held.name,
        "roles": sorted(role.value for role in held.roles),
        "key_digest": held.key_digest,
        "created_by": held.created_by,
        "created_at": stamp(held.created_at),
    }


def read_staff_key(item: Mapping[str, Any]) -> StaffKey:
    return StaffKey(
        staff_id=item["sk"].removeprefix(STAFF_KEY_PREFIX),
        name=item["staff_name"],
        roles=frozenset(Role(role) for role in item["roles"]),
        key_digest=item["key_digest"],
        created_by=item["created_by"],
        created_at=instant(item["created_at"]),
        revoked_by=item.get("revoked_by"),
        revoked_at=instant(item["revoked_at"]) if "revoked_at" in item else None,
    )


def stamp(at: datetime) -> str:
    """An instant as stored: ISO-8601, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def instant(text: str) -> datetime:
    """The inverse of `stamp`."""
    return datetime.fromisoformat(text)


def epoch(at: datetime) -> int:
    """An instant as the table's clean-up wants it: whole seconds since 1970."""
    return int(at.timestamp())
