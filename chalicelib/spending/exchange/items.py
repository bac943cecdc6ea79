"""Exchanges, limits and reconciliations as the spending table stores them. Pure."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.exchange.model import Exchange, State, is_late
from chalicelib.spending.exchange.reconcile import Difference, Reconciliation

SHARDS = 8
LATE, UNCHARGED = "EXCHANGES#late", "EXCHANGES#uncharged"
"""Partitions of the work index: given up without an end, and done without points."""
LIMIT_KEPT = timedelta(days=7)


def exchange_key(exchange_id: str) -> Item:
    """Where an exchange stands."""
    return {"pk": f"EXCHANGE#{exchange_id}", "sk": "E"}


def due_shard(number: int) -> str:
    """The partition of the due index where exchanges of a number wait to be looked at."""
    return f"exchange#{number % SHARDS}"


def done_of(partner_id: str, on: date) -> str:
    """The partition of the work index with a partner's exchanges of a business day."""
    return f"EXCHANGED#{partner_id}#{on.isoformat()}"


def exchange_item(one: Exchange) -> Item:
    """An exchange, listed under its member; as due while it is asked, as work for people, by its day once done."""
    item: Item = {
        **exchange_key(one.id),
        "listed_of": one.member_id,
        "listed_key": f"exchange#{stamp(one.asked_at)}#{one.id}",
        "partner": one.partner_id,
        "name": one.name,
        "unit": one.unit,
        "account": one.account,
        "wished_points": one.wished_points,
        "points": one.points,
        "units": one.units,
        "asked_at": stamp(one.asked_at),
        "on": one.on.isoformat(),
        "counts_for_all": one.counts_for_all,
        "state": str(one.state),
        "looked": one.looked,
        "version": one.version,
    }
    if one.state is State.ASKED and one.look_at:
        item |= {"due_shard": due_shard(int(one.id[:8], 16)), "due_at": stamp(one.look_at)}
        if is_late(one):
            item |= {"work_of": LATE, "work_key": f"{stamp(one.asked_at)}#{one.id}"}
    if one.state is State.UNCHARGED:
        item |= {"work_of": UNCHARGED, "work_key": f"{stamp(one.asked_at)}#{one.id}"}
    if one.state in (State.DONE, State.WAIVED) and one.done_on:
        item |= {"work_of": done_of(one.partner_id, one.done_on), "work_key": f"{_at(one.done_at)}#{one.id}"}
    more: Item = {
        "waits": one.waits,
        "done_at": _at(one.done_at),
        "done_on": one.done_on.isoformat() if one.done_on else "",
        "ended_at": _at(one.ended_at),
        "reason": one.reason,
        "charged_late": one.charged_late,
        "closed_by": one.closed_by,
        "closed_why": one.closed_why,
    }
    return item | {name: value for name, value in more.items() if value}


def exchange_of(item: Item) -> Exchange:
    """The other way round."""
    return Exchange(
        id=item["pk"].removeprefix("EXCHANGE#"),
        member_id=item["listed_of"],
        partner_id=item["partner"],
        name=item["name"],
        unit=item["unit"],
        account=item["account"],
        wished_points=item["wished_points"],
        points=item["points"],
        units=item["units"],
        asked_at=datetime.fromisoformat(item["asked_at"]),
        on=date.fromisoformat(item["on"]),
        counts_for_all=item["counts_for_all"],
        state=State(item["state"]),
        looked=item["looked"],
        waits=item.get("waits", ""),
        look_at=_instant(item, "due_at"),
        done_at=_instant(item, "done_at"),
        done_on=date.fromisoformat(item["done_on"]) if "done_on" in item else None,
        ended_at=_instant(item, "ended_at"),
        reason=item.get("reason", ""),
        charged_late=item.get("charged_late", False),
        closed_by=item.get("closed_by", ""),
        closed_why=item.get("closed_why", ""),
        version=item["version"],
    )


def limit_key(partner_id: str, on: date, member_id: str = "") -> Item:
    """The row that counts a day's points: a member's, or without one those of all."""
    whose = f"#{member_id}" if member_id else ""
    return {"pk": f"LIMIT#exchange:{partner_id}{whose}", "sk": on.isoformat()}


def limit_ends_s(on: date) -> int:
    """When a day's row may be forgotten, in epoch seconds: nothing is counted back once its day is over."""
    return int((datetime.fromisoformat(f"{on.isoformat()}T00:00:00+00:00") + LIMIT_KEPT).timestamp())


def reconciliation_item(partner_id: str, one: Reconciliation) -> Item:
    """A reconciliation, one line each time; never updated."""
    return {
        "pk": f"EXCHANGE#checks:{partner_id}",
        "sk": f"{one.on.isoformat()}#{stamp(one.at)}#{one.id}",
        "by": one.by,
        "rows": one.rows,
        "differing": one.differing,
        "differences": json.dumps([list(each) for each in one.differences], separators=(",", ":")),
    }


def reconciliation_of(item: Item) -> Reconciliation:
    """The other way round."""
    on, at, id = item["sk"].split("#")
    differences = tuple(Difference(*each) for each in json.loads(item["differences"]))
    return Reconciliation(
        id, date.fromisoformat(on), datetime.fromisoformat(at), item["by"], item["rows"], item["differing"], differences
    )


def _at(at: datetime | None) -> str:
    return stamp(at) if at else ""


def _instant(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]) if name in item else None
