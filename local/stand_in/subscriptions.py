"""Subscribe messages (订阅消息): templates, grants that are used up, and what a field may hold. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.stand_in.wire import Refused, Unknown

_MOMENT = r"(\d{4}年\d{1,2}月\d{1,2}日\s?)?([01]?\d|2[0-3]):[0-5]\d"
_DATE = r"\d{4}年\d{1,2}月\d{1,2}日"
_RANGE = r"({0})(~({0}))?"
VALUES = {
    "thing": r"[\s\S]{1,20}",
    "number": r"(?=.{1,32}$)-?\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[!-~]{1,32}",
    "time": _RANGE.format(_MOMENT),
    "date": _RANGE.format(rf"{_DATE}(\s?([01]?\d|2[0-3]):[0-5]\d)?"),
    "amount": r"[¥￥$€£]?(?=[\d.]{1,11}(元)?$)\d{1,10}(\.\d{1,2})?元?",
    "phone_number": r"[\d+\-() ]{1,17}",
    "car_number": r"[\u4e00-\u9fff]?[A-Za-z0-9]{1,7}[\u4e00-\u9fff]?",
    "name": r"[\u4e00-\u9fff]{1,10}|[A-Za-z .·]{1,20}",
    "phrase": r"[\u4e00-\u9fff]{1,5}",
}
"""What each type of field takes, whole; any other type takes up to 20 characters."""


class Template(NamedTuple):
    """`fields` are names as thing1; a long-term template's grant is not used up."""

    template_id: str
    appid: str
    fields: tuple[str, ...]
    long_term: bool = False


@dataclass(slots=True)
class Subscriptions:
    _templates: dict[tuple[str, str], Template] = field(default_factory=dict)
    _grants: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))

    def put(self, template: Template) -> None:
        self._templates[(template.appid, template.template_id)] = template

    def grant(self, appid: str, openid: str, template_id: str, count: int) -> int:
        """So many further taps on accept; how many are left with them. A negative count refuses. Raises Unknown."""
        if (appid, template_id) not in self._templates:
            raise Unknown(f"app {appid} has no template {template_id}")
        key = (appid, openid, template_id)
        self._grants[key] = max(0, self._grants[key] + count)
        return self._grants[key]

    def left(self, appid: str, openid: str, template_id: str) -> int:
        return self._grants.get((appid, openid, template_id), 0)

    def send(self, appid: str, openid: str, template_id: str, data: object) -> None:
        """Use up a grant; raises Refused 40037, 47003, 43101."""
        template = self._templates.get((appid, template_id))
        if template is None:
            raise Refused(40037)
        _check(template, data)
        key = (appid, openid, template_id)
        if self._grants[key] < 1:
            raise Refused(43101)
        if not template.long_term:
            self._grants[key] -= 1


def fits(name: str, value: object) -> bool:
    """Whether a field of this name, such as thing1, takes this value."""
    kind = name.rstrip("0123456789")
    return isinstance(value, str) and re.fullmatch(VALUES.get(kind, VALUES["thing"]), value) is not None


def _check(template: Template, data: object) -> None:
    if not isinstance(data, Mapping):
        raise Refused(47001)
    for name in template.fields:
        given: Any = data.get(name)
        value = given.get("value") if isinstance(given, Mapping) else None
        if value in (None, ""):
            raise Refused(47003, f"data.{name}.value is empty")
        if not fits(name, value):
            raise Refused(47003, f"data.{name}.value invalid")
