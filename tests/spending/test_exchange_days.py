"""A partner's day held against ours: every difference is named, and nothing is changed by looking."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from chalicelib.errors import JifenError
from chalicelib.runtime.dynamo import client
from chalicelib.spending.exchange import table
from chalicelib.spending.exchange.items import UNCHARGED
from chalicelib.spending.exchange.reconcile import Row, rows_of
from chalicelib.spending.exchange.table import open_exchanges
from tests.spending.exchanges import Airport
from tests.spending.test_exchange import outlived

ON = "2026-03-02"
PATH = "/v1/staff/exchange-partners/{partner_id}"


def check(airport: Airport, csv: str | bytes, on: str = ON, encoding: str = "gb18030") -> Any:
    raw = csv if isinstance(csv, bytes) else csv.encode(encoding)
    body = {"on": on, "file": b64encode(raw).decode()}
    return airport.mall.staff("POST", f"{PATH}/reconciliations", body, partner_id="miles")


def theirs(airport: Airport, on: str = ON) -> str:
    return str(airport.world.get("/partner-file", on=on)["csv"])


def kinds(answer: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["id"]) for one in answer.data["differences"]]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
def test_two_honest_sides_agree_in_whatever_encoding(airport: Airport, encoding: str) -> None:
    token, _ = airport.mall.member()
    made = [airport.exchange(token, points).data for points in (100, 200)]
    airport.plan("refused")
    airport.exchange(token)

    found = check(airport, theirs(airport), encoding=encoding).data
    ours = airport.mall.staff("GET", f"{PATH}/reconciliation", query={"on": ON}, partner_id="miles").data

    assert (found["rows"], found["differing"], found["differences"]) == (2, 0, [])
    assert (ours["exchanges"], ours["points"], ours["units"]) == (2, 300, 90)
    assert ours["csv"].splitlines()[0] == "\ufeff兑换单号,状态,数量,积分,完成时间"
    assert all(
        f"{one['id']},成功,{one['units']},{one['points']},2026-03-02T12:00:00+08:00" in ours["csv"] for one in made
    )


def test_our_own_file_reads_like_theirs(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.exchange(token)
    ours = airport.mall.staff("GET", f"{PATH}/reconciliation", query={"on": ON}, partner_id="miles").data

    assert check(airport, ours["csv"], encoding="utf-8").data["differing"] == 0


def test_a_day_is_the_partners_own_instant_in_the_programmes_zone(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.plan("pending")
    made = airport.exchange(token).data["id"]
    airport.later(hours=11, minutes=59, seconds=59)
    airport.world.post("/partner-decisions", {"id": made, "state": "done"})
    airport.later(minutes=31)
    airport.sweep()
    days = [
        airport.mall.staff("GET", f"{PATH}/reconciliation", query={"on": on}, partner_id="miles").data["exchanges"]
        for on in (ON, "2026-03-03")
    ]

    assert days == [1, 0]
    assert kinds(check(airport, theirs(airport), on=ON)) == []
    assert kinds(check(airport, theirs(airport), on="2026-03-03")) == [("other_day", made)]


def test_each_difference_has_its_kind(airport: Airport) -> None:
    token, _ = airport.mall.member()
    agreed, missing, amount, state = (airport.exchange(token).data["id"] for _ in range(4))
    airport.plan("pending")
    waiting = airport.exchange(token).data["id"]
    unknown = "0" * 23 + "1"
    file = "\r\n".join(
        [
            "单号,状态,数量",
            f"{agreed},成功,30",
            f"{agreed},成功,30",
            f"{amount},done,31",
            f"{state},失败,30",
            f"{waiting},成功,30",
            f"{unknown},成功,7",
            f"{'0' * 23}2,失败,7",
            "",
        ]
    )
    rows = sorted(airport.mall.counter.stage.rows(), key=str)

    answer = check(airport, file)

    assert sorted(kinds(answer)) == sorted(
        [
            ("missing_at_theirs", missing),
            ("missing_at_ours", unknown),
            ("other_amount", amount),
            ("other_state", state),
            ("other_state", waiting),
            ("twice", agreed),
        ]
    )
    (other,) = [one for one in answer.data["differences"] if one["kind"] == "other_amount"]
    assert (other["our_units"], other["their_units"]) == (30, 31)
    after = sorted(airport.mall.counter.stage.rows(), key=str)
    assert next(one for one in after if one not in rows)["pk"] == "EXCHANGE#checks:miles"
    assert len(after) == len(rows) + 1


def test_a_repeat_replaces_nothing_and_says_who_and_when(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.exchange(token)
    first = check(airport, "单号,状态,数量\r\n").data
    airport.later(hours=1)
    second = check(airport, theirs(airport)).data

    kept = airport.mall.staff("GET", f"{PATH}/reconciliations", partner_id="miles").data["list"]

    assert [(one["id"], one["differing"]) for one in kept] == [(second["id"], 0), (first["id"], 1)]
    assert [one["at"] for one in kept] == ["2026-03-02T13:00:00+08:00", "2026-03-02T12:00:00+08:00"]
    assert kept[0]["by"] == kept[1]["by"] != ""


def test_what_the_partner_gave_and_nobody_was_charged_for_is_no_difference_of_the_day(airport: Airport) -> None:
    _, _, exchange_id = outlived(airport, spend=950)
    airport.sweep()

    assert kinds(check(airport, theirs(airport))) == []
    assert exchange_id in theirs(airport)


def crowd(older: int) -> None:
    """So many that are listed as uncharged for longer than any other."""
    name, work = open_exchanges().name, {"work_of": {"S": UNCHARGED}}
    for start in range(0, older, 25):
        numbers = range(start, min(start + 25, older))
        keys = [f"2026-01-01T00:00:00.000000Z#{number:024x}" for number in numbers]
        puts = [
            {**work, "pk": {"S": f"EXCHANGE#{key[-24:]}"}, "sk": {"S": "-"}, "work_key": {"S": key}} for key in keys
        ]
        client().batch_write_item(RequestItems={name: [{"PutRequest": {"Item": put}} for put in puts]})


def test_what_is_uncharged_is_of_its_day_however_many_wait_before_it(airport: Airport) -> None:
    _, _, made = outlived(airport, spend=950)
    airport.sweep()
    crowd(1_001)

    assert kinds(check(airport, theirs(airport))) == []
    assert kinds(check(airport, "单号,状态,数量\r\n")) == [("missing_at_theirs", made)]


def test_so_many_uncharged_ones_that_a_day_cannot_be_told_are_to_be_ended_first(
    airport: Airport, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlived(airport, spend=950)
    airport.sweep()
    monkeypatch.setattr(table, "MOST_UNCHARGED", 3)
    crowd(2)
    fits = check(airport, theirs(airport)).status
    crowd(3)

    refused = check(airport, theirs(airport)).json

    assert (fits, refused["code"], refused["msg"]) == (200, 40936, "未扣分的兑换超过3笔,请先逐笔处理再对账")


def test_another_partners_exchange_is_missing_here(airport: Airport) -> None:
    airport.partner("hotel", name="某酒店")
    token, _ = airport.mall.member()
    made = airport.exchange(token).data["id"]
    body = {"on": ON, "file": b64encode(theirs(airport).encode()).decode()}

    answer = airport.mall.staff("POST", f"{PATH}/reconciliations", body, partner_id="hotel")

    assert kinds(answer) == [("missing_at_ours", made)]


@pytest.mark.parametrize(
    ("csv", "told"),
    [
        ("", "文件是空的"),
        ("单号,状态\r\n", "缺少“数量”列"),
        ("单号,状态,数量\r\nabc,成功,1\r\n", "第2行单号:不是兑换单号"),
        ("单号,状态,数量\r\n1.2E+23,成功,1\r\n", "第2行单号:不是兑换单号"),
        (f"单号,状态,数量\r\n{'a' * 24},好,1\r\n", "第2行状态:不是已知的状态"),
        (f"单号,状态,数量\r\n{'a' * 24},成功,1.5\r\n", "第2行数量:应为整数"),
        (f"单号,状态,数量\r\n{'a' * 24},成功\r\n", "第2行数量:不能为空"),
        ('单号,状态,数量\r\n"a,成功,1\r\n', "第2行:引号没有配对"),
    ],
)
def test_half_a_file_is_none(csv: str, told: str) -> None:
    with pytest.raises(JifenError) as refused:
        rows_of(csv.encode())

    assert refused.value.msg.startswith(told)


def test_rows_are_read_as_people_save_them() -> None:
    raw = f"\ufeff状态,兑换单号,备注,数量\r\n成功,{'AB' * 12},=1+1,30\r\n".encode()

    assert rows_of(raw) == [Row("ab" * 12, "done", 30)]


def test_what_is_no_base64_is_refused_and_finance_may_ask_but_service_may_not(airport: Airport) -> None:
    body = {"on": ON, "file": "单号"}
    path = f"{PATH}/reconciliations"
    service, finance = (airport.mall.counter.staff(role) for role in ("customer_service", "finance"))

    assert airport.mall.staff("POST", path, body, partner_id="miles").json["field"] == "file"
    assert airport.mall.call("GET", path, token=service, partner_id="miles").status == 403
    assert airport.mall.call("GET", path, token=finance, partner_id="miles").status == 200
    assert airport.mall.staff("GET", f"{PATH}/reconciliation", query={"on": "x"}, partner_id="miles").status == 400
