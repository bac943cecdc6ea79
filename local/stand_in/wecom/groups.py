"""Customer groups: who is in them, in which version, and what the API shows of it two seconds later. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from local.stand_in.clock import SECOND
from local.stand_in.ids import Ids
from local.stand_in.wire import Refused, Unknown

LAG = 2 * SECOND
"""What changed is shown this much later."""
STAFF, EXTERNAL = 1, 2
DIRECT, LINK, CODE = 1, 2, 3


class Member(NamedTuple):
    """`invitor` is the staff member who invited; a customer's invitation names nobody. `state` came with a link."""

    userid: str
    kind: int
    joined_at: int
    join_scene: int
    unionid: str = ""
    invitor: str = ""
    state: str = ""
    name: str = ""
    nickname: str = ""


class Group(NamedTuple):
    """One state of a group."""

    chat_id: str
    corpid: str
    name: str
    owner: str
    notice: str
    created_at: int
    members: tuple[Member, ...]
    admins: tuple[str, ...] = ()
    dismissed: bool = False

    @property
    def version(self) -> str:
        """The same for the same members."""
        together = "|".join(f"{one.userid}:{one.joined_at}" for one in self.members)
        return hashlib.md5(together.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Groups:
    ids: Ids
    _states: dict[str, list[tuple[int, Group]]] = field(default_factory=dict)

    def create(self, corpid: str, name: str, owner: str, now: int, chat_id: str = "") -> Group:
        staff = Member(owner, STAFF, now, DIRECT)
        group = Group(chat_id or self.ids.text(30, "wr"), corpid, name, owner, "", now, (staff,))
        self._states[group.chat_id] = [(now, group)]
        return group

    def current(self, chat_id: str) -> Group:
        """As it is; raises Unknown."""
        if chat_id not in self._states:
            raise Unknown(f"no group {chat_id}")
        return self._states[chat_id][-1][1]

    def change(self, group: Group, now: int) -> None:
        self._states[group.chat_id].append((now, group))

    def join(self, chat_id: str, members: Iterable[Member], now: int) -> Group:
        """Raises Unknown, also for somebody who is in."""
        group, joining = self.current(chat_id), tuple(members)
        inside = {one.userid for one in group.members}
        if not joining or any(one.userid in inside for one in joining):
            raise Unknown("nobody joins, or somebody who is in already")
        changed = group._replace(members=group.members + joining)
        self.change(changed, now)
        return changed

    def leave(self, chat_id: str, userids: Iterable[str], now: int) -> Group:
        """Raises Unknown, also for somebody who is not in."""
        group, leaving = self.current(chat_id), set(userids)
        stay = tuple(one for one in group.members if one.userid not in leaving)
        if not leaving or len(stay) + len(leaving) != len(group.members):
            raise Unknown("nobody leaves, or somebody who is not in")
        changed = group._replace(members=stay)
        self.change(changed, now)
        return changed

    def shown(self, corpid: str, chat_id: str, now: int) -> Group:
        """As the API shows it: the state of two seconds ago; raises Refused 90501."""
        seen = [state for at, state in self._states.get(chat_id, []) if at + LAG <= now]
        if not seen or seen[-1].corpid != corpid or seen[-1].dismissed:
            raise Refused(90501)
        return seen[-1]

    def of(self, corpid: str, owners: Iterable[str]) -> list[Group]:
        """A corp's groups, of all owners where none is named."""
        wanted = set(owners)
        groups = [states[-1][1] for states in self._states.values()]
        return [
            one for one in groups if one.corpid == corpid and not one.dismissed and (not wanted or one.owner in wanted)
        ]
