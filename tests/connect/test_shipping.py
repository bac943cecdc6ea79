"""What was sent is reported to WeChat: once, again, corrected once, refused; by a stand-in that holds the order."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.wechat.api import WechatApi, open_api
from chalicelib.connect.wechat.shipping import PATH, Parcel, Reported, Shipping, Way, report_shipping
from chalicelib.connect.wechat_pay.orders import prepay
from chalicelib.runtime.settings import settings
from tests.connect.merchant import ASKED, MCHID, NUMBER, PAYER, open_merchant, paid_by
from tests.members.stage import Stage
from tests.stand_in.outsiders import MINI, Admin

PARCEL = Parcel("YTO", "YT1234567890123")
SENT = Shipping(MCHID, NUMBER, PAYER, "保温杯*1", Way.EXPRESS, (PARCEL,))


@pytest.fixture
def api(stage: Stage, world: Admin) -> WechatApi:
    """The mini-program, with an order that was paid."""
    prepay(open_merchant(stage, world), ASKED)
    paid_by(world)
    return open_api("mini_program", stage.now)


def held(world: Admin) -> Any:
    """What WeChat holds as reported."""
    return world.get("/shipping", mchid=MCHID, out_trade_no=NUMBER)


def test_a_parcel_is_reported_and_the_same_again_changes_nothing(api: WechatApi, world: Admin) -> None:
    outcomes = [report_shipping(api, SENT), report_shipping(api, SENT)]

    first, _ = world.get("/received", path=PATH)["received"]
    assert outcomes == [Reported.REPORTED, Reported.ALREADY]
    assert held(world)["corrected"] is False
    assert first["body"] == {
        "order_key": {"order_number_type": 1, "mchid": MCHID, "out_trade_no": NUMBER},
        "logistics_type": 1,
        "delivery_mode": 1,
        "shipping_list": [{"express_company": "YTO", "tracking_no": "YT1234567890123", "item_desc": "保温杯*1"}],
        "upload_time": "2026-03-02T12:00:00.000+08:00",
        "payer": {"openid": PAYER},
    }


def test_a_report_is_corrected_once_and_never_again(api: WechatApi, world: Admin) -> None:
    numbers = ("YT1", "YT2", "YT3")

    outcomes = [report_shipping(api, SENT._replace(parcels=(Parcel("YTO", number),))) for number in numbers]

    assert outcomes == [Reported.REPORTED, Reported.REPORTED, Reported.REFUSED]
    assert held(world)["shipping"]["shipping_list"][0]["tracking_no"] == "YT2"


def test_several_parcels_are_one_report(api: WechatApi, world: Admin) -> None:
    parcels = tuple(Parcel("SF", f"SF{number}", "138****0000") for number in range(10))

    assert report_shipping(api, SENT._replace(parcels=parcels)) is Reported.REPORTED
    assert len(held(world)["shipping"]["shipping_list"]) == 10


@pytest.mark.parametrize("way", [Way.SAME_CITY, Way.VIRTUAL, Way.PICK_UP])
def test_what_no_express_brings_has_no_parcels(api: WechatApi, world: Admin, way: Way) -> None:
    assert report_shipping(api, SENT._replace(way=way, parcels=())) is Reported.REPORTED
    assert held(world)["shipping"]["shipping_list"] == [{"item_desc": "保温杯*1"}]


@pytest.mark.parametrize(
    "changes", [{"parcels": ()}, {"way": Way.PICK_UP}, {"parcels": (PARCEL,) * 11}], ids=["none", "pick up", "many"]
)
def test_parcels_that_do_not_fit_the_way_are_our_own_mistake(
    api: WechatApi, world: Admin, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        report_shipping(api, SENT._replace(**changes))
    assert world.get("/received", path=PATH)["received"] == []


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"out_trade_no": "JF20260302000009"}, Reported.SOON),
        ({"openid": "p" * 28}, Reported.REFUSED),
        ({"item": ""}, Reported.REFUSED),
        ({"parcels": (Parcel("YTO", ""),)}, Reported.REFUSED),
        ({"parcels": (Parcel("", "YT1"),)}, Reported.REFUSED),
        ({"parcels": (Parcel("SF", "SF1"),)}, Reported.REFUSED),
        ({"item": "长" * 200}, Reported.REPORTED),
    ],
)
def test_what_wechat_does_not_take_is_said_by_name(
    api: WechatApi, world: Admin, changes: dict[str, Any], outcome: Reported
) -> None:
    assert report_shipping(api, SENT._replace(**changes)) is outcome


def test_what_is_not_paid_cannot_be_sent(stage: Stage, world: Admin) -> None:
    prepay(open_merchant(stage, world), ASKED)

    assert report_shipping(open_api("mini_program", stage.now), SENT) is Reported.REFUSED


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (-1, Reported.SOON),
        (45009, Reported.LATER),
        (48001, Reported.LATER),
        (10060012, Reported.SOON),
        (10060002, Reported.ALREADY),
        (10060003, Reported.REFUSED),
        (268485216, Reported.REFUSED),
        (40001, Reported.LATER),
    ],
)
def test_each_refusal_has_one_meaning(api: WechatApi, world: Admin, errcode: int, outcome: Reported) -> None:
    world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": errcode, "times": None})

    assert report_shipping(api, SENT) is outcome


@pytest.mark.parametrize(("kind", "then"), [("timeout_before", Reported.REPORTED), ("timeout_after", Reported.ALREADY)])
def test_a_lost_answer_is_unknown_and_the_same_report_again_settles_it(
    api: WechatApi, world: Admin, monkeypatch: pytest.MonkeyPatch, kind: str, then: Reported
) -> None:
    api.post("/wxa/business/getuserphonenumber", {"code": _code(world)})  # the token is there
    monkeypatch.setattr(outside, "READ_S", 0.2)
    world.post("/faults", {"api": PATH, "kind": kind, "seconds": 0.5})

    outcomes = [report_shipping(api, SENT)]
    monkeypatch.setattr(outside, "READ_S", 5)
    outcomes.append(report_shipping(api, SENT))

    assert outcomes == [Reported.UNKNOWN, then]
    assert held(world)["corrected"] is False


def test_where_nobody_listens_it_is_certainly_not_reported(
    api: WechatApi, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
    settings.cache_clear()

    assert report_shipping(api, SENT) is Reported.SOON


def _code(world: Admin) -> str:
    return str(world.post("/phone-codes", {"appid": MINI[0], "person": "mei", "number": "13800000001"})["code"])
