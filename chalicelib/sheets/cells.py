"""One cell of a sheet as a value: numbers kept as text, money as fen, instants with a zone, days. Pure.

Every function takes the cell's text and raises ValueError with the reason in Chinese, fit to stand after the column.
Nothing here ever becomes a float: a spreadsheet has done enough of that already.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

_WRAPPED = re.compile(r'^="(.*)"$', re.DOTALL)
_SCIENTIFIC = re.compile(r"^[0-9](\.[0-9]+)?E\+[0-9]+$|^[0-9]\.[0-9]+E[0-9]+$", re.IGNORECASE)
_DECIMAL = re.compile(r"^[0-9]+\.[0-9]*$")
_HUNDREDTHS = re.compile(r"^([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.([0-9]{1,2}))?$")
_INTEGER = re.compile(r"^[0-9]{1,12}$")
_SERIAL = re.compile(r"^[0-9]{5}(\.[0-9]+)?$")
_COMPACT = re.compile(r"^([0-9]{4})([0-9]{2})([0-9]{2})$")
_DAY = re.compile(
    r"^(?:([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{4})([0-9]{2})([0-9]{2}))"
    r"(?:[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?$"
)
_LOCAL = re.compile(
    r"^([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})"
    r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?$"
)
_OFFSET = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ ?(Z|[+-][0-9]{2}:?[0-9]{2})$")
_INVISIBLE = dict.fromkeys(map(ord, "\t\ufeff\u200b\u200e\u200f"))


def plain_text(cell: str) -> str:
    """A cell without what spreadsheets add to keep text as text: tabs, blanks, a leading `'`, a `="..."` wrapper."""
    text = cell.translate(_INVISIBLE).strip()
    if wrapped := _WRAPPED.match(text):
        text = wrapped[1].strip()
    return text.removeprefix("'").strip()


def identifier(cell: str) -> str:
    """A buyer's id, its characters untouched; refused when a spreadsheet has rounded it."""
    text = plain_text(cell)
    if is_ruined(text):
        raise ValueError(f"已被Excel改成科学计数法({text}),原号码已丢失;请把该列设为文本后重新导出")
    return text


def is_ruined(number: str) -> bool:
    """Whether a spreadsheet has made an amount of a number: `1.23E+18` has lost the digits it stood for."""
    return _SCIENTIFIC.match(number) is not None


def number_text(cell: str) -> str:
    """An order or refund number as text, full-width characters made plain."""
    text = unicodedata.normalize("NFKC", identifier(cell))
    if _DECIMAL.match(identifier(text)):
        raise ValueError(f"带小数点({text}),是被当作数字导出的;请把该列设为文本后重新导出")
    return text


def fen_of_yuan(cell: str) -> int:
    """Yuan with at most two decimals as integer fen, by its digits alone: `1,234.5` is 123450."""
    text = unicodedata.normalize("NFKC", plain_text(cell)).replace(" ", "")
    # NFKC makes the full-width sign of the yuan the plain one.
    return _hundredths(text.removeprefix("¥").removesuffix("元"), text, "金额(元,最多两位小数)")


def hundredths(cell: str, wanted: str) -> int:
    """A number of at most two decimals in hundredths: `1,234.5` is 123450; `wanted` names it where it is none."""
    text = unicodedata.normalize("NFKC", identifier(cell)).replace(" ", "")
    return _hundredths(text, text, f"{wanted}(最多两位小数)")


def _hundredths(text: str, whole: str, wanted: str) -> int:
    if text.startswith("-"):
        raise ValueError("不能为负数")
    matched = _HUNDREDTHS.match(text)
    if not matched:
        raise ValueError(f"应为{wanted},而不是“{_shown(whole)}”")
    return int(matched[1].replace(",", "")) * 100 + int((matched[2] or "").ljust(2, "0"))


def fen(cell: str) -> int:
    """An amount that is in fen already."""
    return _integer(cell, "整数(分)")


def whole(cell: str) -> int:
    """A whole number, of pieces for example."""
    return _integer(cell, "整数")


def _integer(cell: str, wanted: str) -> int:
    text = unicodedata.normalize("NFKC", identifier(cell))
    if text.startswith("-"):
        raise ValueError("不能为负数")
    if not _INTEGER.match(text):
        raise ValueError(f"应为{wanted},而不是“{_shown(text)}”")
    return int(text)


def instant(cell: str, zone: str) -> datetime:
    """A date or instant; one without an offset is in `zone`, one without a time is its midnight."""
    text = unicodedata.normalize("NFKC", plain_text(cell))
    try:
        if _OFFSET.match(text):
            return datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
        if matched := _LOCAL.match(text):
            year, _, month, day, hour, minute, second, fraction = matched.groups()
            clock = (int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "").ljust(6, "0")))
            return datetime(int(year), int(month), int(day), *clock, tzinfo=ZoneInfo(zone))
        if matched := _COMPACT.match(text):
            year, month, day = map(int, matched.groups())
            return datetime(year, month, day, tzinfo=ZoneInfo(zone))
    except ValueError:
        raise ValueError(f"没有这个日期或时间:“{_shown(text)}”") from None
    if _SERIAL.match(text):
        raise ValueError(f"是Excel的日期序号({text}),请把该列设为日期格式后重新导出")
    raise ValueError(f"应为日期时间,如2024-05-06 07:08:09,而不是“{_shown(text)}”")


def day(cell: str) -> date:
    """A calendar day: 2026-11-30, 2026/11/30, 2026.11.30, 20261130 or 2026年11月30日; a time behind it is left out."""
    text = unicodedata.normalize("NFKC", plain_text(cell))
    if matched := _DAY.match(text):
        year, month, on = (int(part) for part in matched.groups() if part and part not in "-/.")
        try:
            return date(year, month, on)
        except ValueError:
            raise ValueError(f"没有这个日期:“{_shown(text)}”") from None
    if _SERIAL.match(text):
        raise ValueError(f"是Excel的日期序号({text}),请把该列设为日期格式后重新导出")
    raise ValueError(f"应为日期,如2026-11-30,而不是“{_shown(text)}”")


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
