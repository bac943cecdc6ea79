"""Stores in the spending table: documents, of which a process holds all for a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.programme.stored import read_stored
from chalicelib.runtime.dynamo import Client, client
from chalicelib.runtime.settings import settings
from chalicelib.spending.documents import ON, DocumentsTable, Kept
from chalicelib.spending.mall.store import KnownStore, Store

KIND = "STORES"
HELD_FOR = timedelta(seconds=5)
"""How long a process goes on with the stores as it read them."""


@dataclass(frozen=True, slots=True)
class StoresTable:
    """The stores of one stage, over a low-level client."""

    dynamo: Client
    name: str

    @property
    def documents(self) -> DocumentsTable:
        """The stores as staff write them."""
        return DocumentsTable(self.dynamo, self.name, KIND)

    def held(self, now: datetime) -> dict[str, KnownStore]:
        """Every store by its id, as read within the last five seconds."""
        held = _held.get(self.name)
        if held and held[0] <= now < held[0] + HELD_FOR:
            return held[1]
        stores = {kept.id: _known(kept) for kept in self.documents.all()}
        _held[self.name] = (now, stores)
        return stores

    def known(self, store_id: str, now: datetime) -> KnownStore | None:
        """One store, read anew where it was not on as held."""
        found = self.held(now).get(store_id)
        if found and found.is_on:
            return found
        kept = self.documents.one(store_id)
        return _known(kept) if kept else None

    def changed(self) -> None:
        """A store was changed here: this process reads them anew."""
        _held.pop(self.name, None)


def _known(kept: Kept) -> KnownStore:
    store: Store = read_stored(Store, kept.document)
    return KnownStore(kept.id, store, kept.state == ON)


_held: dict[str, tuple[datetime, dict[str, KnownStore]]] = {}


def forget() -> None:
    """Drop the stores that are held (a test's clean start)."""
    _held.clear()


def open_stores() -> StoresTable:
    """The stage's stores."""
    return StoresTable(client(), settings().spending_table)
