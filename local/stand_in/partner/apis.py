"""The three questions of the protocol, answered under the partner's signature."""

from __future__ import annotations

from local.stand_in.clock import rfc3339
from local.stand_in.partner.signing import is_signed, signed
from local.stand_in.partner.state import DONE, REFUSED, UNKNOWN, Exchange
from local.stand_in.routing import PARTNER, Api, Call
from local.stand_in.wire import Answer, Json, Unknown, json_answer
from local.stand_in.world import World

_UNSIGNED = Answer(401, b"Unauthorized", (("Content-Type", "text/plain"),))


def ask(world: World, call: Call) -> Answer:
    """An exchange is asked for: once for each id, whatever is asked again."""
    if not _is_known(world, call):
        return _UNSIGNED
    body = call.body()
    try:
        known = world.partner.ask(str(body["id"]), str(body["account"]), int(body["units"]), call.now)
    except Unknown as trouble:
        return _signed(world, call, json_answer({"id": body["id"], "trouble": str(trouble)}, 409))
    return _signed(world, call, json_answer(_shape(known)))


def look(world: World, call: Call) -> Answer:
    """What became of an exchange."""
    if not _is_known(world, call):
        return _UNSIGNED
    known = world.partner.exchanges.get(call.names["id"])
    if known is None:
        return _signed(world, call, json_answer({"id": call.names["id"], "state": UNKNOWN}, 404))
    return _signed(world, call, json_answer(_shape(known)))


def void(world: World, call: Call) -> Answer:
    """An exchange is given up, also one that never came here."""
    if not _is_known(world, call):
        return _UNSIGNED
    return _signed(world, call, json_answer(_shape(world.partner.void(call.names["id"]))))


def _is_known(world: World, call: Call) -> bool:
    secret = world.partner.secret
    return bool(secret) and is_signed(call.request, secret, call.now)


def _signed(world: World, call: Call, answer: Answer) -> Answer:
    return signed(answer, call.request, world.partner.secret, call.now)


def _shape(one: Exchange) -> Json:
    shape: Json = {"id": one.id, "state": one.state, "account": one.account, "units": one.units}
    if one.state == DONE:
        shape["done_at"] = rfc3339(one.done_at)
    if one.state == REFUSED:
        shape["reason"] = one.reason
    return shape


APIS = (
    Api(PARTNER, "POST", "/exchanges", ask),
    Api(PARTNER, "GET", "/exchanges/{id}", look),
    Api(PARTNER, "POST", "/exchanges/{id}/void", void),
)
