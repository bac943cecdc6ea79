"""What becomes of an exchange when its partner is asked: its points are spent once, or go back, or wait.

Points go back only on the partner's word that it has not given the units and never will. Each end is one transaction at
the exchange's version, so that of two at once one wins and the other finds what it left.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.partner.words import Asked, Said, Word
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Also, business_on
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.ledger.release import release
from chalicelib.runtime import log
from chalicelib.spending.exchange.desk import Desk
from chalicelib.spending.exchange.items import limit_key
from chalicelib.spending.exchange.model import ACTIVITY, Exchange, State, is_late, next_look

ATTEMPTS = 5
ACTOR = "partner"


def pursue(found: Exchange, *, desk: Desk, now: datetime, is_new: bool = False) -> Exchange:
    """Ask the partner about an exchange and settle it by what it says; what nobody knows is looked at again later.

    Raises BUSY when the races would not end.
    """
    if found.state is not State.ASKED:
        return found
    try:
        said = _said(found, desk, now, is_new=is_new)
    except (Unreached, Unanswered) as silence:
        return _later(found, type(silence).__name__, desk, now)
    except JifenError as closed:
        if closed.code not in (Code.NOT_CONNECTED, Code.PARTNER_NOT_FOUND):
            raise
        return _later(found, closed.code.name, desk, now)
    if said.word in (Word.PENDING, Word.UNKNOWN):
        return _later(found, said.word.name, desk, now)
    return settle(found, said, desk=desk, now=now)


def _said(found: Exchange, desk: Desk, now: datetime, *, is_new: bool) -> Said:
    """What the partner says: looked for first, asked for again where it never came there, voided once it is late."""
    api = desk.api(found.partner_id, now)
    asked = Asked(found.id, found.account, found.units, found.asked_at)
    if now >= found.void_from_at:
        return api.void(asked)
    if not is_new:
        said = api.look(asked)
        if said.word is not Word.UNKNOWN:
            return said
    return api.ask(asked)


def settle(found: Exchange, said: Said, *, desk: Desk, now: datetime) -> Exchange:
    """Settle an exchange by its partner's own word: DONE, REFUSED or VOIDED. Again changes nothing. Raises BUSY."""
    for _ in range(ATTEMPTS):
        if found.state is not State.ASKED:
            return found
        try:
            return _given(found, said, desk, now) if said.word is Word.DONE else _back(found, said, desk, now)
        except JifenError as refused:
            if refused.code not in (Code.EXCHANGE_STATE, Code.HOLD_CLOSED):
                raise  # these two say that somebody else has settled it meanwhile, by whatever word
        found = standing_exchange(found.id, desk)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def standing_exchange(exchange_id: str, desk: Desk) -> Exchange:
    """An exchange as it stands; raises EXCHANGE_NOT_FOUND."""
    found = desk.exchanges.exchange(exchange_id)
    if found is None:
        raise JifenError(Code.EXCHANGE_NOT_FOUND)
    return found


def charge(given: Exchange, *, desk: Desk, now: datetime, actor: str = ACTOR) -> Exchange:
    """Spend the points of what the partner has given though the hold had ended, with its row.

    Raises INSUFFICIENT_POINTS, MEMBER_FROZEN, EXCHANGE_STATE.
    """
    charged = given._replace(state=State.DONE, charged_late=True)
    redeem(
        given.member_id,
        given.id,
        given.points,
        activity=ACTIVITY,
        at=given.asked_at,
        source=ACTIVITY,
        actor=actor,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=_text(given),
        buy=lambda _account: Purchase((desk.exchanges.changed(charged),)),
    )
    log.outcome("exchange_charged_late", exchange=given.id, partner=given.partner_id)
    return charged


def _given(found: Exchange, said: Said, desk: Desk, now: datetime) -> Exchange:
    if said.done_at is None:
        raise AssertionError("done, and not when")
    done_on = business_on(said.done_at, desk.terms.zone)
    given = _ended(found, State.DONE, now)._replace(done_at=said.done_at, done_on=done_on)
    try:
        capture(
            given.member_id,
            given.hold_id,
            given.points,
            actor=ACTOR,
            ledger=desk.ledger,
            terms=desk.terms.ledger,
            now=now,
            text=_text(given),
            also=(desk.exchanges.changed(given),),
        )
    except JifenError as refused:
        if refused.code is not Code.HOLD_CLOSED:
            raise
        return _given_late(given, desk, now)
    log.outcome("exchange_done", exchange=given.id, partner=given.partner_id, units=given.units)
    return given


def _given_late(given: Exchange, desk: Desk, now: datetime) -> Exchange:
    """The ledger gave the points back by itself before the partner's word came: spent anew, or a difference with a
    name, for people.
    """
    try:
        return charge(given, desk=desk, now=now)
    except JifenError as refused:
        if refused.code not in (Code.INSUFFICIENT_POINTS, Code.MEMBER_FROZEN):
            raise
        uncharged = given._replace(state=State.UNCHARGED, reason=refused.code.name.lower())
    desk.exchanges.write((desk.exchanges.changed(uncharged),))
    log.outcome("exchange_uncharged", exchange=given.id, partner=given.partner_id, points=given.points)
    return uncharged


def _back(found: Exchange, said: Said, desk: Desk, now: datetime) -> Exchange:
    """The points go back, and the day's limits with them while that day lasts."""
    state = State.REFUSED if said.word is Word.REFUSED else State.VOIDED
    ended = _ended(found, state, now)._replace(reason=said.reason)
    also = (desk.exchanges.changed(ended), *_counted_down(found, desk, now))
    receipt = release(
        found.member_id,
        found.hold_id,
        actor=ACTOR,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        also=also,
    )
    if receipt.replayed:
        # The ledger has given the points back by itself; only the rest is left to do.
        desk.exchanges.write(also)
    log.outcome("exchange_back", exchange=found.id, partner=found.partner_id, state=str(state), reason=said.reason)
    return ended


def _counted_down(found: Exchange, desk: Desk, now: datetime) -> tuple[Also, ...]:
    if business_on(now, desk.terms.zone) != found.on:
        return ()
    whose = (found.member_id, "") if found.counts_for_all else (found.member_id,)
    return tuple(desk.exchanges.counted_down(limit_key(found.partner_id, found.on, one), found.points) for one in whose)


def _later(found: Exchange, why: str, desk: Desk, now: datetime) -> Exchange:
    """Nothing is known: looked at again later, unless somebody else knows more by now."""
    waiting = next_look(found, why.lower(), now)
    log.outcome("exchange_waits", exchange=found.id, partner=found.partner_id, why=waiting.waits, looked=waiting.looked)
    try:
        desk.exchanges.write((desk.exchanges.changed(waiting),))
    except JifenError as refused:
        if refused.code is not Code.EXCHANGE_STATE:
            raise
        return standing_exchange(found.id, desk)
    if is_late(waiting) and not is_late(found):
        log.outcome("exchange_late", exchange=found.id, partner=found.partner_id, why=waiting.waits)
    return waiting


def _ended(found: Exchange, state: State, now: datetime) -> Exchange:
    return found._replace(state=state, waits="", look_at=None, ended_at=now, version=found.version + 1)


def _text(one: Exchange) -> str:
    return f"兑换{one.units}{one.unit}({one.name})"
