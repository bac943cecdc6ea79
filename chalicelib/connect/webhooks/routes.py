"""Webhook endpoints over HTTP. What leaves the house is an admin's business; operators look, try out and replay."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from chalice.app import Blueprint

from chalicelib.connect.webhooks import register as endpoints
from chalicelib.connect.webhooks import replay as replays
from chalicelib.connect.webhooks.answers import delivery_answer, endpoint_answer, replay_answer, with_history
from chalicelib.connect.webhooks.bodies import EndpointBody, EndpointEditBody, ReplayBody, RotationBody
from chalicelib.connect.webhooks.kinds import EVENT_KINDS
from chalicelib.connect.webhooks.lanes import open_lanes
from chalicelib.connect.webhooks.model import Delivery, Endpoint
from chalicelib.connect.webhooks.signing import SECRET_BYTES, secret_of
from chalicelib.connect.webhooks.table import open_endpoints
from chalicelib.connect.webhooks.tell import bell
from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.runtime import queue
from chalicelib.runtime.edge import JSON_BODY, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
_ADMINS = staff()
_OPERATORS = staff("operator")
_ENDPOINT_ID = re.compile(r"w[0-9a-f]{24}")
_LISTED = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z#[!-~]{1,150}")


@bp.route("/staff/webhook-endpoints", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=EndpointBody)
def post_webhook_endpoint(call: Call) -> Json:
    """Register an endpoint; its signing secret is shown in this answer only. Needs an Idempotency-Key."""
    made = endpoints.register(
        open_endpoints(),
        _wanted(call.body),
        endpoint_id=f"w{secrets.token_hex(12)}",
        secret=_new_secret(),
        key=client_key(call),
        by=call.caller.id,
        is_local=bool(settings().outside_url),
        now=call.now,
    )
    return {
        **endpoint_answer(made.endpoint, call.now),
        "secret": None if made.replayed else made.endpoint.secret,
        "replayed": made.replayed,
    }


@bp.route("/staff/webhook-endpoints", methods=["GET"])
@endpoint(bp, caller=_OPERATORS)
def get_webhook_endpoints(call: Call) -> Json:
    """List the endpoints, the oldest first."""
    return listing([endpoint_answer(one, call.now) for one in open_endpoints().endpoints()])


@bp.route("/staff/webhook-endpoints/{endpoint_id}", methods=["GET"])
@endpoint(bp, caller=_OPERATORS)
def get_webhook_endpoint(call: Call, endpoint_id: str) -> Json:
    """One endpoint, with who did what to it; a deleted one too."""
    table = open_endpoints()
    return with_history(table.endpoint(_id(endpoint_id)), table.history(endpoint_id), call.now)


@bp.route("/staff/webhook-endpoints/{endpoint_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=EndpointEditBody)
def put_webhook_endpoint(call: Call, endpoint_id: str) -> Json:
    """Change an endpoint's URL, kinds and description, or switch it on or off, at the version that was seen."""
    changed = endpoints.change(
        open_endpoints(),
        _id(endpoint_id),
        _wanted(call.body),
        enabled=call.body.enabled,
        seen_version=call.body.version,
        by=call.caller.id,
        is_local=bool(settings().outside_url),
        now=call.now,
    )
    return endpoint_answer(changed, call.now)


@bp.route("/staff/webhook-endpoints/{endpoint_id}", methods=["DELETE"])
@endpoint(bp, caller=_ADMINS)
def delete_webhook_endpoint(call: Call, endpoint_id: str) -> Json:
    """Delete an endpoint: it is told nothing more. Its deliveries can be looked up for as long as they are kept."""
    removed, replayed = endpoints.remove(open_endpoints(), _id(endpoint_id), by=call.caller.id, now=call.now)
    return {**endpoint_answer(removed, call.now), "replayed": replayed}


@bp.route("/staff/webhook-endpoints/{endpoint_id}/secret-rotation", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=RotationBody)
def post_webhook_secret_rotation(call: Call, endpoint_id: str) -> Json:
    """Make a new signing secret, shown in this answer only; for 24 hours the one before it signs too."""
    rotated = endpoints.rotate(
        open_endpoints(),
        _id(endpoint_id),
        secret=_new_secret(),
        seen_version=call.body.version,
        by=call.caller.id,
        now=call.now,
    )
    return {**endpoint_answer(rotated, call.now), "secret": rotated.secret}


@bp.route("/staff/webhook-endpoints/{endpoint_id}/test-events", methods=["POST"])
@endpoint(bp, caller=_OPERATORS)
def post_webhook_test_event(call: Call, endpoint_id: str) -> Json:
    """Send a `webhook.ping` the way events go, also while switched off; its delivery says what came of it.

    Needs an Idempotency-Key.
    """
    key, found = client_key(call), _standing(endpoint_id)
    queued = replays.ping_delivery(found, key=key, by=call.caller.id, lanes=open_lanes(), now=call.now)
    _note(call, found, "tested", queued.lane.run, queued.queued_at)
    queue.send(settings().webhooks_queue_url, [bell(queued.lane)])
    return delivery_answer(queued)


@bp.route("/staff/webhook-endpoints/{endpoint_id}/deliveries", methods=["GET"])
@endpoint(bp, caller=_OPERATORS, query=frozenset({"limit", "cursor"}))
def get_webhook_deliveries(call: Call, endpoint_id: str) -> Json:
    """What an endpoint was sent in the last 30 days, newest first: state, attempts, the last response's status."""
    limit, cursor = limit_of(call.query, 100), call.query.get("cursor", "")
    table = open_endpoints()
    found, following = open_lanes().newest(table.endpoint(_id(endpoint_id)).id, _key_of(cursor), limit)
    return listing([delivery_answer(one) for one in found], urlsafe_b64encode(following.encode()).decode())


@bp.route("/staff/webhook-endpoints/{endpoint_id}/replays", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=ReplayBody)
def post_webhook_replay(call: Call, endpoint_id: str) -> Json:
    """Send one delivery again, or what was queued for events booked in a span: dead letters, or all that is over.

    Needs an Idempotency-Key. Events keep their ids.
    """
    key, found, body = client_key(call), _standing(endpoint_id), call.body
    if (body.delivery_id is None) == (body.since is None) or (body.since is None) != (body.until is None):
        raise JifenError(Code.INVALID_REQUEST, "请提供delivery_id,或者from和to", field="delivery_id")
    if body.delivery_id is not None:
        again = _replay_one(call, found, body.delivery_id, key)
        return {"queued": 1, "is_done": True, "delivery": delivery_answer(again)}
    wish = replays.ask_replay(
        found.id,
        since=body.since,
        until=body.until,
        only_dead=body.only_dead,
        key=key,
        by=call.caller.id,
        table=open_endpoints(),
        now=call.now,
    )
    _note(call, found, "replayed", wish.id, wish.at)
    if not wish.is_done:
        queue.send(settings().webhooks_queue_url, [replays.message(wish)])
    return replay_answer(wish)


def _replay_one(call: Call, found: Endpoint, delivery_id: str, key: str) -> Delivery:
    lanes = open_lanes()
    again = replays.replay_one(found.id, delivery_id, key=key, by=call.caller.id, lanes=lanes, now=call.now)
    _note(call, found, "replayed", again.lane.run, again.queued_at)
    queue.send(settings().webhooks_queue_url, [bell(again.lane)])
    return again


def _note(call: Call, found: Endpoint, action: str, unique: str, at: datetime) -> None:
    changed = found._replace(changed_by=call.caller.id, changed_at=at)
    open_endpoints().add_line(changed, action, unique=unique)


def _wanted(body: EndpointBody) -> endpoints.Wanted:
    kinds = tuple(kind for kind in EVENT_KINDS if kind in body.kinds)
    return endpoints.Wanted(body.url, kinds, body.description)


def _new_secret() -> str:
    return secret_of(bytes.fromhex(secrets.token_hex(SECRET_BYTES)))


def _id(text: str) -> str:
    if not _ENDPOINT_ID.fullmatch(text):
        raise JifenError(Code.WEBHOOK_ENDPOINT_NOT_FOUND)
    return text


def _standing(endpoint_id: str) -> Endpoint:
    return endpoints.standing_endpoint(open_endpoints(), _id(endpoint_id))


def _key_of(cursor: str) -> str:
    try:
        key = urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        key = "?"
    if key and not _LISTED.fullmatch(key):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return key
