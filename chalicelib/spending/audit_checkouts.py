"""The auditor's judgement of captured deductions: the hold was captured for their points, and what refunds gave back
came back in the ledger. Pure, of items as they are stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from chalicelib.ledger.audit import UNREADABLE, Finding, differences
from chalicelib.ledger.items import guard_of
from chalicelib.ledger.model import Guard
from chalicelib.ledger.release import hold_key
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.checkout.deducted import Deducted, Refunded, fen_back, points_back
from chalicelib.spending.checkout.items import deducted_item, deducted_of


def readable_deduction(item: Item, table: str) -> tuple[Deducted | None, list[Finding]]:
    """The deduction of a row, if it reads as one and as it would be written."""
    try:
        one = deducted_of(item)
        expected = deducted_item(one)
    except UNREADABLE as error:
        return None, [Finding(table, f"{item['pk']} {item['sk']}", "deduction", "a readable deduction", repr(error))]
    return one, differences(item, expected, table)


def key_of_hold(one: Deducted) -> str:
    """The guard of the hold that was captured for it."""
    return hold_key(one.hold_id)


def check_deduction(one: Deducted, hold: Item | None, owner_ids: Collection[str], table: str) -> Iterator[Finding]:
    """All that is wrong with a deduction by itself and beside its hold; `owner_ids` are all ids of its member."""
    key = f"CHECKOUT#{one.platform}#{one.order_no} C"
    yield from _check_shares(one, key, table)
    if hold is None:
        yield Finding(table, key, "hold", f"the hold of {one.points} points", "none")
        return
    try:
        guard = guard_of(hold)
    except UNREADABLE as error:
        yield Finding(table, key, "hold", "a readable hold", repr(error))
        return
    yield from _check_hold(one, guard, key, table)
    if guard.member_id not in owner_ids:
        yield Finding(table, key, "member", f"{guard.member_id}, whose points were held", one.member_id)


def _check_hold(one: Deducted, guard: Guard, key: str, table: str) -> Iterator[Finding]:
    """Captured once for its points, of which each refund's came back."""
    back = {refund_no: refund.points for refund_no, refund in one.refunds.items() if refund.points}
    kept = one.points - sum(back.values())
    spent = sum(guard.state.get("spent", {}).values())
    if spent != kept:
        what = f"{kept}: {one.points} captured, {one.points - kept} given back"
        yield Finding(table, key, "spent points", what, str(spent))
    if held := sum(guard.taken.values()):
        yield Finding(table, key, "held points", "0, as it was captured", str(held))
    restored = guard.state.get("restored", {})
    for refund_no in sorted({*back, *restored}):
        if (refund_no in back) != (refund_no in restored):
            wanted, found = ("given back", "not") if refund_no in back else ("not given back", "given back")
            yield Finding(table, key, f"refund {refund_no}", f"{wanted}, as the order says", found)


def _check_shares(one: Deducted, key: str, table: str) -> Iterator[Finding]:
    """The lines' parts come to the whole, and what came back of each is what was refunded of it."""
    for what, whole, parts in (
        ("points", one.points, sum(share.points for share in one.shares)),
        ("fen", one.fen, sum(share.fen for share in one.shares)),
    ):
        if whole != parts:
            yield Finding(table, key, what, f"{parts}, as its lines come to", str(whole))
    for share in one.shares:
        refunded = one.refunded.get(share.line_no, Refunded())
        lines = [line for refund in one.refunds.values() for line in refund.lines if line.line_no == share.line_no]
        wanted = points_back(share, refunded.fen), fen_back(share, refunded.fen)
        found = sum(line.points for line in lines), sum(line.fen for line in lines)
        if wanted != found:
            what = f"{wanted[0]} points and {wanted[1]} fen, as {refunded.fen} fen of it were refunded"
            yield Finding(table, key, f"line {share.line_no}", what, f"{found[0]} points and {found[1]} fen")
