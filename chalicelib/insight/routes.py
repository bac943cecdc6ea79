"""Reports and closed months over HTTP: finance reads and closes, operators read budgets.

Each view imports its own use case: few staff ever call these, and members' cold starts do without the room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.insight.bodies import MonthCloseIn, ReopeningIn
from chalicelib.ledger.model import business_on
from chalicelib.members.access import staff
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import listing

bp = Blueprint(__name__)

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_FINANCE = staff("finance")


@bp.route("/staff/reports/liability", methods=["GET"])
@endpoint(bp, caller=_FINANCE, query=frozenset({"on"}))
def get_liability(call: Call) -> Json:
    """Points and fen owed at the end of a day (by default the last one summed), and how much may never be spent."""
    from chalicelib.insight import answers, liability, table

    on, zone = _on(call.query), terms_at(call.now).zone
    return answers.liability_answer(
        liability.liability(
            table.open_insight(), on, book=terms_book(), today_on=business_on(call.now, zone), zone=zone
        )
    )


@bp.route("/staff/reports/budget", methods=["GET"])
@endpoint(bp, caller=staff("finance", "operator"), query=frozenset({"month"}))
def get_budget(call: Call) -> Json:
    """A month's points by rule and campaign, and how much of each budget is drawn; `alarm` from four fifths on."""
    from chalicelib.insight import answers, budgets, table
    from chalicelib.ledger.table import open_ledger

    month, zone = _month(call.query.get("month", "")), terms_at(call.now).zone
    return answers.budget_answer(
        budgets.budget_report(
            table.open_insight(),
            month,
            ledger=open_ledger(),
            book=terms_book(),
            today_on=business_on(call.now, zone),
            zone=zone,
        )
    )


@bp.route("/staff/month-closes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_FINANCE, body=MonthCloseIn)
def post_month_close(call: Call) -> Json:
    """Close a month for good, from its third day after the end on; a month that stands closed is `replayed`."""
    from chalicelib.insight import answers, close_month, table

    zone = terms_at(call.now).zone
    done = close_month.close_month(
        table.open_insight(), call.body.month, by=call.caller.id, book=terms_book(), now=call.now, zone=zone
    )
    return answers.close_answer(done.closed, zone, replayed=done.replayed)


@bp.route("/staff/month-closes", methods=["GET"])
@endpoint(bp, caller=_FINANCE)
def get_month_closes(call: Call) -> Json:
    """Every closing there was, newest month first, with the reopenings."""
    from chalicelib.insight import answers, table

    zone = terms_at(call.now).zone
    return listing([answers.heading_answer(closed, zone) for closed in table.open_insight().closes()])


@bp.route("/staff/month-closes/{month}", methods=["GET"])
@endpoint(bp, caller=_FINANCE)
def get_month_close(call: Call, month: str) -> Json:
    """A month as it was closed last: opening, movements, closing, by class and part, in points and fen."""
    from chalicelib.insight import answers, close_month, table

    closed = close_month.standing_close(table.open_insight(), _known(month))
    return answers.close_answer(closed, terms_at(call.now).zone)


@bp.route("/staff/month-closes/{month}/export", methods=["GET"])
@endpoint(bp, caller=_FINANCE)
def get_month_export(call: Call, month: str) -> Json:
    """The same as a CSV text for accounting, with its file name; save it as UTF-8 as it is."""
    from chalicelib.insight import budgets, close_month, export, table

    closed = close_month.standing_close(table.open_insight(), _known(month))
    names = budgets.names_of(terms_book().version(closed.statement.value.terms_version).programme)
    state = "-reopened" if closed.reopened else ""
    return {"file_name": f"jifen-{month}-{closed.number:02d}{state}.csv", "csv": export.sheet(closed, names)}


@bp.route("/staff/month-closes/{month}/reopenings", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_FINANCE, body=ReopeningIn)
def post_reopening(call: Call, month: str) -> Json:
    """Open the newest closed month again, for a reason; not by who closed it. What it stated stays to be seen."""
    from chalicelib.insight import answers, close_month, table

    done = close_month.reopen_month(
        table.open_insight(), _known(month), by=call.caller.id, reason=call.body.reason, now=call.now
    )
    return {**answers.heading_answer(done.closed, terms_at(call.now).zone), "replayed": done.replayed}


def _month(text: str) -> str:
    if not _MONTH.fullmatch(text):
        raise JifenError(Code.INVALID_REQUEST, "month应为YYYY-MM", field="month")
    return text


def _known(month: str) -> str:
    if not _MONTH.fullmatch(month):
        raise JifenError(Code.MONTH_NOT_FOUND)
    return month


def _on(query: Mapping[str, str]) -> date | None:
    text = query.get("on")
    if text is None:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise JifenError(Code.INVALID_REQUEST, "on应为YYYY-MM-DD", field="on")
