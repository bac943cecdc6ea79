"""Files of members and what they are judged by, with sensible defaults: a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.members.conversion import Basis, Ratio
from chalicelib.members.migration import Brought, Plan, plan
from chalicelib.members.migration_sheet import read_members
from chalicelib.programme.model import Terms
from tests.programme.builders import demo_terms

OPENED_AT = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
OPENED_ON = date(2026, 12, 1)
NAMES = {
    "old_id": "会员号",
    "platform": "平台",
    "buyer_id": "买家ID",
    "points": "积分",
    "expires_on": "到期日",
    "class": "类别",
    "growth": "成长值",
    "level": "等级",
    "level_until": "等级到期",
    "checked_in_on": "最后签到日",
    "run_days": "连续签到天数",
    "joined_on": "入会日",
}


def a_row(old_id: str = "A1", **given: Any) -> dict[str, str]:
    """A row's cells by field: 100 points of consumption that end in 2027."""
    plain = {"old_id": old_id, "points": "100", "expires_on": "2027-06-30", "class": "消费", "joined_on": "2024-05-06"}
    return {**plain, **{name.removesuffix("_"): str(value) for name, value in given.items()}}


def a_file(*rows: dict[str, str], encoding: str = "utf-8") -> bytes:
    lines = [",".join(NAMES.values()), *(",".join(row.get(field, "") for field in NAMES) for row in rows)]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def a_basis(terms: Terms | None = None, ratio: Ratio | None = None, **given: Any) -> Basis:
    return Basis("test", ratio or Ratio(1, 1), OPENED_AT, terms or demo_terms(), **given)


def planned(*rows: dict[str, str], basis: Basis | None = None) -> Plan:
    return plan(read_members(a_file(*rows)), basis or a_basis())


def only_member(*rows: dict[str, str], basis: Basis | None = None) -> Brought:
    found = planned(*rows, basis=basis)
    assert not found.refused, found.refused
    (brought,) = found.brought
    return brought
