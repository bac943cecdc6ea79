"""Simulations over HTTP: staff ask what a draft would have paid, and read the answer when the worker has it."""

from __future__ import annotations

import re
import secrets
from datetime import date
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import Field, model_validator

from chalicelib.earning.simulation import FAILURES, Asked, ask
from chalicelib.earning.simulation_table import DONE, Simulation, open_simulations
from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.programme.table import open_programme
from chalicelib.runtime import queue
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)

ZONE = "Asia/Shanghai"
"""For times that belong to no version."""
_ID = re.compile(r"[0-9a-f]{20}")
_LIMIT = re.compile(r"[1-9][0-9]?|100")
_STAFF = staff("operator", "reviewer", "finance")

Day = Annotated[date, Field(strict=False, ge=date(2000, 1, 1), le=date(2099, 12, 31))]


class SimulationIn(Body):
    """A draft or a published version, and the past business dates to judge anew, both included."""

    draft_id: Annotated[str, Field(pattern=r"^[0-9a-f]{20}$")] | None = None
    version: Annotated[int, Field(ge=1, le=999_999)] | None = None
    from_on: Day
    to_on: Day
    sample_percent: Annotated[int, Field(ge=1, le=100)] = 100

    @model_validator(mode="after")
    def _one_subject(self) -> SimulationIn:
        if (self.draft_id is None) == (self.version is None):
            raise JifenError(Code.INVALID_REQUEST, "draft_id与version应有且只有一个", field="draft_id")
        return self


@bp.route("/staff/programme/simulations", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_STAFF, body=SimulationIn)
def post_simulation(call: Call) -> Json:
    """Ask what terms would have paid over past dates. Needs an Idempotency-Key; the same key and question again is
    `replayed`. The answer follows within minutes: read it by its id.
    """
    body = call.body
    simulation, replayed = ask(
        open_simulations(),
        open_programme(),
        Asked(body.draft_id or "", body.version or 0, body.from_on, body.to_on, body.sample_percent),
        id=f"{int(call.now.timestamp() * 1000):012x}{secrets.token_hex(4)}",  # sorts by time
        key=client_key(call),
        by=call.caller.id,
        now=call.now,
        send=lambda messages: queue.send(settings().simulations_queue_url, messages),
    )
    return {**_answer(simulation), "replayed": replayed}


@bp.route("/staff/programme/simulations", methods=["GET"])
@endpoint(bp, caller=_STAFF, query=frozenset({"limit", "cursor"}))
def get_simulations(call: Call) -> Json:
    """List simulations without their results, newest first."""
    limit, cursor = limit_of(call.query, 100), call.query.get("cursor", "~")
    if cursor != "~" and not _ID.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    found = open_simulations().newest(below=cursor, limit=limit + 1)
    return listing([_answer(one) for one in found[:limit]], found[limit - 1].id if len(found) > limit else None)


@bp.route("/staff/programme/simulations/{simulation_id}", methods=["GET"])
@endpoint(bp, caller=_STAFF)
def get_simulation(_call: Call, simulation_id: str) -> Json:
    """A simulation: how far it is, why it failed, or its result by rule, before and after."""
    if not _ID.fullmatch(simulation_id):
        raise JifenError(Code.SIMULATION_NOT_FOUND)
    simulation = open_simulations().read(simulation_id)
    return {**_answer(simulation), "result": simulation.result}


def _answer(one: Simulation) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "progress_percent": 100 if one.state == DONE else one.segments * 100 // one.sample_percent,
        "failure": {"code": one.failure, "text": FAILURES[one.failure]} if one.failure else None,
        "draft_id": one.subject.draft_id or None,
        "draft_version": one.subject.draft_version or None,
        "version": one.subject.terms_version or None,
        "from_on": one.window.from_on.isoformat(),
        "to_on": one.window.to_on.isoformat(),
        "sample_percent": one.sample_percent,
        "asked_by": one.asked_by,
        "asked_at": in_zone(one.asked_at, ZONE),
        "changed_at": in_zone(one.changed_at, ZONE) if one.changed_at else None,
    }
