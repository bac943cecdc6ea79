"""What goes out for money is told to WeChat by the sweep, as often as needed, and never holds up the shipping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.connect.wechat.shipping import PATH
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.carriers import carrier_code, masked
from chalicelib.spending.mall.events import SweepUnfinished
from chalicelib.spending.mall.model import Report
from tests.connect.merchant import MCHID
from tests.spending.after_sales import SF, YTO, with_hats
from tests.spending.audited import differences
from tests.spending.cash import Till, open_till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        yield opened
        assert differences() == []


def held(till: Till, id: str) -> Any:
    """What WeChat holds as reported."""
    return till.world.get("/shipping", mchid=MCHID, out_trade_no=trade_number(id))


def asked(till: Till) -> int:
    return len(till.world.get("/received", path=PATH)["received"])


def shipped(till: Till, tracking: dict[str, str] = YTO) -> str:
    """A redemption that was paid and sent, of which nothing was told yet."""
    _, _, id = till.paid()
    assert till.desks.staff(id, "shipment", tracking).data["report"] == "due"
    return id


def corrected(till: Till, id: str, tracking: dict[str, str]) -> None:
    assert till.desks.staff(id, "tracking", {**tracking, "reason": "单号填错"}).data["report"] == "due"


def test_a_parcel_is_told_once(till: Till) -> None:
    id = shipped(till)

    for _ in range(2):
        till.sweep()

    parcel = {"express_company": "YTO", "tracking_no": YTO["number"], "item_desc": "骑行水壶"}
    assert held(till, id)["shipping"]["shipping_list"] == [parcel]
    assert (till.row(id).report, asked(till)) == (Report.DONE, 1)
    assert till.lines(id)[-1] == ("reported", "jifen")


def test_only_the_carrier_that_asks_for_a_phone_is_told_one_and_masked(till: Till) -> None:
    id = shipped(till, SF)

    till.sweep()

    (parcel,) = held(till, id)["shipping"]["shipping_list"]
    assert (parcel["express_company"], parcel["contact"]) == ("SF", {"receiver_contact": "138****0000"})


def test_what_is_handed_out_in_a_store_is_told_without_a_parcel(till: Till) -> None:
    token, _, id = till.paid(way="pick_up")
    code = till.desks.mine(token, id, "pick-up-code").data["pick_up_code"]
    till.desks.hand_out(id, code)

    till.sweep()

    assert held(till, id)["shipping"] == {
        "logistics_type": 4,
        "delivery_mode": 1,
        "shipping_list": [{"item_desc": "骑行水壶"}],
    }
    assert till.row(id).report is Report.DONE


def test_what_points_alone_paid_is_told_nobody(till: Till) -> None:
    desks = with_hats(till.mall)
    token, _ = till.mall.member()
    id = desks.parcel(token)["id"]

    assert desks.staff(id, "shipment", YTO).data["report"] is None


def test_a_corrected_number_is_told_again_and_a_third_one_is_left_to_people(till: Till) -> None:
    id = shipped(till)
    till.sweep()
    reports = []
    for number in ("YT0002", "YT0003"):
        corrected(till, id, {**YTO, "number": number})
        till.sweep()
        reports.append(till.row(id).report)

    assert reports == [Report.DONE, Report.REFUSED]
    assert held(till, id)["shipping"]["shipping_list"][0]["tracking_no"] == "YT0002"
    assert [one["id"] for one in till.desks.waiting("report_refused")["list"]] == [id]


def test_what_wechat_refuses_is_told_in_the_log_once_for_the_alarm(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    unknown, wrong = shipped(till, {"carrier": "门店小哥", "number": "A0001"}), shipped(till)
    till.world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": 10060014})

    till.sweep()
    till.sweep()

    told = [json.loads(line.message) for line in caplog.records if "redemption_report_refused" in line.message]
    assert {(one["redemption"], one["why"]) for one in told} == {(unknown, "carrier"), (wrong, "refused")}
    assert len(told) == 2


def test_a_carrier_that_wechat_does_not_know_is_left_to_people_until_it_is_corrected(till: Till) -> None:
    id = shipped(till, {"carrier": "门店小哥", "number": "A0001"})

    till.sweep()
    refused = till.desks.staff(id).data
    corrected(till, id, {"carrier": "YUNDA", "number": "A0001"})
    till.sweep()

    assert (refused["state"], refused["report"], refused["history"][-1]["action"]) == (
        "shipped",
        "refused",
        "report_refused",
    )
    assert till.row(id).report is Report.DONE
    assert till.desks.waiting("report_refused")["list"] == []


@pytest.mark.parametrize(("fault", "is_alarmed"), [({"errcode": -1}, False), ({"errcode": 45009}, True)])
def test_what_wechat_does_not_take_now_is_told_later(till: Till, fault: dict[str, int], is_alarmed: bool) -> None:
    id = shipped(till)
    till.world.post("/faults", {"api": PATH, "kind": "errcode", **fault})

    if is_alarmed:
        with pytest.raises(SweepUnfinished):
            till.sweep()
    else:
        till.sweep()
    standing = till.row(id).report
    till.sweep()

    assert (standing, till.row(id).report) == (Report.DUE, Report.DONE)


def test_once_wechats_quota_is_used_up_no_other_is_told_before_the_next_sweep(till: Till) -> None:
    ids = [shipped(till, {**YTO, "number": f"YT000{number}"}) for number in range(3)]
    till.world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": 45009})

    with pytest.raises(SweepUnfinished):
        till.sweep()
    calls, standing = asked(till), [till.row(id).report for id in ids]
    till.sweep()

    assert (calls, standing) == (1, [Report.DUE] * 3)
    assert [till.row(id).report for id in ids] == [Report.DONE] * 3


def test_a_report_whose_answer_was_lost_is_told_again_and_uses_up_no_correction(till: Till) -> None:
    id = shipped(till)
    till.world.post("/faults", {"api": PATH, "kind": "timeout_after", "seconds": 0})

    till.sweep()
    standing = till.row(id).report
    till.sweep()

    assert (standing, till.row(id).report) == (Report.DUE, Report.DONE)
    assert (held(till, id)["corrected"], asked(till)) == (False, 2)


def test_what_is_undone_before_it_was_told_is_told_no_more(till: Till) -> None:
    id = shipped(till)
    till.desks.take_back(id)

    till.later(minutes=5)
    till.sweep()

    assert (till.row(id).report, asked(till)) == (Report.NONE, 0)


@pytest.mark.parametrize(
    ("carrier", "code"),
    [
        ("顺丰速运", "SF"),
        ("圆通", "YTO"),
        (" 中通快递 ", "ZTO"),
        ("申通快递", "STO"),
        ("京东物流", "JD"),
        ("EMS", "EMS"),
        ("YUNDA", "YUNDA"),
        ("快递", ""),
        ("门店小哥", ""),
        ("sf", ""),
    ],
)
def test_carriers_have_codes_by_their_common_names_or_are_codes(carrier: str, code: str) -> None:
    assert carrier_code(carrier) == code


@pytest.mark.parametrize(("phone", "shown"), [("13800001234", "138****1234"), ("1234567", "****4567")])
def test_a_phone_is_masked_but_for_its_last_four_digits(phone: str, shown: str) -> None:
    assert masked(phone) == shown
