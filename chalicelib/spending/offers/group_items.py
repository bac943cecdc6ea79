"""Groups and places as the spending table stores them."""

from __future__ import annotations

from datetime import datetime

from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.mall.model import Delivery
from chalicelib.spending.offers.group import Group, GroupState, Place, PlaceState

DUE_SHARDS = 8
GROUP, PROMISED, PLACE = "G", "I", "P#"


def group_pk(group_id: str) -> str:
    """The partition of a group and its places."""
    return f"GROUP#{group_id}"


def due_shard(number: int) -> str:
    """The partition of the due index where groups of a number stand."""
    return f"group#{number % DUE_SHARDS}"


def group_item(group: Group) -> Item:
    """A group: due at its deadline while it is open, at once until all places are resolved; as work of its offer while
    it is open.
    """
    item: Item = {
        "pk": group_pk(group.id),
        "sk": GROUP,
        "offer": group.offer_id,
        "item": group.item_id,
        "size": group.size,
        "taken": group.taken,
        "leader_id": group.leader_id,
        "opened_at": stamp(group.opened_at),
        "deadline_at": stamp(group.deadline_at),
        "stock": group.stock_id,
        "state": str(group.state),
        "version": group.version,
    }
    if group.closed_at:
        item["closed_at"] = stamp(group.closed_at)
    if not group.is_settled:
        item |= {"due_shard": due_shard(int(group.id[:8], 16)), "due_at": stamp(group.closed_at or group.deadline_at)}
    if group.state is GroupState.OPEN:
        item |= {"work_of": offer_work(group.offer_id), "work_key": f"{stamp(group.deadline_at)}#{group.id}"}
    return item


def offer_work(offer_id: str) -> str:
    """The partition of the work index where an offer's open groups stand."""
    return f"GROUPS#{offer_id}"


def group_of(item: Item) -> Group:
    """The other way round."""
    return Group(
        id=item["pk"].removeprefix("GROUP#"),
        offer_id=item["offer"],
        item_id=item["item"],
        size=item["size"],
        taken=item["taken"],
        leader_id=item["leader_id"],
        opened_at=datetime.fromisoformat(item["opened_at"]),
        deadline_at=datetime.fromisoformat(item["deadline_at"]),
        stock_id=item["stock"],
        state=GroupState(item["state"]),
        closed_at=datetime.fromisoformat(item["closed_at"]) if "closed_at" in item else None,
        is_settled="due_shard" not in item,
        version=item["version"],
    )


def place_item(group: Group, place: Place) -> Item:
    """A place, listed under its member; with the stock that its piece was taken from."""
    item: Item = {
        "pk": group_pk(group.id),
        "sk": PLACE + place.member_id,
        "listed_of": place.member_id,
        "listed_key": f"group#{stamp(place.joined_at)}#{group.id}",
        "redemption": place.redemption_id,
        "points": place.points,
        "quoted_at": stamp(place.quoted_at),
        "joined_at": stamp(place.joined_at),
        "state": str(place.state),
        "stock": group.stock_id,
    }
    more = {"delivery": list(place.delivery) if place.delivery else [], "pick_up_digest": place.pick_up_digest}
    more["lump"] = place.lump
    return item | {name: value for name, value in more.items() if value}


def place_of(item: Item) -> Place:
    """The other way round."""
    return Place(
        member_id=item["sk"].removeprefix(PLACE),
        redemption_id=item["redemption"],
        points=item["points"],
        quoted_at=datetime.fromisoformat(item["quoted_at"]),
        joined_at=datetime.fromisoformat(item["joined_at"]),
        state=PlaceState(item["state"]),
        delivery=Delivery(*item["delivery"]) if "delivery" in item else None,
        pick_up_digest=item.get("pick_up_digest", ""),
        lump=item.get("lump", ""),
    )
