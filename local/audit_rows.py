"""The rows of the spending table that `make audit` looks at one by one, beside what each belongs to: exchanges,
deductions, coupons, codes, badges, what draws and gifts handed out. Groups and what counts for limits: audit_counts.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.items import Item, entry_item, member_pk
from chalicelib.spending.audit import GIVEN_BACK, readable
from chalicelib.spending.audit_checkouts import check_deduction, key_of_hold, readable_deduction
from chalicelib.spending.audit_exchanges import (
    check_exchange,
    keys_of_exchange,
    limits_of_exchange,
    readable_exchange,
)
from chalicelib.spending.audit_limits import missing_limits
from chalicelib.spending.audit_owned import (
    LOTTERY,
    MALL,
    PAYMENT,
    check_badge,
    check_badge_given,
    check_code,
    check_coupon,
    check_handed,
)
from chalicelib.spending.exchange.model import Exchange
from chalicelib.spending.goods.items import coupon_key
from chalicelib.spending.mall.items import redemption_row_key
from chalicelib.spending.offers.group_items import GROUP, PLACE
from local.audit_counts import groups, limits, places
from local.audit_reader import Key, Reader, place

Found = dict[Key, list[Finding]]
"""What is wrong, by the row it was found at: such rows are read again before that is believed."""
Check = Callable[[Sequence[Item], Reader], Iterator[tuple[Item, Finding]]]


class Look(NamedTuple):
    """One kind of rows: what they are called where they are counted, which they are, and their check."""

    name: str
    picks: Callable[[Item], bool]
    check: Check


def found_by(check: Check, rows: Sequence[Item], reader: Reader) -> Found:
    """What a check finds of some rows."""
    found: Found = defaultdict(list)
    for row, finding in check(rows, reader):
        found[place(row)].append(finding)
    return dict(found)


def exchanges(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with its hold, its late entry and the rows of its day."""
    known: list[tuple[Item, Exchange]] = []
    for row in rows:
        one, found = readable_exchange(row, reader.table)
        yield from ((row, finding) for finding in found)
        known += [(row, one)] if one else []
    keys = {one.id: keys_of_exchange(one) for _, one in known}
    holds = reader.guards(key.hold for key in keys.values())
    late = reader.entries({"pk": member_pk(one.member_id), "sk": keys[one.id].late} for _, one in known)
    days = {one.id: limits_of_exchange(one, reader.zone, reader.now) for _, one in known}
    standing = reader.rows(key for wanted in days.values() for key in wanted)
    for row, one in known:
        hold, entry = holds.get(keys[one.id].hold), late.get((member_pk(one.member_id), keys[one.id].late))
        if entry is None and one.charged_late:  # charged where the account went meanwhile
            own = reader.ledger.own_entry(reader.ledger.read(one.member_id), keys[one.id].late)
            entry = entry_item(own) if own else None
        ids = reader.owner_ids(one.member_id, str(hold.get("member_id")) if hold else one.member_id)
        named = [place(key) for key in days[one.id]]
        for finding in (
            *check_exchange(one, hold, entry, ids, reader.now, reader.table),
            *missing_limits(f"EXCHANGE#{one.id} E", named, standing, reader.table),
        ):
            yield row, finding


def deductions(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with the hold that was captured for it."""
    read = [(row, *readable_deduction(row, reader.table)) for row in rows]
    holds = reader.guards(key_of_hold(one) for _, one, _ in read if one)
    for row, one, found in read:
        yield from ((row, finding) for finding in found)
        if one:
            hold = holds.get(key_of_hold(one))
            ids = reader.owner_ids(one.member_id, str(hold.get("member_id")) if hold else one.member_id)
            yield from ((row, finding) for finding in check_deduction(one, hold, ids, reader.table))


def coupons(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with the row that gave it and the last line of its trail."""
    keys = [(row, _source_key(row, reader), _line_key(row)) for row in rows]
    standing = reader.rows(key for _, *both in keys for key in both if key)
    for row, source, line in keys:
        given_by = standing.get(place(source)) if source else None
        found = check_coupon(row, given_by, standing.get(place(line)), reader.table)
        yield from ((row, finding) for finding in found)


def _line_key(row: Item) -> Item:
    return {"pk": row["pk"], "sk": f"L#{row.get('version', 0):06d}"}


def _source_key(row: Item, reader: Reader) -> Item | None:
    """Where the row stands that gave a coupon."""
    source, id = str(row.get("source")), str(row.get("source_id"))
    if source == MALL:
        return redemption_row_key(id)
    if source == PAYMENT:
        return {"pk": f"PAYMENT#{id}", "sk": "GIFT"}
    if source == LOTTERY:
        drawn = reader.listed(str(row.get("member_id")), f"draw#{row.get('issued_at')}#{id}")
        return {"pk": drawn[0]["pk"], "sk": drawn[0]["sk"]} if drawn else None
    return None


def handed(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Draws and gifts, each with the coupons or codes that it names."""
    wanted = [(row, _handed_keys(row)) for row in rows]
    standing = reader.rows(key for _, keys in wanted for key in keys.values())
    for row, keys in wanted:
        goods = {code: standing[place(key)] for code, key in keys.items() if place(key) in standing}
        id = row["sk"] if row["pk"].startswith("DRAW#") else row["pk"].removeprefix("PAYMENT#")
        yield from ((row, finding) for finding in check_handed(row, goods, id, reader.table))


def _handed_keys(row: Item) -> dict[str, Item]:
    """Where what a draw or a gift names stands, by its code."""
    pool = row.get("pool")
    return {
        code: {"pk": f"POOL#{pool}", "sk": f"C#{code}"} if pool else coupon_key(code) for code in row.get("codes", ())
    }


def codes(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Codes that are somebody's, each with the redemption or the draw that it came from."""
    bought = reader.rows(redemption_row_key(str(row.get("source_id"))) for row in rows)
    for row in rows:
        id = str(row.get("source_id"))
        source = bought.get(place(redemption_row_key(id))) or _drawn(str(row["given_to"]), id, reader)
        yield from ((row, finding) for finding in check_code(row, source, reader.table))


def _drawn(member_id: str, draw_id: str, reader: Reader) -> Item | None:
    """A draw that a member has something of, by its id alone."""
    return next((item for item in reader.listed(member_id, "draw#") if item["sk"] == draw_id), None)


def badges(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with the redemption that gave it."""
    sources = [(row, redemption_row_key(str(row.get("source_id")))) for row in rows]
    standing = reader.rows(source for _, source in sources)
    for row, source in sources:
        found = check_badge(row, standing.get(place(source)), reader.table)
        yield from ((row, finding) for finding in found)


def given(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Redemptions that stand, each with its badge where it gave one and with the rows that count it. Those that are not
    readable are named elsewhere.
    """
    known = [(row, one) for row in rows if (one := readable(row, reader.table)[0]) and one.state not in GIVEN_BACK]
    limits = reader.rows({"pk": pk, "sk": sk} for _, one in known for pk, sk in one.limits)
    for row, one in known:
        owned = reader.listed(one.member_id, "badge#") if one.good == "badge" else []
        for finding in (
            *check_badge_given(one, owned, reader.table),
            *missing_limits(f"R#{one.id} R", one.limits, limits, reader.table),
        ):
            yield row, finding


LOOKS = (
    Look("", lambda item: item["pk"].startswith("R#") and item["sk"] == "R", given),
    Look("exchanges", lambda item: item["pk"].startswith("EXCHANGE#") and item["sk"] == "E", exchanges),
    Look("deductions", lambda item: item["pk"].startswith("CHECKOUT#"), deductions),
    Look("groups", lambda item: item["pk"].startswith("GROUP#") and item["sk"] == GROUP, groups),
    Look("places", lambda item: item["pk"].startswith("GROUP#") and item["sk"].startswith(PLACE), places),
    Look("coupons", lambda item: item["pk"].startswith("COUPON#") and item["sk"] == "COUPON", coupons),
    Look("codes", lambda item: item["pk"].startswith("POOL#") and "given_to" in item, codes),
    Look("badges", lambda item: item["pk"].startswith("BADGE#"), badges),
    Look("draws", lambda item: item["pk"].startswith("DRAW#"), handed),
    Look("gifts", lambda item: item["pk"].startswith("PAYMENT#"), handed),
    Look("limits", lambda item: item["pk"].startswith("LIMIT#"), limits),
)
"""Beside the check of redemptions themselves (audit_spending.py), which counts them."""
