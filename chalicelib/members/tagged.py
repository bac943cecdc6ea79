"""What other rooms ask about members' tags. Opens the stage's own table."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.members.tags import all_tags
from chalicelib.members.tags_table import open_tags


def tags_of(member_ids: Sequence[str]) -> frozenset[str]:
    """The tags of a member, who has these ids: one strong read."""
    return all_tags(open_tags().held(member_ids).values())
