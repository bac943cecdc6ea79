"""The rows of the spending table that `make audit` holds against several others: groups with their places, and the rows
that count what a member had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.items import Item
from chalicelib.spending.audit import readable
from chalicelib.spending.audit_exchanges import readable_exchange
from chalicelib.spending.audit_limits import check_day, check_gifts, check_pieces, limit_row_of, missing_limits
from chalicelib.spending.audit_offers import check_group, key_of_place_hold, readable_group
from chalicelib.spending.audit_owned import PAYMENT
from chalicelib.spending.mall.items import redemption_row_key
from chalicelib.spending.mall.model import Redemption
from chalicelib.spending.offers.group import PlaceState, Whole
from chalicelib.spending.offers.group_items import GROUP, PLACE, group_pk
from chalicelib.spending.offers.leave_group import limits_of
from local.audit_reader import Reader


def groups(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with its places, their holds, redemptions and limits, one group after the other."""
    for row in rows:
        whole = {item["sk"]: item for item in reader.partition(row["pk"])}
        if GROUP in whole:
            yield from ((row, finding) for finding in _group(whole, reader))


def places(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Whether each has its group, by which all else of it is looked at."""
    standing = reader.rows({"pk": row["pk"], "sk": GROUP} for row in rows)
    for row in rows:
        if (row["pk"], GROUP) not in standing:
            yield row, Finding(reader.table, f"{row['pk']} {row['sk']}", "group", "the group of a place", "none")


def _group(whole: Mapping[str, Item], reader: Reader) -> Iterator[Finding]:
    group, places, found = readable_group(
        whole[GROUP], [item for sk, item in whole.items() if sk.startswith(PLACE)], reader.table
    )
    yield from found
    if group is None:
        return
    holds = reader.guards(key_of_place_hold(place) for place in places)
    made = reader.rows(redemption_row_key(place.redemption_id) for place in places)
    redemptions = {pk.removeprefix("R#"): item for (pk, _), item in made.items()}
    yield from check_group(group, places, holds, redemptions, reader.now, reader.table)
    for place in places:
        if place.state is PlaceState.JOINED:
            named = limits_of(Whole(group, "", ()), place)
            standing = reader.rows({"pk": pk, "sk": sk} for pk, sk in named)
            yield from missing_limits(f"{group_pk(group.id)} {PLACE}{place.member_id}", named, standing, reader.table)


def limits(rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """Each with what its member has that it should count, one member after the other. The days of partners that count
    all members are sums over the table.
    """
    by_member: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for item in rows:
        row = limit_row_of(item)
        by_member[row.member_id]["day" if row.partner else "gifts" if row.gift_plan else "pieces"].append(item)
    by_member.pop("", None)
    for member_id, own in by_member.items():
        yield from _days(member_id, own["day"], reader)
        yield from _gifts(member_id, own["gifts"], reader)
        yield from _pieces(member_id, own["pieces"], reader)


def _days(member_id: str, rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    listed = reader.listed(member_id, "exchange#") if rows else []
    read = (readable_exchange(item, reader.table)[0] for item in listed)
    known = [one for one in read if one]
    for row in rows:
        yield from ((row, finding) for finding in check_day(row, known, reader.zone, reader.table))


def _gifts(member_id: str, rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    owned = reader.listed(member_id, "coupon#") if rows else []
    ids = {str(item.get("source_id")) for item in owned if item.get("source") == PAYMENT}
    payments = list(reader.rows({"pk": f"PAYMENT#{id}", "sk": "GIFT"} for id in ids).values())
    for row in rows:
        yield from ((row, finding) for finding in check_gifts(row, payments, reader.table))


def _pieces(member_id: str, rows: Sequence[Item], reader: Reader) -> Iterator[tuple[Item, Finding]]:
    """What a place brought may be listed under the id of who took its member's account in: the place names it."""
    if not rows:
        return
    items = {item["pk"]: item for item in reader.listed(member_id, "redemption#")}
    taken = reader.listed(member_id, "group#")
    brought = reader.rows(redemption_row_key(str(item.get("redemption"))) for item in taken)
    items |= {pk: item for (pk, _), item in brought.items()}
    read = (readable(item, reader.table)[0] for item in items.values())
    redemptions: list[Redemption] = [one for one in read if one]
    joined = [item for item in taken if item.get("state") == PlaceState.JOINED]
    of = reader.rows({"pk": item["pk"], "sk": GROUP} for item in joined)
    named = [key for item in joined for key in _named_by(of.get((item["pk"], GROUP)), item, reader)]
    for row in rows:
        yield from ((row, finding) for finding in check_pieces(row, redemptions, named, reader.table))


def _named_by(group: Item | None, row: Item, reader: Reader) -> tuple[tuple[str, str], ...]:
    """The rows that count a joined place; of one that is not readable, which is named elsewhere, none."""
    known, places, _ = readable_group(group, [row], reader.table) if group else (None, (), [])
    return limits_of(Whole(known, "", ()), places[0]) if known and places else ()
