"""Freezing: a member may not spend until somebody allows it again. An entry of 0 points says who did so, and why."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.client_keys import key_id, once
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.model import Cause, Kind, LedgerTerms, Posting, Receipt, Refusal, digest
from chalicelib.ledger.table import LedgerTable, Seen


def set_frozen(
    member_id: str,
    frozen: bool,
    *,
    reason: str,
    key: str,
    by: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
) -> Receipt:
    """Freeze an account or release it, once per client key (`key` is the guard of that key).

    Raises FREEZE_STATE when the account is so already, KEY_REUSED when the key came with another request.
    """

    cause = Cause(
        kind=Kind.ADJUST,
        activity="freeze" if frozen else "unfreeze",
        id=key_id(key),
        at=now,
        occurred_at=now,
        source="staff",
        actor=by,
        input_hash=digest({"member": member_id, "frozen": frozen, "reason": reason}),
    )

    def decide(seen: Seen) -> Posting:
        if seen.account.frozen is frozen:
            raise Refusal(Code.FREEZE_STATE, cause, "账户已经冻结" if frozen else "账户没有冻结")
        return apply(seen.account, [Freeze(cause, frozen, terms.version, text=reason)], terms, now)

    return ledger.post(member_id, once(key, member_id, cause, decide), guard_key=key)
