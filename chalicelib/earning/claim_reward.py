"""A cumulative check-in reward that the member claims by hand (手动领取), once in its cycle."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from chalicelib.earning.reward import reward
from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import Cause, Kind, Posting, Receipt, Refusal, start_of
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import Award, Decision, claim
from chalicelib.programme.growth import growth_of
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import starts_on
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.standing import standing_of

ACTIVITY = "check_in_reward"


def claim_reward(
    member_id: str, rule_id: str, days: int, *, ledger: LedgerTable, terms: Terms, now: datetime, source: str
) -> Receipt:
    """Credit the reward of `days` check-ins of the running cycle; a repeat returns the first receipt.

    Raises REWARD_REFUSED with the reason: not reached yet, none of these terms.
    """
    local = now.astimezone(ZoneInfo(terms.zone))
    today_on = local.date()
    rule = terms.rule(rule_id)
    cycle = rule.amount.cycle if rule and isinstance(rule.amount, Cumulative) else "month"
    began_on = starts_on(cycle, today_on)
    cause = Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=f"{began_on.isoformat()}:{rule_id}:{days}",
        at=start_of(began_on, terms.zone),
        occurred_at=now,
        source=source,
        actor=member_id,
    )

    def credit(seen: Seen) -> Posting:
        account = seen.account
        standing = standing_of(account, terms, today_on)
        outcome = claim(
            terms,
            rule_id,
            days,
            account.check_ins,
            standing,
            on=today_on,
            hour=local.hour,
            spent_budgets=seen.spent,
        )
        if not isinstance(outcome, Award):
            raise Refusal(Code.REWARD_REFUSED, cause, outcome.text)
        activity = CheckedIn(today_on, account.check_ins)
        grown = growth_of(terms, activity, (outcome,), standing, today_on)
        decision = Decision((outcome,), growth=grown.growth, growth_counts=grown.counts)
        rewarded = reward(decision, activity, cause, terms=terms, credited_on=today_on)
        posting = apply(account, rewarded.commands, terms.ledger, now)
        return posting._replace(budgets=rewarded.budgets)

    return ledger.post(member_id, credit)
