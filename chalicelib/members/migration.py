"""A brand's list of members as openings of their accounts: who brings what, and every row that is refused. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from chalicelib.ledger.buckets import PointsClass, bucket_key, class_of
from chalicelib.ledger.calendar import months_after
from chalicelib.ledger.model import MAX_POINTS
from chalicelib.ledger.opening import Opening, month_of
from chalicelib.members.conversion import HUNDREDTHS, Basis, cause_id_of, converted, member_id_of, validities
from chalicelib.members.migration_sheet import MIGRATED, Row, Sheet
from chalicelib.members.model import Identity
from chalicelib.sheets.rows import BadRow

MOST_ROWS = 200
"""Rows of one member; what he brings is one entry."""
MOST_IDENTITIES = 10
OWN_FIELDS = ("growth", "level", "level_until", "checked_in_on", "run_days", "joined_on")
"""What belongs to the member and not to one batch of his points."""


class Brought(NamedTuple):
    """One member of the file."""

    opening: Opening
    identities: tuple[Identity, ...]
    """The number he had, then the buyer accounts of the file."""
    row: int
    """His first row."""


class Plan(NamedTuple):
    """What a file comes to."""

    brought: tuple[Brought, ...]
    refused: tuple[BadRow, ...]
    """Every row of a member of whom one row is wrong, by its number."""
    rows: int
    old_points: Mapping[tuple[str, str], int]
    """(class, month of the last day) to hundredths of old points, of the members that are taken."""
    expired_points: Mapping[tuple[str, str], int]
    """Those that had ended before the opening, likewise: they are not brought."""
    rounded_away: int
    """What rounding cut off, in parts of a new point (`Ratio.unit` of them make one)."""


class _Lots(NamedTuple):
    """One member's points: hundredths of old ones by bucket, and of ended ones by (class, month)."""

    live: dict[str, int]
    expired: Counter[tuple[str, str]]


def plan(sheet: Sheet, basis: Basis) -> Plan:
    """All members of a file, and every row that is not taken: one bad row refuses the whole member."""
    bad: dict[str, list[BadRow]] = {}
    for old_id, bad_row in sheet.bad:
        bad.setdefault(old_id, []).append(bad_row)
    refused = bad.pop("", [])
    rows_of: dict[str, list[Row]] = {old_id: [] for old_id in bad}
    for row in sheet.rows:
        rows_of.setdefault(row.old_id, []).append(row)
    judge = _Judge(sheet, basis, _shared(sheet.rows))
    brought: list[Brought] = []
    old: Counter[tuple[str, str]] = Counter()
    expired: Counter[tuple[str, str]] = Counter()
    away = 0
    for old_id, rows in rows_of.items():
        faults = {row.number: row for row in [*bad.get(old_id, ()), *judge.faults(rows)]}
        if not faults:
            try:
                member, lots, cut = judge.member(rows)
            except _Wrong as wrong:
                faults[wrong.row.number] = wrong.row
        if faults:
            refused += _all_of(rows, faults)
            continue
        brought.append(member)
        away += cut
        expired.update(lots.expired)
        for key, hundredths in lots.live.items():
            old[_class_and_month(key)] += hundredths
    ordered = tuple(sorted(refused, key=lambda row: row.number))
    return Plan(tuple(brought), ordered, len(sheet.rows) + len(sheet.bad), old, expired, away)


class _Wrong(Exception):
    def __init__(self, row: BadRow) -> None:
        super().__init__(row.reason)
        self.row = row


class _Judge:
    """What one file's members are held against."""

    def __init__(self, sheet: Sheet, basis: Basis, shared: Mapping[Identity, str]) -> None:
        self.sheet, self.basis, self.shared = sheet, basis, shared
        self.opened_on = basis.opened_on
        self.validities = validities(basis.terms, self.opened_on)
        levels = basis.terms.programme.levels
        known = levels.levels if levels else ()
        self.levels = {name: level.id for level in known for name in (level.name, level.id)}
        self.first_level = known[0].id if known else ""
        self.valid_months = levels.valid_months if levels else 0

    def faults(self, rows: Sequence[Row]) -> Iterator[BadRow]:
        """Rows of one member that do not go together, or with another's."""
        seen: dict[tuple[Any, ...], int] = {}
        stated: dict[str, tuple[Any, int]] = {}
        for row in rows:
            if (same := seen.setdefault(row[1:], row.number)) != row.number:
                yield self._bad(row, "", f"与第{same}行完全相同")
            for field in OWN_FIELDS:
                value = getattr(row, field)
                if value is not None and (first := stated.setdefault(field, (value, row.number)))[0] != value:
                    yield self._bad(row, field, f"与同一会员的第{first[1]}行不同")
            if row.identity and row.identity in self.shared:
                yield self._bad(row, "buyer_id", self.shared[row.identity])

    def member(self, rows: Sequence[Row]) -> tuple[Brought, _Lots, int]:
        """A member, his lots, and what rounding cut off of them. Raises _Wrong."""
        first, basis = rows[0], self.basis
        identities = tuple(dict.fromkeys(row.identity for row in rows if row.identity))
        if len(rows) > MOST_ROWS or len(identities) > MOST_IDENTITIES:
            raise self._wrong(first, "", f"同一会员最多{MOST_ROWS}行、{MOST_IDENTITIES}个买家账号")
        own = {field: self._own(rows, field) for field in OWN_FIELDS}
        self._check_days(own)
        level, until_on = self._level(own)
        lots = self._lots(rows)
        buckets, away = converted(lots.live, basis.ratio)
        if sum(buckets.values()) > MAX_POINTS:
            raise self._wrong(first, "points", f"合计超过{MAX_POINTS}分")
        known = (Identity(MIGRATED, first.old_id), *identities)
        old_points = sum(lots.live.values())
        opening = Opening(
            member_id=member_id_of(basis.stage, first.old_id),
            cause_id=cause_id_of(basis.stage, first.old_id),
            buckets=buckets,
            joined_on=own["joined_on"][0],
            growth=own["growth"][0] or 0,
            level=level,
            level_until_on=until_on,
            checked_in_on=own["checked_in_on"][0],
            run_days=own["run_days"][0] or 0,
            facts={
                "old_points": f"{old_points // HUNDREDTHS}.{old_points % HUNDREDTHS:02d}",
                "ratio": f"{basis.ratio.old}:{basis.ratio.new}",
            },
            known_as=tuple(sorted(one.key() for one in identities)),
        )
        return Brought(opening, known, first.number), lots, away

    def _own(self, rows: Sequence[Row], field: str) -> tuple[Any, Row]:
        """What some row of a member states, and that row; None with his first row where none does."""
        for row in rows:
            if (value := getattr(row, field)) is not None:
                return value, row
        return None, rows[0]

    def _check_days(self, own: Mapping[str, tuple[Any, Row]]) -> None:
        joined_on, row = own["joined_on"]
        if joined_on is None:
            raise self._wrong(row, "joined_on", "每位会员都要有:否则会被当作新会员")
        for field in ("joined_on", "checked_in_on"):
            on, row = own[field]
            if on is not None and on > self.opened_on:
                raise self._wrong(row, field, f"晚于转入日{self.opened_on}")
        (checked_in_on, row), (run_days, run_row) = own["checked_in_on"], own["run_days"]
        if bool(checked_in_on) != bool(run_days):
            field = "run_days" if checked_in_on else "checked_in_on"
            raise self._wrong(row, field, "最后签到日与连续签到天数要一起填")
        if checked_in_on and run_days > (checked_in_on - joined_on).days + 1:
            raise self._wrong(run_row, "run_days", "比入会以来的天数还多")

    def _level(self, own: Mapping[str, tuple[Any, Row]]) -> tuple[str, date | None]:
        (name, row), (until_on, until_row) = own["level"], own["level_until"]
        growth, growth_row = own["growth"]
        if growth and self.basis.terms.programme.growth is None:
            raise self._wrong(growth_row, "growth", "积分方案没有成长值")
        if name is None:
            if until_on is not None:
                raise self._wrong(until_row, "level", "填了等级到期就不能为空")
            return "", None
        if name not in self.levels:
            raise self._wrong(row, "level", f"积分方案没有等级“{name[:20]}”")
        level = self.levels[name]
        if level == self.first_level:
            return "", None  # everybody has it, and it has no end
        if until_on is not None and until_on < self.opened_on:
            raise self._wrong(until_row, "level_until", f"早于转入日{self.opened_on}")
        return level, until_on or months_after(self.opened_on, self.valid_months)

    def _lots(self, rows: Iterable[Row]) -> _Lots:
        live: dict[str, int] = {}
        expired: Counter[tuple[str, str]] = Counter()
        for row in rows:
            if not row.points or row.points_class is None:
                continue
            if row.expires_on is not None and row.expires_on < self.opened_on:
                expired[row.points_class.value, f"{row.expires_on:%Y-%m}"] += row.points
                continue
            key = self._bucket(row, row.points_class)
            live[key] = live.get(key, 0) + row.points
        return _Lots(live, expired)

    def _bucket(self, row: Row, points_class: PointsClass) -> str:
        if row.never or row.expires_on is not None or self.basis.never:
            return bucket_key(row.expires_on, points_class)
        if points_class not in self.validities:
            raise self._wrong(row, "expires_on", "积分方案没有这类积分的有效期,请填写到期日")
        return self.validities[points_class]

    def _bad(self, row: Row, field: str, reason: str) -> BadRow:
        return self.sheet.bad_row(row.number, field, reason)

    def _wrong(self, row: Row, field: str, reason: str) -> _Wrong:
        return _Wrong(self._bad(row, field, reason))


def _shared(rows: Iterable[Row]) -> dict[Identity, str]:
    """The accounts that rows of two members name, and what to say of it."""
    first: dict[Identity, Row] = {}
    shared: dict[Identity, str] = {}
    for row in rows:
        if row.identity and (before := first.setdefault(row.identity, row)).old_id != row.old_id:
            shared.setdefault(row.identity, f"第{before.number}行和第{row.number}行是同一买家,但会员号不同")
    return shared


def _all_of(rows: Sequence[Row], faults: Mapping[int, BadRow]) -> Iterator[BadRow]:
    """Every row of a refused member: its own fault, or whose fault it is."""
    because = f"同一会员的第{min(faults)}行有误,整个会员没有转入"
    yield from faults.values()
    yield from (BadRow(row.number, "", because) for row in rows if row.number not in faults)


def _class_and_month(key: str) -> tuple[str, str]:
    return class_of(key).value, month_of(key)
