"""A client's own key names an operation: what it stands for is kept by a guard of the ledger."""

from __future__ import annotations

import json
from hashlib import sha256

from chalicelib.runtime.edge import Call, client_key


def key_guard(call: Call, operation: str) -> str:
    """The guard of this caller's Idempotency-Key for one operation; refused when it is missing or of another form."""
    return f"K#{operation}#{sha256(json.dumps([call.caller.id, client_key(call)]).encode()).hexdigest()}"
