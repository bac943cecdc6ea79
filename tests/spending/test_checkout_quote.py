"""Quotes of a checkout: whoever carries one can change nothing of it, and nothing else passes for one."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.spending import quotes
from chalicelib.spending.checkout.quote import MAX_CHARS, Quote, read_quote, signed
from chalicelib.spending.quotes import GOOD_FOR
from tests.ledger.builders import NOW

SECRET, OLD, OTHER = "a-secret-of-these-tests", "the-one-before-it-was-rotated", "of-some-other-stage"
QUOTE = Quote("q1", "m1", 500, 500, "ab" * 16, 3, NOW, NOW + GOOD_FOR + timedelta(minutes=30), "wechat", "4200")


def assert_refused(text: str, *secrets: str) -> None:
    with pytest.raises(JifenError) as refused:
        read_quote(text, secrets or (SECRET,))
    assert (refused.value.code, refused.value.field) == (Code.QUOTE_INVALID, "quote")


def test_a_quote_comes_back_as_it_was_signed() -> None:
    assert read_quote(signed(QUOTE, SECRET), (SECRET,)) == QUOTE
    bare = QUOTE._replace(platform="", order_no="")
    assert read_quote(signed(bare, SECRET), (SECRET,)) == bare


def test_the_longest_quote_fits_its_field() -> None:
    longest = QUOTE._replace(
        id="f" * 24, member_id="m" + "f" * 24, points=10**9, fen=10**9, platform="p" * 20, order_no="9" * 64
    )

    assert len(signed(longest, SECRET)) <= MAX_CHARS


def test_every_bit_that_is_wrong_is_refused() -> None:
    text = signed(QUOTE, SECRET)
    wrong = [(place, bit) for place in range(len(text)) for bit in range(7)]

    for place, bit in random.Random(7).sample(wrong, 400) + [(place, 0) for place in range(len(text))]:
        assert_refused(text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :])


def test_what_is_cut_or_added_is_refused() -> None:
    text = signed(QUOTE, SECRET)

    for one in ("", ".", text[:-1], text[1:], text + "0", text.replace(".", ""), text.upper(), text + "." + text):
        assert_refused(one)


def test_a_quote_of_the_secret_before_a_rotation_still_counts_and_of_another_does_not() -> None:
    assert read_quote(signed(QUOTE, OLD), (SECRET, OLD)) == QUOTE
    assert_refused(signed(QUOTE, OTHER), SECRET, OLD)


def test_what_the_same_secret_signs_for_another_purpose_is_no_quote() -> None:
    assert_refused(quotes.signed(quotes.Quote("mall", "q1", "m1", NOW, {"item": "hat"}), SECRET))
