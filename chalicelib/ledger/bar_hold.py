"""A hold that may never be made (预扣作废): its asker was told no, or gave it up before its own question arrived.

The guard that a hold would have made is written without points. Whoever asks for that hold afterwards finds it, and
what was said then.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.model import Guard, LedgerTerms, Posting, stamp
from chalicelib.ledger.release import hold_key
from chalicelib.ledger.table import LedgerTable, Seen


def bar_hold(
    member_id: str, hold_id: str, *, activity: str, why: str, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Guard:
    """The guard of `hold_id` as it stands after this: barred now (`state` has `barred`, that is `why`, and what was
    `available`), or what had become of it before, untouched.
    """

    def decide(seen: Seen) -> Posting:
        if seen.guard is not None:
            return Posting(seen.account, seen.account, ())
        posting = apply(seen.account, [Expire()], terms, now)
        state = {"held_at": stamp(now), "barred": why, "available": posting.account.available_points}
        return posting._replace(guard=Guard(hold_key(hold_id), member_id, activity, hold_id, state=state))

    guard = ledger.post(member_id, decide, guard_key=hold_key(hold_id)).guard
    if guard is None:
        raise AssertionError("a hold was barred without its guard")
    return guard
