"""A CSV of orders, as shops and spreadsheets really write it, becomes records or reasons."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.earning.order import GoodsReceived, Line, OrderFact, Paid, Refund, RefundedLine
from chalicelib.earning.order_csv import Row, Sheet, read_sheet
from chalicelib.earning.order_feed import order_fact
from chalicelib.errors import JifenError
from chalicelib.sheets.rows import BadRow

NOW = datetime(2025, 1, 1, tzinfo=UTC)
HEADER = "订单号,买家ID,付款时间,实付金额"


def sheet(text: str, encoding: str = "utf-8") -> Sheet:
    return read_sheet(text.encode(encoding), platform="tmall", zone="Asia/Shanghai")


def only_row(cells: str, header: str = HEADER) -> Row:
    (row,) = sheet(f"{header}\n{cells}\n").rows
    assert isinstance(row, Row), row
    return row


def only_fault(cells: str, header: str = HEADER) -> BadRow:
    (row,) = sheet(f"{header}\n{cells}\n").rows
    assert isinstance(row, BadRow), row
    return row


def refusal(raw: bytes) -> str:
    with pytest.raises(JifenError) as refused:
        read_sheet(raw, platform="tmall", zone="Asia/Shanghai")
    return refused.value.msg


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_each_encoding_gives_the_same_paid_order(encoding: str) -> None:
    text = '订单编号,买家账号,支付时间,支付金额,运费,优惠\r\n\'2024001,小明,2024/5/6 7:08,"1,234.5",10,0.05\r\n'

    (row,) = sheet(text, encoding).rows

    assert isinstance(row, Row)
    assert order_fact(row.record, NOW) == Paid(
        platform="tmall",
        order_no="2024001",
        buyer_id="小明",
        paid_at=datetime(2024, 5, 5, 23, 8, tzinfo=UTC),
        paid_fen=123450,
        freight_fen=1000,
        coupon_fen=5,
    )


def test_our_own_field_names_hold_fen() -> None:
    header = "order_no,buyer_id,paid_at,paid_fen,freight_fen"

    row = only_row("A-1,b1,2024-05-06T07:08:09+08:00,1234,100", header)

    assert (row.record["paid_fen"], row.record["freight_fen"]) == (1234, 100)


def test_a_refund_is_known_by_its_number_or_by_its_kind() -> None:
    header = "类型,订单号,买家ID,付款时间,实付金额,退款单号,退款金额,退款时间"
    text = f"{header}\n,1,b,20240506,9.9,,,\n,1,,,,R1,3.3,20240507\n退款,1,b,20240506,9.9,R2,1,20240508\n"

    facts = [order_fact(row.record, NOW) for row in sheet(text).rows if isinstance(row, Row)]

    assert [type(fact) for fact in facts] == [Paid, Refund, Refund]
    assert [fact.refunded_fen for fact in facts if isinstance(fact, Refund)] == [330, 100]


def test_a_file_of_refunds_alone_needs_no_paid_columns() -> None:
    row = only_row("1,R1,0.01,20240507", "订单号,退款单号,退款金额,退款时间")

    assert order_fact(row.record, NOW).order_no == "1"


def test_a_row_that_is_both_is_refused_unless_it_says_which() -> None:
    header = "订单号,买家ID,付款时间,实付金额,退款单号,退款金额,退款时间"

    fault = only_fault("1,b,20240506,9.9,R1,3.3,20240507", header)

    assert fault == BadRow(2, "退款单号", "同一行既有付款又有退款,请分成两行,或加一列“类型”写明付款或退款")


def test_a_refunded_amount_without_number_is_not_swallowed() -> None:
    header = HEADER + ",退款金额"

    assert only_row("1,b,20240506,9.9,0.00", header).record["kind"] == "paid"
    assert only_fault("1,b,20240506,9.9,1", header) == BadRow(2, "退款单号(refund_no)", "有退款金额但没有退款单号")


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("'123456789012345678", "123456789012345678"),
        ('"=""123456789012345678"""', "123456789012345678"),
        ('="123"', "123"),
        ("\t123\t", "123"),
        ("１２３Ａ", "123A"),
        ("007", "007"),
        ("5E12", "5E12"),
    ],
)
def test_order_numbers_are_text(cell: str, number: str) -> None:
    assert only_row(f"{cell},b,20240506,1").record["order_no"] == number


@pytest.mark.parametrize("cell", ["1.23E+18", "1.23457E+17", "1E+18", "1.23e18", "'1.23E+18", "１．２３Ｅ＋１８"])
def test_what_excel_rounded_is_refused_with_row_and_reason(cell: str) -> None:
    fault = only_fault(f"{cell},b,20240506,1")

    assert (fault.number, fault.column) == (2, "订单号")
    assert "科学计数法" in fault.reason


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06 07:08:09.250+0800", "2024-05-05T23:08:09.250000+00:00"),
        ("2024-05-06 07:08", "2024-05-05T23:08:00+00:00"),
        ("2024-05-06 07:08:09", "2024-05-05T23:08:09+00:00"),
        ("2024/5/6 7:08", "2024-05-05T23:08:00+00:00"),
        ("2024/5/6", "2024-05-05T16:00:00+00:00"),
        ("20240506", "2024-05-05T16:00:00+00:00"),
    ],
)
def test_dates_without_offset_are_in_the_programmes_zone(cell: str, instant: str) -> None:
    assert only_row(f"1,b,{cell},1").record["paid_at"].astimezone(UTC).isoformat() == instant


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2024-02-30", "没有这个日期或时间"),
        ("2024-05-06 25:00", "没有这个日期或时间"),
        ("45418.5", "Excel的日期序号"),
        ("昨天", "应为日期时间"),
        ("2024-05/06", "应为日期时间"),
        ("05/06/2024", "应为日期时间"),
        ("", "不能为空"),
    ],
)
def test_what_is_no_date_says_so(cell: str, reason: str) -> None:
    fault = only_fault(f"1,b,{cell},1")

    assert fault.column == "付款时间"
    assert reason in fault.reason


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("0", 0), ("0.1", 10), ("19.99", 1999), ("¥8.00", 800), ("￥8", 800), ("2.50元", 250), ("'３", 300)],
)
def test_yuan_become_fen_by_their_digits(cell: str, fen: int) -> None:
    assert only_row(f"1,b,20240506,{cell}").record["paid_fen"] == fen


@pytest.mark.parametrize("cell", ["1.005", "-1", "1e3", "abc", '"1,23"', "1.2.3", "=1+1", "9" * 5000, "NaN", "1."])
def test_what_is_no_amount_is_refused(cell: str) -> None:
    assert only_fault(f"1,b,20240506,{cell}").column == "实付金额"


def test_a_formula_is_text_and_nothing_more() -> None:
    row = only_row('1,"=HYPERLINK(""x"")",20240506,1')

    assert row.record["buyer_id"] == '=HYPERLINK("x")'


def test_bad_rows_are_numbered_as_excel_shows_them_and_good_ones_kept() -> None:
    text = (
        f'\ufeff{HEADER},备注\r\n1,b,20240506,1,"两\r\n行"\r\n\r\n2,b,20240506,x,\r\n3,b,20240506,1,"a\nb"\r\n4,b\r\n'
    )

    rows = sheet(text).rows

    assert [(row.number, isinstance(row, Row)) for row in rows] == [(2, True), (4, False), (5, True), (6, False)]
    assert sheet(text).columns.ignored == ("备注",)


def test_a_quote_that_never_closes_ends_the_reading_in_plain_words() -> None:
    rows = sheet(f'{HEADER}\n1,b,20240506,1\n2,"b,20240506,1\n3,b,20240506,1\n').rows

    assert isinstance(rows[0], Row)
    assert rows[1:] == (BadRow(3, "", "引号没有配对,从这一行起的内容没有读取"),)


def test_one_broken_line_does_not_stop_the_next() -> None:
    rows = sheet(f'{HEADER}\n"1"x,b,20240506,1\n2,b,20240506,1\n').rows

    assert rows[0] == BadRow(2, "", "引号没有配对,或内容过长")
    assert isinstance(rows[1], Row)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("1,b,20240506,1," + "长" * 10_001, "字符"),
        ("1,b,20240506," + "1" * 200_000, "过长"),
        ("1,b,20240506,1,2", "多出了列"),
        ("1,b\0c,20240506,1", "NUL"),
        (",b,20240506,1", "不能为空"),
    ],
)
def test_rows_of_another_shape_are_refused(cells: str, reason: str) -> None:
    assert reason in only_fault(cells).reason


def test_a_row_of_another_platform_is_refused() -> None:
    assert only_fault("1,b,20240506,1,douyin", HEADER + ",platform").column == "platform"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "文件是空的"),
        (b"\xef\xbb\xbf\r\n \r\n", "文件是空的"),
        (HEADER.encode(), "只有表头"),
        (b"\xff\xfeabc\xff", "编码"),
        (f"{HEADER}\n1,b,20240506,1\n".encode("utf-16-le"), "NUL"),
        ("买家ID,付款时间\n1,2\n".encode(), "缺少必需的列:订单号(order_no)、实付金额(paid_fen)"),
        ("订单号,退款单号\n1,2\n".encode(), "缺少必需的列:退款金额(refunded_fen)、退款时间(refunded_at)"),
        (f"{HEADER},支付金额\n".encode(), "是同一项"),
        (f'"{HEADER}\n'.encode(), "表头无法读取"),
    ],
)
def test_a_file_that_is_no_order_sheet_gets_one_clear_answer(raw: bytes, words: str) -> None:
    assert words in refusal(raw)


def test_a_control_character_in_a_buyer_refuses_that_record_alone() -> None:
    """Whatever passes here must be an identity: one odd buyer must not take a whole delivery along."""
    row = only_row("1,小\x85明,20240506,1")

    with pytest.raises(JifenError) as refused:
        order_fact(row.record, NOW)
    assert refused.value.field == "buyer_id"


LINES_HEADER = "主订单编号,子订单编号,买家ID,付款时间,实付金额,子订单实付金额,运费,商家编码,类目,购买数量,确认收货时间"


def facts(text: str) -> list[OrderFact]:
    rows = sheet(text).rows
    assert all(isinstance(row, Row) for row in rows), rows
    return [order_fact(row.record, NOW) for row in rows if isinstance(row, Row)]


def faults(text: str) -> list[tuple[int, str, str]]:
    return [(row.number, row.column, row.reason) for row in sheet(text).rows if isinstance(row, BadRow)]


def test_an_order_that_was_received_gives_two_records() -> None:
    text = f"{HEADER},确认收货时间\n1,b,20240506,1,2024-05-09 10:00:00\n2,b,20240506,1,\n"

    assert [type(fact) for fact in facts(text)] == [Paid, GoodsReceived, Paid]
    assert facts(text)[1] == GoodsReceived("tmall", "1", datetime(2024, 5, 9, 2, tzinfo=UTC))
    assert [row.number for row in sheet(text).rows] == [2, 2, 3]


def test_a_receipt_may_stand_alone_in_its_row_or_its_file() -> None:
    among_others = f"{HEADER},确认收货时间\n1,,,,2024-05-09\n"
    alone = "订单号,确认收货时间\n1,2024-05-09\n"
    by_kind = f"类型,{HEADER},received_at\n确认收货,1,b,20240506,1,20240509\n"

    received = GoodsReceived("tmall", "1", datetime(2024, 5, 8, 16, tzinfo=UTC))
    assert facts(among_others) == facts(alone) == facts(by_kind) == [received]


def test_a_bad_receipt_time_refuses_its_row_and_is_named() -> None:
    assert only_fault("1,b,20240506,1,昨天", HEADER + ",确认收货时间").column == "确认收货时间"
    assert only_fault("1,x", "订单号,确认收货时间").column == "确认收货时间"


def test_a_refund_row_may_name_the_receipt_too() -> None:
    text = "订单号,退款单号,退款金额,退款时间,确认收货时间\n1,R1,0.01,20240510,20240509\n"

    assert [type(fact) for fact in facts(text)] == [Refund, GoodsReceived]


def test_a_till_is_named_by_our_own_column() -> None:
    row = only_row("1,b,20240506,1,pos", HEADER + ",channel")

    fact = order_fact(row.record, NOW)
    assert isinstance(fact, Paid)
    assert fact.is_pos


def test_the_rows_of_one_order_are_its_lines() -> None:
    text = (
        f"{LINES_HEADER}\n"
        "1,11,b,20240506,13,8,1,LOCK-1,车锁,1,20240509\n"
        "2,21,b,20240506,5,5,,,,,\n"
        "1,12,b,20240506,13,4,,,,2,20240510\n"
    )

    first, received, second = facts(text)

    assert first == Paid(
        platform="tmall",
        order_no="1",
        buyer_id="b",
        paid_at=datetime(2024, 5, 5, 16, tzinfo=UTC),
        paid_fen=1300,
        freight_fen=100,
        lines=(Line("11", "LOCK-1", "车锁", 800), Line("12", "", "", 400, 2)),
    )
    assert received == GoodsReceived("tmall", "1", datetime(2024, 5, 9, 16, tzinfo=UTC))
    assert isinstance(second, Paid)
    assert second.lines == (Line("21", "", "", 500),)
    assert [row.number for row in sheet(text).rows] == [2, 2, 3]


def test_an_order_is_not_received_before_its_last_line() -> None:
    text = f"{LINES_HEADER}\n1,11,b,20240506,12,8,,,,,20240509\n1,12,b,20240506,12,4,,,,,\n"

    assert [type(fact) for fact in facts(text)] == [Paid]


def test_one_bad_line_refuses_its_whole_order_and_no_other() -> None:
    text = f"{LINES_HEADER}\n1,11,b,20240506,12,8,,,,,\n2,21,b,20240506,5,5,,,,,\n1,12,b,20240506,12,x,,,,,\n"

    assert faults(text) == [
        (2, "", "同一订单的第4行有误,整单没有导入"),
        (4, "子订单实付金额", "应为金额(元,最多两位小数),而不是“x”"),
    ]
    assert [row.number for row in sheet(text).rows if isinstance(row, Row)] == [3]


def test_lines_that_disagree_about_their_order_refuse_it() -> None:
    text = f"{LINES_HEADER}\n1,11,b,20240506,12,8,,,,,\n1,12,b,20240506,4,4,,,,,\n"

    assert faults(text) == [
        (2, "", "同一订单的第3行有误,整单没有导入"),
        (3, "实付金额", "与同一订单前面的行不同"),
    ]


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ("1,12,b,20240506,12,3,,,,,", "lines"),  # one that states no order's total, or a total in each row
        ("1,11,b,20240506,12,4,,,,,", "lines.1.line_no"),
        ("1,1:2,b,20240506,12,4,,,,,", "lines.1.line_no"),
    ],
)
def test_lines_that_make_no_order_are_refused_as_the_feed_does(second: str, field: str) -> None:
    (row,) = sheet(f"{LINES_HEADER}\n1,11,b,20240506,12,8,,,,,\n{second}\n").rows
    assert isinstance(row, Row)

    with pytest.raises(JifenError) as refused:
        order_fact(row.record, NOW)

    assert refused.value.field == field


def test_a_row_without_a_line_number_is_an_order_without_lines() -> None:
    (fact,) = facts(f"{LINES_HEADER}\n1,,b,20240506,12,,,,,,\n")

    assert isinstance(fact, Paid)
    assert fact.lines == ()


def test_a_refund_row_with_a_line_number_is_for_that_line() -> None:
    header = f"{LINES_HEADER},退款单号,退款金额,退款时间"
    text = f"{header}\n1,11,b,20240506,8,8,,,,,,,,\n1,11,,,,,,,,,,R1,3.3,20240507\n"

    sold, returned = sorted(facts(text), key=lambda fact: type(fact).__name__)

    assert isinstance(sold, Paid)
    assert isinstance(returned, Refund)
    assert returned.lines == (RefundedLine("11", 330),)


def test_a_bad_refund_of_a_line_does_not_refuse_the_order() -> None:
    header = f"{LINES_HEADER},退款单号,退款金额,退款时间"
    text = f"{header}\n1,11,b,20240506,8,8,,,,,,,,\n1,11,,,,,,,,,,R1,x,20240507\n"

    assert [(row.number, isinstance(row, Row)) for row in sheet(text).rows] == [(2, True), (3, False)]


def test_an_articles_columns_are_not_used_without_the_number_of_its_line() -> None:
    text = f"{HEADER},商家编码,购买数量,quantity,子订单实付金额\n1,b,20240506,1,LOCK-1,x,y,z\n"

    assert sheet(text).columns.ignored == ("商家编码", "购买数量", "quantity", "子订单实付金额")
    assert [type(fact) for fact in facts(text)] == [Paid]


def test_a_sheet_of_lines_must_say_what_each_was_paid() -> None:
    assert "缺少必需的列:子订单实付金额(line_paid_fen)" in refusal(f"{HEADER},子订单编号\n1,b,20240506,1,11\n".encode())


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("1,11,b,20240506,8,,,,,,", "子订单实付金额"),
        ("1,1.1E+18,b,20240506,8,8,,,,,", "子订单编号"),
        ("1,11,b,20240506,8,8,,1.2E+15,,,", "商家编码"),
        ("1,11,b,20240506,8,8,,,,一,", "购买数量"),
        ("1,11,b,20240506,8,8,,,,1.5,", "购买数量"),
        ("1,11,,20240506,8,8,,,,,", "买家ID"),
    ],
)
def test_a_bad_cell_of_a_line_is_named(cells: str, column: str) -> None:
    assert only_fault(cells, LINES_HEADER).column == column


def test_a_till_sheet_names_the_store_the_guide_and_the_phone() -> None:
    header = "订单号,买家ID,付款时间,实付金额,channel,门店编号,导购编号,手机号"

    row = only_row("A-1,b1,20240506,9.9,pos,'0042,g-7,'138 0013 8000", header)

    fact = order_fact(row.record, NOW, phone_key=lambda: "a-key-of-this-test-0123456789")
    assert isinstance(fact, Paid)
    assert (fact.store_id, fact.guide_id, fact.is_pos) == ("0042", "g-7", True)
    assert (len(fact.phone), len(fact.phone_tail)) == (64, 32)
    assert "13800138000" not in repr(fact)


def test_a_phone_that_a_spreadsheet_has_rounded_names_its_column() -> None:
    header = "订单号,买家ID,付款时间,实付金额,手机号"

    fault = only_fault("A-1,b1,20240506,9.9,1.38E+10", header)

    assert (fault.column, "科学计数法" in fault.reason) == ("手机号", True)
