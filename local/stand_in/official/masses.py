"""Mass sending (群发): how often, to whom, once for each clientmsgid, and how it ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from local.stand_in.accounts import App
from local.stand_in.clock import MINUTE, SECOND, day_of, month_of
from local.stand_in.ids import Ids
from local.stand_in.official.drafts import Draft
from local.stand_in.official.followers import A_MONTH, Followers
from local.stand_in.wire import Refused, Unknown

TAKES = 5 * SECOND
CONFIRM_WITHIN = 30 * MINUTE
CLIENT_ID_BYTES = 64
TOO_FAST = MINUTE
"""The same clientmsgid within this time is told to wait, later that it exists."""
SENT, REFUSED_BY_ADMIN, NOBODY_CONFIRMED = "send success", "err(40001)", "err(40002)"


class Audience(NamedTuple):
    """`to_all` counts against the account's own month; `total` is who was meant."""

    to_all: bool
    total: tuple[str, ...]


@dataclass(slots=True)
class Mass:
    msg_id: int
    msg_data_id: int
    appid: str
    draft: Draft | None
    audience: Audience
    at: int
    client_id: str = ""
    state: str = "SENDING"
    status: str = ""
    waits_for_admin: bool = False
    reached: tuple[str, ...] = ()
    deleted: set[int] = field(default_factory=set)

    def address(self, idx: int) -> str:
        return f"http://mp.weixin.qq.com/s?__biz=stand-in&mid={self.msg_data_id}&idx={idx}"


@dataclass(slots=True)
class Masses:
    ids: Ids
    followers: Followers
    _all: dict[int, Mass] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Mass] = field(default_factory=dict)
    _statuses: list[str] = field(default_factory=list)

    def plan(self, status: str) -> None:
        """How the next sending that has no plan yet ends: `send success`, `send fail`, `err(10001)`."""
        self._statuses.append(status)

    def known(self, app: App, client_id: str, now: int) -> None:
        """Raises Refused 45067, 45066 or 45065 with the earlier msg_id; nothing for a new clientmsgid."""
        if len(client_id.encode()) > CLIENT_ID_BYTES:
            raise Refused(45067)
        earlier = self._clients.get((app.appid, client_id)) if client_id else None
        if earlier is None:
            return
        if now - earlier.at < TOO_FAST:
            raise Refused(45066)
        raise Refused(45065, also={"msg_id": earlier.msg_id})

    def begin(self, app: App, draft: Draft | None, audience: Audience, client_id: str, now: int) -> Mass:
        """A sending under way; raises Refused 45028 when the account's own quota is used up."""
        self._check_quota(app, audience, now)
        number = self.ids.number("mass", 3_147_483_700)
        data_id = self.ids.number("msg_data", 2_247_480_000)
        mass = Mass(number, data_id, app.appid, draft, audience, now, client_id, waits_for_admin=app.protected)
        self._all[mass.msg_id] = mass
        if client_id:
            self._clients[(app.appid, client_id)] = mass
        return mass

    def finish(self, app: App, msg_id: int, now: int) -> Mass:
        """Let it end as planned, or well: then it reaches whoever may still get one this month."""
        mass = self._all[msg_id]
        mass.status = self._statuses.pop(0) if self._statuses else SENT
        mass.state = "SEND_SUCCESS" if mass.status == SENT else "SEND_FAIL"
        if mass.status == SENT:
            limited = app.kind == "service"
            reached = self.followers.deliver(app.appid, mass.audience.total, month_of(now), limited=limited)
            mass.reached = tuple(reached)
        return mass

    def decide(self, msg_id: int, *, confirmed: bool) -> Mass:
        """The admin's word on a sending that waits for it; raises Unknown."""
        mass = self._all.get(msg_id)
        if mass is None or not mass.waits_for_admin:
            raise Unknown(f"sending {msg_id} waits for nobody")
        mass.waits_for_admin = False
        if not confirmed:
            mass.state, mass.status = "SEND_FAIL", REFUSED_BY_ADMIN
        return mass

    def give_up(self, msg_id: int) -> Mass | None:
        """What happens to it when its half hour is over; None when somebody decided in time."""
        mass = self._all[msg_id]
        if not mass.waits_for_admin:
            return None
        mass.waits_for_admin = False
        mass.state, mass.status = "SEND_FAIL", NOBODY_CONFIRMED
        return mass

    def get(self, appid: str, msg_id: object) -> Mass:
        """Raises Refused 40058."""
        mass = self._all.get(int(msg_id)) if str(msg_id).isdigit() else None  # type: ignore[call-overload]
        if mass is None or mass.appid != appid:
            raise Refused(40058)
        return mass

    def delete(self, appid: str, msg_id: object, idx: int) -> None:
        """Delete an article of what was sent, or all for index 0; raises Refused 40058."""
        mass = self.get(appid, msg_id)
        count = len(mass.draft.articles) if mass.draft else 0
        if mass.state not in ("SEND_SUCCESS", "DELETE") or idx > count:
            raise Refused(40058)
        mass.deleted |= {idx} if idx else set(range(1, count + 1))
        if len(mass.deleted) == count:
            mass.state = "DELETE"

    def sent(self, appid: str) -> list[Mass]:
        """What was sent, with articles."""
        return [one for one in self._all.values() if one.appid == appid and one.draft and one.status == SENT]

    def _check_quota(self, app: App, audience: Audience, now: int) -> None:
        counted = [one for one in self._all.values() if one.appid == app.appid and _counts(one)]
        today = [one for one in counted if day_of(one.at) == day_of(now)]
        if app.kind == "subscription":
            if today:
                raise Refused(45028)
            return
        to_all = [one for one in counted if one.audience.to_all]
        month = [one for one in to_all if month_of(one.at) == month_of(now)]
        if audience.to_all and (len(month) >= A_MONTH or any(one.audience.to_all for one in today)):
            raise Refused(45028)


def _counts(mass: Mass) -> bool:
    return mass.state != "SEND_FAIL"


def audience_of(followers: Followers, appid: str, given: Mapping[str, object]) -> Audience:
    """Whom a sendall means by its filter; raises Refused 40152 for a tag nobody has."""
    asked = given.get("filter")
    if not isinstance(asked, dict):
        raise Refused(40097, "filter")
    if asked.get("is_to_all") is True:
        return Audience(to_all=True, total=tuple(followers.of(appid, None)))
    tag = asked.get("tag_id")
    if not str(tag).isdigit() or not followers.has_tag(appid, int(str(tag))):
        raise Refused(40152)
    return Audience(to_all=False, total=tuple(followers.of(appid, int(str(tag)))))
