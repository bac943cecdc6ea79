"""What an admin makes happen at the partner."""

from __future__ import annotations

from dataclasses import asdict

from local.stand_in.admin import Handle, text, whole
from local.stand_in.clock import rfc3339
from local.stand_in.partner.state import DONE, PENDING, REFUSED, Plan
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World


def put_partner(world: World, given: Json) -> Json:
    """`{"secret"}`: what both sides sign with."""
    world.partner.secret = text(given, "secret")
    return {"connected": True}


def put_account(world: World, given: Json) -> Json:
    """`{"account", "closed"?}`: an account that can get units, or none any more."""
    account = text(given, "account")
    world.partner.balances.setdefault(account, 0)
    (world.partner.closed.add if given.get("closed") else world.partner.closed.discard)(account)
    return get_accounts(world, given)


def get_accounts(world: World, _given: Json) -> Json:
    return {"balances": world.partner.balances, "closed": sorted(world.partner.closed)}


def plan(world: World, given: Json) -> Json:
    """`{"state": "done" | "refused" | "pending", "reason"?, "times"?}`: what the next new exchanges become."""
    world.partner.plans += [_plan(given)] * whole(given, "times", 1)
    return {"plans": [one._asdict() for one in world.partner.plans]}


def decide(world: World, given: Json) -> Json:
    """`{"id", "state": "done" | "refused", "reason"?}`: the end of what is pending."""
    return asdict(world.partner.decide(text(given, "id"), _plan(given), world.clock.now()))


def get_exchanges(world: World, _given: Json) -> Json:
    return {"exchanges": [asdict(one) for one in world.partner.exchanges.values()]}


def get_file(world: World, given: Json) -> Json:
    """`?on=2026-03-10`: the partner's reconciliation file of a day in Beijing, as CSV."""
    rows = [f"{one.id},成功,{one.units},{rfc3339(one.done_at)}" for one in world.partner.of_day(text(given, "on"))]
    return {"csv": "\r\n".join(["兑换单号,状态,数量,完成时间", *rows, ""])}


def _plan(given: Json) -> Plan:
    state = text(given, "state")
    if state not in (DONE, REFUSED, PENDING):
        raise Unknown("state is done, refused or pending")
    return Plan(state, text(given, "reason", "other"))


HANDLES = (
    Handle("POST", "/partner", put_partner),
    Handle("GET", "/partner-accounts", get_accounts),
    Handle("POST", "/partner-accounts", put_account),
    Handle("POST", "/partner-plans", plan),
    Handle("POST", "/partner-decisions", decide),
    Handle("GET", "/partner-exchanges", get_exchanges),
    Handle("GET", "/partner-file", get_file),
)
