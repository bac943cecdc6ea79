"""The check-in calendar: what today pays, how the run stands, what the next rewards need, what can be made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.earning.check_in import check_in
from chalicelib.earning.check_in_calendar import Calendar, check_in_days, month_calendar, todays_entry
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop
from tests.earning.programmes import a_rule, plain_document, plain_terms
from tests.programme.builders import SINCE

ZONE = "Asia/Shanghai"


def at(on: date, hour: int = 12, minute: int = 0) -> datetime:
    """A time of day in Shanghai."""
    return datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def sign(shop: Shop, on: date, terms: Terms, hour: int = 12) -> None:
    check_in("m1", ledger=shop.ledger, terms=terms, now=at(on, hour), source="mini_program")


def seen(shop: Shop, now: datetime, terms: Terms) -> Calendar:
    """The calendar as the route shows it."""
    account = shop.ledger.read("m1")
    first_on = now.astimezone(ZoneInfo(ZONE)).date().replace(day=1)
    days = check_in_days(account, first_on=first_on, ledger=shop.ledger, zone=ZONE)
    today = todays_entry(account, ledger=shop.ledger, terms=terms, now=now)
    return month_calendar(account, days, terms=terms, now=now, today=today)


def only(*rules: dict[str, Any], paused: frozenset[str] = frozenset()) -> Terms:
    """Terms of these check-in rules alone."""
    return Terms(1, SINCE, read_programme({**plain_document(), "rules": list(rules)}), paused)


def a_streak(rule_id: str = "row", cycle: str = "run", day: int = 3, points: int = 10, **given: Any) -> dict[str, Any]:
    card = {"price_points": 0, "look_back_days": 7, "per_month": 3}
    rewards = [{"day": day, "points": points}]
    amount = {"kind": "streak", "points": 2, "cycle": cycle, "repeats": False, "rewards": rewards, "make_up": card}
    return a_rule(rule_id, "check_in", points_class="behaviour", amount=amount, **given)


def a_count(rule_id: str = "count", cycle: str = "month", claim: str = "auto", **given: Any) -> dict[str, Any]:
    rewards = [{"days": 2, "points": 20}, {"days": 4, "points": 40}]
    amount = {"kind": "cumulative", "cycle": cycle, "rewards": rewards, "claim": claim}
    return a_rule(rule_id, "check_in", points_class="behaviour", amount=amount, **given)


SUNDAY = date(2026, 11, 22)


def test_today_is_judged_by_the_hour_of_the_programmes_zone(shop: Shop) -> None:
    terms = only(a_streak(name="晨签", when={"hours": [[6, 9]]}))

    early, late = seen(shop, at(SUNDAY, 7, 30), terms), seen(shop, at(SUNDAY, 15), terms)

    assert (early.today_points, early.today_reason) == (2, "每日签到")
    assert (late.today_points, late.today_reason) == (0, "晨签仅限6点至9点")


def test_a_day_that_is_done_shows_what_it_paid(shop: Shop) -> None:
    capped = only(a_streak(name="签到", caps=[{"points": 2, "period": "month"}]))
    sign(shop, SUNDAY - timedelta(days=1), capped)
    sign(shop, SUNDAY, capped)

    calendar = seen(shop, at(SUNDAY, 13), capped)

    assert (calendar.checked_in_today, calendar.today_points) == (True, 0)
    assert calendar.today_reason == "签到本月已达上限2分,下月1日起可再得"


def test_a_day_that_is_done_shows_what_it_paid_under_the_terms_of_then(shop: Shop) -> None:
    sign(shop, SUNDAY, plain_terms(check_in={"points": 5}))

    assert seen(shop, at(SUNDAY, 13), plain_terms()).today_points == 5


def test_points_of_another_class_count_into_what_today_paid(shop: Shop) -> None:
    terms = only(a_streak(), a_rule("gift", "check_in", amount={"kind": "fixed", "points": 7}))

    before = seen(shop, at(SUNDAY), terms)
    sign(shop, SUNDAY, terms)

    assert [one.today_points for one in (before, seen(shop, at(SUNDAY, 13), terms))] == [9, 9]


def test_a_reward_to_be_claimed_shows_within_its_hours_and_says_so_outside_them(shop: Shop) -> None:
    terms = only(a_streak(), a_count(claim="by_hand", name="累签", when={"hours": [[6, 9]]}))
    for day in (20, 22):
        sign(shop, date(2026, 11, day), terms)

    early, late = seen(shop, at(SUNDAY, 7, 30), terms), seen(shop, at(SUNDAY, 15), terms)

    assert [(one.days, one.state, one.text) for one in early.by_hand] == [
        (2, "open", "累计签到2天,可领取20分"),
        (4, "not_reached", "再签到2天可领取40分"),
    ]
    assert (late.by_hand[0].state, late.by_hand[0].text) == ("closed", "累签仅限6点至9点")


def test_a_reward_on_trial_for_others_is_not_shown(shop: Shop) -> None:
    terms = only(a_streak(), a_count(claim="by_hand", trial={"members": ["m2"]}))

    assert seen(shop, at(SUNDAY), terms).by_hand == ()
