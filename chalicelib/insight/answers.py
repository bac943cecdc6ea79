"""What staff are shown of reports and closed months."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.insight.breakage import METHOD, Estimate
from chalicelib.insight.budgets import BudgetReport, BudgetState
from chalicelib.insight.liability import Liability
from chalicelib.insight.model import LETTERS, Cells
from chalicelib.insight.month import COLUMNS, Closed, Row, part_rows, rows_of
from chalicelib.insight.value import Value
from chalicelib.ledger.buckets import PointsClass
from chalicelib.runtime.clock import in_zone

_NAMES = {points_class.letter: points_class.value for points_class in PointsClass}


def liability_answer(found: Liability) -> dict[str, Any]:
    """Points and fen owed, by class and by the month of their end; fen of each figure is rounded by itself."""
    closing, value = found.closing, found.value
    return {
        "on": found.on.isoformat(),
        "problems": list(found.problems),
        "value": _value(value),
        "points": closing.points,
        "fen": value.fen_of(closing.points),
        "deficit_points": closing.deficit_points,
        "deficit_fen": value.fen_of(closing.deficit_points),
        "ending_points": found.ending_points,
        "classes": [
            {
                "class": _NAMES[letter],
                "available_points": closing.available.get(letter, 0),
                "pending_points": closing.pending.get(letter, 0),
                "held_points": closing.held.get(letter, 0),
                "points": closing.of_class(letter),
                "fen": value.fen_of(closing.of_class(letter)),
            }
            for letter in LETTERS
        ],
        "months": [
            {
                "month": month,
                **{f"{_NAMES[letter]}_points": cell.get(letter, 0) for letter in LETTERS},
                "points": sum(cell.values()),
                "fen": value.fen_of(sum(cell.values())),
            }
            for month, cell in found.by_month.items()
        ],
        "breakage": {"method": METHOD, "classes": [_estimate(one, value) for one in found.estimates]},
    }


def budget_answer(found: BudgetReport) -> dict[str, Any]:
    """A month by rule and campaign, and the budgets."""
    return {
        "month": found.month,
        "through_on": found.through_on.isoformat() if found.through_on else None,
        "value": _value(found.value),
        "rules": _actual(found.rules, found.value, found.names),
        "campaigns": _campaigns(found.campaigns, found.value, found.campaign_names),
        "budgets": [_budget(state, found.value) for state in found.budgets],
    }


def close_answer(closed: Closed, zone: str, *, replayed: bool | None = None) -> dict[str, Any]:
    """A closed month, whole."""
    statement = closed.statement
    return {
        **heading_answer(closed, zone),
        **({} if replayed is None else {"replayed": replayed}),
        "value": _value(statement.value),
        "opening_value": _value(statement.opening_value),
        "account": [_row(row) for row in rows_of(statement)],
        "parts": part_rows(statement),
        "rules": _actual(statement.rules, statement.value, {}),
        "campaigns": _campaigns(statement.campaigns, statement.value, {}),
        "late": [{"month": month, **cell} for month, cell in sorted(statement.late.items())],
        "entries": statement.entries,
        "growth": statement.growth,
        "waived_points": statement.waived_points,
        "charged_points": statement.charged_points,
    }


def heading_answer(closed: Closed, zone: str) -> dict[str, Any]:
    """A closing as it stands in the list of them."""
    closing = closed.statement.closing.points
    shown = {
        "month": closed.statement.month,
        "number": closed.number,
        "state": "reopened" if closed.reopened else "closed",
        "closed_by": closed.by,
        "closed_at": in_zone(closed.at, zone),
        "closing_points": closing,
        "closing_fen": closed.statement.value.fen_of(closing),
    }
    if closed.reopened:
        shown |= {
            "reopened_by": closed.reopened.by,
            "reopened_at": in_zone(closed.reopened.at, zone),
            "reason": closed.reopened.reason,
        }
    return shown


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        **{f"{column}_points": row.columns[column] for column in COLUMNS},
        "points": row.points,
        "fen": row.fen,
    }


def _campaigns(cells: Cells, value: Value, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """What campaigns issued, and beside it what members spent on what was offered in them."""
    return [
        {**one, **{f"{moved}_points": cells[one["id"]].get(moved, 0) for moved in ("spent", "returned")}}
        for one in _actual(cells, value, names)
    ]


def _actual(cells: Cells, value: Value, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Issued and taken back by name, the largest first; the difference is what it cost so far."""
    found = []
    for name, cell in cells.items():
        points = cell.get("issued", 0) + cell.get("taken_back", 0)
        found.append(
            {
                "id": name,
                **({"name": names[name]} if name in names else {}),
                "issued_points": cell.get("issued", 0),
                "taken_back_points": cell.get("taken_back", 0),
                "points": points,
                "fen": value.fen_of(points),
            }
        )
    return sorted(found, key=lambda one: (-one["points"], one["id"]))


def _budget(state: BudgetState, value: Value) -> dict[str, Any]:
    return {
        "id": state.id,
        "period": state.period,
        "period_key": state.period_key,
        "rules": list(state.rules),
        "limit_points": state.limit_points,
        "drawn_points": state.drawn_points,
        "left_points": state.limit_points - state.drawn_points,
        "drawn_fen": value.fen_of(state.drawn_points),
        "share_bp": state.share_bp,
        "alarm": state.is_alarming,
    }


def _estimate(one: Estimate, value: Value) -> dict[str, Any]:
    """Of one class; a share of null says that there is no estimate yet."""
    return {
        "class": _NAMES[one.letter],
        "available_points": one.available_points,
        "breakage_points": one.breakage_points,
        "breakage_fen": value.fen_of(one.breakage_points),
        "unestimated_points": one.unestimated_points,
        "share_bp": one.share_bp,
    }


def _value(value: Value) -> dict[str, int]:
    return {"points": value.points, "fen": value.fen, "terms_version": value.terms_version}
