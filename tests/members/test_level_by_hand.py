"""A level that staff set: higher or lower, once per key, reviewed like any other, and derived from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app import app
from chalicelib.ledger.audit import Tables, check_member, guard_keys
from chalicelib.ledger.items import entry_item
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.table import open_ledger
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme, terms_at
from tests.members.stage import ADMIN_KEY, Answer, Stage, invoke
from tests.members.test_level_routes import earned, the_night
from tests.programme.builders import demo_document

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
TODAY_ON = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def programme(stage: Stage) -> Iterator[None]:
    publish(
        open_programme(), version=1, document=demo_document(), effective_from=SINCE, published_by="s1", now=stage.now
    )
    programme_table.forget()
    yield
    programme_table.forget()


@pytest.fixture
def mei(http: Any) -> str:
    opened = http("POST", "/v1/sessions", body=json.dumps({"code": "demo-mei-0001"})).data
    member_id: str = opened["member_id"]
    return member_id


def gives(member_id: str, level: str, until_on: str | None = None, key: str = "k1", reason: str = "大客户") -> Answer:
    return invoke(
        app,
        "POST",
        "/v1/staff/members/{member_id}/levels",
        path_parameters={"member_id": member_id},
        headers={"Authorization": f"Bearer {ADMIN_KEY}", "Idempotency-Key": key},
        body=json.dumps({"level": level, "until_on": until_on, "reason": reason}),
    )


def tenure(member_id: str) -> Tenure:
    return open_ledger().read(member_id).tenure


def audited(member_id: str) -> list[str]:
    ledger = open_ledger()
    (account,) = ledger.items([{"pk": f"M#{member_id}", "sk": "A"}])
    entries = [entry_item(entry) for entry in ledger.entries(member_id, before_key=None, limit=50)]
    guards = ledger.items([{"pk": key, "sk": "G"} for key in guard_keys(entries)])
    tables = Tables(ledger.ledger, ledger.journal)
    terms = terms_at(SINCE).ledger
    return [str(one) for one in check_member(member_id, account, entries, guards, terms, TODAY_ON, tables)]


def test_a_level_set_by_hand_lasts_as_long_as_any_and_says_who_set_it_and_why(mei: str) -> None:
    answer = gives(mei, "platinum")

    assert answer.data == {
        "before": None,
        "level": "platinum",
        "since_on": "2026-03-02",
        "until_on": "2027-03-02",
        "text": "等级设为铂金会员,有效期至2027-03-02",
        "replayed": False,
    }
    entry = open_ledger().entries(mei, before_key=None, limit=1)[0]
    assert (entry.points, entry.level_before, entry.level_after) == (0, "", "platinum")
    assert entry.facts == {"reason": "大客户", "level_since": "2026-03-02", "level_until": "2027-03-02"}
    assert (entry.cause.source, entry.cause.actor) == ("staff", "bootstrap-admin")


def test_the_same_key_answers_the_first_receipt_and_takes_no_other_wish(mei: str, stage: Stage) -> None:
    first = gives(mei, "gold", "2026-12-31")
    stage.later(days=1)

    again, other = gives(mei, "gold", "2026-12-31"), gives(mei, "gold", "2026-12-30")

    assert again.data == {**first.data, "replayed": True}
    assert other.json["code"] == 40900
    assert tenure(mei) == Tenure("gold", TODAY_ON, date(2026, 12, 31))


def test_a_lower_level_too_can_be_set_and_growth_raises_it_again(mei: str, stage: Stage) -> None:
    earned(mei, stage.now, 2_000, date(2027, 3, 31), growth=2_000)

    gives(mei, "gold", key="k1")
    lowered = tenure(mei)
    earned(mei, stage.now, 0, date(2027, 3, 31), growth=1, id="tmall#2")

    assert (lowered.level, lowered.prior) == ("gold", "platinum")
    assert tenure(mei).level == "platinum"


def test_the_first_level_takes_away_what_was_given(mei: str) -> None:
    gives(mei, "gold")

    answer = gives(mei, "normal", key="k2")

    assert (answer.data["before"], answer.data["until_on"]) == ("gold", None)
    assert tenure(mei) == Tenure("normal", TODAY_ON, None, "gold")


@pytest.mark.parametrize(
    ("level", "until_on", "field", "msg"),
    [
        ("no-such", None, "level", "方案中没有这个等级"),
        ("gold", "2026-03-01", "until_on", "有效期已过"),
        ("gold", "2031-03-03", "until_on", "有效期最晚到2031-03-02"),
        ("normal", "2026-12-31", "until_on", "普通会员是第一个等级,没有有效期"),
        ("normal", None, None, "会员已是普通会员"),
    ],
)
def test_what_cannot_be_set_is_said_and_leaves_nothing(
    mei: str, level: str, until_on: str | None, field: str | None, msg: str
) -> None:
    answer = gives(mei, level, until_on)

    assert (answer.status, answer.json["code"], answer.json["msg"]) == (422, 42291, msg)
    assert (answer.json.get("field"), tenure(mei)) == (field, Tenure())


def test_the_same_level_with_the_same_end_is_refused_and_with_another_one_is_only_lengthened(
    mei: str, stage: Stage
) -> None:
    gives(mei, "gold", "2026-12-31")
    stage.later(days=3)

    same, longer = gives(mei, "gold", "2026-12-31", "k2"), gives(mei, "gold", "2027-06-30", "k3")

    assert same.json["msg"] == "会员已是黄金会员,有效期至2026-12-31"
    assert (longer.data["since_on"], longer.data["until_on"]) == ("2026-03-02", "2027-06-30")
    assert tenure(mei) == Tenure("gold", TODAY_ON, date(2027, 6, 30))


def test_the_last_allowed_days_are_today_and_the_one_five_years_ahead(mei: str) -> None:
    assert gives(mei, "gold", "2026-03-02", "k1").status == 200
    assert gives(mei, "gold", "2031-03-02", "k2").status == 200


def test_at_its_end_it_is_reviewed_and_falls_after_the_grace(mei: str) -> None:
    gives(mei, "platinum", "2026-06-30")

    the_night(datetime(2026, 7, 1, 1, tzinfo=UTC))
    in_grace = tenure(mei).level
    the_night(datetime(2026, 8, 1, 1, tzinfo=UTC))

    assert (in_grace, tenure(mei).level) == ("platinum", "gold")


def test_each_change_is_a_line_of_the_log_and_the_account_is_derived_from_the_entries(
    http: Any, mei: str, stage: Stage
) -> None:
    for key, level, until_on in (("a", "platinum", None), ("b", "gold", "2026-12-31"), ("c", "gold", "2027-12-31")):
        gives(mei, level, until_on, key)
    stage.later(days=40)
    gives(mei, "normal", None, "d")

    lines = list(open_ledger().listed(f"L#{mei}", "", 10))

    told = [(line["before"], line["after"], line.get("level_until")) for line in reversed(lines)]
    assert told == [
        ("", "platinum", "2027-03-02"),
        ("platinum", "gold", "2026-12-31"),
        ("gold", "gold", "2027-12-31"),
        ("gold", "normal", None),
    ]
    assert audited(mei) == []


def test_nobody_who_is_no_member_gets_a_level(stage: Stage) -> None:
    answer = gives("m" + "0" * 23 + "9", "gold")

    assert answer.json["code"] == 40401
