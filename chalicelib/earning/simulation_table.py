"""Simulations as items of the programme's table, the newest first in a list; none is ever deleted.

pk             sk            holds
SIMULATIONS    <id>          a simulation: what was asked, how far it is, its result; each change bumps its version
KEY#<sha256>   SIMULATION    what an Idempotency-Key has asked for

Everything is read by queries and written by puts: that is all the API is granted on this table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import stamp
from chalicelib.programme.past import Window
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    ConditionFailed,
    Item,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
    transact,
)
from chalicelib.runtime.settings import settings

SIMULATIONS = "SIMULATIONS"
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


class Subject(NamedTuple):
    """The terms to be simulated: a draft at a version of its own, or a published version."""

    draft_id: str = ""
    draft_version: int = 0
    terms_version: int = 0


class Simulation(NamedTuple):
    """One simulation; `failure` is a stable code."""

    id: str
    subject: Subject
    window: Window
    sample_percent: int
    asked_by: str
    asked_at: datetime
    version: int = 1
    state: str = QUEUED
    attempts: int = 0
    """How often a worker has begun it."""
    segments: int = 0
    """How many of the `sample_percent` hundredths of the journal are read."""
    changed_at: datetime | None = None
    failure: str = ""
    result: Mapping[str, Any] | None = None
    """None until it is done, and in a list."""

    @property
    def is_over(self) -> bool:
        return self.state in (DONE, FAILED)


@dataclass(frozen=True, slots=True)
class SimulationsTable:
    """The simulations of one stage."""

    dynamo: Client
    name: str

    def create(self, simulation: Simulation, *, key: str, input_hash: str) -> tuple[str, str]:
        """Keep a new simulation unless the key was used before; answers what the key has asked for, as `asked` does.

        Raises Cancelled when two requests met at this instant.
        """
        guard = {"pk": f"KEY#{key}", "sk": "SIMULATION", "simulation_id": simulation.id, "input_hash": input_hash}
        new = {"ConditionExpression": "attribute_not_exists(pk)"}
        writes = [
            {"Put": {"TableName": self.name, "Item": encode_item(item), **new}} for item in (guard, _item(simulation))
        ]
        try:
            transact(self.dynamo, writes)
        except Cancelled as error:
            standing = error.reasons[0].item
            if standing is None:
                raise
            return standing["simulation_id"], standing["input_hash"]
        return simulation.id, input_hash

    def asked(self, key: str) -> tuple[str, str] | None:
        """The simulation that a key has made, and the hash of its question; None while it has made none."""
        found = self._query(
            KeyConditionExpression="pk = :pk AND sk = :sk", values={":pk": f"KEY#{key}", ":sk": "SIMULATION"}
        )
        return (found[0]["simulation_id"], found[0]["input_hash"]) if found else None

    def read(self, simulation_id: str) -> Simulation:
        """A simulation as it stands; raises SIMULATION_NOT_FOUND."""
        found = self._query(KeyConditionExpression="pk = :pk AND sk = :sk", values={":sk": simulation_id})
        if not found:
            raise JifenError(Code.SIMULATION_NOT_FOUND)
        return _of(found[0])

    def save(self, changed: Simulation) -> Simulation | None:
        """Store the next version of a simulation, and answer it; None when another worker was faster."""
        following = changed._replace(version=changed.version + 1)
        try:
            conditional(
                self.dynamo,
                "put_item",
                TableName=self.name,
                Item=encode_item(_item(following)),
                ConditionExpression="#version = :seen",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues=encode_item({":seen": changed.version}),
            )
        except ConditionFailed:
            return None
        return following

    def newest(self, *, below: str = "~", limit: int) -> list[Simulation]:
        """Simulations without their results, newest first, ids before `below`, at most `limit`."""
        found = self._query(
            KeyConditionExpression="pk = :pk AND sk < :below",
            values={":below": below},
            ScanIndexForward=False,
            Limit=limit,
            ProjectionExpression=", ".join(f"#{place}" for place in range(len(_HEADING))),
            ExpressionAttributeNames={f"#{place}": name for place, name in enumerate(_HEADING)},
        )
        return [_of(item) for item in found]

    def _query(self, *, values: Item, **given: Any) -> list[Item]:
        request = {
            "TableName": self.name,
            "ConsistentRead": True,
            "ExpressionAttributeValues": encode_item({":pk": SIMULATIONS, **values}),
            **given,
        }
        # A query ends early at 1 MB, before a projection leaves anything out.
        items = (item for page in pages(self.dynamo, **request) for item in page)
        return [decode_item(item) for item in islice(items, given.get("Limit", 1))]


_HEADING = (
    "sk",
    "subject",
    "from_on",
    "to_on",
    "sample_percent",
    "asked_by",
    "asked_at",
    "version",
    "state",
    "attempts",
    "segments",
    "changed_at",
    "failure",
)


def _item(one: Simulation) -> Item:
    item: Item = {
        "pk": SIMULATIONS,
        "sk": one.id,
        "subject": {name: value for name, value in one.subject._asdict().items() if value},
        "from_on": one.window.from_on.isoformat(),
        "to_on": one.window.to_on.isoformat(),
        "sample_percent": one.sample_percent,
        "asked_by": one.asked_by,
        "asked_at": stamp(one.asked_at),
        "version": one.version,
        "state": one.state,
        "attempts": one.attempts,
        "segments": one.segments,
        "changed_at": stamp(one.changed_at) if one.changed_at else "",
        "failure": one.failure,
    }
    if one.result is not None:
        item["result"] = json.dumps(one.result, ensure_ascii=False, separators=(",", ":"))
    return item


def _of(item: Item) -> Simulation:
    return Simulation(
        id=item["sk"],
        subject=Subject(**item["subject"]),
        window=Window(date.fromisoformat(item["from_on"]), date.fromisoformat(item["to_on"])),
        sample_percent=item["sample_percent"],
        asked_by=item["asked_by"],
        asked_at=datetime.fromisoformat(item["asked_at"]),
        version=item["version"],
        state=item["state"],
        attempts=item["attempts"],
        segments=item["segments"],
        changed_at=datetime.fromisoformat(item["changed_at"]) if item["changed_at"] else None,
        failure=item["failure"],
        result=json.loads(item["result"]) if "result" in item else None,
    )


def open_simulations() -> SimulationsTable:
    """The stage's simulations."""
    return SimulationsTable(client(), settings().programme_table)
