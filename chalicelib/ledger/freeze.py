"""Freezing: a member may not spend until somebody allows it again. An entry of 0 points says who did so, and why."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.model import Cause, Guard, Kind, LedgerTerms, Posting, Receipt, Refusal, digest, stamp
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

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = Cause(
            kind=Kind.ADJUST,
            activity="freeze" if frozen else "unfreeze",
            id=key[-32:],
            at=datetime.fromisoformat(known.state["at"]) if known else now,
            occurred_at=now,
            source="staff",
            actor=by,
            input_hash=digest({"member": member_id, "frozen": frozen, "reason": reason}),
        )
        if known:
            raise Refusal(Code.KEY_REUSED, cause)
        if seen.account.frozen is frozen:
            raise Refusal(Code.FREEZE_STATE, cause, "账户已经冻结" if frozen else "账户没有冻结")
        command = Freeze(cause, frozen, terms.version, text=reason)
        posting = apply(seen.account, [command], terms, now)
        return posting._replace(guard=Guard(key, member_id, cause.activity, cause.id, state={"at": stamp(now)}))

    return ledger.post(member_id, decide, guard_key=key)
