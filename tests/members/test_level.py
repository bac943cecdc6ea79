"""Where a member stands, and what is said of it: only what the ledger then really does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chalicelib.ledger.commands import SetLevel
from chalicelib.ledger.model import Account, Kind
from chalicelib.members.level import Standing, standing_on
from chalicelib.members.level_answers import standing_answer
from tests.ledger.builders import a_cause
from tests.ledger.test_levels import Member, day
from tests.programme.builders import demo_terms

TERMS = demo_terms()


def shown(account: Account, on: date) -> Standing:
    found = standing_on(account, TERMS, on)
    assert found is not None
    return found


def answered(account: Account, on: date) -> dict[str, Any]:
    return standing_answer(shown(account, on))


@pytest.mark.parametrize(("short", "level"), [(0, "gold"), (1, "normal")])
def test_what_is_missing_in_the_grace_is_what_then_keeps_the_level(short: int, level: str) -> None:
    member = Member(TERMS.ledger).grows(day("2025-11-20"), 500).grows(day("2025-12-10"), 300)
    on = day("2026-12-05")  # Of the grace's own month's window December 2025 is no part any more.

    missing = shown(member.night(day("2026-11-21")).account, on).missing_to_keep
    member.grows(on, missing - short).night(day("2027-01-31"))

    assert (missing, member.tenure.level) == (400, level)


def test_through_the_last_day_of_validity_what_is_missing_is_counted_for_that_day() -> None:
    account = Member(TERMS.ledger).grows(day("2025-11-20"), 500).grows(day("2025-12-10"), 300).account

    assert [shown(account, day(on)).missing_to_keep for on in ("2026-01-01", "2026-11-20")] == [100, 100]


def test_whose_growth_has_reached_the_next_level_already_is_told_that_any_growth_raises_him() -> None:
    member = Member(TERMS.ledger).grows(day("2026-03-10"), 2_000)
    member.does(day("2026-03-11"), SetLevel(a_cause(Kind.LEVEL, "k"), "gold", day("2026-12-31"), False, 1))

    answer = answered(member.account, day("2026-03-11"))
    member.grows(day("2026-03-12"), 1)

    assert (answer["next"]["missing_growth"], answer["text"]) == (0, "再获得成长值即升铂金")
    assert member.tenure.level == "platinum"


def test_on_its_last_day_the_grace_is_told_as_still_running() -> None:
    account = Member(TERMS.ledger).grows(day("2026-03-10"), 500).account

    texts = [answered(account, day(on))["text"] for on in ("2027-03-10", "2027-04-09", "2027-04-10")]

    assert texts == [
        "黄金2027-03-10到期,再得400成长值可保级",
        "黄金已到期,最晚2027-04-09再得400成长值可保级",
        "再得500成长值升黄金",
    ]
