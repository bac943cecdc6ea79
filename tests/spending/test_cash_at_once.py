"""A member, two of staff and a notice meet at one redemption: whoever comes between whose reading and writing, it goes
one way only, and points and money go that way together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from chalicelib.connect.wechat_pay.orders import order_of
from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.model import CouponState
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.cancel import Wish
from chalicelib.spending.mall.close_unpaid import close_unpaid
from chalicelib.spending.mall.fulfil import ship
from chalicelib.spending.mall.model import Money, RedemptionState, Tracking
from chalicelib.spending.mall.undo import undo
from tests.spending.audited import differences
from tests.spending.cash import MIXED, Till, codes_of, coupons_of, open_till
from tests.spending.meanwhile import meanwhile

TRACKING = Tracking("圆通速递", "YT0001")
POINTS = 300
CANCELS = ("member", "staff")


class Desk:
    """One redemption, and what each does to it: `done`, `stood` where it was so before, else the refusal."""

    def __init__(self, till: Till, member_id: str, redemption_id: str) -> None:
        self.till, self.member_id, self.id = till, member_id, redemption_id
        self.said: dict[str, str] = {}

    def act(self, who: str) -> None:
        acts: dict[str, Callable[[], bool]] = {
            "member": lambda: self._undo(Wish(self.member_id, "不想要了", is_member=True)),
            "staff": lambda: self._undo(Wish("s1", "会员来电", is_member=False)),
            "ship": self._ship,
            "notice": self._hear,
            "sweep": self._close,
        }
        try:
            self.said[who] = "stood" if acts[who]() else "done"
        except JifenError as refused:
            if refused.code is not Code.REDEMPTION_STATE:
                raise
            self.said[who] = "refused"

    def _undo(self, wish: Wish) -> bool:
        return undo(self.id, wish, desk=self.till.desk, api=self.till.api, now=self.till.now).replayed

    def _ship(self) -> bool:
        return ship(self.id, TRACKING, by="s2", mall=self.till.desk.mall, now=self.till.now).replayed

    def _close(self) -> bool:
        close_unpaid(self.id, desk=self.till.desk, api=self.till.api, now=self.till.now)
        return False

    def _hear(self) -> bool:
        order = order_of(self.till.api, trade_number(self.id))
        assert order is not None
        return bool(self.till.tell(self.id, {"transaction_id": order.transaction_id}))


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        opened.mall.offer("cup", 200, **{**MIXED, "limits": []})
        yield opened
        assert differences() == []


@pytest.mark.parametrize(
    ("trio", "is_heard", "ends"),
    [
        (("member", "staff", "ship"), True, {RedemptionState.CANCELLED}),  # staff may undo what was sent, too
        (("member", "notice", "ship"), False, {RedemptionState.CANCELLED, RedemptionState.SHIPPED}),
    ],
    ids=["two of staff and the member", "the notice, staff and the member"],
)
def test_three_at_one_redemption_have_one_outcome(
    till: Till, monkeypatch: pytest.MonkeyPatch, trio: tuple[str, str, str], is_heard: bool, ends: set[RedemptionState]
) -> None:
    till.item = "cup"
    token, member_id = till.buyer(100 * POINTS)
    before = till.points(member_id)[0]
    ids: list[str] = []
    for desk, case in everywhere(till, monkeypatch, trio, lambda: a_desk(till, token, member_id, is_heard=is_heard)):
        ids.append(desk.id)
        require_one_outcome(desk, case)

    till.later(minutes=5)
    till.sweep()
    rows = [till.row(id) for id in ids]
    assert {row.state for row in rows} == ends
    assert {row.money for row in rows if row.state is RedemptionState.CANCELLED} == {Money.REFUNDED}
    kept = sum(row.state is RedemptionState.SHIPPED for row in rows)
    assert till.points(member_id) == (before - POINTS * kept, 0)


@pytest.mark.parametrize("item", ["voucher", "vip"])
def test_what_is_given_with_its_payment_is_given_once_or_taken_back_whole(
    till: Till, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    till.sell(item, 150, limits=[])
    token, member_id = till.buyer(150 * POINTS)
    before = till.points(member_id)[0]
    ids: list[str] = []
    trio = ("notice", "sweep", "member")
    for desk, case in everywhere(till, monkeypatch, trio, lambda: a_desk(till, token, member_id, is_heard=False)):
        ids.append(desk.id)
        row, lines = till.row(desk.id), [action for action, _ in till.lines(desk.id)]
        assert lines[0] == "paid", case
        assert lines.count("paid") == 1, case
        assert row.state is (RedemptionState.CANCELLED if desk.said["member"] == "done" else RedemptionState.DONE), case

    rows = [till.row(id) for id in ids]
    kept = [row for row in rows if row.state is RedemptionState.DONE]
    good = {one.code for one in coupons_of(till, member_id) if one.state is CouponState.ISSUED}
    assert {len(row.codes) for row in rows} == {1}
    assert 0 < len(kept) < len(rows)
    assert good == ({row.codes[0] for row in kept} if item == "voucher" else set())
    assert sum(codes_of(till, row.id) for row in rows) == (len(kept) if item == "vip" else 0)
    assert till.points(member_id) == (before - POINTS * len(kept), 0)


def everywhere(
    till: Till, monkeypatch: pytest.MonkeyPatch, trio: tuple[str, ...], begin: Callable[[], Desk]
) -> Iterator[tuple[Desk, tuple[object, ...]]]:
    """A desk for each order of three and each call of the first, before which the others act; and which case it was."""
    for first, *others in permutations(trio):
        at = 1
        while True:
            desk = begin()
            with meanwhile(monkeypatch, at, lambda d=desk, o=others: [d.act(one) for one in o]) as happened:  # type: ignore[misc]
                desk.act(first)
            if not happened:  # one after the other, then
                for one in others:
                    desk.act(one)
            yield desk, (first, *others, at)
            if not happened:
                break
            at += 1


def a_desk(till: Till, token: str, member_id: str, *, is_heard: bool) -> Desk:
    """A redemption whose money was paid, and heard of or not yet."""
    id = till.redeem(token)
    till.begin(token, id)
    payment = till.pay(id)
    assert not is_heard or till.tell(id, payment) == []
    return Desk(till, member_id, id)


def require_one_outcome(desk: Desk, case: tuple[object, ...]) -> None:
    """It was sent, or undone by one of them, or neither was possible yet; and its money stands as that has it."""
    row, said = desk.till.row(desk.id), desk.said
    undone = [who for who in CANCELS if said.get(who) == "done"]
    is_sent = said.get("ship") == "done"
    assert said.get("notice", "done") == "done", case
    if row.state is RedemptionState.CANCELLED:
        assert len(undone) == 1, (case, said)
        assert row.money in (Money.REFUNDING, Money.REFUNDED), case
        assert not (is_sent and undone == ["member"]), (case, said)
    else:
        assert (row.state, is_sent, undone) == (RedemptionState.SHIPPED, True, []), (case, said)
        assert row.money is Money.PAID, case
    lines = [action for action, _ in desk.till.lines(desk.id)]
    assert lines.count("cancelled") == len(undone), (case, lines)
    assert lines.count("shipped") == is_sent, (case, lines)
    assert lines.count("paid") == 1, (case, lines)
