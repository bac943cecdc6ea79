"""The auditor of what members own: coupons from everywhere, badges, limits; what is clean, and what is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.ledger.audit import Finding
from chalicelib.runtime.dynamo import Item
from chalicelib.runtime.settings import settings
from chalicelib.spending.gifts.give_gift import paid
from chalicelib.spending.gifts.keep_plan import open_giving
from chalicelib.spending.lottery.items import draw_key
from tests.spending.audited import Rows, differences
from tests.spending.malls import open_mall
from tests.spending.prizes import Booth
from tests.spending.test_payment_gifts import ZONE, back, payer, payment, plan

WON = "won"
BADGE_LIMIT, GIFTS = "LIMIT#medal#", "LIMIT#gift:autumn#"


class World:
    """Coupons bought, used, returned, cancelled, won and given after a payment; a code; a badge that stands and
    one that was given back.
    """

    def __init__(self, booth: Booth) -> None:
        mall, self.desks, self.booth = booth.mall, booth.desks, booth
        self.rows = Rows(mall.counter.stage.cloud, settings().spending_table)
        self.token, self.member_id = mall.member(9000)
        mall.offer(stock=9)
        names = ("fresh", "used", "returned", "told_before", "cancelled")
        self.codes = {name: mall.bought(self.token).data["coupon_codes"][0] for name in names}
        self.desks.use(self.codes["used"], "T1")
        self.desks.use(self.codes["returned"], "T2")
        self.desks.bring_back(self.codes["returned"], "T2")
        self.desks.bring_back(self.codes["told_before"], "T3")
        self._cancel()
        self.draw_id = booth.draw(self.token, "coupon")
        self.codes[WON] = self.drawn()["codes"][0]
        self._gifts()
        mall.staff("POST", "/v1/staff/mall/code-pools/{pool}/codes", {"codes": ["A", "B"]}, pool="video")
        mall.offer("vip", stock=0, good={"kind": "virtual", "pool": "video"})
        self.codes_id = mall.bought(self.token, "vip").data["id"]
        mall.offer("medal", good={"kind": "badge", "badge": "rider"}, limits=[{"pieces": 2, "period": "ever"}])
        self.badge_id = mall.bought(self.token, "medal").data["id"]
        other, _ = mall.member(9000)
        self.desks.take_back(mall.bought(other, "medal").data["id"])

    def _cancel(self) -> None:
        path, body = "/v1/staff/coupons/{code}/cancel", {"reason": "误发"}
        key = self.booth.mall.counter.staff("customer_service")
        done = self.booth.mall.call("POST", path, body, token=key, code=self.codes["cancelled"])
        assert done.status == 200, done.json

    def _gifts(self) -> None:
        """One that was used before its payment came back, and is good for nothing once its order gives it back."""
        mall = self.booth.mall
        plan(mall, times_per_member=2, taken_back=True)
        _, self.payer_id = payer(mall)
        for number, name in (("p1", "gift_back"), ("p2", "gift")):
            given = paid(payment(mall, number), self.payer_id, giving=open_giving(ZONE), now=mall.counter.stage.now)
            (self.codes[name],) = given.codes
        self.desks.use(self.codes["gift_back"], "T4")
        back(mall)

    def coupon(self, name: str) -> Item:
        return self.rows.item(f"COUPON#{self.codes[name]}", "COUPON")

    def drawn(self) -> Item:
        return self.rows.item(*draw_key(self.booth.id, self.draw_id).values())

    def gift(self, number: str = "p2") -> Item:
        return self.rows.item(f"PAYMENT#wechat#{number}", "GIFT")

    def free_code(self) -> Item:
        (free,) = [row for row in self.rows.all("POOL#video") if "given_to" not in row]
        return free

    def badge(self) -> Item:
        return self.rows.item("BADGE#rider", self.member_id)

    def badge_row(self) -> Item:
        return self.rows.item(f"R#{self.badge_id}", "R")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_mall(monkeypatch) as mall:
        yield World(Booth(mall, monkeypatch))


def test_what_was_given_and_used_is_clean(world: World) -> None:
    states = {name: world.coupon(name)["state"] for name in world.codes}

    assert states == {
        "fresh": "issued",
        "used": "used",
        "returned": "issued",
        "told_before": "issued",
        "cancelled": "cancelled",
        "won": "issued",
        "gift_back": "used",
        "gift": "issued",
    }
    assert differences() == []


def test_a_coupon_that_was_withdrawn_in_use_and_came_back_is_clean(world: World) -> None:
    world.desks.bring_back(world.codes["gift_back"], "T9")
    in_use = differences()
    world.desks.bring_back(world.codes["gift_back"], "T4")

    assert world.coupon("gift_back")["state"] == "cancelled"
    assert (in_use, differences()) == ([], [])


def used_and_good_again(world: World) -> None:
    world.rows.change(world.coupon("used"), state="issued", use=None)


def used_and_its_use_forgotten(world: World) -> None:
    world.rows.change(world.coupon("used"), use=None)


def issued_and_of_an_order(world: World) -> None:
    world.rows.change(world.coupon("fresh"), use=world.coupon("used")["use"])


def cancelled_and_good_again(world: World) -> None:
    world.rows.change(world.coupon("cancelled"), state="issued")


def used_without_its_line(world: World) -> None:
    line = world.rows.item(f"COUPON#{world.codes['used']}", "L#000002")
    world.rows.delete(line)


def never_changed_and_cancelled(world: World) -> None:
    world.rows.change(world.coupon("fresh"), state="cancelled")


def withdrawn_and_good_again(world: World) -> None:
    world.rows.change(world.coupon("gift_back"), state="issued", use=None)


def gift_back_and_not_withdrawn(world: World) -> None:
    world.rows.change(world.gift(), state="taken_back")


def not_listed(world: World) -> None:
    world.rows.change(world.coupon("fresh"), listed_key="coupon#2026-01-01#0")


def unreadable_coupon(world: World) -> None:
    world.rows.change(world.coupon("gift"), until_on=None)


def bought_of_nothing(world: World) -> None:
    coupon = world.coupon("fresh")
    world.rows.change(coupon, pk="COUPON#" + "0" * 16, listed_key=f"coupon#{coupon['until_on']}#{'0' * 16}")


def from_nowhere(world: World) -> None:
    world.rows.change(world.coupon("won"), source="elsewhere")


def draw_gone(world: World) -> None:
    world.rows.delete(world.drawn())


def payment_gone(world: World) -> None:
    world.rows.delete(world.gift())


def won_coupon_gone(world: World) -> None:
    world.rows.delete(world.coupon(WON))


def won_coupon_of_another_draw(world: World) -> None:
    world.rows.change(world.coupon(WON), source_id="0" * 32)


def won_code_of_nobody(world: World) -> None:
    world.rows.change({"pk": "POOL#won", "sk": "C#0", "code": "A"})
    world.rows.change({"pk": "STOCK#pool:won", "sk": "S#0", "left": 1, "taken": 0})
    world.rows.change(world.drawn(), pool="won", codes=["0"])


def gift_gone(world: World) -> None:
    world.rows.delete(world.coupon("gift"))


def code_of_nothing(world: World) -> None:
    world.rows.change(world.free_code(), given_to=world.member_id, source_id="0" * 24, work_of=None, work_key=None)


def code_that_its_redemption_does_not_name(world: World) -> None:
    source = world.codes_id
    world.rows.change(world.free_code(), given_to=world.member_id, source_id=source, work_of=None, work_key=None)


def code_of_what_was_undone(world: World) -> None:
    given = world.rows.item(f"R#{world.codes_id}", "R")
    world.rows.change(given, state="cancelled")


def badge_gone(world: World) -> None:
    world.rows.delete(world.badge())


def badge_of_nothing(world: World) -> None:
    world.rows.change(world.badge(), sk="m" + "0" * 24, source_id="0" * 24, listed_of="m" + "0" * 24)


def badge_that_another_redeemed(world: World) -> None:
    other = "m" + "0" * 24
    world.rows.change(world.badge(), sk=other, listed_of=other)


def badge_of_a_coupons_redemption(world: World) -> None:
    bought = world.coupon("fresh")["source_id"]
    world.rows.change(world.badge(), pk="BADGE#other", listed_key="badge#other", source_id=bought)


def badge_kept_though_it_was_given_back(world: World) -> None:
    (cancelled,) = [row for row in world.rows.all("R#") if row.get("item") == "medal" and row["state"] == "cancelled"]
    world.rows.change(
        world.badge(), sk=cancelled["listed_of"], listed_of=cancelled["listed_of"], source_id=cancelled["pk"][2:]
    )


def badge_not_listed(world: World) -> None:
    world.rows.change(world.badge(), listed_key="badge#other")


def unreadable_badge(world: World) -> None:
    world.rows.change(world.badge(), given_at="yesterday")


def limit_counts_too_much(world: World) -> None:
    limit = world.rows.item(BADGE_LIMIT + world.member_id, "ever")
    world.rows.change(limit, pieces=2)


def limit_counts_too_little(world: World) -> None:
    limit = world.rows.item(BADGE_LIMIT + world.member_id, "ever")
    world.rows.change(limit, pieces=0)


def limit_gone(world: World) -> None:
    world.rows.delete(world.rows.item(BADGE_LIMIT + world.member_id, "ever"))


def limit_of_what_was_undone(world: World) -> None:
    (limit,) = [row for row in world.rows.all(BADGE_LIMIT) if world.member_id not in row["pk"]]
    world.rows.change(limit, pieces=1)


def more_gifts_counted_than_given(world: World) -> None:
    world.rows.change(world.rows.item(GIFTS + world.payer_id, "ever"), pieces=3)


def fewer_gifts_than_none(world: World) -> None:
    world.rows.change(world.rows.item(GIFTS + world.payer_id, "ever"), pieces=-1)


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (used_and_good_again, {"state"}),
    (used_and_its_use_forgotten, {"use"}),
    (issued_and_of_an_order, {"use"}),
    (cancelled_and_good_again, {"state"}),
    (used_without_its_line, {"version"}),
    (never_changed_and_cancelled, {"state"}),
    (withdrawn_and_good_again, {"state"}),
    (gift_back_and_not_withdrawn, {"state"}),
    (not_listed, {"listed_key"}),
    (unreadable_coupon, {"coupon"}),
    (bought_of_nothing, {"source"}),
    (from_nowhere, {"source"}),
    (draw_gone, {"source"}),
    (payment_gone, {"source", "pieces"}),
    (won_coupon_gone, {"handed"}),
    (won_coupon_of_another_draw, {"handed", "source"}),
    (won_code_of_nobody, {"handed", "source"}),
    (gift_gone, {"handed", "pieces"}),
    (code_of_nothing, {"source", "taken", "left"}),
    (code_that_its_redemption_does_not_name, {"source", "taken", "left"}),
    (code_of_what_was_undone, {"source", "source_id", "spent points"}),
    (badge_gone, {"badge"}),
    (badge_of_nothing, {"source"}),
    (badge_that_another_redeemed, {"member"}),
    (badge_of_a_coupons_redemption, {"source"}),
    (badge_kept_though_it_was_given_back, {"source"}),
    (badge_not_listed, {"listed_key"}),
    (unreadable_badge, {"badge"}),
    (limit_counts_too_much, {"pieces"}),
    (limit_counts_too_little, {"pieces"}),
    (limit_gone, {"limit"}),
    (limit_of_what_was_undone, {"pieces"}),
    (more_gifts_counted_than_given, {"pieces"}),
    (fewer_gifts_than_none, {"pieces"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    found: list[Finding] = differences()

    assert {finding.what for finding in found} == named


def test_a_code_that_was_won_is_found_in_its_pool(world: World) -> None:
    won_code_of_nobody(world)
    world.rows.change(world.rows.item("POOL#won", "C#0"), given_to=world.member_id, source_id=world.draw_id)

    named = {finding.what: finding.key for finding in differences()}

    assert "handed" not in named
    assert named["source"].startswith("COUPON#")
