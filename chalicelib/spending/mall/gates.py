"""What a member must have done for an item, or must not have yet: looked up only for items that ask for it."""

from __future__ import annotations

from chalicelib.ledger.model import Account
from chalicelib.spending.goods.good import Badge
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Listed
from chalicelib.spending.mall.needs import lacking, lumps
from chalicelib.spending.mall.shelf import WhyNot, task_key, task_name


def gates(listed: Listed, account: Account, desk: Desk, *, quantity: int = 1) -> tuple[WhyNot, ...]:
    """All of it that stands between a member and so many pieces of an item."""
    found = (
        lacking(listed.item, account, desk.ledger),
        closed(listed, account, desk, quantity=quantity),
        owned(listed, account, desk),
    )
    return tuple(one for one in found if one)


def closed(listed: Listed, account: Account, desk: Desk, *, quantity: int = 1) -> WhyNot | None:
    """That too few lumps of the item's task are left to open it with."""
    task = listed.item.task
    if task is None:
        return None
    used = sum(desk.mall.used([task_key(listed.id, one) for one in account.member_ids]).values())
    if lumps(task, account, desk.ledger) >= used + quantity:
        return None
    return WhyNot("task", f"完成任务“{task_name(task, desk.terms)}”后可兑")


def owned(listed: Listed, account: Account, desk: Desk) -> WhyNot | None:
    """That the member has the honour, under whichever of his ids."""
    good = listed.item.good
    if not isinstance(good, Badge) or not desk.goods.has_badge(good.badge, account.member_ids):
        return None
    return WhyNot("owned", "你已拥有这枚奖牌")
