from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme.document import read_programme
from tests.programme.builders import ROOT, demo_document


def changed(path: str, value: Any) -> dict[str, Any]:
    document: Any = demo_document()
    place: Any = document
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        place = place[step]
    place[last] = value
    return document  # type: ignore[no-any-return]


def test_the_demo_document_is_valid() -> None:
    assert [rule.id for rule in read_programme(demo_document()).rules] == ["check_in", "order"]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("rules.0.amount.points", -1, "rules.0.amount.points"),
        ("rules.0.amount.points", 2.5, "rules.0.amount.points"),
        ("rules.0.amount.points", "2", "rules.0.amount.points"),
        ("rules.0.amount.points", True, "rules.0.amount.points"),
        ("rules.0.amount.surprise", 1, "rules.0.amount.surprise"),
        ("rules.0.amount.kind", "dice", "rules.0.amount.kind"),
        ("rules.1.validity.months", 999, "rules.1.validity.months"),
        ("rules.1.amount.less", ["freight", "freight"], "rules.1.amount.less"),
        ("rules.0.amount.rewards", [{"day": 400, "points": 1}], "rules.0.amount.rewards.0.day"),
        ("rules.1.id", "check_in", "rules.1.id"),
        ("rules.0.activity", "order", "rules.0.amount.kind"),
        ("zone", "Asia/Nowhere", "zone"),
        ("class_order", ["activity", "activity", "behaviour"], "class_order"),
        ("reversal", "forget", "reversal"),
        ("surprise", 1, "surprise"),
    ],
)
def test_every_fault_is_refused_and_named_by_its_path(path: str, value: Any, field: str) -> None:
    with pytest.raises(JifenError) as refused:
        read_programme(changed(path, value))

    assert refused.value.code is Code.INVALID_TERMS
    assert refused.value.field == field


def test_every_document_that_ships_is_valid() -> None:
    import json

    for path in sorted((ROOT / "local/programmes").glob("*.json")):
        assert read_programme(json.loads(path.read_text())).rules
