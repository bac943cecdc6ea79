"""Fields of subscribe messages: what fits goes as it is, sentences and names are cut, the rest is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.connect.wechat.fields import FieldRefused, fitted, is_field
from local.stand_in.subscriptions import fits

KINDS = (
    "thing",
    "character_string",
    "number",
    "letter",
    "symbol",
    "phrase",
    "name",
    "amount",
    "phone_number",
    "time",
    "date",
    "enum",
)


def one(field: str, value: str) -> str:
    return fitted({field: value})[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thing1", "字" * 20),
        ("thing12", "还差3天得10分"),
        ("number1", "12.50"),
        ("letter1", "Gold"),
        ("symbol1", "-"),
        ("character_string1", "SF-1234_56"),
        ("phrase1", "黄金会员"),
        ("name1", "王小明"),
        ("name1", "John Smith"),
        ("amount1", "¥1234567890"),
        ("amount1", "100元"),
        ("phone_number1", "+86-0766-66888866"),
        ("time1", "15:01"),
        ("time1", "2026年3月31日 23:59"),
        ("time1", "15:01~16:00"),
        ("date1", "2026年3月31日"),
        ("date1", "2026年3月1日~2026年3月31日"),
        ("enum1", "待领取"),
    ],
)
def test_what_fits_goes_as_it_is(field: str, value: str) -> None:
    assert one(field, value) == value


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("thing1", "字" * 21, "字" * 19 + "…"),
        ("thing1", "🎁" * 11, "🎁" * 9 + "…"),
        ("thing1", "积分\n将到期", "积分 将到期"),
        ("name1", "字" * 11, "字" * 10),
        ("name1", "a" * 21, "a" * 20),
    ],
)
def test_a_sentence_and_a_name_are_cut_where_they_are_too_long(field: str, value: str, sent: str) -> None:
    assert one(field, value) == sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thing1", ""),
        ("thing1", " \n"),
        ("number1", "1,000"),
        ("number1", "1" * 33),
        ("number1", "三"),
        ("letter1", "Gold1"),
        ("letter1", "a" * 33),
        ("symbol1", "------"),
        ("symbol1", "a"),
        ("character_string1", "单号1"),
        ("character_string1", "a" * 33),
        ("phrase1", "五个字以上的"),
        ("phrase1", "ok"),
        ("name1", "王1"),
        ("amount1", "100分"),
        ("amount1", "¥12345678901"),
        ("amount1", "¥¥1"),
        ("phone_number1", "1" * 18),
        ("time1", "25:00"),
        ("time1", "2026年2月30日 15:01"),
        ("date1", "2026-03-31"),
        ("date1", "2026年2月29日"),
        ("date1", "2026年3月1日~2026年13月1日"),
        ("enum1", "字" * 21),
        ("colour1", "红"),
        ("thing", "没有编号"),
    ],
)
def test_what_cannot_be_cut_honestly_is_refused_by_its_name(field: str, value: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        fitted({"thing9": "前面的都好", field: value})

    assert refused.value.field == field


def test_a_field_is_a_known_type_and_a_number() -> None:
    assert [
        name for name in ("thing1", "character_string32", "thing", "1", "thing1234", "things1") if is_field(name)
    ] == [
        "thing1",
        "character_string32",
    ]


@settings(max_examples=600, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    value=st.one_of(
        st.text(max_size=40),
        st.text(alphabet="0123456789年月日:~¥.元 aZ字🎁-+", max_size=40),
        st.from_regex(r"\A[12][0-9]{3}年1?[0-9]月[123]?[0-9]日( [0-9]{1,2}:[0-9]{2})?\Z"),
    ),
)
def test_whatever_passes_here_passes_at_wechat(kind: str, value: str) -> None:
    field = f"{kind}1"
    try:
        sent = one(field, value)
    except FieldRefused:
        return

    assert fits(field, sent)
    assert one(field, sent) == sent
