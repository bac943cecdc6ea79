"""What an admin may do with the world: its clock, faults, quotas, accounts and tokens; and what passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Literal, NamedTuple

from local.stand_in.clock import SECOND, instant, rfc3339
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World


class Handle(NamedTuple):
    """One admin call: GET with a query, or POST with a JSON object; `{"trouble"}` and 400 where Unknown is raised.

    `moves`: it may let time pass, so it is called without the world's lock.
    """

    method: Literal["GET", "POST"]
    path: str
    answer: Callable[[World, Json], Json]
    moves: bool = False


def text(given: Json, name: str, default: str | None = None) -> str:
    """A field that is text; raises Unknown."""
    value = given.get(name, default)
    if not isinstance(value, str):
        raise Unknown(f"{name} is text")
    return value


def whole(given: Json, name: str, default: int | None = None) -> int:
    """A field that is a whole number; raises Unknown."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unknown(f"{name} is a whole number")
    return value


def get_clock(world: World, _given: Json) -> Json:
    now = world.clock.now()
    return {"now": rfc3339(now), "now_ms": now, "stands": world.clock.stands, "waiting": len(world.agenda)}


def set_clock(world: World, given: Json) -> Json:
    """`{"stand": true}`, `{"run": true}`, `{"at": ISO}`, `{"advance": seconds}`; what is due on the way happens."""
    with world.lock:
        if given.get("stand"):
            world.clock.stand()
        if given.get("run"):
            world.clock.run()
    if "at" in given:
        world.advance_to(instant(text(given, "at")))
    if "advance" in given:
        seconds = given["advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise Unknown("advance is a number of seconds")
        world.advance(int(seconds * SECOND))
    world.catch_up()
    return get_clock(world, given)


def plant_fault(world: World, given: Json) -> Json:
    if given.get("clear"):
        world.faults.clear()
    else:
        world.faults.plant(given)
    return get_faults(world, given)


def get_faults(world: World, _given: Json) -> Json:
    return {"faults": world.faults.listed()}


def set_quota(world: World, given: Json) -> Json:
    world.quotas.set(text(given, "api"), whole(given, "daily"))
    return get_quotas(world, given)


def get_quotas(world: World, _given: Json) -> Json:
    return {"quotas": world.quotas.listed(world.clock.now())}


def get_received(world: World, given: Json) -> Json:
    return {"received": world.received.listed(text(given, "path", ""))}


def get_sent(world: World, given: Json) -> Json:
    return {"sent": world.courier.sent(text(given, "name", ""))}


def set_callbacks(world: World, given: Json) -> Json:
    """`base`: where addresses of other machines are sent instead; `patience`: most real seconds an attempt waits."""
    world.courier.callback_base = text(given, "base", world.courier.callback_base)
    patience = given.get("patience", world.courier.patience_s)
    if not isinstance(patience, int | float) or not patience > 0:
        raise Unknown("patience is a number of seconds")
    world.courier.patience_s = float(patience)
    return {"base": world.courier.callback_base, "patience": world.courier.patience_s}


def get_accounts(world: World, _given: Json) -> Json:
    accounts = world.accounts
    return {
        "apps": [asdict(one) for one in accounts.apps.values()],
        "corps": [asdict(one) for one in accounts.corps.values()],
        "merchants": [asdict(one) for one in accounts.merchants.values()],
    }


def put_app(world: World, given: Json) -> Json:
    return asdict(world.accounts.put_app(given))


def put_corp(world: World, given: Json) -> Json:
    return asdict(world.accounts.put_corp(given))


def put_merchant(world: World, given: Json) -> Json:
    return asdict(world.accounts.put_merchant(given))


def kill_tokens(world: World, given: Json) -> Json:
    """End all tokens of an `owner` (appid, corpid): 40001 from now on, or 42001 with `expire`."""
    ended = world.tokens.kill_all(text(given, "owner"), expire=bool(given.get("expire")), now=world.clock.now())
    return {"ended": ended}


HANDLES = (
    Handle("GET", "/clock", get_clock),
    Handle("POST", "/clock", set_clock, moves=True),
    Handle("GET", "/faults", get_faults),
    Handle("POST", "/faults", plant_fault),
    Handle("GET", "/quotas", get_quotas),
    Handle("POST", "/quotas", set_quota),
    Handle("GET", "/received", get_received),
    Handle("GET", "/sent", get_sent),
    Handle("POST", "/callbacks", set_callbacks),
    Handle("GET", "/accounts", get_accounts),
    Handle("POST", "/apps", put_app),
    Handle("POST", "/corps", put_corp),
    Handle("POST", "/merchants", put_merchant),
    Handle("POST", "/tokens/ends", kill_tokens),
)
