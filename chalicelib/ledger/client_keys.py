"""A client's own key names an operation: what it stands for is kept by a guard of the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from chalicelib.errors import Code
from chalicelib.ledger.model import Cause, Guard, Posting, Refusal, stamp
from chalicelib.ledger.table import Decide, Seen
from chalicelib.runtime.edge import Call, client_key


def key_guard(call: Call, operation: str) -> str:
    """The guard of this caller's Idempotency-Key for one operation; refused when it is missing or of another form."""
    return f"K#{operation}#{sha256(json.dumps([call.caller.id, client_key(call)]).encode()).hexdigest()}"


def key_id(key: str) -> str:
    """What a cause is called that the client key of the guard `key` names."""
    return key[-32:]


def once(key: str, member_id: str, cause: Cause, decide: Callable[[Seen], Posting]) -> Decide:
    """`decide` for the first time that the guard `key` is seen, with that guard in its posting.

    From then on it raises Refusal KEY_REUSED under the first time's cause: `post` answers a repeat of the same input
    from the entry that stands there. `cause` is this call's, at its own time.
    """

    def decided(seen: Seen) -> Posting:
        if seen.guard:
            raise Refusal(Code.KEY_REUSED, cause._replace(at=datetime.fromisoformat(seen.guard.state["at"])))
        guard = Guard(key, member_id, cause.activity, cause.id, state={"at": stamp(cause.at)})
        return decide(seen)._replace(guard=guard)

    return decided
