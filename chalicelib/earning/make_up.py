"""The make-up card (补签卡): points repair a missed day of the run; the day's own points are not paid.

What the repaired run newly reaches is paid with it, each reward once.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from chalicelib.earning.check_in import run_facts, streak_of
from chalicelib.earning.reward import reward, with_balance
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Redeem
from chalicelib.ledger.counters import Counted, used
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import Account, Cause, Kind, Posting, Receipt, Refusal, business_on, start_of
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import made_up
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import through_on
from chalicelib.programme.rules.streak import MADE_UP
from chalicelib.programme.standing import standing_of

MAKE_UP = "make_up"


def made_up_this_month(account: Account, today_on: date) -> int:
    """How many days the member has made up in the month of `today_on`."""
    return used(account.counters, MADE_UP, today_on)


def make_up(member_id: str, on: date, *, ledger: LedgerTable, terms: Terms, now: datetime, source: str) -> Receipt:
    """Spend a make-up card's price on the missed day `on`; a repeat returns the first receipt.

    Raises MAKE_UP_REFUSED with the reason (too old, before joining, another cycle, all used), INSUFFICIENT_POINTS,
    MEMBER_FROZEN.
    """
    streak = streak_of(terms)
    if streak is None or streak.make_up is None:
        raise JifenError(Code.ACTIVITY_OFF)
    price_points = streak.make_up.price_points
    today_on = business_on(now, terms.zone)
    cause = Cause(
        kind=Kind.REDEEM,
        activity=MAKE_UP,
        id=on.isoformat(),
        at=start_of(on, terms.zone),
        occurred_at=now,
        source=source,
        actor=member_id,
    )

    def repair(seen: Seen) -> Posting:
        account = seen.account
        days = account.check_ins
        problem = streak.can_make_up(days, on, today_on, made_up_this_month(account, today_on), account.joined_on)
        if problem:
            raise Refusal(Code.MAKE_UP_REFUSED, cause, problem)
        decision = made_up(
            terms,
            on,
            days,
            standing_of(account, terms, today_on),
            on=today_on,
            hour=now.astimezone(ZoneInfo(terms.zone)).hour,
            spent_budgets=seen.spent,
        )
        earned = cause._replace(kind=Kind.EARN)
        rewarded = reward(decision, CheckedIn(today_on, days), earned, terms=terms, credited_on=today_on)
        facts = run_facts(terms, days.with_day(on), standing_of(account, terms, today_on), today_on)
        if rewarded.commands:
            facts["reward_points"] = sum(command.points for command in rewarded.commands)
            facts["reward_reason"] = " · ".join(command.text for command in rewarded.commands)
        # What is refused beside no reward is said with the price.
        refused = [] if rewarded.commands else [one.text for one in decision.refused]
        spend = Redeem(
            cause=cause,
            points=price_points,
            terms_version=terms.version,
            text=" · ".join([f"补签{on.isoformat()}", *refused]),
            counts=(Counted(MADE_UP, through_on("month", today_on), 1),),
            checked_in_on=on,
            facts=facts,
        )
        rewards = [
            command._replace(cause=earned._replace(id=f"{on.isoformat()}~{command.rule}"))
            for command in rewarded.commands
        ]
        posting = apply(account, [spend, *rewards], terms.ledger, now)
        return with_balance(posting, cause)._replace(budgets=rewarded.budgets)

    return spend(member_id, repair, ledger=ledger, terms=terms.ledger, now=now)
