"""Stores as staff keep them: written, changed, switched on and off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.spending.checked import checked
from chalicelib.spending.documents import Kept, add, change, switch
from chalicelib.spending.mall.store import Store, faults_of
from chalicelib.spending.mall.stores_table import StoresTable


def standing_store(stores: StoresTable, store_id: str) -> Kept:
    """A store as it stands; raises STORE_NOT_FOUND."""
    found = stores.documents.one(store_id)
    if found is None:
        raise JifenError(Code.STORE_NOT_FOUND)
    return found


def add_store(stores: StoresTable, store_id: str, document: Mapping[str, Any], *, by: str, now: datetime) -> Kept:
    """Write a new store, as a draft. The same again answers what stands. Raises INVALID_REQUEST with the path of the
    first fault, ITEM_STATE when the id is another's.
    """
    checked(Store, document, faults_of, name="store")
    return add(stores.documents, store_id, document, by=by, now=now)


def change_store(
    stores: StoresTable, store_id: str, document: Mapping[str, Any], *, seen_version: int, by: str, now: datetime
) -> Kept:
    """Replace a store's document at the version that was seen; redemptions keep what they were told.

    Raises STORE_NOT_FOUND, INVALID_REQUEST, VERSION_TAKEN.
    """
    standing = standing_store(stores, store_id)
    checked(Store, document, faults_of, name="store")
    kept = change(stores.documents, standing, document, seen_version=seen_version, by=by, now=now)
    stores.changed()
    return kept


def switch_store(
    stores: StoresTable, store_id: str, state: str, *, seen_version: int, reason: str, by: str, now: datetime
) -> Kept:
    """Let parcels be picked up at a store, or no further ones; again is no change. Raises STORE_NOT_FOUND,
    VERSION_TAKEN.
    """
    standing = standing_store(stores, store_id)
    kept = switch(stores.documents, standing, state, seen_version=seen_version, reason=reason, by=by, now=now)
    stores.changed()
    return kept
