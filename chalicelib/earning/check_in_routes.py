"""Check-in over HTTP: today's, the calendar, a make-up card, rewards claimed by hand, the reminder."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.earning.check_in import ACTIVITY, check_in, paid_points, reason_of
from chalicelib.earning.check_in_calendar import check_in_days, month_calendar, todays_entry
from chalicelib.earning.claim_reward import claim_reward
from chalicelib.earning.make_up import make_up
from chalicelib.earning.reward import after_points
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Entry, Receipt, business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.members.reminders import FIRST_HOUR, LAST_HOUR, remind_at, reminder_hour
from chalicelib.programme.explain import explain
from chalicelib.programme.model import Terms
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint

bp = Blueprint(__name__)
SOURCE = "mini_program"


@bp.route("/me/check-ins", methods=["POST"])
@endpoint(bp, caller=member)
def post_check_in(call: Call) -> Json:
    """Check in for today; the first answer is repeated however often it is asked."""
    terms = terms_at(call.now)
    receipt = check_in(call.caller.id, ledger=open_ledger(), terms=terms, now=call.now, source=SOURCE)
    entry = next(one for one in receipt.entries if "streak_days" in one.facts)
    return {
        "checked_in_on": entry.facts["checked_in_on"],
        "points": paid_points(entry),
        "reason": reason_of(entry),
        **_run(entry),
        **_balance(receipt, entry, terms),
    }


@bp.route("/me/check-ins", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"month"}))
def get_check_ins(call: Call) -> Json:
    """The check-in calendar of one month (`month=YYYY-MM`, this month when left out)."""
    terms = terms_at(call.now)
    first_on = _month(call.query.get("month", ""), business_on(call.now, terms.zone))
    ledger = open_ledger()
    account = ledger.read(call.caller.id)
    days = check_in_days(account, first_on=first_on, ledger=ledger, zone=terms.zone)
    today = todays_entry(account, ledger=ledger, terms=terms, now=call.now)
    calendar = month_calendar(account, days, terms=terms, now=call.now, today=today)
    following, card = calendar.next_reward, calendar.make_up
    return {
        "month": f"{first_on:%Y-%m}",
        "days": [on.isoformat() for on in calendar.days],
        "checked_in_today": calendar.checked_in_today,
        "today_points": calendar.today_points,
        "today_reason": calendar.today_reason,
        "streak_days": calendar.streak_days,
        "next_reward_days": following.days if following else None,
        "next_reward_points": following.points if following else None,
        "next_rewards": [
            {"rule": one.rule.id, "name": one.rule.name, "days": one.days, "points": one.points, "text": one.text}
            for one in calendar.coming
        ],
        "make_up": {
            "price_points": card.price_points,
            "left_this_month": card.left_this_month,
            "days": [on.isoformat() for on in card.days],
            "text": card.text,
        }
        if card
        else None,
        "claimable": [
            {"rule": one.rule, "days": one.days, "points": one.points, "state": one.state, "text": one.text}
            for one in calendar.by_hand
        ],
        "reminder_hour": reminder_hour(call.caller.id),
    }


class MakeUpIn(Body):
    """The missed day to repair."""

    on: Annotated[date, Field(strict=False)]


@bp.route("/me/check-ins/make-ups", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=MakeUpIn)
def post_make_up(call: Call) -> Json:
    """Repair a missed day with a make-up card, paid in points; the first answer is repeated."""
    terms = terms_at(call.now)
    receipt = make_up(call.caller.id, call.body.on, ledger=open_ledger(), terms=terms, now=call.now, source=SOURCE)
    entry = next(one for one in receipt.entries if "streak_days" in one.facts)
    return {
        "made_up_on": entry.facts["checked_in_on"],
        "price_points": -entry.points,
        "reason": entry.text,
        "reward_points": entry.facts.get("reward_points", 0),
        "reward_reason": entry.facts.get("reward_reason"),
        **_run(entry),
        **_balance(receipt, entry, terms),
    }


class ClaimIn(Body):
    """The reward to claim: its rule and its days, as the calendar lists them."""

    rule: Annotated[str, Field(min_length=1, max_length=40)]
    days: Annotated[int, Field(ge=1, le=31)]


@bp.route("/me/check-ins/rewards", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=ClaimIn)
def post_check_in_reward(call: Call) -> Json:
    """Claim a cumulative reward of this cycle by hand; the first answer is repeated."""
    terms = terms_at(call.now)
    receipt = claim_reward(
        call.caller.id,
        call.body.rule,
        call.body.days,
        ledger=open_ledger(),
        terms=terms,
        now=call.now,
        source=SOURCE,
    )
    entry = next(one for one in receipt.entries if one.kind == "earn")
    return {"points": entry.points, "reason": entry.text, **_balance(receipt, entry, terms)}


class ReminderIn(Body):
    """At which full hour of the programme's day to be reminded; null for never."""

    hour: Annotated[int, Field(ge=FIRST_HOUR, le=LAST_HOUR)] | None


@bp.route("/me/check-ins/reminder", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=member, body=ReminderIn)
def put_check_in_reminder(call: Call) -> Json:
    """Be reminded of a missing check-in at an hour of the day, or no longer; the same hour twice is the same."""
    hour = call.body.hour
    if hour is not None and not terms_at(call.now).answer(ACTIVITY):
        raise JifenError(Code.ACTIVITY_OFF)
    remind_at(call.caller.id, hour)
    return {"reminder_hour": hour}


def _run(entry: Entry) -> dict[str, Any]:
    """How the run stands after it, and what comes next."""
    names = ("streak_days", "next_reward_days", "next_reward_points")
    return {name: entry.facts.get(name) for name in names}


def _balance(receipt: Receipt, entry: Entry, terms: Terms) -> dict[str, Any]:
    """What is left after it, and what that buys."""
    left_points = after_points(receipt, entry)
    return {"balance_after_points": left_points, "buys": explain(left_points, terms), "replayed": receipt.replayed}


def _month(text: str, today_on: date) -> date:
    if not text:
        return today_on.replace(day=1)
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        raise JifenError(Code.INVALID_REQUEST, "month应为YYYY-MM", field="month")
    return date(int(text[:4]), int(text[5:]), 1)
