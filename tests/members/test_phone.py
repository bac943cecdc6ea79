"""Phone numbers: read as people write them, known by keyed digests alone."""

from __future__ import annotations

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.members.phone import phone_identity, read_phone, tail_digest

KEY = "a-key-of-this-test-0123456789"
OTHER_KEY = "another-key-of-this-test-012345"


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "+8613800138000",
        "86 138 0013 8000",
        "0086-138-0013-8000",
        "１３８００１３８０００",
        "(138)00138000",
    ],
)
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert read_phone(written, KEY) == read_phone("13800138000", KEY)


def test_a_number_abroad_is_another_one() -> None:
    assert read_phone("+85213800138", KEY).digest != read_phone("13800138000", KEY).digest


def test_a_masked_number_has_a_tail_and_is_nobodys() -> None:
    masked = read_phone("138****8000", KEY)

    assert (masked.digest, masked.tail) == ("", "8000")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1380013800",
        "138001380001",
        "12800138000",
        "18400000000-1234",
        "138****800",
        "+0123456789",
        "电话",
        "1" * 99,
    ],
)
def test_what_is_no_number_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(JifenError) as refused:
        read_phone(written, KEY)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, "phone")
    assert len(written) < 4 or written not in str(refused.value)


def test_the_digest_needs_the_key_and_holds_no_digit_of_the_number() -> None:
    here, there = read_phone("13800138000", KEY), read_phone("13800138000", OTHER_KEY)

    assert here.digest != there.digest
    assert len(here.digest) == 64
    assert "13800138000" not in here.digest


def test_the_same_last_digits_look_different_on_every_order_and_under_every_key() -> None:
    digests = {tail_digest(key, order, "8000") for key in (KEY, OTHER_KEY) for order in ("pos#1", "pos#2")}

    assert len(digests) == 4
    assert tail_digest(KEY, "pos#1", "8000") in digests


def test_a_phone_shows_nothing_of_itself() -> None:
    assert repr(read_phone("13800138000", KEY)) == "Phone(…)"


def test_an_identity_fits_its_key() -> None:
    assert phone_identity(read_phone("13800138000", KEY).digest).key().startswith("ID#phone#")
