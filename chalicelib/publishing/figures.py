"""How a sent issue was read, slot by slot, as WeChat counts it (图文分析)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from chalicelib.connect.faults import Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import open_api
from chalicelib.connect.wechat.official_account import reads_by_slot
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.channels import official_account
from chalicelib.publishing.completeness import slots
from chalicelib.publishing.model import Issue, day_of
from chalicelib.publishing.table import PublishingTable


class SlotFigures(NamedTuple):
    """What readers did with one article on one day."""

    slot: str
    title: str
    readers: int
    reads: int
    shares: int
    favourites: int


def figures_of(table: PublishingTable, issue_id: str, on: date | None, now: datetime) -> tuple[date, list[SlotFigures]]:
    """The figures of a day, of the day it was sent where none is named; WeChat has them from the next morning on.

    Raises JifenError FIGURES_UNKNOWN for what WeChat does not count, INVALID_REQUEST for a day that is not over,
    NOT_CONNECTED, UNAVAILABLE.
    """
    issue = table.issue(issue_id)
    sending = table.sending(issue_id)
    if issue.receipt is None or issue.plan.channel != official_account.NAME or not (sending and sending.data_id):
        raise JifenError(Code.FIGURES_UNKNOWN)
    on = on or day_of(issue.receipt.sent_at)
    if on >= day_of(now):
        raise JifenError(Code.INVALID_REQUEST, "数据在次日上午提供,请选择今天以前的日期", field="on")
    api = open_api(official_account.NAME, now)
    try:
        rows = {str(row.get("msgid")): row for row in reads_by_slot(api, on)}
    except (Refused, Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=60) from None
    return on, _by_slot(issue, sending.data_id, rows)


def _by_slot(issue: Issue, data_id: str, rows: dict[str, dict[str, Any]]) -> list[SlotFigures]:
    """Each article's row, in reading order; one that nobody read that day has none."""
    found = []
    for place, (name, slot) in enumerate(slots(issue.plan).items(), start=1):
        row = rows.get(f"{data_id}_{place}", {})
        counts = [int(row.get(field) or 0) for field in _FIELDS]
        found.append(SlotFigures(name, slot.title, *counts))
    return found


_FIELDS = ("int_page_read_user", "int_page_read_count", "share_count", "add_to_fav_count")
