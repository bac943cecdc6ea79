"""A member claims an order by its number. The order itself is not looked at: whatever it is, the answer is the same,
and so is the work. Who has it is decided by the stream, see settle_claims.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.order import order_key
from chalicelib.earning.order_claim import Asked, OrderClaim, State, claimable, new_claim, require_factor, waiting_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on, start_of
from chalicelib.programme.model import Terms

ATTEMPTS = 4


def claim_order(asked: Asked, *, claims: ClaimsTable, terms: Terms, now: datetime) -> OrderClaim:
    """The claim as it stands after this: a fresh one, or the one that was there.

    One that came true stays so whatever is stated; one that waits is answered again while the same is stated, and is
    another attempt otherwise, as it is after it lapsed. Raises CLAIM_OFF, INVALID_REQUEST with the missing field,
    CLAIM_LIMIT with the seconds until the next business day, BUSY.
    """
    how = claimable(terms, asked.platform)
    require_factor(asked, how)
    claim = new_claim(asked, how, terms.zone, now)
    waiting = waiting_of(asked, how, terms.zone, now)
    for _ in range(ATTEMPTS):
        found = claims.find([(asked.member_id, order_key(asked.platform, asked.order_no))])
        standing = found[0] if found else None
        if standing and (standing.state is State.OWNED or _is_repeat(standing, claim)):
            return standing
        failed = claims.submit(claim, waiting, standing, per_day=how.per_day)
        if failed == {"order"}:
            claim = claim._replace(is_placed=False)
            failed = claims.submit(claim, waiting, standing, per_day=how.per_day)
        if not failed:
            return claim
        if "claim" not in failed:
            raise JifenError(Code.CLAIM_LIMIT, retry_after_seconds=_seconds_left(terms.zone, now))
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _is_repeat(standing: OrderClaim, claim: OrderClaim) -> bool:
    return standing.state is State.WAITING and standing.input_hash == claim.input_hash


def _seconds_left(zone: str, now: datetime) -> int:
    """Until the next business day begins, at which the day's claims are counted anew."""
    tomorrow_at = start_of(business_on(now, zone) + timedelta(days=1), zone)
    return max(1, int((tomorrow_at - now).total_seconds()) + 1)
