"""Levels over HTTP: where a member stands and what comes next, trials, the log of levels, notices."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import date
from itertools import islice
from typing import Annotated

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.client_keys import key_guard
from chalicelib.ledger.items import Item, notice_of
from chalicelib.ledger.model import Receipt, business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members import level_answers as answers
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import unknown_members
from chalicelib.members.level import standing_on
from chalicelib.members.level_by_hand import ACTIVITY, set_level
from chalicelib.members.level_trial import give_trial, try_level
from chalicelib.members.model import is_member_id
from chalicelib.programme.activity import MAX_ORDER_FEN
from chalicelib.programme.privileges import entitled_on
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing

bp = Blueprint(__name__)
_PAGE = frozenset({"cursor", "limit"})
_PRICE = frozenset({"price_fen"})
_FEN = re.compile(r"0|[1-9][0-9]{0,9}")
MAX_PAGE = 50


class TrialIn(Body):
    """The level to try."""

    level: Annotated[str, Field(min_length=1, max_length=40)]


class GivenTrialIn(Body):
    """The level a member may try, for how many days, and why."""

    level: Annotated[str, Field(min_length=1, max_length=40)]
    days: Annotated[int, Field(ge=1, le=90)]
    reason: Annotated[str, Field(min_length=1, max_length=100)]


class LevelIn(Body):
    """The level a member is given, through which day (None: as long as a level lasts), and why."""

    level: Annotated[str, Field(min_length=1, max_length=40)]
    until_on: date | None = None
    reason: Annotated[str, Field(min_length=1, max_length=100)]


@bp.route("/me/level", methods=["GET"])
@endpoint(bp, caller=member)
def get_level(call: Call) -> Json:
    """The member's level: until when, what is missing to keep it and to rise, what the next one brings."""
    return _standing(call, call.caller.id)


@bp.route("/me/levels", methods=["GET"])
@endpoint(bp, caller=member)
def get_levels(call: Call) -> Json:
    """All levels of the programme with what they are good for."""
    return listing(answers.levels_answer(terms_at(call.now).programme.levels))


@bp.route("/me/privileges", methods=["GET"])
@endpoint(bp, caller=member, query=_PRICE)
def get_privileges(call: Call) -> Json:
    """What the member's level is good for now; `price_fen` asks what the member pays of that price."""
    return _privileges(call, call.caller.id)


@bp.route("/me/level-changes", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_level_changes(call: Call) -> Json:
    """Every change of the member's level, newest first."""
    return _changes(call, call.caller.id)


@bp.route("/me/level-trials", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=TrialIn)
def post_level_trial(call: Call) -> Json:
    """Try a higher level for some days, once a calendar year. Repeating it changes nothing."""
    terms = terms_at(call.now)
    receipt = try_level(call.caller.id, call.body.level, ledger=open_ledger(), terms=terms, now=call.now)
    return _trial(receipt)


@bp.route("/me/notices", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_notices(call: Call) -> Json:
    """What the member was told before points or a level end, newest first; kept for a year."""
    terms = terms_at(call.now)
    lines, cursor = _page(call, f"N#{call.caller.id}")
    return listing([answers.notice_answer(notice_of(line), terms) for line in lines], cursor)


@bp.route("/staff/members/{member_id}/level", methods=["GET"])
@endpoint(bp, caller=staff("operator", "customer_service", "guide"))
def get_member_level(call: Call, member_id: str) -> Json:
    """A member's level as the member sees it."""
    return _standing(call, _known(member_id))


@bp.route("/staff/members/{member_id}/privileges", methods=["GET"])
@endpoint(bp, caller=staff("operator", "customer_service", "guide", "store_manager"), query=_PRICE)
def get_member_privileges(call: Call, member_id: str) -> Json:
    """What a member's level is good for now, for the brand's own shop and tills; `price_fen` as for the member."""
    return _privileges(call, _registered(member_id))


@bp.route("/staff/members/{member_id}/level-changes", methods=["GET"])
@endpoint(bp, caller=staff("operator", "customer_service"), query=_PAGE)
def get_member_level_changes(call: Call, member_id: str) -> Json:
    """Every change of a member's level, newest first."""
    return _changes(call, _known(member_id))


@bp.route("/staff/members/{member_id}/level-trials", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("operator"), body=GivenTrialIn)
def post_member_level_trial(call: Call, member_id: str) -> Json:
    """Let a member try a higher level for some days. Needs an Idempotency-Key."""
    receipt = give_trial(
        _registered(member_id),
        call.body.level,
        call.body.days,
        reason=call.body.reason,
        key=key_guard(call, "level_trial"),
        by=call.caller.id,
        ledger=open_ledger(),
        terms=terms_at(call.now),
        now=call.now,
    )
    return _trial(receipt)


@bp.route("/staff/members/{member_id}/levels", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("operator"), body=LevelIn)
def post_member_level(call: Call, member_id: str) -> Json:
    """Set a member's level by hand, higher or lower. Needs an Idempotency-Key.

    It is reviewed at its end as any level is, and growth that reaches a higher one still raises it: who has the growth
    of a higher level rises again with the next of it.
    """
    receipt = set_level(
        _registered(member_id),
        call.body.level,
        call.body.until_on,
        reason=call.body.reason,
        key=key_guard(call, "level"),
        by=call.caller.id,
        ledger=open_ledger(),
        terms=terms_at(call.now),
        now=call.now,
    )
    entry = next(entry for entry in reversed(receipt.entries) if entry.activity == ACTIVITY)
    return {
        "before": entry.level_before or None,
        "level": entry.level_after,
        "since_on": entry.facts["level_since"] or None,
        "until_on": entry.facts["level_until"] or None,
        "text": entry.text,
        "replayed": receipt.replayed,
    }


def _standing(call: Call, member_id: str) -> Json:
    terms = terms_at(call.now)
    shown = standing_on(open_ledger().read(member_id), terms, business_on(call.now, terms.zone))
    if shown is None:
        raise JifenError(Code.LEVELS_OFF)
    return answers.standing_answer(shown)


def _privileges(call: Call, member_id: str) -> Json:
    terms, asked = terms_at(call.now), call.query.get("price_fen")
    if asked is not None and (not _FEN.fullmatch(asked) or int(asked) > MAX_ORDER_FEN):
        raise JifenError(Code.INVALID_REQUEST, f"price_fen应为0至{MAX_ORDER_FEN}", field="price_fen")
    levels, judged = terms.programme.levels, terms.ledger.levels
    if levels is None or judged is None:
        raise JifenError(Code.LEVELS_OFF)
    entitled = entitled_on(open_ledger().read(member_id), levels, judged, business_on(call.now, terms.zone))
    return answers.entitled_answer(entitled, None if asked is None else int(asked))


def _changes(call: Call, member_id: str) -> Json:
    terms = terms_at(call.now)
    lines, cursor = _page(call, f"L#{member_id}")
    return listing([answers.change_answer(line, terms) for line in lines], cursor)


def _page(call: Call, pk: str) -> tuple[list[Item], str]:
    """One page of a list of the ledger's, newest first, and the cursor of the next."""
    limit = limit_of(call.query, MAX_PAGE)
    before = _place(call.query.get("cursor", ""))
    lines = list(islice(open_ledger().listed(pk, before, limit + 1), limit + 1))
    more = len(lines) > limit
    return lines[:limit], urlsafe_b64encode(lines[limit - 1]["sk"].encode()).decode() if more else ""


def _place(cursor: str) -> str:
    try:
        place = urlsafe_b64decode(cursor.encode()).decode("ascii")
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if place and not (len(place) <= 64 and place[:4].isdigit() and place.isprintable()):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return place


def _trial(receipt: Receipt) -> Json:
    entry = receipt.entries[-1]
    return {
        "level": entry.facts["trial"],
        "until_on": entry.facts["trial_until"],
        "text": entry.text,
        "replayed": receipt.replayed,
    }


def _known(member_id: str) -> str:
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return member_id


def _registered(member_id: str) -> str:
    if unknown_members({_known(member_id)}):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return member_id
