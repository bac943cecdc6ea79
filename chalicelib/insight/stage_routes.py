"""Stages over HTTP: a member's own, the same for staff with its emotional plan, and the report of the last night.

Each view imports its own use case, so that members' cold starts do without the room.
"""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import member, staff
from chalicelib.members.model import is_member_id
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime.edge import Call, Json, endpoint

bp = Blueprint(__name__)


@bp.route("/me/stage", methods=["GET"])
@endpoint(bp, caller=member)
def get_stage(call: Call) -> Json:
    """The member's stage, seconds old: what it brings, what the next one would bring, and what is missing for it."""
    return _stage(call, call.caller.id, for_staff=False)


@bp.route("/staff/members/{member_id}/stage", methods=["GET"])
@endpoint(bp, caller=staff("operator", "customer_service", "guide"))
def get_member_stage(call: Call, member_id: str) -> Json:
    """A member's stage with its emotional plan and that of the next one, and his last act of his own."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return _stage(call, member_id, for_staff=True)


@bp.route("/staff/reports/stages", methods=["GET"])
@endpoint(bp, caller=staff("operator", "finance"))
def get_stages_report(call: Call) -> Json:
    """Who entered each stage, moved on, is lost or is staying, in all and by month of entering, as of last night."""
    from chalicelib.insight import stage_answers, stages_table

    report = stages_table.open_stages().report()
    if report is None:
        raise JifenError(Code.STAGES_OFF if terms_at(call.now).programme.stages is None else Code.STAGES_NOT_COUNTED)
    terms = terms_book().version(report.terms_version)
    return stage_answers.report_answer(report, terms)


def _stage(call: Call, member_id: str, *, for_staff: bool) -> Json:
    from chalicelib.insight import progress, stage_answers, stages_table

    row = stages_table.open_stages().row(member_id)
    shown = progress.progress_of(row, terms_at(call.now).programme)
    if shown is None:
        raise JifenError(Code.STAGES_OFF)
    return stage_answers.staff_answer(shown, row) if for_staff else stage_answers.member_answer(shown)
