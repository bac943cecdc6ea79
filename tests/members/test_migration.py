"""A brand's list of members, as old systems and spreadsheets write it, becomes openings or reasons."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.model import Account
from chalicelib.ledger.opening import differences, opened, totals, totals_of
from chalicelib.ledger.rebuild import folded
from chalicelib.members.conversion import Ratio, converted, ratio_of
from chalicelib.members.migration_sheet import read_members
from chalicelib.members.model import Identity
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms
from tests.ledger.builders import bucket
from tests.members.migrations import OPENED_AT, OPENED_ON, a_basis, a_file, a_row, only_member, planned
from tests.programme.builders import SINCE, demo_document

JUNE, NOVEMBER = date(2027, 6, 30), date(2027, 11, 30)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_each_encoding_gives_the_same_members(encoding: str) -> None:
    row = a_row(platform="tmall", buyer_id="小明", level="黄金", level_until="2027/3/1", growth="600")

    (read,) = read_members(a_file(row, encoding=encoding)).rows

    assert (read.old_id, read.identity, read.points) == ("A1", Identity("tmall", "小明"), 10_000)
    assert (read.level, read.level_until, read.growth) == ("黄金", date(2027, 3, 1), 600)


@pytest.mark.parametrize("text", ["2027-06-30", "2027/6/30 23:59", "2027.06.30", "20270630", "2027年6月30日 23:59:59"])
def test_five_forms_of_a_last_day_are_one_bucket(text: str) -> None:
    assert only_member(a_row(expires_on=text)).opening.buckets == {bucket(JUNE): 100}


def test_full_width_numbers_and_blanks_are_made_plain() -> None:
    member = only_member(a_row("A１２ ", points="１００"))

    assert member.identities == (Identity("migrated", "A12"),)
    assert sum(member.opening.buckets.values()) == 100


def test_our_own_names_of_columns_are_as_good_and_others_are_named() -> None:
    sheet = read_members(b"old_id,phone,points,class,expires_on,joined_on\nA1,13800000000,5,activity,never,20240506\n")

    assert sheet.ignored == ("phone",)
    assert sheet.rows[0].never
    assert "13800000000" not in repr(sheet)


def test_the_rows_of_one_number_are_one_opening() -> None:
    member = only_member(
        a_row(points="100", growth="700", platform="tmall", buyer_id="b1"),
        a_row(points="30", **{"class": "行为"}, expires_on="2027-11-30", level="gold"),
        a_row(points="5", joined_on="", platform="wechat", buyer_id="o-1"),
        a_row(points="7", joined_on="2024-05-06", checked_in_on="2026-11-30", run_days="9"),
    )

    opening = member.opening
    assert opening.buckets == {bucket(JUNE): 112, bucket(NOVEMBER)[:3] + "b": 30}
    assert (opening.growth, opening.level, opening.level_until_on) == (700, "gold", date(2027, 12, 1))
    assert (opening.checked_in_on, opening.run_days) == (date(2026, 11, 30), 9)
    assert member.identities == (Identity("migrated", "A1"), Identity("tmall", "b1"), Identity("wechat", "o-1"))


def test_without_a_last_day_points_last_as_the_programme_says_from_the_opening_on() -> None:
    member = only_member(a_row(expires_on=""), a_row(expires_on="", **{"class": "行为"}, points="3"))

    assert member.opening.buckets == {bucket(date(2027, 12, 31)): 100, bucket(date(2027, 12, 31))[:3] + "b": 3}


def test_without_a_last_day_points_last_for_ever_where_the_brand_says_so() -> None:
    assert only_member(a_row(expires_on=""), basis=a_basis(never=True)).opening.buckets == {"zzzc": 100}
    assert only_member(a_row(expires_on="永久有效")).opening.buckets == {"zzzc": 100}


def test_points_that_had_ended_are_counted_and_not_brought() -> None:
    found = planned(a_row(expires_on="2026-11-30", points="12.50"), a_row(expires_on="2026-12-01", points="4"))

    assert found.expired_points == {("consumption", "2026-11"): 1250}
    assert found.old_points == {("consumption", "2026-12"): 400}
    assert found.brought[0].opening.buckets == {bucket(OPENED_ON): 4}


def test_a_ratio_rounds_the_member_down_once_and_gives_the_rest_to_the_largest_batch() -> None:
    rows = (a_row(points="19"), a_row(points="28", expires_on="2027-11-30"), a_row(points="6.50", expires_on="never"))

    found = planned(*rows, basis=a_basis(ratio=Ratio(10, 1)))

    assert found.brought[0].opening.buckets == {bucket(JUNE): 1, bucket(NOVEMBER): 4}  # 53.5 are 5.35
    assert found.rounded_away == 350  # of 1,000 parts of a point
    assert found.brought[0].opening.facts == {"old_points": "53.50", "ratio": "10:1"}


_LOTS = st.dictionaries(st.sampled_from(["g4sc", "g5nb", "g6ia", "zzzc"]), st.integers(0, 10**9))
_RATIOS = st.builds(Ratio, st.integers(1, 999_999), st.integers(1, 999_999))


@given(_LOTS, _RATIOS)
def test_no_part_of_a_point_is_lost_without_being_counted(lots: dict[str, int], ratio: Ratio) -> None:
    points, away = converted(lots, ratio)

    assert sum(points.values()) * ratio.unit + away == sum(lots.values()) * ratio.new
    assert 0 <= away < ratio.unit
    assert all(part > 0 for part in points.values())
    assert all(points.get(key, 0) >= hundredths * ratio.new // ratio.unit for key, hundredths in lots.items())


@pytest.mark.parametrize("text", ["10", "10:0", "0:1", "1.5:1", "-1:1", "1:1:1", "1000000:1", "十:一"])
def test_a_ratio_is_two_whole_numbers(text: str) -> None:
    assert ratio_of("10:1") == Ratio(10, 1)
    with pytest.raises(ValueError, match="such as 10:1"):
        ratio_of(text)


@pytest.mark.parametrize(
    ("given", "column", "reason"),
    [
        ({"old_id": "1.38E+10"}, "会员号", "科学计数法"),
        ({"old_id": "100.0"}, "会员号", "带小数点"),
        ({"old_id": ""}, "会员号", "不能为空"),
        ({"old_id": "9" * 129}, "会员号", "1至128个"),
        ({"points": "-5"}, "积分", "不能为负数"),
        ({"points": "1.38E+10"}, "积分", "科学计数法"),
        ({"points": "1.005"}, "积分", "最多两位小数"),
        ({"points": "2000000000"}, "积分", "合计超过"),
        ({"class": ""}, "类别", "有积分时必填"),
        ({"class": "赠送"}, "类别", "应为消费、行为或活动"),
        ({"expires_on": "2027-02-30"}, "到期日", "没有这个日期"),
        ({"expires_on": "9999-12-31"}, "到期日", "晚于2097-09-24"),
        ({"expires_on": "1899-12-30"}, "到期日", "早于1990-01-01"),
        ({"expires_on": "46356"}, "到期日", "Excel的日期序号"),
        ({"growth": "-1"}, "成长值", "不能为负数"),
        ({"growth": "1.5"}, "成长值", "应为整数"),
        ({"growth": "99999999999"}, "成长值", "最多1000000000"),
        ({"level": "至尊"}, "等级", "没有等级“至尊”"),
        ({"level_until": "2027-03-01"}, "等级", "不能为空"),
        ({"level": "黄金", "level_until": "2026-11-30"}, "等级到期", "早于转入日"),
        ({"checked_in_on": "2026-12-02", "run_days": "1"}, "最后签到日", "晚于转入日"),
        ({"checked_in_on": "2026-11-30"}, "连续签到天数", "一起填"),
        ({"run_days": "3"}, "最后签到日", "一起填"),
        ({"checked_in_on": "2024-05-07", "run_days": "3"}, "连续签到天数", "比入会以来的天数还多"),
        ({"joined_on": ""}, "入会日", "每位会员都要有"),
        ({"joined_on": "2026-12-02"}, "入会日", "晚于转入日"),
        ({"platform": "tmall"}, "买家ID", "不能为空"),
        ({"buyer_id": "b1"}, "平台", "不能为空"),
        ({"platform": "天猫", "buyer_id": "b1"}, "平台", "小写字母"),
        ({"platform": "migrated", "buyer_id": "b1"}, "平台", "留给原会员号"),
        ({"platform": "tmall", "buyer_id": "1.38E+10"}, "买家ID", "科学计数法"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line_and_column(given: dict[str, str], column: str, reason: str) -> None:
    found = planned({**a_row(), **given}, a_row("A2"))

    (bad,) = found.refused
    assert (bad.number, bad.column) == (2, column)
    assert reason in bad.reason
    assert [one.identities[0].external_id for one in found.brought] == ["A2"]


def test_one_bad_row_refuses_the_whole_member_and_nobody_else() -> None:
    found = planned(a_row(), a_row("A2"), a_row(points="-1"), a_row(points="7"))

    assert [(bad.number, bad.reason) for bad in found.refused] == [
        (2, "同一会员的第4行有误,整个会员没有转入"),
        (4, "不能为负数"),
        (5, "同一会员的第4行有误,整个会员没有转入"),
    ]
    assert len(found.brought) == 1


@pytest.mark.parametrize(
    ("first", "second", "column"),
    [
        ({"growth": "5"}, {"growth": "6"}, "成长值"),
        ({"level": "黄金"}, {"level": "铂金"}, "等级"),
        ({"joined_on": "2024-05-06"}, {"joined_on": "2024-05-07"}, "入会日"),
    ],
)
def test_rows_of_one_member_must_not_contradict(first: dict[str, str], second: dict[str, str], column: str) -> None:
    found = planned({**a_row(points="1"), **first}, {**a_row(points="2"), **second})

    assert (found.refused[1].number, found.refused[1].column) == (3, column)
    assert found.refused[1].reason == "与同一会员的第2行不同"
    assert found.brought == ()


def test_the_very_same_row_twice_is_a_duplicate_and_two_batches_of_one_day_are_not() -> None:
    twice = planned(a_row(), a_row())
    two = planned(a_row(points="1"), a_row(points="2"))

    assert [bad.reason for bad in twice.refused] == ["同一会员的第3行有误,整个会员没有转入", "与第2行完全相同"]
    assert two.brought[0].opening.buckets == {bucket(JUNE): 3}


def test_two_members_cannot_be_one_buyer() -> None:
    found = planned(a_row("A1", platform="tmall", buyer_id="b1"), a_row("A2", platform="tmall", buyer_id="b1"))

    assert {bad.reason for bad in found.refused} == {"第2行和第3行是同一买家,但会员号不同"}
    assert found.brought == ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "文件是空的"),
        ("会员号,积分\n".encode(), "缺少必需的列:入会日"),
        ("会员号,积分,入会日,积分余额\n".encode(), "是同一项"),
        ("会员号,积分,入会日\n".encode(), "没有会员"),
        (b"\xff\xff\xff\x00", "无法识别文件编码"),
    ],
)
def test_what_is_no_list_of_members_is_refused_as_a_whole(raw: bytes, reason: str) -> None:
    with pytest.raises(JifenError, match=reason):
        read_members(raw)


def test_growth_and_levels_need_a_programme_that_has_them() -> None:
    document = {name: part for name, part in demo_document().items() if name not in ("growth", "levels", "stages")}
    terms = Terms(1, SINCE, read_programme(document))

    found = planned(a_row(growth="5"), a_row("A2", level="黄金"), basis=a_basis(terms))

    assert [bad.reason for bad in found.refused] == ["积分方案没有成长值", "积分方案没有等级“黄金”"]


def an_account_of(*rows: dict[str, str]) -> Account:
    opening = only_member(*rows).opening
    return opened(Account(opening.member_id, "0001"), opening, a_basis().terms.ledger, OPENED_AT).account


def test_growth_above_the_next_level_raises_at_once_as_the_terms_say() -> None:
    account = an_account_of(a_row(growth="2100", level="黄金", level_until="2027-03-01"))

    assert account.tenure == Tenure("platinum", OPENED_ON, date(2027, 12, 1), "")


def test_a_level_brought_is_reviewed_when_its_validity_and_grace_are_over() -> None:
    terms = a_basis().terms.ledger
    account = an_account_of(a_row(points="0", growth="100", level="黄金", level_until="2027-03-01"))
    assert account.due_on is not None
    assert account.due_on <= date(2027, 3, 2)

    night = OPENED_AT + timedelta(days=90 + 31)
    posting = apply(account, [Expire()], terms, night)

    assert [entry.level_after for entry in posting.entries] == ["normal"]


@pytest.mark.parametrize("growth", ["600", "2100", ""])
def test_the_journal_alone_makes_the_opened_account(growth: str) -> None:
    opening = only_member(a_row(growth=growth, level="黄金", checked_in_on="2026-11-30", run_days="70")).opening
    posting = opened(Account(opening.member_id, "0001"), opening, a_basis().terms.ledger, OPENED_AT)
    (entry,) = posting.entries

    rebuilt = folded(Account(opening.member_id, "0001"), entry)

    assert rebuilt._replace(version=1, due_on=posting.account.due_on) == posting.account
    assert posting.account.check_ins.with_day(OPENED_ON).run_days == 71


def test_totals_that_differ_are_named() -> None:
    file = totals([({bucket(JUNE): 100}, 5, "gold"), ({"zzzc": 1, "zzyb": 2}, 0, "")])
    journal = totals([({bucket(JUNE): 90}, 5, "")])

    assert differences(file, file) == []
    assert differences(file, journal) == [
        ("members", 2, 1),
        ("points behaviour idle", 2, 0),
        ("points consumption 2027-06", 100, 90),
        ("points consumption never", 1, 0),
        ("level gold", 1, 0),
    ]
    assert totals_of([]) == totals([])
