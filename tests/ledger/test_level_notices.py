"""A level that fell and a trial that ended are told with the posting that books it, whoever or whatever did it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command, Expire, SetLevel
from chalicelib.ledger.model import Kind, LedgerTerms, Notice, Posting
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import a_cause, a_reversal, an_earn
from tests.ledger.test_levels import Member, day, noon, with_levels

ON = day("2026-03-10")


def told(member: Member, on: date, *commands: Command) -> list[Notice]:
    return [*apply(member.account, commands or (Expire(),), member.terms, noon(on)).notices]


def setting(level: str, until_on: date | None = None, *, is_trial: bool = False) -> SetLevel:
    return SetLevel(a_cause(Kind.LEVEL, "set", activity="level_set"), level, until_on, is_trial, 1)


def taking(growth: int, counted_on: date) -> Command:
    return a_reversal(0)._replace(growth=-growth, growth_on=counted_on)


def test_a_fall_after_the_grace_is_told_with_the_night_that_books_it() -> None:
    member = Member(with_levels(warn_days=())).grows(ON, 2_000)

    assert told(member, day("2027-04-09")) == []
    assert told(member, day("2027-04-10")) == [
        Notice("level_lowered", day("2027-04-10"), {"before": "platinum", "after": "gold", "by": "review"})
    ]


def test_years_of_missed_reviews_are_told_once_from_the_first_level_to_the_last() -> None:
    member = Member(with_levels(warn_days=())).grows(ON, 5_000)

    (notice,) = told(member, day("2031-01-01"))

    assert notice.facts == {"before": "diamond", "after": "normal", "by": "review"}


def test_a_fall_that_growth_of_the_same_posting_makes_good_is_not_told() -> None:
    member = Member(with_levels(warn_days=())).grows(ON, 500)
    raising = taking(0, ON)._replace(growth=900, growth_on=day("2027-06-01"))  # type: ignore[call-arg]

    posting = apply(member.account, [raising], member.terms, noon(day("2027-06-01")))

    assert [entry.level_after for entry in posting.entries] == ["normal", "gold"]
    assert posting.notices == ()


@pytest.mark.parametrize(("rechecks", "kinds"), [(True, ["level_lowered"]), (False, [])])
def test_a_take_back_tells_of_a_fall_only_where_refunds_are_rechecked(rechecks: bool, kinds: list[str]) -> None:
    member = Member(with_levels(rechecks_refunds=rechecks)).grows(ON, 2_000)

    posting = apply(member.account, [taking(1_500, ON)], member.terms, noon(ON))

    assert [notice.kind for notice in posting.notices] == kinds
    assert [notice.facts["by"] for notice in posting.notices] == ["take_back"] * len(kinds)
    assert posting.entries[-1].text.endswith(" · 成长值不足,等级下调") is rechecks


def test_a_take_back_that_leaves_enough_growth_tells_nothing() -> None:
    member = Member(with_levels(rechecks_refunds=True)).grows(ON, 2_000)

    posting = apply(member.account, [taking(400, ON)], member.terms, noon(ON))

    assert (posting.notices, "下调" in posting.entries[-1].text) == ((), False)


def test_who_is_set_lower_by_hand_is_told_and_who_is_set_higher_is_not() -> None:
    member = Member().grows(ON, 2_000)

    (lowered,) = told(member, ON, setting("gold", day("2027-03-10")))

    assert lowered.facts == {"before": "platinum", "after": "gold", "by": "staff"}
    assert told(member, ON, setting("diamond", day("2027-03-10"))) == []


@pytest.mark.parametrize(
    ("growth", "expected"),
    [(0, [{"trial": "gold", "level": "normal"}]), (499, [{"trial": "gold", "level": "normal"}]), (500, [])],
)
def test_the_end_of_a_trial_is_told_unless_its_level_was_won_meanwhile(
    growth: int, expected: list[dict[str, Any]]
) -> None:
    member = Member(with_levels(warn_days=())).does(ON, setting("gold", day("2026-03-16"), is_trial=True))
    member = member.grows(ON, growth) if growth else member

    assert told(member, day("2026-03-16")) == []
    assert [notice.facts for notice in told(member, day("2026-03-17"))] == expected


def test_notices_are_written_with_the_entries_also_the_other_members(moto_ledger: LedgerTable) -> None:
    terms = with_levels(warn_days=())
    given = setting("gold", day("2026-06-01"))
    for member_id in ("m1", "m2"):
        posted(moto_ledger, member_id, terms, ON, given)
    late_on = day("2026-09-01")

    def both(seen: Seen) -> Posting:
        assert seen.other is not None
        mine, other = (apply(one, [Expire()], terms, noon(late_on)) for one in (seen.account, seen.other))
        return mine._replace(other=other)

    moto_ledger.post("m1", both, other_id="m2")

    kept = [[line["sk"] for line in moto_ledger.listed(f"N#{one}", "", 9)] for one in ("m1", "m2")]
    assert kept == [["2026-09-01#level_lowered"]] * 2


def test_a_refund_that_is_told_again_leaves_its_one_notice(moto_ledger: LedgerTable) -> None:
    terms = with_levels(rechecks_refunds=True)
    won = an_earn(0)._replace(bucket="", growth=400, growth_on=ON)
    posted(moto_ledger, "m1", terms, ON, setting("gold", day("2027-03-10")), won)

    for _ in range(2):
        posted(moto_ledger, "m1", terms, ON, taking(1, ON))

    lines = [*moto_ledger.listed("N#m1", "", 9)]
    assert [(line["sk"], line["facts"]["by"]) for line in lines] == [("2026-03-10#level_lowered", "take_back")]
    assert moto_ledger.read("m1").tenure.level == "normal"


def posted(ledger: LedgerTable, member_id: str, terms: LedgerTerms, on: date, *commands: Command) -> None:
    ledger.post(member_id, lambda seen: apply(seen.account, commands, terms, noon(on)))
