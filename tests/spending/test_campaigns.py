"""Items that follow a campaign of the programme: on sale in its phases, wherever its dates are moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.ledger.model import Entry, Kind, stamp
from chalicelib.ledger.table import open_ledger
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from tests.programme.builders import demo_document
from tests.spending.audited import differences
from tests.spending.cash import Till, open_till
from tests.spending.malls import BASE, COUPON, Mall, open_mall


@pytest.fixture
def mall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mall]:
    with open_mall(monkeypatch) as opened:
        yield opened
        assert differences() == []


def set_dates(now: datetime, **hours: int) -> None:
    """Publish the programme with a campaign whose phases begin so many hours from now."""
    campaign = {"id": "double_11", "name": "双11"}
    campaign |= {name: stamp(now + timedelta(hours=count)) for name, count in hours.items()}
    set_campaigns(now, campaign)


def set_campaigns(now: datetime, *campaigns: dict[str, Any]) -> None:
    programme = programme_table.open_programme()
    publish(
        programme,
        version=programme.headings(limit=1)[0].version + 1,
        document={**demo_document(), "campaigns": campaigns},
        effective_from=now,
        published_by="s1",
        now=now,
    )
    programme_table.forget()


def journal(member_id: str) -> list[Entry]:
    """A member's entries, oldest first."""
    return open_ledger().entries(member_id, before_key=None, limit=100)[::-1]


def code(mall: Mall, token: str) -> int:
    answer: int = mall.bought(token).json["code"]
    return answer


def test_an_item_is_on_sale_in_the_phases_that_it_follows(mall: Mall) -> None:
    stage = mall.counter.stage
    set_dates(stage.now, preheat_from_at=1, formal_from_at=2, closing_from_at=3, until_at=4)
    mall.offer(campaign="double_11", phases=["formal", "closing"])
    token, member_id = mall.member(2000)

    codes = []
    for _ in range(5):
        codes.append(code(mall, token))
        stage.later(hours=1)

    entries = [entry for entry in journal(member_id) if entry.cause.kind is Kind.REDEEM]
    assert codes == [42212, 42212, 0, 0, 42212]
    assert {entry.cause.campaign for entry in entries} == {"double_11"}


def test_a_campaign_that_is_moved_takes_its_items_along(mall: Mall) -> None:
    stage = mall.counter.stage
    set_dates(stage.now, formal_from_at=1, until_at=2)
    mall.offer(campaign="double_11", phases=["formal"])
    token, _ = mall.member()
    before = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="coupon").data["opens_at"]
    set_dates(stage.now, formal_from_at=3, until_at=4)
    after = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id="coupon").data["opens_at"]
    stage.later(hours=1)
    too_early = code(mall, token)
    stage.later(hours=2)

    assert (too_early, code(mall, token)) == (42212, 0)
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) == timedelta(hours=2)


def test_windows_of_its_own_stand_beside_the_campaigns(mall: Mall) -> None:
    now = mall.counter.stage.now
    set_dates(now, formal_from_at=2, until_at=3)
    own = {"from_at": stamp(now - timedelta(hours=1)), "until_at": stamp(now + timedelta(hours=1))}
    mall.offer(campaign="double_11", phases=["formal"], windows=[own])
    token, _ = mall.member()

    codes = []
    for _ in range(3):
        codes.append(code(mall, token))
        mall.counter.stage.later(hours=1)

    assert codes == [0, 42212, 0]
    assert len(mall.item("coupon")["spans"]) == 2


def test_an_item_whose_campaign_is_gone_is_not_on_sale_and_staff_see_it(mall: Mall) -> None:
    now = mall.counter.stage.now
    set_dates(now, formal_from_at=-1, until_at=9)
    mall.offer(campaign="double_11", phases=["formal"])
    token, _ = mall.member()
    quote = mall.quote(token)["quote"]
    set_campaigns(now)

    seen = mall.item("coupon")
    assert mall.redeem(token, quote).json["code"] == 42212
    assert (seen["is_in_time"], seen["spans"]) == (False, [])


def test_a_campaign_that_the_programme_has_not_cannot_be_followed(mall: Mall) -> None:
    item = {**BASE, "name": "满减券", "good": COUPON, "campaign": "double_12", "phases": ["formal"]}

    refused = mall.staff("POST", "/v1/staff/mall/items", {"id": "one", "item": item})

    assert (refused.status, refused.json["field"]) == (400, "item.campaign")


def test_points_that_wait_for_money_are_of_the_campaign_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_till(monkeypatch) as till:
        assert moves(till, is_paid=True) == {(Kind.HOLD, "c"), (Kind.CAPTURE, "c"), (Kind.REVERSE, "c")}
        assert moves(till, is_paid=False) == {(Kind.HOLD, "c"), (Kind.RELEASE, "c")}


def moves(till: Till, *, is_paid: bool) -> set[tuple[Kind, str]]:
    """(kind, campaign) of what becomes of a member's points when he pays, or not, and it is cancelled."""
    item = till.mall.item("bottle")
    changed = {"version": item["version"], "item": {**item["item"], "campaign": "c"}}
    till.mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="bottle")
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    if is_paid:
        till.begin(token, redemption_id)
        till.tell(redemption_id, till.pay(redemption_id))
    path = "/v1/me/redemptions/{redemption_id}/cancel"
    assert till.mall.call("POST", path, {"reason": "不要了"}, token=token, redemption_id=redemption_id).status == 200
    return {(one.cause.kind, one.cause.campaign) for one in journal(member_id) if one.cause.activity == "mall"}
