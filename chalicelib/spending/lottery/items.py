"""Campaigns and draws as the spending table stores them.

CAMPAIGN#ALL            <id>                    head
CAMPAIGN#<id>           DRAFT                   the draft's document
CAMPAIGN#<id>           V#<number>              a published version, put once
CAMPAIGN#<id>           A#<head's version>      who did what and why, put once
CAMPAIGN#KEY#<sha256>   K                       which campaign a client's key made
CAMPAIGN#<id>#P#<prize>#<slice>   S#<shard>     pieces of a limited prize: `left`, `taken`
DRAW#<id>#<shard>       <draw>                  a draw, put once; the shard is the draw's first digit. Of a won parcel
                                                it is due until that is claimed or lapses: these two attributes go
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.ledger.model import stamp
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.model import Drawn, Head, State, Step, Version

ALL = "CAMPAIGN#ALL"
SHARDS = "0123456789abcdef"
"""Of a campaign's draws."""
DUE_SHARDS = 4
"""Of won parcels that nobody has claimed yet."""


def head_key(campaign_id: str) -> Item:
    """Where a campaign's head stands."""
    return {"pk": ALL, "sk": campaign_id}


def head_item(head: Head) -> Item:
    """A head."""
    item: Item = {
        **head_key(head.id),
        "state": str(head.state),
        "version": head.version,
        "name": head.name,
        "author": head.author,
        "created_at": stamp(head.created_at),
        "editors": list(head.editors),
        "published": head.published,
        "has_draft": head.has_draft,
        "reason": head.reason,
    }
    for name, at in (("from_at", head.from_at), ("until_at", head.until_at)):
        if at:
            item[name] = stamp(at)
    return item


def head_of(item: Item) -> Head:
    """The other way round."""
    return Head(
        id=item["sk"],
        state=State(item["state"]),
        version=item["version"],
        name=item["name"],
        author=item["author"],
        created_at=datetime.fromisoformat(item["created_at"]),
        editors=tuple(item["editors"]),
        published=item["published"],
        from_at=_instant(item, "from_at"),
        until_at=_instant(item, "until_at"),
        has_draft=item["has_draft"],
        reason=item["reason"],
    )


def _instant(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]) if name in item else None


def draft_item(campaign_id: str, document: Mapping[str, Any]) -> Item:
    """A draft's document, as text: what it holds need not make sense yet."""
    return {"pk": f"CAMPAIGN#{campaign_id}", "sk": "DRAFT", "document": json.dumps(document, ensure_ascii=False)}


def version_item(campaign_id: str, version: Version) -> Item:
    """A published version."""
    return {
        "pk": f"CAMPAIGN#{campaign_id}",
        "sk": f"V#{version.number:06d}",
        "document": json.dumps(version.document, ensure_ascii=False),
        "checksum": version.checksum,
        "begins_at": stamp(version.begins_at),
        "published_by": version.published_by,
        "published_at": stamp(version.published_at),
        "why": version.why,
        "shards": dict(version.shards),
    }


def version_of(item: Item) -> Version:
    """The other way round."""
    document = json.loads(item["document"])
    return Version(
        number=int(item["sk"].removeprefix("V#")),
        document=document,
        campaign=read_stored(Campaign, document),
        checksum=item["checksum"],
        begins_at=datetime.fromisoformat(item["begins_at"]),
        published_by=item["published_by"],
        published_at=datetime.fromisoformat(item["published_at"]),
        why=item["why"],
        shards=item["shards"],
    )


def step_item(campaign_id: str, step: Step) -> Item:
    """A line of the history, named by the head's version that it made."""
    return {
        "pk": f"CAMPAIGN#{campaign_id}",
        "sk": f"A#{step.version:06d}",
        "action": step.action,
        "by": step.by,
        "at": stamp(step.at),
        "reason": step.reason,
    }


def step_of(item: Item) -> Step:
    """The other way round."""
    at = datetime.fromisoformat(item["at"])
    return Step(int(item["sk"].removeprefix("A#")), item["action"], item["by"], at, item["reason"])


def draw_key(campaign_id: str, draw_id: str) -> Item:
    """Where a draw stands."""
    return {"pk": f"DRAW#{campaign_id}#{draw_id[0]}", "sk": draw_id}


def drawn_item(drawn: Drawn) -> Item:
    """A draw; what a member owns by it is listed as his, what everybody may see as work of the campaign's winners."""
    item: Item = {
        **draw_key(drawn.campaign_id, drawn.id),
        "version": drawn.version,
        "member_id": drawn.member_id,
        "at": stamp(drawn.at),
        "ticket": drawn.ticket,
        "total": drawn.total,
        "wheel_prize": drawn.wheel_prize,
        "prize": drawn.prize,
        "name": drawn.name,
        "kind": drawn.kind,
        "value_fen": drawn.value_fen,
        "points_spent": drawn.points_spent,
        "points_won": drawn.points_won,
        "codes": list(drawn.codes),
        "balance_after_points": drawn.balance_after_points,
        "pool": drawn.pool,
        "place": drawn.place,
        "is_adult": drawn.is_adult,
    }
    place = f"{stamp(drawn.at)}#{drawn.id}"
    if drawn.is_owned:
        item |= {"listed_of": drawn.member_id, "listed_key": f"draw#{place}"}
    if drawn.claim_until_at:
        at = stamp(drawn.claim_until_at)
        item |= {"claim_until_at": at, "due_shard": due_shard(int(drawn.id[:8], 16)), "due_at": at}
    if drawn.is_shown:
        item |= {"work_of": winners_of(drawn.campaign_id), "work_key": place}
    return item


def due_shard(number: int) -> str:
    """The partition of the due index where unclaimed parcels of a number stand."""
    return f"prize#{number % DUE_SHARDS}"


def winners_of(campaign_id: str) -> str:
    """Under what name a campaign's shown winners are listed."""
    return f"WINNERS#{campaign_id}"


def drawn_of(item: Item) -> Drawn:
    """The other way round."""
    return Drawn(
        id=item["sk"],
        campaign_id=item["pk"].split("#")[1],
        version=item["version"],
        member_id=item["member_id"],
        at=datetime.fromisoformat(item["at"]),
        ticket=item["ticket"],
        total=item["total"],
        wheel_prize=item["wheel_prize"],
        prize=item["prize"],
        name=item["name"],
        kind=item["kind"],
        value_fen=item["value_fen"],
        points_spent=item["points_spent"],
        points_won=item["points_won"],
        codes=tuple(item["codes"]),
        balance_after_points=item["balance_after_points"],
        place=item["place"],
        pool=item["pool"],
        is_shown="work_of" in item,
        is_adult=item["is_adult"],
        claim_until_at=datetime.fromisoformat(item["claim_until_at"]) if "claim_until_at" in item else None,
    )
