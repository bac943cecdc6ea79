"""How often articles were read, by day: what an admin says happened, summed as the data interfaces sum it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from local.stand_in.wire import Json, Refused

COUNTS = (
    "int_page_read_user",
    "int_page_read_count",
    "ori_page_read_user",
    "ori_page_read_count",
    "share_user",
    "share_count",
    "add_to_fav_user",
    "add_to_fav_count",
)
SUMMED_DAYS = 7
"""getarticletotal follows an article for this long, getarticletotaldetail for thirty."""
DETAILED_DAYS = 30


class Shown(NamedTuple):
    """An article readers can have seen. `notified`: it was sent to followers, not only published."""

    msg_data_id: str
    idx: int
    title: str
    on: date
    notified: bool
    reached: int

    @property
    def msgid(self) -> str:
        return f"{self.msg_data_id}_{self.idx}"


@dataclass(slots=True)
class Reads:
    _by_day: dict[str, dict[date, dict[str, int]]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, msgid: str, on: date, counts: Mapping[str, int]) -> None:
        """Further reads of `<msg_data_id>_<idx>` on a day."""
        day = self._by_day[msgid].setdefault(on, dict.fromkeys(COUNTS, 0))
        for name, count in counts.items():
            day[name] += count

    def summary(self, shown: list[Shown], first: date, last: date) -> list[Json]:
        """getarticlesummary: what was sent and read on these days, a line for each article and day."""
        return [
            {"ref_date": day.isoformat(), "msgid": one.msgid, "title": one.title, **self._by_day[one.msgid][day]}
            for day in _days(first, last)
            for one in shown
            if one.notified and day in self._by_day[one.msgid]
        ]

    def total(self, shown: list[Shown], first: date, last: date, yesterday: date) -> list[Json]:
        """getarticletotal: what was sent on these days, summed up to each day since."""
        return [
            {
                "ref_date": one.on.isoformat(),
                "msgid": one.msgid,
                "title": one.title,
                "details": [
                    {"stat_date": day.isoformat(), "target_user": one.reached, **self._until(one.msgid, day)}
                    for day in _followed(one.on, yesterday, SUMMED_DAYS)
                ],
            }
            for one in shown
            if one.notified and first <= one.on <= last
        ]

    def detail(self, shown: list[Shown], first: date, last: date, yesterday: date) -> list[Json]:
        """getarticletotaldetail: what was sent or published on these days, summed up to each day since."""
        return [
            {
                "ref_date": one.on.isoformat(),
                "msgid": one.msgid,
                "publish_type": 0 if one.notified else 1,
                "detail_list": [
                    {"stat_date": day.isoformat(), **_new_names(self._until(one.msgid, day))}
                    for day in _followed(one.on, yesterday, DETAILED_DAYS)
                ],
            }
            for one in shown
            if first <= one.on <= last
        ]

    def _until(self, msgid: str, day: date) -> dict[str, int]:
        return {name: sum(counts[name] for on, counts in self._by_day[msgid].items() if on <= day) for name in COUNTS}


def read_range(given: Json, yesterday: date, *, most_days: int | None) -> tuple[date, date]:
    """The days asked for; raises Refused 61500, 61501."""
    try:
        first, last = (date.fromisoformat(str(given.get(name))) for name in ("begin_date", "end_date"))
    except ValueError:
        raise Refused(61500) from None
    if not first <= last <= yesterday or (most_days and (last - first).days >= most_days):
        raise Refused(61501)
    return first, last


def _new_names(counts: Mapping[str, int]) -> Json:
    return {
        "read_user": counts["int_page_read_user"],
        "read_user_source": [{"user_count": counts["int_page_read_user"], "scene_desc": "全部"}],
        "share_user": counts["share_user"],
        "collection_user": counts["add_to_fav_user"],
    }


def _followed(since: date, yesterday: date, most: int) -> list[date]:
    return _days(since, min(yesterday, since + timedelta(days=most - 1)))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
