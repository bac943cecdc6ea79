"""Members and their identities: registering, finding, binding one more.

Two members who turn out to be one person are merge.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.members.model import Identity, Link, Member
from chalicelib.members.table import MembersTable


class Registration(NamedTuple):
    """Whose identity it is now, and whether this very call made the member."""

    member_id: str
    is_new: bool
    registered_at: datetime


class Binding(NamedTuple):
    """An identity and the member it is bound to; `replayed` when it was so before this call."""

    member_id: str
    identity: Identity
    bound_at: datetime
    replayed: bool


def register(table: MembersTable, identity: Identity, member_id: str, now: datetime) -> Registration:
    """Make this identity's member under the given id, or answer the member it has: one transaction.

    `member_id` is fresh from `tokens.new_member_id` at the edge; of two calls at once one makes the member and the
    other is told whose the identity is. Raises JifenError BUSY under lasting contention.
    """
    link = Link(member_id, bound_by=member_id, bound_at=now)
    standing = table.add_member(Member(member_id, registered_at=now, identity_count=1), identity, link)
    if standing is None:
        return Registration(member_id, is_new=True, registered_at=now)
    return Registration(standing.member_id, is_new=False, registered_at=standing.bound_at)


def resolve(table: MembersTable, identities: Sequence[Identity]) -> dict[Identity, str]:
    """The member ids of those identities that are bound, unbound ones left out: one batch read per 100 distinct ones.

    Raises JifenError UNAVAILABLE when DynamoDB keeps leaving keys unprocessed.
    """
    return {identity: link.member_id for identity, link in table.links(identities).items()}


def bind_identity(table: MembersTable, member_id: str, identity: Identity, actor: str, now: datetime) -> Binding:
    """Bind one more identity to a member; `actor` is the staff id that does so: one transaction.

    The identity is the natural key: the same binding again is `replayed` with its first instant. Raises JifenError
    MEMBER_NOT_FOUND, IDENTITY_TAKEN when it is another member's, or BUSY.
    """
    standing = table.add_identity(identity, Link(member_id, bound_by=actor, bound_at=now))
    if standing is None:
        return Binding(member_id, identity, now, replayed=False)
    if standing.member_id != member_id and not _is_same(table, member_id, standing.member_id):
        raise JifenError(Code.IDENTITY_TAKEN)
    return Binding(member_id, identity, standing.bound_at, replayed=True)


def _is_same(table: MembersTable, member_id: str, current_id: str) -> bool:
    """Whether a member was merged into that one."""
    found = table.member(member_id)
    return found is not None and found.member_id == current_id
