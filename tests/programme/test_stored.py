"""What is read from the store without pydantic is exactly what pydantic read when it was published."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme.document import read_programme
from chalicelib.programme.stored import stored_programme
from tests.programme.builders import ROOT, a_document, a_rule, demo_document

SHIPPED = sorted((ROOT / "local/programmes").glob("*.json"))
AMOUNTS: list[dict[str, Any]] = [
    {"kind": "fixed", "points": 5},
    {"kind": "ladder", "steps": [{"from": 1, "points": 10}, {"from": 4, "points": 0}], "period": "ever"},
    {"kind": "by_length", "steps": [{"over": 20, "points": 5}]},
]
VALIDITIES: list[dict[str, Any]] = [
    {"kind": "months", "months": 12},
    {"kind": "days", "days": 30, "until": "day"},
    {"kind": "never"},
    {"kind": "year_end", "years": 1},
    {"kind": "fixed_day", "month": 2, "day": 29, "min_days": 7},
    {"kind": "on_date", "on": "2027-01-31"},
    {"kind": "quarter", "quarters": 2},
    {"kind": "idle"},
]
WHEN: dict[str, Any] = {
    "levels": ["gold"],
    "weekdays": [1, 7],
    "hours": [[8, 12], [20, 24]],
    "from_on": "2026-01-01",
    "until_on": "2027-12-31",
    "within_days_of_joining": 90,
    "buyers": True,
}
TASK: dict[str, Any] = {
    "id": "three",
    "name": "三次",
    "activity": "review",
    "counts": "times",
    "goal": 3,
    "window": {"kind": "dates", "from_on": "2026-01-01", "until_on": "2026-12-31"},
    "points": 100,
    "points_class": "activity",
    "validity": {"kind": "never"},
}


def documents() -> Iterator[Any]:
    for path in SHIPPED:
        yield pytest.param(json.loads(path.read_text()), id=path.name)
    for amount in AMOUNTS:
        yield pytest.param(a_document(a_rule("r", "review", amount=amount)), id=amount["kind"])
    for validity in VALIDITIES:
        yield pytest.param(a_document(a_rule("r", "review", validity=validity), idle_months=6), id=validity["kind"])
    rich = a_rule("r", "review", when=WHEN, pending={"kind": "days", "days": 7}, trial={"members": ["m1"]})
    rich["caps"] = [{"times": 1, "period": "day"}]
    transfer = {"min_points": 1, "max_points_per_day": 9, "times_per_day": 1}
    budget = {"id": "b", "points": 9000, "period": "month", "rules": ["r"]}
    yield pytest.param(
        a_document(
            {**rich, "caps": [{"times": 1, "period": "day"}]}, tasks=[TASK], transfer=transfer, budgets=[budget]
        ),
        id="everything else",
    )


@pytest.mark.parametrize("document", [*documents()])
def test_a_stored_programme_is_the_one_that_was_checked(document: dict[str, Any]) -> None:
    programme = read_programme(document)

    assert stored_programme(document) == programme
    assert repr(stored_programme(document)) == repr(programme)


@pytest.mark.parametrize("change", [{"unheard_of": 1}, {"rules": [{"kind": "odd"}]}, {"class_order": ["odd"]}])
def test_terms_of_another_time_are_told_as_such(change: dict[str, Any]) -> None:
    with pytest.raises(JifenError) as refused:
        stored_programme(demo_document() | change)

    assert refused.value.code is Code.INVALID_TERMS


@pytest.mark.parametrize("module", ["chalicelib.earning.events", "chalicelib.earning.behaviour_events"])
def test_who_only_settles_starts_without_pydantic(module: str) -> None:
    script = (
        f"import json, sys; import {module}; from chalicelib.programme.stored import stored_programme; "
        "stored_programme(json.load(open('local/programmes/demo.json'))); "
        "print([name for name in ('pydantic', 'annotated_types') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
