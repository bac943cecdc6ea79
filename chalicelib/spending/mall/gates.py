"""What a member must have done for an item, must not have yet, or is tagged as: looked up only for items that ask for
it.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.ledger.model import Account
from chalicelib.programme.conditions import When
from chalicelib.programme.standing import NO_TAGS
from chalicelib.spending.goods.good import Badge
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Listed
from chalicelib.spending.mall.needs import free_lump, lacking
from chalicelib.spending.mall.shelf import WhyNot, task_name


def gates(listed: Listed, account: Account, desk: Desk) -> tuple[WhyNot, ...]:
    """All of it that stands between a member and an item."""
    found = (
        lacking(listed.item, account, desk.ledger),
        closed(listed, account, desk),
        owned(listed, account, desk),
    )
    return tuple(one for one in found if one)


def tags_for(whos: Iterable[When], account: Account, desk: Desk) -> frozenset[str]:
    """The member's tags, under all ids of his, where one of these conditions asks for tags; none is looked up else."""
    return desk.tags_of(account.member_ids) if any(who.tags for who in whos) else NO_TAGS


def closed(listed: Listed, account: Account, desk: Desk) -> WhyNot | None:
    """That no lump of the item's task is left to open it with."""
    task = listed.item.task
    if task is None or free_lump(listed.id, task, account, desk) is not None:
        return None
    return WhyNot("task", f"完成任务“{task_name(task, desk.terms)}”后可兑")


def owned(listed: Listed, account: Account, desk: Desk) -> WhyNot | None:
    """That the member has the honour, under whichever of his ids."""
    good = listed.item.good
    if not isinstance(good, Badge) or not desk.goods.has_badge(good.badge, account.member_ids):
        return None
    return WhyNot("owned", "你已拥有这枚奖牌")
