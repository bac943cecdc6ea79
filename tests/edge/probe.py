"""A small app of test routes: what the edge itself does, apart from any room."""

from __future__ import annotations

from typing import Annotated, Any

from chalice.app import Blueprint, Chalice
from pydantic import AwareDatetime, Field

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, anyone, endpoint, one_error_shape

bp = Blueprint(__name__)
seen: list[Any] = []
"""What reached a view: a refused request must leave no trace here."""
failures: list[Exception] = []
"""What the next view raises."""


class Part(Body):
    points: Annotated[int, Field(ge=1, le=100)]


class Item(Body):
    name: Annotated[str, Field(min_length=1, max_length=8)]
    points: Annotated[int, Field(ge=1, le=10**9)]
    is_gift: bool = False
    at: AwareDatetime | None = None
    parts: Annotated[tuple[Part, ...], Field(max_length=2)] = ()


@bp.route("/items", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=anyone, body=Item)
def post_item(call: Call) -> Json:
    seen.append(call.body)
    return {"name": call.body.name, "points": call.body.points}


@bp.route("/items", methods=["GET"])
@endpoint(bp, caller=anyone, query=frozenset({"cursor", "month"}))
def get_items(call: Call) -> Json:
    seen.append(dict(call.query))
    return {"query": dict(call.query)}


@bp.route("/small", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=anyone, body=Item, limit_bytes=2048)
def post_small(call: Call) -> Json:
    seen.append(call.body)
    return {}


@bp.route("/bare", methods=["POST"])
@endpoint(bp, caller=anyone)
def post_bare(call: Call) -> Json:
    seen.append(call.raw_body)
    return {}


@bp.route("/failing/{item_id}", methods=["DELETE"])
@endpoint(bp, caller=anyone)
def delete_failing(_call: Call, item_id: str) -> Json:
    if failures:
        raise failures[0]
    if item_id == "late":
        raise JifenError(Code.BUSY, retry_after_seconds=2)
    return {"item": object()}


app = Chalice(app_name="probe")
app.register_middleware(one_error_shape, "http")
app.register_blueprint(bp)
