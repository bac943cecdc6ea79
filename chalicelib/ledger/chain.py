"""Sealing: each entry carries the hash of the one before it, so none is changed, dropped or slipped in unseen."""

from __future__ import annotations

from typing import Any

from chalicelib.ledger.items import entry_item
from chalicelib.ledger.model import Entry, Posting, digest


def sealed(posting: Posting) -> tuple[Posting, list[dict[str, Any]]]:
    """The posting with its entries chained to the account's last one, and the entries as items to be stored."""
    last_hash = posting.before.last_hash
    entries: list[Entry] = []
    items: list[dict[str, Any]] = []
    for entry in posting.entries:
        item = entry_item(entry._replace(previous_hash=last_hash))
        found = digest(item)
        entries.append(entry._replace(previous_hash=last_hash, hash=found))
        items.append({**item, "hash": bytes.fromhex(found)})
        last_hash = found
    return posting._replace(entries=tuple(entries), account=posting.account._replace(last_hash=last_hash)), items


def expected_hash(entry: Entry) -> str:
    """What `hash` must be, or the entry was altered."""
    return digest(entry_item(entry._replace(hash="")))
