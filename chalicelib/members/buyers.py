"""What other rooms ask about buyers and members: whose account is this, who is nobody, bind one. Opens the stage's own
table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from chalicelib.members.model import Identity
from chalicelib.members.register import Binding, bind_identity, resolve
from chalicelib.members.table import open_members
from chalicelib.runtime import secret_values
from chalicelib.runtime.settings import settings


def find_members(identities: Sequence[Identity]) -> Mapping[Identity, str]:
    """The member ids of those identities that are bound; unbound ones are left out."""
    return resolve(open_members(), identities)


def unknown_members(member_ids: Collection[str]) -> set[str]:
    """Those ids that no member has."""
    return set(member_ids) - open_members().known(member_ids)


def bind_buyer(member_id: str, identity: Identity, actor: str, now: datetime) -> Binding:
    """Bind a shop's buyer account to a member; errors as `register.bind_identity`."""
    return bind_identity(open_members(), member_id, identity, actor, now)


def phone_key(now: datetime) -> str:
    """The stage's key for digests of phone numbers: a read of Secrets Manager every five minutes."""
    return secret_values.current(settings().phone_secret, now)
