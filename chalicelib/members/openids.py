"""What other rooms ask about members' accounts at the mini-program. Opens the stage's own table."""

from __future__ import annotations

from chalicelib.members.table import open_members


def openid_of(member_id: str) -> str | None:
    """A member's openid, the newest where the brand's mini-program changed; None for who never logged in there."""
    return open_members().log_in_id(member_id)
