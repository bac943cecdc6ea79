"""What the signed feed tells of members: each event strictly checked, answered on its own, then queued."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from chalicelib.earning.behaviour_event import ENGINE, OWN_SOURCE, Event, as_told_before, message_of
from chalicelib.earning.order import order_key
from chalicelib.earning.order_feed import BuyerId, Number, Platform
from chalicelib.earning.record_orders import FindMembers
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Account, Guard
from chalicelib.members.model import Identity
from chalicelib.programme.activity import MAX_ORDER_FEN, MAX_QUANTITY, reader_length
from chalicelib.programme.caps import Id
from chalicelib.programme.model import TermsBook
from chalicelib.runtime.bodies import Body, invalid

MAX_EVENTS = 100
MAX_TEXT_CHARS = 20_000
FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far a sender's clock may run ahead of ours."""
OLDEST = timedelta(days=90)

MemberId = Annotated[str, Field(pattern=r"^m[0-9a-f]{24}$")]
EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
IndicatorId = Id
"""What names an indicator in a document names it here."""


class MemberIn(Body):
    """Who did it: a member's id, or a buyer of a platform who is bound to a member."""

    member_id: MemberId | None = None
    platform: Platform | None = None
    buyer_id: BuyerId | None = None


class OrderIn(Body):
    """The order an event goes back with, by its platform's number."""

    platform: Platform
    order_no: Number


class EventRecord(Body):
    """One event. `text` is only measured, as a reader counts, and kept nowhere; `length` is for senders who measure."""

    event_id: EventId
    source: Platform
    indicator: IndicatorId
    member: MemberIn
    occurred_at: AwareDatetime
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    fen: Annotated[int, Field(ge=0, le=MAX_ORDER_FEN)] = 0
    length: Annotated[int, Field(ge=0, le=100_000)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None
    order: OrderIn | None = None


class EventsIn(Body):
    """The feed's body: up to 100 events, each answered on its own."""

    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_EVENTS)]


class Told(StrEnum):
    """What became of one event at the edge; its points follow from the queue."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Answered(NamedTuple):
    """The answer to one event; `error` only when it was refused."""

    result: Told
    error: JifenError | None = None


class Intake(NamedTuple):
    """What the intake asks of others."""

    book: TermsBook
    find_members: FindMembers
    unknown_members: Callable[[Collection[str]], Collection[str]]
    """Those of some member ids that nobody has."""
    guards: Callable[[Sequence[str]], Mapping[str, Guard]]
    account: Callable[[str], Account]
    """A member's account, asked only of whom another's event seems to be told."""
    send: Callable[[Sequence[str]], None]


def take_in(records: Sequence[Mapping[str, Any]], now: datetime, intake: Intake) -> list[Answered]:
    """Queue every event that is sound and not posted yet; the answers stand in the order of the events.

    Nothing is lost when the queue fails half-way: the call fails, and the sender's retry tells all of it again.
    """
    answers: dict[int, Answered] = {}
    checked: dict[int, EventRecord] = {}
    for place, record in enumerate(records):
        try:
            checked[place] = _checked(record, now, intake.book)
        except JifenError as error:
            answers[place] = Answered(Told.REFUSED, error)
    events = _with_members(checked, now, intake, answers)
    guards = intake.guards(sorted({event.guard_key for event in events.values()}))
    known = {key: guard.state["input"] for key, guard in guards.items()}
    sent: list[str] = []
    for place, event in events.items():
        if event.guard_key not in known:
            known[event.guard_key] = event.input_hash
            answers[place] = Answered(Told.ACCEPTED)
            sent.append(message_of(event))
        elif _is_same(event, known[event.guard_key], intake):
            answers[place] = Answered(Told.DUPLICATE)
        else:
            answers[place] = Answered(Told.REFUSED, JifenError(Code.KEY_REUSED, field="event_id"))
    intake.send(sent)
    return [answers[place] for place in range(len(records))]


def _is_same(event: Event, known_input: str, intake: Intake) -> bool:
    """Whether it is the very event that is known, told for this member or for one who was merged into him."""
    if event.input_hash == known_input:
        return True
    member_ids = intake.account(event.member_id).member_ids
    return as_told_before(event, known_input, member_ids).input_hash == known_input


def require_indicator(indicator: str, occurred_at: datetime, book: TermsBook) -> None:
    """Raise JifenError unless the terms in force at an instant list the indicator, as one that may earn."""
    terms = book.at(occurred_at)
    if terms is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    known = next((one for one in terms.programme.indicators if one.id == indicator), None)
    if known is None:
        raise _bad("indicator", "不是当时方案中的指标")
    if known.penalty:
        raise _bad("indicator", "是扣分指标,须经人工复核")


def _checked(record: Mapping[str, Any], now: datetime, book: TermsBook) -> EventRecord:
    try:
        checked = EventRecord.model_validate(_with_instant(record))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, record) from None
    if checked.source in (OWN_SOURCE, ENGINE):
        raise _bad("source", "是会员自己上报的来源")
    if checked.text is not None and checked.length is not None:
        raise _bad("length", "与text只能有一个")
    if checked.occurred_at > now + FUTURE_TOLERANCE:
        raise _bad("occurred_at", "在未来")
    if checked.occurred_at < now - OLDEST:
        raise _bad("occurred_at", f"早于{OLDEST.days}天前")
    by_buyer = checked.member.platform is not None and checked.member.buyer_id is not None
    is_half = not by_buyer and (checked.member.platform is not None or checked.member.buyer_id is not None)
    if is_half or by_buyer == (checked.member.member_id is not None):
        raise _bad("member", "应为member_id,或platform与buyer_id")
    require_indicator(checked.indicator, checked.occurred_at, book)
    return checked


def _with_members(
    checked: Mapping[int, EventRecord], now: datetime, intake: Intake, answers: dict[int, Answered]
) -> dict[int, Event]:
    """The events of members that exist; the others are refused."""
    buyers = {place: _buyer(one.member) for place, one in checked.items()}
    bound = intake.find_members(sorted({buyer for buyer in buyers.values() if buyer}))
    named = {one.member.member_id for one in checked.values() if one.member.member_id}
    unknown = intake.unknown_members(named) if named else ()
    events: dict[int, Event] = {}
    for place, one in checked.items():
        buyer = buyers[place]
        member_id = bound.get(buyer) if buyer else one.member.member_id
        if not member_id or member_id in unknown:
            answers[place] = Answered(Told.REFUSED, JifenError(Code.MEMBER_NOT_FOUND, field="member"))
            continue
        length = reader_length(one.text) if one.text is not None else one.length or 0
        events[place] = Event(
            source=one.source,
            event_id=one.event_id,
            indicator=one.indicator,
            member_id=member_id,
            occurred_at=one.occurred_at,
            received_at=now,
            quantity=one.quantity,
            fen=one.fen,
            length=length,
            order_key=order_key(one.order.platform, one.order.order_no) if one.order else "",
        )
    return events


def _buyer(member: MemberIn) -> Identity | None:
    return Identity(member.platform, member.buyer_id) if member.platform and member.buyer_id else None


def _with_instant(record: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no instants: parse the ISO-8601 text first, so that every other field can stay strictly typed."""
    parsed = dict(record)
    if isinstance(parsed.get("occurred_at"), str):
        try:
            parsed["occurred_at"] = datetime.fromisoformat(parsed["occurred_at"])
        except ValueError:
            raise _bad("occurred_at", "应为带时区的时间") from None
    return parsed


def _bad(field: str, reason: str) -> JifenError:
    return JifenError(Code.INVALID_REQUEST, field + reason, field=field)
