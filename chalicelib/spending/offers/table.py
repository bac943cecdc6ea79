"""Offers and their stocks in the spending table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Cancelled, Client, batch_get, client, decode_item, encode_item, transact
from chalicelib.runtime.settings import settings
from chalicelib.spending.documents import DocumentsTable, Kept
from chalicelib.spending.goods.table import stock_change
from chalicelib.spending.mall.item import StockPlace
from chalicelib.spending.offers.offer import Offer

KIND = "OFFERS"
HELD_FOR = timedelta(seconds=5)
"""How long a process goes on with the offers as it read them."""


class Standing(NamedTuple):
    """An offer as it stands."""

    kept: Kept
    offer: Offer

    @property
    def id(self) -> str:
        return self.kept.id


class Shelf(NamedTuple):
    """What a stock's shards say, summed."""

    left: int
    taken: int
    hours: Mapping[int, int]
    """Pieces taken in each hour since the offer began; what came back is not taken off."""


@dataclass(frozen=True, slots=True)
class OffersTable:
    """Offers of one stage, over a low-level client."""

    dynamo: Client
    name: str

    @property
    def documents(self) -> DocumentsTable:
        """The offers as documents."""
        return DocumentsTable(self.dynamo, self.name, KIND)

    def held(self, now: datetime) -> dict[str, Standing]:
        """Every offer by its id, as read within the last five seconds."""
        held = _held.get(self.name)
        if held and held[0] <= now < held[0] + HELD_FOR:
            return held[1]
        offers = {kept.id: standing(kept) for kept in self.documents.all()}
        _held[self.name] = (now, offers)
        return offers

    def offer(self, offer_id: str) -> Standing:
        """One offer, strongly read; raises OFFER_NOT_FOUND."""
        kept = self.documents.one(offer_id)
        if kept is None:
            raise JifenError(Code.OFFER_NOT_FOUND)
        return standing(kept)

    def shelves(self, places: Sequence[StockPlace]) -> dict[str, Shelf]:
        """What each stock's shards say, strongly read."""
        return {id: _summed(shards.values()) for id, shards in self._shards(places).items()}

    def _shards(self, places: Sequence[StockPlace]) -> dict[str, dict[int, Mapping[str, Any]]]:
        keys = [{"pk": place.id, "sk": f"S#{shard}"} for place in places for shard in range(place.shards)]
        found: dict[str, dict[int, Mapping[str, Any]]] = {place.id: {} for place in places}
        for item in map(decode_item, batch_get(self.dynamo, self.name, keys)):
            found[item["pk"]][int(item["sk"].removeprefix("S#"))] = item
        return found

    def moves(self, source: StockPlace, target: StockPlace, pieces: int, left: Mapping[int, int]) -> list[Any]:
        """The writes that take unsold pieces off one stock, of which `left` are in each shard, and put them into
        another. Raises OFFER_STATE when fewer are left.
        """
        if sum(left.values()) < pieces:
            raise JifenError(Code.OFFER_STATE, f"库存只剩{sum(left.values())}件", field="offer.pieces")
        each, more = divmod(pieces, target.shards)
        parts = {shard: each + (shard < more) for shard in range(target.shards)}
        puts = [stock_change(self.name, target.id, shard, part) for shard, part in parts.items() if part]
        takes = []
        for shard in sorted(left, key=lambda one: -left[one]):
            if part := min(pieces, left[shard]):
                takes.append(stock_change(self.name, source.id, shard, -part))
                pieces -= part
        return [{"Update": update} for update in (*puts, *takes)]

    def as_found(self, kept: Kept) -> Mapping[str, Any]:
        """The check that an offer is still at the version that was read, for a transaction."""
        check = {
            "TableName": self.name,
            "Key": encode_item({"pk": KIND, "sk": kept.id}),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": encode_item({":version": kept.version}),
        }
        return {"ConditionCheck": check}

    def write(
        self, kept: Kept | None, writes: Sequence[Mapping[str, Any]], *, action: str = "", reason: str = ""
    ) -> bool:
        """Write moves of pieces, with a changed document where there is one, all or nothing; False when a stock had
        changed or was busy. Raises VERSION_TAKEN.
        """
        documents = self.documents.writes(kept, action=action, reason=reason) if kept else []
        try:
            transact(self.dynamo, [*documents, *writes])
        except Cancelled as cancelled:
            if kept and cancelled.reasons[0].code == "ConditionalCheckFailed":
                raise JifenError(Code.VERSION_TAKEN) from None
            if cancelled.is_transient() or any(one.code == "ConditionalCheckFailed" for one in cancelled.reasons):
                return False
            raise
        finally:
            _held.pop(self.name, None)
        return True


def standing(kept: Kept) -> Standing:
    """An offer of a document that was checked when it was written."""
    offer: Offer = read_stored(Offer, kept.document)
    return Standing(kept, offer)


def _summed(shards: Any) -> Shelf:
    left = taken = 0
    hours: dict[int, int] = {}
    for item in shards:
        left, taken = left + item["left"], taken + item["taken"]
        for name, pieces in item.items():
            if name[0] == "h" and name[1:].isdigit():
                hours[int(name[1:])] = hours.get(int(name[1:]), 0) + pieces
    return Shelf(left, taken, dict(sorted(hours.items())))


_held: dict[str, tuple[datetime, dict[str, Standing]]] = {}


def forget() -> None:
    """Drop the offers that are held (a test's clean start)."""
    _held.clear()


def open_offers() -> OffersTable:
    """The stage's offers."""
    return OffersTable(client(), settings().spending_table)
