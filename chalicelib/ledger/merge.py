"""Two accounts of one person become one: one posting of two accounts, a closing and an opening entry.

All that an operation decides on is at the survivor's at once. What bears the closed account's id (journal, guards,
waiting points, holds) stays where it is and is found by following.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.carried import ACTIVITY, class_facts
from chalicelib.ledger.commands import Close, Expire, TakeIn
from chalicelib.ledger.model import Account, Also, Cause, Guard, Kind, LedgerTerms, Posting, Receipt
from chalicelib.ledger.table import LedgerTable, Seen

MOST_MERGED = 9
"""So many accounts one account takes in; the accounts that lead from one of them to it are no more than that."""
_TICK = timedelta(milliseconds=1)


MOST_OPEN = 1000
"""Who has more guards with something pending or held is not merged."""
ATTEMPTS = 3


def merge_accounts(
    closing_id: str,
    surviving_id: str,
    *,
    also: tuple[Also, ...] = (),
    actor: str,
    reason: str = "",
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
) -> Receipt:
    """Close one account and open all of it in the other, with the writes of `also`; a receipt without entries when both
    ids lead to one account already.

    Raises BUSY (also when the index of open guards lags, or one of both was merged with a third meanwhile), what
    `merged` raises, and the refusal of a write in `also`.
    """
    for _ in range(ATTEMPTS):
        # The version first: guards that were read after it are those of the account that still has it.
        account = ledger.read(closing_id)
        guards = ledger.open_guards(account, MOST_OPEN)

        def decide(seen: Seen, account: Account = account, guards: Sequence[Guard] = guards) -> Posting:
            closing, surviving = seen.account, seen.other
            if surviving is None or closing.member_id == surviving.member_id:
                return Posting(closing, closing, ())
            if (closing.member_id, surviving.member_id) != (closing_id, surviving_id):
                raise JifenError(Code.BUSY, retry_after_seconds=1)
            if closing.version != account.version:
                raise _Moved
            return merged(closing, surviving, guards, actor=actor, reason=reason, terms=terms, now=now)._replace(
                also=also
            )

        try:
            return ledger.post(closing_id, decide, other_id=surviving_id)
        except _Moved:
            continue
    raise JifenError(Code.BUSY, retry_after_seconds=1)


class _Moved(Exception):
    """The account was posted to after its guards were read."""


def merged(
    closing: Account,
    surviving: Account,
    guards: Sequence[Guard],
    *,
    actor: str,
    reason: str = "",
    terms: LedgerTerms,
    now: datetime,
) -> Posting:
    """The posting that closes `closing`, with the survivor's as its `other`; `guards` are all open ones of `closing`.

    Raises BUSY when the guards are not those of this account as it stands, MERGE_REFUSED beyond MOST_MERGED.
    """
    if len(surviving.merged) + len(closing.merged) >= MOST_MERGED:
        raise JifenError(Code.MERGE_REFUSED)
    classes = class_facts(guards)
    facts: dict[str, str | int] = {**classes, **({"reason": reason} if reason else {})}
    for what, points in (("pending", closing.pending_points), ("held", closing.held_points)):
        if sum(part for name, part in classes.items() if name.startswith(what)) != points:
            raise JifenError(Code.BUSY, retry_after_seconds=1)
    # After all that stands in either journal: the closing entry is the newest of its own, both are of one day.
    before = [account.posted_at for account in (closing, surviving) if account.posted_at]
    at = max([now, *(posted_at + _TICK for posted_at in before)])
    cause = Cause(Kind.TRANSFER, ACTIVITY, closing.member_id, at, at, "members", actor)
    left = apply(closing, [Expire()], terms, at).account
    close = Close(
        cause,
        surviving.member_id,
        terms.version,
        text="账户合并,全部转入你的另一个账户",
        facts={"to": surviving.member_id, **facts},
    )
    take_in = TakeIn(
        cause,
        left,
        terms.version,
        text="账户合并,你的另一个账户转入",
        facts={"from": closing.member_id, **facts},
    )
    return apply(closing, [close], terms, at)._replace(other=apply(surviving, [take_in], terms, at))
