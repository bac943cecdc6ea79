"""A brand's list of members with balances as rows: `bytes -> Sheet`. Pure: no clock, no terms, no table.

A row is one batch of a member's points (one class, one last day); what belongs to the member himself may stand on any
of his rows. A row that cannot be read keeps its member's number where that can be read, because it spoils all of him.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from chalicelib.errors import JifenError
from chalicelib.ledger.buckets import LAST_ON, PointsClass
from chalicelib.members.model import Identity
from chalicelib.sheets import cells
from chalicelib.sheets.rows import (
    BadRow,
    RowError,
    filled_cells,
    header_key,
    header_of,
    lines_of,
    named_once,
    refused,
)

T = TypeVar("T")
MIGRATED = "migrated"
"""The provider of the numbers that members had elsewhere."""
FIRST_ON = date(1990, 1, 1)
MOST_GROWTH = 10**9
MOST_RUN_DAYS = 36_500

_NAMES = {
    "old_id": ("会员号", "会员编号", "会员卡号"),
    "platform": ("平台",),
    "buyer_id": ("买家id", "买家账号"),
    "points": ("积分", "积分余额"),
    "expires_on": ("到期日", "积分到期日"),
    "class": ("类别", "积分类别"),
    "growth": ("成长值",),
    "level": ("等级", "会员等级"),
    "level_until": ("等级到期", "等级到期日"),
    "checked_in_on": ("最后签到日",),
    "run_days": ("连续签到天数",),
    "joined_on": ("入会日", "入会日期"),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in (field, *names)}
_CLASSES = {
    name: points_class
    for points_class, word in zip(PointsClass, ("消费", "行为", "活动"), strict=True)
    for name in (points_class.value, word, f"{word}积分")
}
_NEVER = frozenset({"never", "永久", "永久有效", "长期", "长期有效"})


class Row(NamedTuple):
    """One row; `number` as Excel counts it. What a cell left empty is None."""

    number: int
    old_id: str
    identity: Identity | None = None
    points: int = 0
    """Hundredths of a point of the old programme."""
    points_class: PointsClass | None = None
    expires_on: date | None = None
    never: bool = False
    """Its points have no end; without it and without a last day they end as the programme says."""
    growth: int | None = None
    level: str | None = None
    level_until: date | None = None
    checked_in_on: date | None = None
    run_days: int | None = None
    joined_on: date | None = None


class Sheet(NamedTuple):
    """A whole file."""

    rows: tuple[Row, ...]
    bad: tuple[tuple[str, BadRow], ...]
    """Rows that cannot be read, each with its member's number, empty where that is not known."""
    names: Mapping[str, str]
    """Our field -> the file's own name of the column."""
    ignored: tuple[str, ...]
    """Columns that are not ours, a telephone's among them: nothing of it is kept."""

    def bad_row(self, number: int, field: str, reason: str) -> BadRow:
        """A refusal that names the column as the file does."""
        return BadRow(number, self.names.get(field) or (_title(field) if field else ""), reason)


def read_members(raw: bytes) -> Sheet:
    """All rows of a CSV (UTF-8 with or without BOM, or GB18030); JifenError INVALID_REQUEST when it is no such file."""
    lines = lines_of(raw)
    header = header_of(lines)
    fields = tuple(_FIELD_OF.get(header_key(name), "") for name in header)
    names = named_once(fields, header)
    missing = [_title(field) for field in ("old_id", "points", "joined_on") if field not in names]
    if missing:
        raise refused("缺少必需的列:" + "、".join(missing))
    ignored = tuple(name.strip() for field, name in zip(fields, header, strict=True) if not field and name.strip())
    sheet = Sheet((), (), names, ignored)
    rows: list[Row] = []
    bad: list[tuple[str, BadRow]] = []
    for number, line in lines:
        old_id = ""
        try:
            filled = _filled(line, fields)
            old_id = _old_id(filled)
            rows.append(_row(number, old_id, filled))
        except RowError as error:
            bad.append((old_id, sheet.bad_row(number, error.field, error.reason)))
    if not rows and not bad:
        raise refused("文件只有表头,没有会员")
    return sheet._replace(rows=tuple(rows), bad=tuple(bad))


def _filled(line: list[str] | str, fields: Sequence[str]) -> Mapping[str, str]:
    if isinstance(line, str):
        raise RowError("", line)
    return filled_cells(line, fields)


def _old_id(filled: Mapping[str, str]) -> str:
    if "old_id" not in filled:
        raise RowError("old_id", "不能为空")
    try:
        return Identity(MIGRATED, cells.number_text(filled["old_id"])).external_id
    except (ValueError, JifenError) as error:
        raise RowError("old_id", _reason(error)) from None


def _row(number: int, old_id: str, filled: Mapping[str, str]) -> Row:
    row = Row(
        number,
        old_id,
        identity=_identity(filled),
        points=_value(filled, "points", lambda cell: cells.hundredths(cell, "积分")) or 0,
        points_class=_value(filled, "class", _class),
        growth=_value(filled, "growth", lambda cell: _at_most(MOST_GROWTH, cells.whole(cell))),
        level=_value(filled, "level", cells.plain_text),
        level_until=_value(filled, "level_until", _later_day),
        checked_in_on=_value(filled, "checked_in_on", _day),
        run_days=_value(filled, "run_days", lambda cell: _at_most(MOST_RUN_DAYS, cells.whole(cell))),
        joined_on=_value(filled, "joined_on", _day),
    )
    if cells.plain_text(filled.get("expires_on", "")).lower() in _NEVER:
        row = row._replace(never=True)
    else:
        row = row._replace(expires_on=_value(filled, "expires_on", _later_day))
    if row.points and row.points_class is None:
        raise RowError("class", "有积分时必填:消费、行为或活动")
    return row


def _identity(filled: Mapping[str, str]) -> Identity | None:
    if not {"platform", "buyer_id"} & filled.keys():
        return None
    for field, other in (("platform", "买家ID"), ("buyer_id", "平台")):
        if field not in filled:
            raise RowError(field, f"填了{other}就不能为空")
    platform = cells.plain_text(filled["platform"])
    if platform == MIGRATED:
        raise RowError("platform", f"{MIGRATED}留给原会员号")
    try:
        return Identity(platform, cells.identifier(filled["buyer_id"]))
    except JifenError as error:
        raise RowError(error.field or "", _reason(error)) from None
    except ValueError as error:
        raise RowError("buyer_id", _reason(error)) from None


def _value(filled: Mapping[str, str], field: str, read: Callable[[str], T]) -> T | None:
    """A cell by its reader, None where it is empty."""
    if field not in filled:
        return None
    try:
        return read(filled[field])
    except ValueError as error:
        raise RowError(field, str(error)) from None


def _class(cell: str) -> PointsClass:
    name = cells.plain_text(cell).lower()
    if name not in _CLASSES:
        raise ValueError(f"应为消费、行为或活动,而不是“{name[:20]}”")
    return _CLASSES[name]


def _day(cell: str) -> date:
    on = cells.day(cell)
    if on < FIRST_ON:
        raise ValueError(f"早于{FIRST_ON},不合理")
    return on


def _later_day(cell: str) -> date:
    on = _day(cell)
    if on > LAST_ON:
        raise ValueError(f"晚于{LAST_ON}")
    return on


def _at_most(most: int, number: int) -> int:
    if number > most:
        raise ValueError(f"最多{most}")
    return number


def _reason(error: ValueError | JifenError) -> str:
    return error.msg.removeprefix(error.field or "") if isinstance(error, JifenError) else str(error)


def _title(field: str) -> str:
    return f"{_NAMES[field][0]}({field})"
