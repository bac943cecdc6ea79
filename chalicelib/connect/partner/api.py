"""Calls to a partner: signed, their answers believed only under the partner's signature of this very question.

Our id of an exchange is its idempotency key there: whatever is asked under it may be asked again. An answer is one of
five words; anything else (no answer, an unsigned one, another id or another amount) is Unanswered: nobody knows.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.connect import outside
from chalicelib.connect.accounts import keys_of
from chalicelib.connect.outside import Reply, Unanswered
from chalicelib.connect.partner.send import Send, send
from chalicelib.connect.partner.signing import signed_headers, verify_answer
from chalicelib.connect.partner.words import Asked, Reason, Said, Word
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log

SYSTEM = "partners"
SKEW = timedelta(hours=1)
"""How far a partner's clock may be from ours before its `done_at` is no instant of this exchange."""
LEAST_SECRET_CHARS = 32


@dataclass(frozen=True, slots=True)
class PartnerApi:
    """A partner as of an instant."""

    host: str
    root: str
    """The path before `/exchanges`, empty or `/so/and/so`."""
    now: datetime
    secret: str = field(repr=False)
    send: Send = send

    def ask(self, asked: Asked) -> Said:
        """Ask for the units; again is the same question. Raises Unreached or Unanswered."""
        body = {**asked._asdict(), "asked_at": asked.asked_at.isoformat()}
        return self._call("POST", "/exchanges", asked, json.dumps(body, separators=(",", ":")).encode())

    def look(self, asked: Asked) -> Said:
        """What became of it; raises Unreached or Unanswered."""
        return self._call("GET", f"/exchanges/{asked.id}", asked)

    def void(self, asked: Asked) -> Said:
        """Give it up, whether or not it ever came there; DONE where it is too late. Raises Unreached, Unanswered."""
        return self._call("POST", f"/exchanges/{asked.id}/void", asked)

    def _call(self, method: str, path: str, asked: Asked, body: bytes = b"") -> Said:
        nonce, target = secrets.token_hex(16), self.root + path
        headers = {"Accept": "application/json", "User-Agent": "jifen"}
        headers |= {"Content-Type": "application/json"} if body else {}
        headers |= signed_headers(self.secret, f"{method} {target}", nonce, body, self.now)
        reply = self.send(self.host, method, target, headers, body)
        if reply.status not in (200, 404):
            raise Unanswered(f"status {reply.status}")
        self._require_own(reply, nonce, asked.id)
        return _said(outside.object_of(reply), asked, self.now)

    def _require_own(self, reply: Reply, nonce: str, id: str) -> None:
        why = "another answer"
        try:
            if verify_answer(self.secret, reply.status, nonce, reply.headers, reply.body, self.now):
                return
        except JifenError as error:
            why = error.code.name
        log.outcome("partner_unverified", host=self.host, exchange=id, why=why)
        raise Unanswered(why)


def open_partner(partner_id: str, host: str, root: str, now: datetime) -> PartnerApi:
    """A partner's door; raises JifenError NOT_CONNECTED when the stage holds no secret with it, or one too short."""
    known = keys_of(SYSTEM, now).get(partner_id)
    secret = known.get("secret") if isinstance(known, dict) else None
    if not isinstance(secret, str) or len(secret) < LEAST_SECRET_CHARS:
        raise JifenError(Code.NOT_CONNECTED)
    return PartnerApi(host, root, now, secret)


def _said(answer: Mapping[str, Any], asked: Asked, now: datetime) -> Said:
    try:
        word = Word(str(answer.get("state")))
    except ValueError:
        raise Unanswered("state") from None
    if answer.get("id") != asked.id:
        raise Unanswered("another exchange")
    if word is Word.REFUSED:
        told = str(answer.get("reason", ""))
        return Said(word, told if told in set(Reason) else Reason.OTHER)
    if word is not Word.DONE:
        return Said(word)
    if (answer.get("account"), answer.get("units")) != (asked.account, asked.units):
        log.outcome("partner_contradicts", exchange=asked.id)
        raise Unanswered("another amount")
    return Said(word, done_at=_done_at(answer, asked, now))


def _done_at(answer: Mapping[str, Any], asked: Asked, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(answer["done_at"])
    except (KeyError, TypeError, ValueError):
        raise Unanswered("done_at") from None
    if at.tzinfo is None or not asked.asked_at - SKEW <= at <= now + SKEW:
        raise Unanswered("done_at")
    return at
