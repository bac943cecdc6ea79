"""Who a member is to us and to others. Pure: no storage, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from chalicelib.errors import Code, JifenError
from chalicelib.members.roles import Role

LOGIN_PROVIDER = "wechat"
"""The provider whose accounts log in, the mini-program's openids; only their own bearer may become a member by one."""
UNION_PROVIDER = "unionid"
"""What WeChat calls a person over all accounts of one brand (Open Platform); a log-in may bring it along."""
PROVEN = frozenset({LOGIN_PROVIDER, UNION_PROVIDER})
"""Providers whose accounts nobody but their bearer can bind: whoever logs in by one is its member."""
SESSION_LIFE = timedelta(days=30)
CODE_REMEMBERED = timedelta(days=1)
"""How long a used login code stays refused; WeChat's own codes die after five minutes."""
MAX_EXTERNAL_ID_CHARS = 128
"""128 characters of 4 bytes, each percent-encoded, stay below DynamoDB's 2,048-byte key."""

_MEMBER_ID = re.compile(r"m[0-9a-f]{24}")
_STAFF_ID = re.compile(r"s[0-9a-f]{24}")
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One outside account of a person: `provider` is `wechat` or a selling platform, `external_id` its id there.

    Raises JifenError (INVALID_REQUEST, field `platform` or `buyer_id`) for what no provider would send.
    """

    provider: str
    external_id: str

    def __post_init__(self) -> None:
        if not _PROVIDER.fullmatch(self.provider):
            raise JifenError(Code.INVALID_REQUEST, "platform应为小写字母、数字或下划线", field="platform")
        if not 1 <= len(self.external_id) <= MAX_EXTERNAL_ID_CHARS or _CONTROL.search(self.external_id):
            raise JifenError(
                Code.INVALID_REQUEST, f"buyer_id应为1至{MAX_EXTERNAL_ID_CHARS}个可见字符", field="buyer_id"
            )

    def key(self) -> str:
        """`ID#<provider>#<external id>`, percent-encoded: no character of an outside id can forge another key."""
        return f"ID#{self.provider}#{quote(self.external_id, safe='')}"


class Member(NamedTuple):
    """A member's profile, as little as the programme needs."""

    member_id: str
    registered_at: datetime
    identity_count: int
    reminder_hour: int | None = None
    """The hour of the day, in the programme's zone, at which a missing check-in is recalled; None for never."""
    merged_into: str = ""
    """Of who turned out to be one person with another member: that member's id."""


class Link(NamedTuple):
    """An identity bound to a member."""

    member_id: str
    bound_by: str
    bound_at: datetime


class Migration(NamedTuple):
    """How a stage takes in the members of another programme, said once with the first of them."""

    opened_at: datetime
    """The instant as of which every account is opened."""
    old_points: int
    new_points: int
    """So many points of the old programme are so many of this one."""
    never: bool
    """Whether points without a last day have no end, or end as the programme says."""


class Session(NamedTuple):
    """One log-in of a member; `key` is the digest of its token."""

    key: str
    member_id: str
    opened_at: datetime
    expires_at: datetime
    is_revoked: bool = False

    def is_valid(self, now: datetime) -> bool:
        """Whether the token still opens anything; asked on every read, the table's own clean-up is days late."""
        return not self.is_revoked and now < self.expires_at


class StaffKey(NamedTuple):
    """One staff key and its audit trail; the key itself is known to its bearer alone."""

    staff_id: str
    name: str
    roles: frozenset[Role]
    key_digest: str
    created_by: str
    created_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None


def is_member_id(text: str) -> bool:
    """Whether a text has a member id's form: `m` and 24 lower hex digits."""
    return _MEMBER_ID.fullmatch(text) is not None


def is_staff_id(text: str) -> bool:
    """Whether a text has a staff id's form: `s` and 24 lower hex digits."""
    return _STAFF_ID.fullmatch(text) is not None
