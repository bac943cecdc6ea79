"""What is a member's by right though nothing has booked it yet: pending points whose day has come, overdue holds.

The night and the sweep book these. Who would spend them, or looks at the balance, does not wait for either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.model import Account, Guard, LedgerTerms, Posting, Receipt, Refusal
from chalicelib.ledger.pending import activate_due, activation, is_activation_due
from chalicelib.ledger.release import is_overdue, release_overdue, released
from chalicelib.ledger.table import Decide, LedgerTable, Seen

MOST_GUARDS = 100
"""How many of a member's open guards, the next due first, a refusal looks at."""
GUARDS_SHOWN = 20
"""How many of them a look at what he may have does."""


def spend(
    member_id: str,
    decide: Decide,
    *,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    guard_key: str | None = None,
    other_id: str | None = None,
) -> Receipt:
    """`LedgerTable.post` for what spends: INSUFFICIENT_POINTS is answered only when nothing that is due would do.

    Costs more than a post only when the points do not suffice and the account has any pending or held: a query and a
    read, a posting for each guard that is due, and the decision once more.
    """
    judged: list[Account] = []

    def watched(seen: Seen) -> Posting:
        judged[:] = [seen.account]
        return decide(seen)

    try:
        return ledger.post(member_id, watched, guard_key=guard_key, other_id=other_id)
    except Refusal as refusal:
        if refusal.code is not Code.INSUFFICIENT_POINTS or not _book_due(judged[0], ledger, terms, now):
            raise
    return ledger.post(member_id, decide, guard_key=guard_key, other_id=other_id)


def _book_due(account: Account, ledger: LedgerTable, terms: LedgerTerms, now: datetime) -> bool:
    """Book what of a member is due, each guard by its own posting; whether there was anything."""
    if not account.pending_points and not account.held_points:
        return False
    found = False
    for guard in ledger.open_guards(account, MOST_GUARDS):
        if is_overdue(guard, now):
            release_overdue(account.member_id, guard.key, ledger=ledger, terms=terms, now=now)
        elif is_activation_due(guard, terms, now):
            activate_due(account.member_id, guard.key, ledger=ledger, terms=terms, now=now)
        else:
            continue
        found = True
    return found


def account_now(member_id: str, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime) -> Account:
    """A member's account as if all that is due had been booked: what he could spend now. Guards are read only when the
    account says that there is anything, and up to GUARDS_SHOWN of them.
    """
    account = ledger.read(member_id)
    is_open = account.pending_points or account.held_points
    guards = ledger.open_guards(account, GUARDS_SHOWN) if is_open else ()
    return as_due(account, guards, terms, now)[0]


def as_due(
    account: Account, guards: Iterable[Guard], terms: LedgerTerms, now: datetime
) -> tuple[Account, tuple[Guard, ...]]:
    """An account and its guards as they were with all booked that is due at `now`. Pure: nothing is written.

    A guard that was read after its account may know of points which that account has not yet: it is left as it is.
    """
    seen: list[Guard] = []
    for guard in guards:
        posting = None
        if is_overdue(guard, now) and sum(guard.taken.values()) <= account.held_points:
            posting = released(account, guard, terms, now)
        elif is_activation_due(guard, terms, now) and guard.pending_points <= account.pending_points:
            posting = activation(account, guard, [], terms, now)
        if posting:
            account = posting.account
        seen.append((posting and posting.guard) or guard)
    return apply(account, [Expire()], terms, now).account, tuple(seen)
