"""A member asks to be told when a sold-out item is there again (到货提醒), and is told once for each asking.

Staff who add pieces only leave a mark; the sweep tells who waits, the first first, page by page, while there are
pieces. A page is told before it is forgotten: one that broke off in between is told again under the same keys, by which
the sender of messages knows it. Who asked under several ids is told once. Whoever was not told before the item was sold
out again goes on waiting, and so do all where no such message is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on, stamp
from chalicelib.runtime import log
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.item import stock_of
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.restocks_table import PAGE, Asking
from chalicelib.spending.mall.shelf import is_on_sale, is_over

RESTOCKED = "restocked"
"""The kind of its messages."""
MOST_TOLD = 1_000
"""Members told of one item by one sweep: the next one looks first whether there is still something to have."""
SETTLED_AFTER = timedelta(minutes=1)
"""So long after pieces were added an asking of just before may not be listed yet."""

Tell = Callable[[Sequence[str]], None]
"""Takes messages as RemindersQueue carries them."""


class Told(NamedTuple):
    """What one sweep did; `finished` is whether it came to the end of what was to be told."""

    told: int = 0
    failed: int = 0
    finished: bool = True


def ask_restock(member_id: str, item_id: str, *, is_sent: bool, desk: Desk, now: datetime) -> bool:
    """Ask to be told; whether he waited already. `is_sent`: whether this stage sends such messages.

    Raises ITEM_NOT_FOUND; NOT_ON_SALE for what is off or whose last window is over; ITEM_STATE while there is some, and
    where nothing would be sent.
    """
    listed = desk.mall.listed(item_id, now)
    if listed.state is ItemState.DRAFT:
        raise JifenError(Code.ITEM_NOT_FOUND)
    account = desk.ledger.read(member_id)
    if desk.mall.restocks.awaited([item_id], account.member_ids):
        return True
    if listed.state is not ItemState.ON:
        raise JifenError(Code.NOT_ON_SALE)
    if is_over(listed.item, desk.terms, now):
        raise JifenError(Code.NOT_ON_SALE, "兑换时间已过")
    if _left(listed, desk):
        is_open = is_on_sale(listed.item, desk.terms, now)
        raise JifenError(Code.ITEM_STATE, "还有库存,可以直接兑换" if is_open else "还有库存,到兑换时间可以直接兑换")
    if not is_sent:
        raise JifenError(Code.ITEM_STATE, "暂不支持到货提醒")
    return not desk.mall.restocks.ask(Asking(item_id, account.member_id, now))


def withdraw_restock(member_id: str, item_id: str, *, desk: Desk) -> None:
    """No longer wait for an item; who does not wait is no fault."""
    for one in desk.ledger.read(member_id).member_ids:
        desk.mall.restocks.withdraw(item_id, one)


def sweep_restocked(*, desk: Desk, tell: Tell, now: datetime, has_time: Callable[[], bool]) -> Told:
    """Tell who waits for what has pieces again; what is left over is the next sweep's. An item that is not on sale
    keeps its mark until it is.
    """
    told = failed = 0
    finished, catalogue = True, desk.mall.catalogue(now)
    for item_id, at in desk.mall.restocks.begun().items():
        listed = catalogue.get(item_id)
        if listed is None or listed.state is not ItemState.ON or not is_on_sale(listed.item, desk.terms, now):
            continue
        try:
            count, is_done = _told(listed, now, desk, tell, has_time)
        except JifenError as refused:
            log.outcome("restock_sweep_failed", item=item_id, why=refused.code.name)
            failed += 1
            continue
        except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
            log.defect("restock_sweep_failed", error, item=item_id)
            failed += 1
            continue
        told, finished = told + count, finished and is_done
        if is_done and now >= at + SETTLED_AFTER:
            desk.mall.restocks.end(item_id, at)
    return Told(told, failed, finished)


def _told(listed: Listed, now: datetime, desk: Desk, tell: Tell, has_time: Callable[[], bool]) -> tuple[int, bool]:
    """How many were told, and whether nobody is left to be told: all were, or it is sold out again."""
    # A message is of the day it is told on: pieces may have been added long before the item was on sale again.
    told, on = 0, business_on(now, desk.terms.zone).isoformat()
    table = desk.mall.restocks
    for page in table.waiting(listed.id):
        if not _left(listed, desk):
            return told, True
        if told + PAGE > MOST_TOLD or not has_time():
            return told, False
        members = _members(page, desk)
        tell([_message(asked[0], member_id, listed, on) for member_id, asked in members.items()])
        for asked in members.values():
            for one in reversed(asked):  # the one that names the message last: what breaks off here is told again as it
                table.told(one)
        told += len(members)
    return told, True


def _members(page: Sequence[Asking], desk: Desk) -> dict[str, list[Asking]]:
    """The askings of each member on a page, all of his where he asked under several ids, the first first."""
    members: dict[str, list[Asking]] = {}
    for one, account in zip(page, desk.ledger.accounts([one.member_id for one in page]), strict=True):
        if account.member_id not in members:
            own = desk.mall.restocks.of(one.item_id, account.member_ids) if account.merged else [one]
            members[account.member_id] = own or [one]
    return members


def _message(asking: Asking, member_id: str, listed: Listed, on: str) -> str:
    """What a member is told; its id is the asking's."""
    facts = {"item_id": listed.id, "item": listed.item.name}
    told = {"kind": RESTOCKED, "id": f"{listed.id}#{stamp(asking.asked_at)}", "on": on, "facts": facts}
    return json.dumps({**told, "member_id": member_id}, ensure_ascii=False)


def _left(listed: Listed, desk: Desk) -> int:
    place = stock_of(listed.id, listed.item)
    return desk.goods.shelf([place])[place.id][0]
