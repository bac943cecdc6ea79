"""The part of `make audit` that looks at the spending table: redemptions with their points or the draws that won them,
what they gave and the stocks they came from; every other row that stands for points or goods (audit_rows.py); and sums
over the whole table, of stocks, of offers and of partners' days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.ledger.audit import UNREADABLE, Finding
from chalicelib.ledger.items import Item, entry_item, member_pk
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import batch_get, decode_item
from chalicelib.spending.audit import Beside, Keys, Stocks, check_redemption, keys_of, readable
from chalicelib.spending.audit_exchanges import PartnerDays
from chalicelib.spending.audit_offers import Tallies
from chalicelib.spending.audit_prizes import PrizeStocks, check_prize, key_of_draw
from chalicelib.spending.goods.items import coupon_key
from chalicelib.spending.mall.items import redemption_row_key
from chalicelib.spending.mall.model import Redemption
from local.audit_reader import Reader, place
from local.audit_rows import LOOKS, Found, found_by

TRIES = 4
"""How often something is read again before what was found is believed."""
PAUSE_S = 1.0

Add = Callable[..., None]
"""Takes findings, and counts by name of what was read."""


@dataclass(frozen=True)
class SpendingAuditor:
    """One stage's spending table beside its ledger, as it is `now`; business days are of `zone`."""

    ledger: LedgerTable
    table: str
    add: Add
    now: datetime
    zone: str
    pause: Callable[[float], None] = time.sleep

    def run(self) -> None:
        """Every row, a page at a time, then the sums over the whole table."""
        reader = Reader(self.ledger, self.table, self.now, self.zone)
        for page in self._pages():
            rows = [item for item in page if _is_redemption(item)]
            self.add(self._standing(rows, self._checked), redemptions=len(rows))
            for look in LOOKS:
                if picked := [item for item in page if look.picks(item)]:
                    found = self._standing(picked, partial(found_by, look.check, reader=reader))
                    self.add(found, **({look.name: len(picked)} if look.name else {}))
        found, stocks = self._sums()
        for _ in range(TRIES if found else 0):
            self.pause(PAUSE_S)
            before = found
            found, stocks = self._sums()
            if not found or found == before:
                break
        self.add(found, stocks=stocks)

    def _standing(self, rows: Sequence[Item], check: Callable[[Sequence[Item]], Found]) -> list[Finding]:
        """What is wrong with these rows and stays so over a pause: they may change while they are looked at."""
        found = check(rows)
        for _ in range(TRIES if any(found.values()) else 0):
            self.pause(PAUSE_S)
            before = {key: one for key, one in found.items() if one}
            found = check(self._items(self.table, [{"pk": pk, "sk": sk} for pk, sk in before]))
            if {key: one for key, one in found.items() if one} == before:
                break
        return [finding for one in found.values() for finding in one]

    def _checked(self, rows: Sequence[Item]) -> Found:
        read = {place(item): readable(item, self.table) for item in rows}
        found = {key: findings for key, (_, findings) in read.items()}
        known = [one for one, _ in read.values() if one]
        for one, beside in self._beside([one for one in known if not one.draw]):
            found[place(redemption_row_key(one.id))] += check_redemption(one, beside, self.table)
        self._check_prizes([one for one in known if one.draw], found)
        return found

    def _check_prizes(self, won: Sequence[Redemption], found: Found) -> None:
        keys = {one.id: key_of_draw(one) for one in won}
        draws = {item["sk"]: item for item in self._items(self.table, list(keys.values()))}
        for one in won:
            draw = draws.get(keys[one.id]["sk"])
            ids: Sequence[str] = (one.member_id,)
            if draw and draw.get("member_id") != one.member_id:  # won before two members became one
                ids = self.ledger.read(one.member_id).member_ids
            found[place(redemption_row_key(one.id))] += check_prize(one, draw, ids, self.table)

    def _beside(self, known: Sequence[Redemption]) -> Iterator[tuple[Redemption, Beside]]:
        """Each redemption with all that belongs to it."""
        keys = {one.id: keys_of(one) for one in known}
        wanted = [{"pk": member_pk(one.member_id), "sk": keys[one.id].entry} for one in known]
        entries = {item["sk"]: item for item in self._items(self.ledger.journal, wanted)}
        guards = [{"pk": key, "sk": "G"} for one in keys.values() for key in (one.hold, one.restoring)]
        standing = {item["pk"]: item for item in self._items(self.ledger.ledger, guards)}
        for one in known:
            yield one, self._of(one, keys[one.id], entries, standing)

    def _of(self, one: Redemption, keys: Keys, entries: Mapping[str, Item], guards: Mapping[str, Item]) -> Beside:
        hold = guards.get(keys.hold)
        entry = entries.get(keys.entry)
        if entry is None and (hold is None or one.is_late):
            # Paid late by who was merged meanwhile: it stands in the survivor's journal.
            found = self.ledger.own_entry(self.ledger.read(one.member_id), keys.entry)
            entry = entry_item(found) if found else None
        places = [{"pk": f"POOL#{one.pool}", "sk": f"C#{id}"} if one.pool else coupon_key(id) for id in one.codes]
        goods = {item["sk"] if one.pool else item["pk"]: item for item in self._items(self.table, places)}
        return Beside(entry, hold, guards.get(keys.restoring), goods)

    def _sums(self) -> tuple[list[Finding], int]:
        """What is wrong by one look at the whole table, with each row that nobody can read, and how many stocks there
        are.
        """
        sums, prizes, tallies, days = Stocks(), PrizeStocks(), Tallies(self.now), PartnerDays(self.zone)
        found: list[Finding] = []
        for page in self._pages():
            for item in page:
                if _is_redemption(item):
                    one, _ = readable(item, self.table)
                    if one:
                        sums.add_redemption(one)
                        prizes.add_redemption(one)
                        tallies.add_redemption(one)
                    continue
                try:
                    for each in (sums, prizes, tallies, days):
                        each.add(item)
                except UNREADABLE as error:
                    key = f"{item['pk']} {item['sk']}"
                    found.append(Finding(self.table, key, "row", "a readable row", repr(error)))
        found += [finding for each in (sums, prizes, tallies, days) for finding in each.findings(self.table)]
        return found, len(sums.taken) + len(prizes.taken)

    def _items(self, table: str, keys: Sequence[Mapping[str, Any]]) -> list[Item]:
        return [decode_item(item) for item in batch_get(self.ledger.dynamo, table, keys)]

    def _pages(self) -> Iterator[list[Item]]:
        request: dict[str, Any] = {"TableName": self.table, "ConsistentRead": True}
        while True:
            page = self.ledger.dynamo.scan(**request)
            yield [decode_item(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _is_redemption(item: Item) -> bool:
    return str(item["pk"]).startswith("R#") and item["sk"] == "R"
