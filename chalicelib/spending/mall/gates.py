"""What a member must have done for an item, must not have yet, or is tagged as: looked up only for items that ask for
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.ledger.model import Account
from chalicelib.programme.conditions import When
from chalicelib.programme.standing import NO_TAGS
from chalicelib.spending.goods.good import Badge
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Listed
from chalicelib.spending.mall.needs import Journal, free_lump, lacking
from chalicelib.spending.mall.shelf import WhyNot, task_name


class Past(NamedTuple):
    """What is read once for all items that are shown together."""

    journal: Journal
    badges: frozenset[str]
    """The member's own, of those that are among the items."""


def past_of(listed: Iterable[Listed], account: Account, desk: Desk, journal: Journal | None = None) -> Past:
    """What the gates of these items look at: one read where honours are among them; of the journal what was read for
    others.
    """
    badges = {one.item.good.badge for one in listed if isinstance(one.item.good, Badge)}
    return Past(journal or Journal(desk.ledger), desk.goods.badges_among(sorted(badges), account.member_ids))


def gates(listed: Listed, account: Account, desk: Desk, past: Past) -> tuple[WhyNot, ...]:
    """All of it that stands between a member and an item."""
    found = (
        lacking(listed.item, account, past.journal),
        _closed(listed, account, desk, past.journal),
        WhyNot("owned", "你已拥有这枚奖牌") if _is_had(listed, past.badges) else None,
    )
    return tuple(one for one in found if one)


def tags_for(whos: Iterable[When], account: Account, desk: Desk) -> frozenset[str]:
    """The member's tags, under all ids of his, where one of these conditions asks for tags; none is looked up else."""
    return desk.tags_of(account.member_ids) if any(who.tags for who in whos) else NO_TAGS


def _closed(listed: Listed, account: Account, desk: Desk, journal: Journal) -> WhyNot | None:
    """That no lump of the item's task is left to open it with."""
    task = listed.item.task
    if task is None or free_lump(listed.id, task, account, desk, journal) is not None:
        return None
    return WhyNot("task", f"完成任务“{task_name(task, desk.terms)}”后可兑")


def owned(listed: Listed, account: Account, desk: Desk) -> bool:
    """Whether the member has the honour that an item is, under whichever of his ids."""
    return _is_had(listed, past_of([listed], account, desk).badges)


def _is_had(listed: Listed, badges: frozenset[str]) -> bool:
    good = listed.item.good
    return isinstance(good, Badge) and good.badge in badges
