"""What a level is good for: the price, until when, whose it is during a trial; and rules that ask for a gate."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chalicelib.errors import JifenError
from chalicelib.ledger.growth import grown
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.model import Account
from chalicelib.programme.activity import Ordered, Standing
from chalicelib.programme.award import decide
from chalicelib.programme.difference import difference_in_words, lines, plain
from chalicelib.programme.model import Terms
from chalicelib.programme.narrowed import narrowed
from chalicelib.programme.privileges import Entitled, entitled_on, price_fen
from chalicelib.programme.standing import standing_of
from chalicelib.programme.stored import stored_programme
from chalicelib.programme.tasks import tasks_shown
from tests.programme.builders import a_document, a_rule, demo_terms, terms_of

ON = date(2026, 3, 2)
UNTIL_ON = date(2026, 12, 31)
LEVELS: dict[str, Any] = {
    "levels": [
        {"id": "normal", "name": "普通", "from_growth": 0, "keep_growth": 0},
        {"id": "gold", "name": "黄金", "from_growth": 500, "keep_growth": 400, "privileges": {"gates": ["club"]}},
        {
            "id": "black",
            "name": "黑金",
            "from_growth": 900,
            "keep_growth": 400,
            "privileges": {"gates": ["club", "vip"]},
        },
    ]
}
GROWTH = {"order": {"fen": 100, "growth": 1}}
TASK = {
    "id": "three",
    "name": "三单",
    "activity": "order",
    "counts": "times",
    "goal": 3,
    "window": {"kind": "month"},
    "points": 100,
    "points_class": "activity",
    "validity": {"kind": "never"},
}


def gated(gate: str | None, **given: Any) -> Terms:
    when = {"gate": gate} if gate else {}
    return terms_of(a_rule("order", when=when), levels=LEVELS, growth=GROWTH, **given)


def has(level: str = "", until_on: date | None = None, trial: str = "", trial_until_on: date | None = None) -> Account:
    since_on = date(2026, 1, 1) if level else None
    return Account("m1", "0001", tenure=Tenure(level, since_on, until_on, "", trial, trial_until_on))


def entitled(account: Account, on: date = ON, terms: Terms | None = None) -> Entitled:
    terms = terms or demo_terms()
    assert terms.programme.levels
    assert terms.ledger.levels
    return entitled_on(account, terms.programme.levels, terms.ledger.levels, on)


@pytest.mark.parametrize(
    ("fen", "price_bp", "pays"),
    [(10_000, 9_500, 9_500), (1_001, 9_500, 950), (1, 9_500, 0), (19_990, 10_000, 19_990), (0, 9_500, 0), (7, 1, 0)],
)
def test_a_price_is_rounded_down_to_whole_fen(fen: int, price_bp: int, pays: int) -> None:
    assert price_fen(fen, price_bp) == pays


def test_who_never_had_a_level_has_the_privileges_of_the_first_without_an_end() -> None:
    shown = entitled(has())

    assert (shown.level.id, shown.until_on, shown.is_trial, shown.price_fen(1_000)) == ("normal", None, False, 1_000)


def test_a_level_is_certain_through_its_validity_and_in_its_grace_through_that() -> None:
    account = has("platinum", UNTIL_ON)

    found = [entitled(account, on) for on in (UNTIL_ON, date(2027, 1, 1), date(2027, 1, 30), date(2027, 1, 31))]

    assert [(one.level.id, one.until_on) for one in found] == [
        ("platinum", UNTIL_ON),
        ("platinum", date(2027, 1, 30)),
        ("platinum", date(2027, 1, 30)),
        ("gold", date(2028, 1, 31)),
    ]


def test_a_running_trial_counts_through_its_last_day_and_only_where_it_is_higher() -> None:
    trial_on = date(2026, 3, 8)

    during = entitled(has("gold", UNTIL_ON, "diamond", trial_on), trial_on)
    after = entitled(has("gold", UNTIL_ON, "diamond", trial_on), date(2026, 3, 9))
    outgrown = entitled(has("diamond", UNTIL_ON, "gold", trial_on))

    assert (during.level.id, during.until_on, during.is_trial) == ("diamond", trial_on, True)
    assert (after.level.id, after.until_on, after.is_trial) == ("gold", UNTIL_ON, False)
    assert (outgrown.level.id, outgrown.is_trial) == ("diamond", False)


@pytest.mark.parametrize(
    ("account", "gate", "pays"),
    [
        (has(), "club", False),
        (has("gold", UNTIL_ON), "club", True),
        (has("gold", UNTIL_ON), "vip", False),
        (has("gold", UNTIL_ON, "black", ON), "vip", True),
        (has("gold", UNTIL_ON, "black", date(2026, 3, 1)), "vip", False),
        (has("black", date(2026, 1, 31)), "vip", True),
        (has("black", date(2026, 1, 30)), "vip", False),
    ],
    ids=["first level", "has it", "another's", "on trial", "trial over", "last day of the grace", "fallen today"],
)
def test_a_rule_behind_a_gate_pays_whose_level_of_that_day_opens_it(account: Account, gate: str, pays: bool) -> None:
    terms = gated(gate)

    decision = decide(terms, Ordered(1_000), standing_of(account, terms, ON), on=ON, hour=12)

    assert bool(decision.awards) is pays
    told = [(one.code, one.text) for one in decision.refused]
    assert told == ([] if pays else [("condition:gate", "order仅限享有该权益的等级参加")])


@pytest.mark.parametrize(("levels", "gate"), [(LEVELS, "lounge"), (None, "club")])
def test_a_gate_that_no_level_opens_is_a_fault(levels: Any, gate: str) -> None:
    with pytest.raises(JifenError) as refused:
        terms_of(a_rule("order", when={"gate": gate}), levels=levels, growth=GROWTH)

    assert (refused.value.field, refused.value.msg) == ("rules.0.when.gate", "rules.0.when.gate不是任何等级的权益")


def test_a_stored_rule_behind_a_gate_is_the_one_that_was_checked() -> None:
    document = a_document(a_rule("order", when={"gate": "vip"}), levels=LEVELS, growth=GROWTH)

    assert stored_programme(document) == gated("vip").programme


def test_a_gate_is_named_by_its_levels_in_a_difference() -> None:
    before, after = plain(gated(None).programme), plain(gated("club").programme)

    assert lines(difference_in_words(before, after)) == ["「order」条件:无 → 黄金、黑金会员专享"]


@pytest.mark.parametrize(("before", "after", "leaves_out"), [(None, "a", True), ("a", "b", True), ("a", None, False)])
def test_a_new_or_another_gate_leaves_members_out(before: str | None, after: str | None, leaves_out: bool) -> None:
    found = [*narrowed({"gate": before}, {"gate": after}, ON)]

    assert bool(found) is leaves_out


def test_a_task_behind_a_gate_is_shown_to_whom_it_is_for() -> None:
    terms = gated(None, tasks=[{**TASK, "when": {"gate": "vip"}}])

    shown = [tasks_shown(terms, Standing(gates=terms.gates(level)), ON) for level in ("", "gold", "black")]

    assert [[one.conditions for one in tasks] for tasks in shown] == [[], [], [("黑金会员专享",)]]


def test_growth_that_no_review_has_seen_opens_nothing() -> None:
    """A level is raised with the entry that brings the growth, never by looking at it."""
    account = has()._replace(growth=grown({}, 5_000, ON))

    assert entitled(account).level.id == "normal"
