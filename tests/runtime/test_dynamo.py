"""Plain values become typed attributes and come back as they were; requests are checked in tests alone."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.runtime import dynamo
from chalicelib.runtime.dynamo import decode_item, encode, encode_item

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=20,
)


class Colour(StrEnum):
    RED = "red"


class Many(int):
    """An int of a type of its own."""


@given(st.dictionaries(st.text(), PLAIN))
def test_an_item_comes_back_as_it_was_written(item: dict[str, Any]) -> None:
    assert decode_item(encode_item(item)) == item


@given(PLAIN)
def test_a_value_is_typed_alike_alone_and_within_an_item(value: Any) -> None:
    assert encode_item({"name": value}) == {"name": encode(value)}


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        (True, {"BOOL": True}),
        (0, {"N": "0"}),
        (Many(7), {"N": "7"}),
        (Colour.RED, {"S": "red"}),
        ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
        (MappingProxyType({"a": None}), {"M": {"a": {"NULL": True}}}),
    ],
)
def test_a_derived_type_is_stored_as_what_it_is_derived_from(value: Any, typed: dict[str, Any]) -> None:
    assert encode(value) == typed


@pytest.mark.parametrize("value", [1.5, {1, 2}, object()])
def test_what_has_no_exact_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_item({"name": value})


@pytest.mark.parametrize("typed", [{"N": "1.5"}, {"SS": ["a"]}])
def test_what_others_may_store_and_we_do_not_use_is_refused(typed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        decode_item({"name": typed})


def test_every_test_has_its_requests_checked_by_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    dynamo.service.cache_clear()

    with pytest.raises(ParamValidationError):
        dynamo.service("dynamodb").get_item(TableName="t", Key={"pk": {"S": "1"}}, ConsistentReed=True)

    dynamo.service.cache_clear()


def test_bytes_of_a_streams_image_come_as_base64_and_are_read_as_bytes() -> None:
    assert decode_item({"hash": {"B": "AP8="}, "list": {"L": [{"B": "AQ=="}]}}) == {
        "hash": b"\x00\xff",
        "list": [b"\x01"],
    }
