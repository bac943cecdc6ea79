"""Parcels: found as work, sent one by one and by file, corrected, sent again, received; each step once, each with its
line.
"""

from __future__ import annotations

import csv
import io

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.fulfil import ship
from chalicelib.spending.mall.model import Tracking
from chalicelib.spending.mall.table import MallTable, open_mall
from tests.spending.after_sales import SF, YTO, Desks, with_hats
from tests.spending.audited import differences
from tests.spending.malls import SHIP, Mall
from tests.spending.offers import Offers


def test_what_waits_is_listed_the_oldest_first_by_pages_until_it_is_sent(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    made = []
    for _ in range(3):
        made.append(desks.parcel(token)["id"])
        mall.counter.stage.later(seconds=1)
    desks.parcel(token, way="pick_up")

    first = desks.waiting(limit="2")
    second = desks.waiting(cursor=first["next_cursor"])
    desks.staff(made[0], "shipment", SF)

    assert [one["id"] for one in first["list"] + second["list"]] == made
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [one["id"] for one in desks.waiting()["list"]] == made[1:]
    assert len(desks.waiting("to_pick_up")["list"]) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [({"state": "done"}, 40000), ({}, 40000), ({"state": "to_ship", "cursor": "x"}, 40002)],
)
def test_a_work_list_is_of_what_waits_only(mall: Mall, query: dict[str, str], code: int) -> None:
    key = mall.counter.staff("customer_service")

    assert mall.call("GET", "/v1/staff/mall/redemptions", token=key, query=query).json["code"] == code


def test_a_parcel_is_sent_once_and_its_member_sees_the_number(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]

    first, again = desks.staff(id, "shipment", SF).data, desks.staff(id, "shipment", SF).data
    other = desks.staff(id, "shipment", YTO)

    assert [first["replayed"], again["replayed"], other.json["code"]] == [False, True, 40915]
    assert desks.mine(token, id).data["tracking"] == SF
    assert [line["action"] for line in desks.staff(id).data["history"]] == ["made", "shipped"]


def test_a_wrong_number_is_corrected_and_the_old_one_is_remembered(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    early = desks.staff(id, "tracking", {**YTO, "reason": "单号填错"})
    desks.staff(id, "shipment", SF)

    first = desks.staff(id, "tracking", {**YTO, "reason": "单号填错"}).data
    again = desks.staff(id, "tracking", {**YTO, "reason": "单号填错"}).data

    assert (early.json["code"], first["replayed"], again["replayed"]) == (40915, False, True)
    line = first["history"][-1]
    assert (line["action"], line["reason"], line["facts"]["instead_of"]) == (
        "tracking_corrected",
        "单号填错",
        "顺丰速运 SF1234567890",
    )
    assert again["history"] == first["history"]


@pytest.mark.parametrize("takes_stock", [True, False])
def test_a_lost_parcel_is_sent_again_and_counted(mall: Mall, *, takes_stock: bool) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    id = desks.parcel(token)["id"]
    desks.staff(id, "shipment", SF)
    lost = {**YTO, "reason": "快递丢件", "takes_stock": takes_stock}

    same = desks.staff(id, "reissue", {**lost, **SF})
    first, again = desks.staff(id, "reissue", lost).data, desks.staff(id, "reissue", lost).data

    assert (same.json["field"], first["replayed"], again["replayed"]) == ("number", False, True)
    assert (first["reissued"], first["tracking"], first["pieces_out"]) == (1, YTO, 1 + takes_stock)
    assert mall.left("hat") == (4 - takes_stock, 1 + takes_stock)
    assert desks.points(member_id) == 800


@pytest.mark.parametrize("act", ["tracking", "reissue"])
def test_the_same_sending_again_is_no_other_also_when_its_number_was_corrected_or_it_was_lost_meanwhile(
    mall: Mall, act: str
) -> None:
    desks = with_hats(mall)
    id = desks.parcel(mall.member()[0])["id"]
    desks.staff(id, "shipment", SF)
    lost = {**YTO, "reason": "快递丢件", "takes_stock": True}
    desks.staff(id, "reissue", lost)
    other = {"carrier": "中通快递", "number": "ZT0001", "reason": "单号录错"}
    then = desks.staff(id, act, {**other, **({"takes_stock": True} if act == "reissue" else {})}).data

    again = desks.staff(id, "reissue", lost).data

    assert again == {**then, "replayed": True}
    assert mall.left("hat") == (5 - then["pieces_out"], then["pieces_out"])


def test_nothing_is_sent_again_from_an_empty_stock_unless_the_piece_comes_from_elsewhere(mall: Mall) -> None:
    desks = with_hats(mall, stock=1)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    desks.staff(id, "shipment", SF)

    refused = desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})
    sent = desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": False})

    assert (refused.json["code"], sent.status) == (40954, 200)
    assert mall.left("hat") == (0, 1)


def test_a_stock_in_shards_gives_a_lost_piece_from_where_one_is_left(mall: Mall) -> None:
    desks = with_hats(mall, stock=3, shards=3)
    token, _ = mall.member()
    ids = [desks.parcel(token)["id"] for _ in range(2)]
    desks.staff(ids[0], "shipment", SF)

    desks.staff(ids[0], "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})

    assert mall.left("hat") == (0, 3)
    assert min(open_goods().shards_left("STOCK#hat", 3).values()) == 0


def test_a_lost_parcel_of_an_offer_that_is_over_is_sent_again_from_the_shelf(mall: Mall) -> None:
    desks = with_hats(mall, stock=5)
    offers = Offers(mall, "hat")
    offers.on(pieces=2)
    token, _ = mall.member()
    id = mall.redeem(token, offers.quoted(token), SHIP).data["id"]
    desks.staff(id, "shipment", SF)
    of_the_offer = desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})
    offers.switch("off")

    sent = desks.staff(id, "reissue", {**SF, "number": "SF2234567890", "reason": "又丢件", "takes_stock": True})

    assert (of_the_offer.status, sent.status, sent.data["pieces_out"]) == (200, 200, 3)
    assert (offers.left(), mall.left("hat")) == ((0, 2), (2, 1))
    assert [line["facts"].get("from_shelf") for line in sent.data["history"][-2:]] == [None, 1]
    assert differences() == []


@pytest.mark.parametrize(("is_back", "of_offer", "on_shelf"), [(True, (0, 0), (4, 1)), (False, (0, 1), (3, 1))])
def test_what_was_sent_again_from_the_shelf_stays_told_apart_when_it_is_undone(
    mall: Mall, *, is_back: bool, of_offer: tuple[int, int], on_shelf: tuple[int, int]
) -> None:
    desks = with_hats(mall, stock=5)
    offers = Offers(mall, "hat")
    offers.on(pieces=1)
    token, _ = mall.member()
    id = mall.redeem(token, offers.quoted(token), SHIP).data["id"]
    desks.staff(id, "shipment", SF)
    offers.switch("off")
    desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})

    undone = desks.take_back(id, stock_back=is_back)
    offers.later(minutes=1)
    offers.sweep()

    assert (undone.status, offers.left(), mall.left("hat")) == (200, of_offer, on_shelf)
    assert differences() == []


def test_an_offers_lost_parcel_is_not_sent_again_where_the_shelf_is_empty_too(mall: Mall) -> None:
    desks = with_hats(mall, stock=1)
    offers = Offers(mall, "hat")
    offers.on(pieces=1)
    token, _ = mall.member()
    id = mall.redeem(token, offers.quoted(token), SHIP).data["id"]
    desks.staff(id, "shipment", SF)

    refused = desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})

    assert (refused.json["code"], mall.left("hat"), offers.left()) == (40954, (0, 0), (0, 1))


def test_its_member_says_once_that_it_has_come(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    other, _ = mall.member()
    id = desks.parcel(token)["id"]

    early = desks.mine(token, id, "received")
    desks.staff(id, "shipment", SF)
    foreign = desks.mine(other, id, "received")
    first, again = desks.mine(token, id, "received").data, desks.mine(token, id, "received").data

    assert [early.json["code"], foreign.json["code"]] == [40915, 40411]
    assert [(one["state"], one["replayed"]) for one in (first, again)] == [("done", False), ("done", True)]


def test_ten_days_after_it_left_a_parcel_counts_as_received_and_not_a_second_earlier(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    desks.staff(id, "shipment", SF)
    mall.counter.stage.later(days=9, hours=23, minutes=59, seconds=59)
    desks.sweep()
    before = desks.mine(token, id).data["state"]

    mall.counter.stage.later(seconds=1)
    desks.sweep(remaining_ms=0)
    without_time = desks.mine(token, id).data["state"]
    desks.sweep()
    desks.sweep()

    assert [before, without_time, desks.mine(token, id).data["state"]] == ["shipped", "shipped", "done"]
    history = desks.staff(id).data["history"]
    assert [(line["action"], line["by"]) for line in history[2:]] == [("received", "jifen")]


def test_what_was_sent_again_waits_anew(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    desks.staff(id, "shipment", SF)
    mall.counter.stage.later(days=9)
    desks.staff(id, "reissue", {**YTO, "reason": "快递丢件", "takes_stock": False})

    mall.counter.stage.later(days=2)
    desks.sweep()

    assert desks.mine(token, id).data["state"] == "shipped"


def sheet(desks: Desks, **query: str) -> tuple[list[list[str]], dict[str, str]]:
    answer = desks.mall.call("GET", "/v1/staff/mall/ship-list", token=desks.mall.operator, query=query).data
    return [*csv.reader(io.StringIO(answer["csv"].removeprefix("\ufeff"), newline=""))], answer


def test_the_ship_list_is_a_sheet_that_no_spreadsheet_computes(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    evil = {**SHIP, "name": '=HYPERLINK("x")', "address": '@上海市,某路"1"号'}
    id = mall.bought(token, "hat", delivery=evil).data["id"]

    rows, answer = sheet(desks)

    assert answer["csv"].startswith("\ufeff兑换编号,")
    assert rows[1][0] == f"R{id}"
    assert rows[1][5:] == ['\'=HYPERLINK("x")', "13800000000", '\'@上海市,某路"1"号', "", ""]


def test_the_ship_list_is_paged_and_comes_back_with_numbers(mall: Mall) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    for _ in range(3):
        desks.parcel(token)
        mall.counter.stage.later(seconds=1)

    first, answer = sheet(desks, limit="2")
    second, last = sheet(desks, cursor=answer["next_cursor"])
    lines = [[*first[0], "快递公司", "快递单号"]]
    lines += [[*row, "顺丰速运", f"SF00{place}"] for place, row in enumerate(first[1:] + second[1:])]
    text = "\r\n".join(",".join(row) for row in lines)
    sent = desks.file(text, "gbk").data
    again = desks.file("\ufeff" + text).data

    assert (len(first), len(second), last["next_cursor"]) == (3, 2, None)
    assert (sent["shipped"], sent["refused"], again["replayed"], again["shipped"]) == (3, 0, 3, 0)
    assert sheet(desks)[1]["rows"] == 0


def test_each_row_of_a_file_is_sent_or_refused_with_its_reason(mall: Mall) -> None:
    desks = with_hats(mall, per_order=1)
    token, _ = mall.member(2000)
    good, twin, fetched, sent = (
        desks.parcel(token)["id"],
        desks.parcel(token)["id"],
        desks.parcel(token, way="pick_up")["id"],
        desks.parcel(token)["id"],
    )
    desks.staff(sent, "shipment", YTO)
    rows = [
        f"R{good},顺丰,SF0001",
        f"{twin},顺丰,SF0002",
        f"{twin},顺丰,SF0003",
        f"{fetched},顺丰,SF0004",
        f"{sent},顺丰,SF0005",
        f"{'0' * 24},顺丰,SF0006",
        "nonsense,顺丰,SF0007",
        f"{good},,SF0008",
        f"{good},顺丰,1.23E+18",
    ]

    answer = desks.file("redemption_id,carrier,number\n" + "\n".join(rows)).data

    assert [row["outcome"] for row in answer["rows"]] == ["shipped", "shipped", *["refused"] * 7]
    assert [row["row"] for row in answer["rows"]] == [*range(2, 11)]
    assert [row["reason"] for row in answer["rows"][2:8]] == [
        "与第3行是同一笔兑换",
        "这笔兑换待自提,不能这样操作",
        "已用其他单号发货,改单号请用更正单号",
        "没有这笔兑换",
        "的格式不对",
        "必填",
    ]
    assert "科学计数法" in answer["rows"][8]["reason"]
    assert desks.staff(sent).data["tracking"] == YTO


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "兑换编号,快递公司\nx,y\n", "兑换编号,快递公司,快递单号\n"])
def test_a_file_that_is_no_such_sheet_is_refused_whole(mall: Mall, text: str) -> None:
    answer = Desks(mall).file(text)

    assert (answer.status, answer.json["field"]) == (400, "file")


def test_a_file_that_broke_off_goes_on_where_it_was(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    ids = [desks.parcel(token)["id"] for _ in range(2)]
    text = "兑换编号,快递公司,快递单号\n" + "\n".join(f"R{id},顺丰,SF00{n}" for n, id in enumerate(ids))
    move, calls = MallTable.move, iter((True, False))

    def breaking(*given: object) -> bool:
        if not next(calls):
            raise RuntimeError("the process died")
        return move(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(MallTable, "move", breaking)
    broken = desks.file(text)
    monkeypatch.setattr(MallTable, "move", move)
    answer = desks.file(text).data

    assert broken.status == 500
    assert (answer["replayed"], answer["shipped"]) == (1, 1)


def test_two_who_send_the_same_parcel_at_once_send_it_once(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks = with_hats(mall)
    token, _ = mall.member()
    id = desks.parcel(token)["id"]
    stage, read = mall.counter.stage, MallTable.redemption
    first = []

    def overtaken(table: MallTable, wanted: str) -> object:
        found = read(table, wanted)
        if not first:
            first.append(True)
            ship(wanted, Tracking("圆通", "YT0001"), by="other", mall=table, now=stage.now)
        return found

    monkeypatch.setattr(MallTable, "redemption", overtaken)
    with pytest.raises(JifenError) as refused:
        ship(id, Tracking("顺丰", "SF0001"), by="me", mall=open_mall(), now=stage.now)

    assert refused.value.code is Code.REDEMPTION_STATE
    assert desks.staff(id).data["tracking"]["number"] == "YT0001"


def test_customer_service_finds_a_members_redemptions_and_stores_do_not(mall: Mall) -> None:
    desks = with_hats(mall)
    token, member_id = mall.member()
    made = [desks.parcel(token)["id"] for _ in range(2)]
    path = "/v1/staff/members/{member_id}/redemptions"

    key = mall.counter.staff("customer_service")
    found = mall.call("GET", path, token=key, member_id=member_id).data["list"]
    unknown = mall.call("GET", path, token=key, member_id="x")
    barred = mall.call("GET", path, token=mall.counter.staff("store_manager"), member_id=member_id)

    assert {one["id"] for one in found} == set(made)
    assert {one["member_id"] for one in found} == {member_id}
    assert (unknown.json["code"], barred.json["code"]) == (40401, 40300)
