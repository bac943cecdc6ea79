"""What a field of a subscribe message (订阅消息) may hold, by its type, before it is sent. Pure.

Source: developers.weixin.qq.com, "发送订阅消息", table of the types. A field's name is its type and a number: `thing1`.
Lengths are counted in UTF-16 units, as the mini-program's own language does: an emoji is two, so that neither way of
counting is exceeded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

_HAN = "\u4e00-\u9fff"
_DAY = r"\d{4}年\d{1,2}月\d{1,2}日"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_MOMENT = rf"(?:{_DAY} ?)?{_CLOCK}"
_DATE = rf"{_DAY}(?: ?{_CLOCK})?"

_TAKES = {
    "thing": r".+",
    "character_string": r"[!-~]+",
    "number": r"[0-9]+(?:\.[0-9]+)?",
    "letter": r"[A-Za-z]+",
    "symbol": r"[^\w\s]+",
    "phrase": rf"[{_HAN}]+",
    "name": rf"[{_HAN}]{{1,10}}|[A-Za-z .·]{{1,20}}",
    "amount": r"[¥￥$€£]?(?=(?:\.?[0-9]){1,10}元?$)[0-9]+(?:\.[0-9]{1,2})?元?",
    "phone_number": r"[0-9+\-() ]+",
    "time": rf"{_MOMENT}(?:~{_MOMENT})?",
    "date": rf"{_DATE}(?:~{_DATE})?",
    "enum": r".+",
}
_MOST = {"thing": 20, "character_string": 32, "number": 32, "letter": 32, "symbol": 5, "phrase": 5, "name": 20}
_MOST |= {"phone_number": 17, "enum": 20}
_FIELD = re.compile(rf"({'|'.join(_TAKES)})[0-9]{{1,3}}")
_ANY_DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日", re.ASCII)
CUT = "…"


class FieldRefused(Exception):
    """A value that its field does not take, and that no cutting would make true; `field` as in `amount2`."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def is_field(name: str) -> bool:
    """Whether a name is a known type and a number."""
    return _FIELD.fullmatch(name) is not None


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """The values as they may be sent: a thing or a name that is too long is cut, anything else must fit as it is.

    Raises FieldRefused for the first that does not.
    """
    return {name: _fitted(name, value) for name, value in values.items()}


def _fitted(name: str, value: str) -> str:
    if not is_field(name):
        raise FieldRefused(name)
    kind = name.rstrip("0123456789")
    value = " ".join(value.split())  # a line break in a thing is refused, and nothing else may hold one
    if kind == "thing":
        value = _cut(value, _MOST["thing"])
    elif kind == "name":
        value = _cut(value, 10 if re.match(f"[{_HAN}]", value) else 20, mark="")
    taken = re.fullmatch(_TAKES[kind], value, re.ASCII if kind in ("time", "date") else 0)
    if not taken or _units(value) > _MOST.get(kind, len(value)) or not _has_real_days(value, kind):
        raise FieldRefused(name)
    return value


def _cut(value: str, most: int, mark: str = CUT) -> str:
    """The beginning that fits, with a mark that something is missing where a sentence was cut."""
    if _units(value) <= most:
        return value
    kept = ""
    for character in value:
        if _units(kept + character + mark) > most:
            break
        kept += character
    return kept.rstrip() + mark


def _units(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def _has_real_days(value: str, kind: str) -> bool:
    if kind not in ("time", "date"):
        return True
    try:
        for year, month, day in _ANY_DAY.findall(value):
            date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True
