"""Messages to customer groups (企业群发): a task that staff must confirm by hand before anything is sent. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.stand_in.clock import days_in_month, month_of
from local.stand_in.ids import Ids
from local.stand_in.wire import Refused, Unknown

WAITING, SENT, TOO_MANY = 0, 1, 3


@dataclass(slots=True)
class Delivery:
    chat_id: str
    userid: str
    status: int = WAITING
    at: int = 0


@dataclass(slots=True)
class Tasks:
    ids: Ids
    _tasks: dict[str, tuple[str, list[Delivery]]] = field(default_factory=dict)
    _got: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def create(self, corpid: str, targets: Iterable[tuple[str, str]]) -> str:
        """A task for pairs of group and staff member; its msgid."""
        msgid = self.ids.text(30, "msg")
        self._tasks[msgid] = (corpid, [Delivery(chat_id, userid) for chat_id, userid in targets])
        return msgid

    def confirm(self, msgid: str, userid: str, now: int) -> list[Delivery]:
        """A staff member presses send; a group takes one message for each day of the month. Raises Unknown."""
        _, deliveries = self._tasks.get(msgid, ("", []))
        mine = [one for one in deliveries if one.userid == userid and one.status == WAITING]
        if not mine:
            raise Unknown(f"{userid} has nothing to confirm of {msgid}")
        for one in mine:
            key = (one.chat_id, month_of(now))
            one.status = SENT if self._got[key] < days_in_month(now) else TOO_MANY
            self._got[key] += one.status == SENT
            one.at = now if one.status == SENT else 0
        return mine

    def of(self, corpid: str, msgid: str) -> list[Delivery]:
        """Raises Refused 40058."""
        owner, deliveries = self._tasks.get(msgid, ("", []))
        if owner != corpid:
            raise Refused(40058, "msgid")
        return deliveries
