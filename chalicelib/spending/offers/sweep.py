"""What time does to offers: groups that are overdue fail, what was broken off is finished, unsold pieces go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.runtime import log
from chalicelib.spending.documents import OFF
from chalicelib.spending.offers.group_items import DUE_SHARDS, due_shard
from chalicelib.spending.offers.keep_offer import is_looked_after, put_back
from chalicelib.spending.offers.offer import GroupBuy
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.settle_group import fail_if_overdue, finish_group
from chalicelib.spending.turned import turned


class Swept(NamedTuple):
    """What one sweep did; `unfinished` are groups and offers that are left to the next."""

    groups: int = 0
    pieces: int = 0
    unfinished: int = 0


def sweep_groups(*, room: Room, now: datetime, has_time: Callable[[], bool]) -> Swept:
    """Decide and finish every group that is due, or whose offer was ended, as of `now`; one with a fault is left."""
    groups = unfinished = 0
    for group_id, is_ended in _due(room, now):
        if not has_time():
            return Swept(groups, 0, unfinished + 1)
        try:
            if not fail_if_overdue(group_id, room=room, now=now, is_ended=is_ended):
                continue
            is_done = finish_group(group_id, room=room, now=now)
        except JifenError as refused:
            log.outcome("group_unfinished", group=group_id, why=refused.code.name)
            is_done = False
        except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
            log.defect("group_sweep_failed", error, group=group_id)
            is_done = False
        groups, unfinished = groups + is_done, unfinished + (not is_done)
    return Swept(groups, 0, unfinished)


def sweep_offers(*, room: Room, now: datetime, has_time: Callable[[], bool]) -> Swept:
    """The groups, then the pieces that offers which are over have not sold."""
    swept = sweep_groups(room=room, now=now, has_time=has_time)
    for found in room.offers.held(now).values():
        if is_looked_after(found, now) and has_time():
            try:
                swept = swept._replace(pieces=swept.pieces + put_back(found, room=room))
            except JifenError as refused:
                log.outcome("offer_unfinished", offer=found.id, why=refused.code.name)
                swept = swept._replace(unfinished=swept.unfinished + 1)
            except Exception as error:  # noqa: BLE001  # nor an offer in the way of the others
                log.defect("offer_sweep_failed", error, offer=found.id)
                swept = swept._replace(unfinished=swept.unfinished + 1)
    return swept


def _due(room: Room, now: datetime) -> Iterator[tuple[str, bool]]:
    """(id, whether its offer was ended, as held) of every group that something is to be done for."""
    for number in turned(DUE_SHARDS, now):
        for group_id in room.groups.due(due_shard(number), now):
            yield group_id, False
    for found in room.offers.held(now).values():
        is_ended = found.kept.state == OFF and is_looked_after(found, now)
        if is_ended and isinstance(found.offer.template, GroupBuy):
            for group_id in room.groups.open_of(found.id):
                yield group_id, True
