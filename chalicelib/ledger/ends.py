"""When points end and levels are decided by time alone: what the due index lists, what a refund asks. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from chalicelib.ledger.buckets import IDLE, Buckets, earliest_due_on, first_valid_key
from chalicelib.ledger.levels import step_due_on
from chalicelib.ledger.model import Account, LedgerTerms, business_on
from chalicelib.ledger.validity import Months


def has_ended(key: str, credited_on: date | None, *, idle_ended_at: datetime | None, today_on: date, zone: str) -> bool:
    """Whether points credited into this bucket on that date have expired there since, if they were not spent.

    An empty key is no bucket of their own. What lives on activity has ended when it was credited before the last time
    such points did, at `idle_ended_at` of its account.
    """
    if not key:
        return False
    if key[:3] != IDLE:
        return key < first_valid_key(today_on)
    return idle_ended_at is not None and (credited_on is None or credited_on < business_on(idle_ended_at, zone))


def idle_ends_on(buckets: Buckets, active_at: datetime | None, terms: LedgerTerms) -> date | None:
    """The first business date on which the points that live on activity have ended."""
    if not terms.idle_months or active_at is None or not any(key[:3] == IDLE for key in buckets):
        return None
    last_on = Months(kind="months", months=terms.idle_months).expires_on(business_on(active_at, terms.zone))
    return last_on + timedelta(days=1) if last_on else None


def ends_on(account: Account, terms: LedgerTerms, done_on: date) -> date | None:
    """The first business date on which time alone ends points or decides a level, when all of `done_on` was done."""
    dates = [points_end_on(account.buckets, account.active_at, terms)]
    if terms.levels is not None:
        dates.append(step_due_on(account.tenure, terms.levels, done_on))
    return min((on for on in dates if on), default=None)


def points_end_on(buckets: Buckets, active_at: datetime | None, terms: LedgerTerms) -> date | None:
    """The first business date on which some of these points have ended, None when none ever will."""
    dated_on = earliest_due_on(buckets)
    if not terms.idle_months:
        return dated_on
    idle_on = idle_ends_on(buckets, active_at, terms)
    return min((on for on in (dated_on, idle_on) if on), default=None)
