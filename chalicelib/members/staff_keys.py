"""Keys of the staff: made, listed and revoked by an admin; who did so and when is kept for good."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.members import tokens
from chalicelib.members.model import StaffKey, is_staff_id
from chalicelib.members.roles import Role
from chalicelib.members.table import MembersTable

PAGE = 100


class Created(NamedTuple):
    """A staff key's row; `key` itself only in the answer that made it."""

    held: StaffKey
    key: str | None
    replayed: bool


class Revoked(NamedTuple):
    """When a key ended; `replayed` when that was before this call."""

    staff_id: str
    revoked_at: datetime
    replayed: bool


def create_staff_key(
    table: MembersTable, name: str, roles: frozenset[Role], *, key: str, actor: str, now: datetime
) -> Created:
    """Store a fresh `key` of `tokens.new_staff_key` under a name that no live key has: one transaction.

    The name is the natural key: the same name with the same roles again is `replayed`, without the key, which nobody
    keeps; one that was lost is revoked and made anew. Raises JifenError KEY_REUSED (field `name`) when a live key of
    that name has other roles, BUSY when that key is just being revoked.
    """
    staff_id = tokens.staff_id_of(key)
    if staff_id is None:
        raise ValueError("not a staff key")
    held = StaffKey(staff_id, name, roles, tokens.digest(key), created_by=actor, created_at=now)
    standing_id = table.add_staff_key(held)
    if standing_id is None:
        return Created(held, key, replayed=False)
    standing = table.staff_key(standing_id)
    if standing is None or standing.revoked_at is not None:
        raise JifenError(Code.BUSY, retry_after_seconds=1)
    if standing.roles != roles:
        raise JifenError(Code.KEY_REUSED, "同名的员工密钥已存在且角色不同", field="name")
    return Created(standing, None, replayed=True)


def list_staff_keys(
    table: MembersTable, cursor: str | None, *, page_size: int = PAGE
) -> tuple[list[StaffKey], str | None]:
    """A page of keys, revoked ones too, and the cursor of the next page. Raises JifenError INVALID_CURSOR."""
    if cursor is not None and not is_staff_id(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    page = table.staff_keys(cursor, page_size + 1)
    return page[:page_size], page[page_size - 1].staff_id if len(page) > page_size else None


def revoke_staff_key(table: MembersTable, staff_id: str, actor: str, now: datetime) -> Revoked:
    """End a key at once and free its name. Again is `replayed`. Raises JifenError STAFF_KEY_NOT_FOUND."""
    held = table.staff_key(staff_id) if is_staff_id(staff_id) else None
    if held is not None and held.revoked_at is None:
        if table.revoke_staff_key(held, actor, now):
            return Revoked(staff_id, now, replayed=False)
        held = table.staff_key(staff_id)
    if held is None or held.revoked_at is None:
        raise JifenError(Code.STAFF_KEY_NOT_FOUND)
    return Revoked(staff_id, held.revoked_at, replayed=True)
