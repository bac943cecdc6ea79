"""Staff register endpoints, change them, give them new secrets and take them away; each leaves a line of who did it."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from chalicelib.connect.webhooks.address import Forbidden, target_of
from chalicelib.connect.webhooks.model import (
    MAX_ENDPOINTS,
    MAX_PREVIOUS,
    PREVIOUS_SECRET_LIFE,
    Endpoint,
    EndpointState,
)
from chalicelib.connect.webhooks.table import EndpointsTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest

BY_ITSELF = "jifen"
"""Who disables an endpoint that only fails."""


class Wanted(NamedTuple):
    """What staff say of an endpoint."""

    url: str
    kinds: tuple[str, ...]
    description: str


class Registered(NamedTuple):
    """An endpoint; its secret is shown only where it was made just now."""

    endpoint: Endpoint
    replayed: bool


def register(
    table: EndpointsTable,
    wanted: Wanted,
    *,
    endpoint_id: str,
    secret: str,
    key: str,
    by: str,
    is_local: bool,
    now: datetime,
) -> Registered:
    """A new endpoint, told of what is booked from now on.

    The same key with the same content again is `replayed`. Raises WEBHOOK_URL_REFUSED, WEBHOOK_LIMIT, KEY_REUSED.
    """
    _require_reachable(wanted.url, is_local)
    guard = client_digest(by, key)
    input_hash = digest(wanted._asdict())
    standing = table.made_by(guard)
    if standing is None and len(table.endpoints()) >= MAX_ENDPOINTS:
        raise JifenError(Code.WEBHOOK_LIMIT)
    endpoint = Endpoint(
        id=endpoint_id,
        url=wanted.url,
        kinds=wanted.kinds,
        description=wanted.description,
        state=EndpointState.ENABLED,
        version=1,
        created_by=by,
        created_at=now,
        changed_by=by,
        changed_at=now,
        secret=secret,
    )
    made_id = table.create(endpoint, key=guard, input_hash=input_hash)
    if made_id == endpoint_id:
        return Registered(endpoint, replayed=False)
    return Registered(standing_endpoint(table, made_id), replayed=True)


def standing_endpoint(table: EndpointsTable, endpoint_id: str) -> Endpoint:
    """An endpoint that is not deleted; raises WEBHOOK_ENDPOINT_NOT_FOUND."""
    endpoint = table.endpoint(endpoint_id)
    if endpoint.state is EndpointState.DELETED:
        raise JifenError(Code.WEBHOOK_ENDPOINT_NOT_FOUND)
    return endpoint


def change(
    table: EndpointsTable,
    endpoint_id: str,
    wanted: Wanted,
    *,
    enabled: bool,
    seen_version: int,
    by: str,
    is_local: bool,
    now: datetime,
) -> Endpoint:
    """Another URL, other kinds, on or off; at the version that was seen. Raises VERSION_TAKEN, WEBHOOK_URL_REFUSED."""
    _require_reachable(wanted.url, is_local)
    seen = _seen(table, endpoint_id, seen_version)
    changed = _next(seen, by, now)._replace(**wanted._asdict())
    action = "changed"
    if enabled and seen.state is EndpointState.DISABLED:
        changed = changed._replace(state=EndpointState.ENABLED, why_disabled="", failing_since=None)
        action = "enabled"
    if not enabled and seen.state is EndpointState.ENABLED:
        changed = changed._replace(state=EndpointState.DISABLED, why_disabled="staff")
        action = "disabled"
    table.save(changed, seen_version=seen.version, action=action)
    return changed


def rotate(
    table: EndpointsTable, endpoint_id: str, *, secret: str, seen_version: int, by: str, now: datetime
) -> Endpoint:
    """A new secret; those before it sign beside it for a day. Raises VERSION_TAKEN."""
    seen = _seen(table, endpoint_id, seen_version)
    before = ((seen.secret, now + PREVIOUS_SECRET_LIFE), *(one for one in seen.previous if now < one[1]))
    rotated = _next(seen, by, now)._replace(secret=secret, previous=before[:MAX_PREVIOUS])
    table.save(rotated, seen_version=seen.version, action="secret_rotated")
    return rotated


def remove(table: EndpointsTable, endpoint_id: str, *, by: str, now: datetime) -> tuple[Endpoint, bool]:
    """Tell an endpoint nothing more; True when it was deleted before. What was delivered can still be looked up."""
    seen = table.endpoint(endpoint_id)
    if seen.state is EndpointState.DELETED:
        return seen, True
    removed = _next(seen, by, now)._replace(state=EndpointState.DELETED)
    table.save(removed, seen_version=seen.version, action="deleted")
    return removed, False


def disable(table: EndpointsTable, seen: Endpoint, why: str, now: datetime) -> Endpoint:
    """Switch an endpoint off that wants nothing more or only fails; as it stands by now when staff were faster."""
    disabled = _next(seen, BY_ITSELF, now)._replace(state=EndpointState.DISABLED, why_disabled=why)
    try:
        table.save(disabled, seen_version=seen.version, action=f"disabled_{why}")
    except JifenError as error:
        if error.code is not Code.VERSION_TAKEN:
            raise
        return table.endpoint(seen.id)
    return disabled


def client_digest(by: str, key: str) -> str:
    """A client's key as it is kept: each caller's keys are its own."""
    return sha256(json.dumps([by, key]).encode()).hexdigest()


def _require_reachable(url: str, is_local: bool) -> None:
    try:
        target_of(url, is_local=is_local)
    except Forbidden:
        raise JifenError(Code.WEBHOOK_URL_REFUSED, field="url") from None


def _seen(table: EndpointsTable, endpoint_id: str, seen_version: int) -> Endpoint:
    seen = standing_endpoint(table, endpoint_id)
    if seen.version != seen_version:
        raise JifenError(Code.VERSION_TAKEN)
    return seen


def _next(seen: Endpoint, by: str, now: datetime) -> Endpoint:
    return seen._replace(version=seen.version + 1, changed_by=by, changed_at=now)
