"""A month's redemptions as a file: what, whose and how they stand, and nobody's address."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest

from chalicelib.spending.mall.table import open_mall
from local.redemptions import write_redemptions
from tests.spending.after_sales import SF, with_hats
from tests.spending.malls import SHIP, STORE, Mall
from tests.spending.prizes import Booth

ZONE = "Asia/Shanghai"


def rows(month: str) -> tuple[list[dict[str, str]], str]:
    to = io.StringIO()
    count = write_redemptions(open_mall(), month, ZONE, to)
    text = to.getvalue()
    found = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert (count, text[0]) == (len(found), "\ufeff")
    return found, text


def test_a_month_is_a_sheet_of_what_was_redeemed_and_won_in_it(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    booth = Booth(mall, monkeypatch)
    token, member_id = mall.member()
    hat = desks.parcel(token)["id"]
    desks.staff(hat, "shipment", SF)
    mall.counter.stage.later(seconds=1)
    prize = booth.claim(token, booth.draw(token)).data["id"]

    found, text = rows("2026-03")

    assert [(one["redemption"], one["source"], one["points"], one["state"]) for one in found] == [
        (f"R{hat}", "mall", "200", "shipped"),
        (f"R{prize}", "lottery", "0", "to_ship"),
    ]
    assert {(one["member"], one["cash_fen"], one["way"]) for one in found} == {(member_id, "0", "ship")}
    assert (found[0]["item"], found[0]["name"], found[0]["carrier"], found[0]["tracking"]) == (
        "hat",
        "骑行帽",
        SF["carrier"],
        SF["number"],
    )
    assert not any(SHIP[secret] in text for secret in ("name", "phone", "address"))


def test_what_is_picked_up_says_at_which_store(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    for way in ("pick_up", "ship"):
        desks.parcel(token, way=way)

    found, _ = rows("2026-03")

    assert {(one["way"], one["store"], one["store_name"]) for one in found} == {
        ("pick_up", "sh01", STORE["name"]),
        ("ship", "", ""),
    }


def test_a_month_ends_with_its_last_business_day(mall: Mall) -> None:
    desks = with_hats(mall, name="=1+1")
    for at in ("2026-03-31T23:59:59+08:00", "2026-04-01T00:00:00+08:00"):
        mall.counter.stage.now = datetime.fromisoformat(at)
        desks.parcel(mall.member()[0])

    march, april = rows("2026-03")[0], rows("2026-04")[0]

    assert [one["made_at"] for one in march] == ["2026-03-31T23:59:59+08:00"]
    assert [one["made_at"] for one in april] == ["2026-04-01T00:00:00+08:00"]
    assert march[0]["name"] == "'=1+1"
    assert rows("2026-05")[0] == []
