"""Who may call: the caller checks that every room's routes name. Nothing here reads a body beyond its signature.

@endpoint(bp, caller=member)                         a member's session token
@endpoint(bp, caller=staff("operator", "reviewer"))  a staff key with one of these roles; admin always
@endpoint(bp, caller=order_feed)                     a signed call of the order feed
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from chalicelib.errors import Code, JifenError
from chalicelib.members import signature, tokens
from chalicelib.members.roles import Role
from chalicelib.members.table import MembersTable, open_members
from chalicelib.runtime import secret_values
from chalicelib.runtime.edge import Caller, Request
from chalicelib.runtime.settings import settings

BOOTSTRAP_ADMIN = "bootstrap-admin"
"""The actor written where the key from Secrets Manager was used."""


def member(request: Request) -> Caller:
    """The member whose session token this is: one strong read. Raises JifenError NOT_LOGGED_IN; never says why."""
    token = tokens.bearer(request.headers.get("authorization"))
    if token is None or not tokens.is_token(token):
        raise JifenError(Code.NOT_LOGGED_IN)
    session = open_members().session(tokens.digest(token))
    if session is None or not session.is_valid(request.now):
        raise JifenError(Code.NOT_LOGGED_IN)
    return Caller("member", id=session.member_id, session=session.key)


@dataclass(frozen=True, slots=True)
class StaffCheck:
    """A caller check for staff; `roles` is read by the test that prints the role × route matrix."""

    roles: frozenset[Role]
    """Who may pass, admin included."""

    def __call__(self, request: Request) -> Caller:
        """The verified caller with its roles; raises JifenError NOT_LOGGED_IN or NOT_ALLOWED."""
        caller = _staff_caller(request)
        if self.roles.isdisjoint(caller.roles):
            raise JifenError(Code.NOT_ALLOWED)
        return caller


def staff(*roles: str) -> StaffCheck:
    """The check for staff with any of these roles, by default admin alone. Raises ValueError for an unknown role."""
    return StaffCheck(frozenset({Role.ADMIN, *(Role(role) for role in roles)}))


def _staff_caller(request: Request) -> Caller:
    key = tokens.bearer(request.headers.get("authorization"))
    if key is None:
        raise JifenError(Code.NOT_LOGGED_IN)
    staff_id = tokens.staff_id_of(key)
    if staff_id is None:
        return _bootstrap_admin(key, request)
    held = open_members().staff_key(staff_id)
    known_digest = held.key_digest if held else ""
    is_same = hmac.compare_digest(known_digest, tokens.digest(key))
    if held is None or not is_same or held.revoked_at is not None:
        raise JifenError(Code.NOT_LOGGED_IN)
    return Caller("staff", id=held.staff_id, roles=frozenset(held.roles))


def _bootstrap_admin(key: str, request: Request) -> Caller:
    """Only the current value counts: whoever rotates this key wants the old one dead."""
    known = secret_values.current(settings().admin_key_secret, request.now)
    if not hmac.compare_digest(known.encode(), key.encode()):
        raise JifenError(Code.NOT_LOGGED_IN)
    return Caller("staff", id=BOOTSTRAP_ADMIN, roles=frozenset({Role.ADMIN}))


def order_feed(request: Request) -> Caller:
    """The signed order feed; raises JifenError BAD_SIGNATURE, STALE_TIMESTAMP or KEY_REUSED.

    A nonce belongs to one body for as long as its timestamp may be fresh. The same nonce with the same body passes
    again: that is a sender's retry after a lost answer, and ingestion is idempotent, so a captured call that is
    played again changes nothing either. The same nonce with another body is refused.
    """
    signed = signature.read_headers(request.headers)
    signature.require_fresh(signed, request.now)
    secrets = secret_values.current_and_previous(settings().order_feed_secret, request.now)
    signature.verify(signed, request.raw_body, secrets)
    _remember_nonce(open_members(), signed.nonce, request)
    return Caller("feed", id="order_feed")


def _remember_nonce(table: MembersTable, nonce: str, request: Request) -> None:
    body_digest = hashlib.sha256(request.raw_body).hexdigest()
    if not table.claim_nonce(nonce, body_digest, request.now, keep_seconds=2 * signature.WINDOW_SECONDS):
        raise JifenError(Code.KEY_REUSED)
