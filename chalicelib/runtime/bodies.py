"""Request bodies: strict JSON, strict types, and refusals that name the field. No HTTP here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.errors import Code, JifenError

MAX_DEPTH = 16
MAX_FIELD_CHARS = 64
"""How much of a field's path is shown: its parts may be the caller's own words."""


class Body(BaseModel):
    """A request body: strict types, unknown fields refused, built only when first used."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def parse_body(model: type[BaseModel], raw_body: bytes) -> BaseModel:
    """A body checked against its model; raises JifenError naming the first offending field."""
    plain_json(raw_body)
    try:
        return model.model_validate_json(raw_body)
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST) from None


def plain_json(raw_body: bytes) -> Any:
    """What UTF-8 JSON says; raises JifenError MALFORMED_BODY also for twins of a key, NaN, a NUL and deep nesting."""
    try:
        return _plain_json(raw_body)
    except (ValueError, RecursionError):
        raise JifenError(Code.MALFORMED_BODY) from None


def invalid(error: ValidationError, code: Code, document: Any = None) -> JifenError:
    """Our refusal for a pydantic one: the first offending field's path, and what is wrong with it in Chinese.

    With the refused `document` given, a union's tags are left out of the path: it is the path in the document.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    path = list(first["loc"]) if document is None else _path_in(document, first["loc"])
    if first["type"].startswith("union_tag"):
        path.append(str(first["ctx"]["discriminator"]).strip("'"))
    field = ".".join(str(part) for part in path)[:MAX_FIELD_CHARS] or "body"
    return JifenError(code, field + _reason(first["type"], first.get("ctx", {})), field=field)


def _reason(kind: str, told: Mapping[str, Any]) -> str:
    """What is wrong in words that read on from the path, and what would be right where pydantic `told` it."""
    reason = _WORDS.get(kind, "的值不符合要求")
    for name, words in _RIGHT.items():
        if name in told:
            reason += words + _listed(str(told[name]))
    return reason.removeprefix(",")


def _listed(told: str) -> str:
    """`'a', 'b' or 'c'` as a、b或c; anything else as it stands."""
    names = re.findall(r"'([^']*)'", told)
    return "、".join(names[:-1]) + "或" * (len(names) > 1) + names[-1] if names else told


def _path_in(document: Any, path: tuple[int | str, ...]) -> list[int | str]:
    kept: list[int | str] = []
    place = document
    for place_in_path, part in enumerate(path):
        within = place.get(part) if isinstance(place, Mapping) else None
        if isinstance(place, (list, tuple)) and isinstance(part, int) and part < len(place):
            within = place[part]
        is_last = place_in_path == len(path) - 1
        if not is_last and not isinstance(within, (Mapping, list, tuple)):
            continue  # a tag: the document itself has no such step
        kept.append(part)
        place = within
    return kept


_WORDS = {
    "union_tag_invalid": "不是已知的类型",
    "union_tag_not_found": "必填",
    "missing": "必填",
    "extra_forbidden": "是未知字段",
    "unexpected_keyword_argument": "是未知字段",
    "literal_error": "",
    "enum": "",
    "string_too_long": "太长",
    "string_too_short": "太短",
    "string_type": "应为文本",
    "string_pattern_mismatch": "的格式不对",
    "int_type": "应为整数",
    "bool_type": "应为true或false",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "too_long": "的条数太多",
    "too_short": "的条数太少",
    "tuple_type": "应为列表",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "dataclass_type": "应为对象",
    "model_type": "应为对象",
    "date_type": "不是日期,应写作2026-11-22这样",
    "date_parsing": "不是日期,应写作2026-11-22这样",
    "date_from_datetime_parsing": "不是日期,应写作2026-11-22这样",
    "date_from_datetime_inexact": "不是日期,应写作2026-11-22这样",
    "timezone_aware": "应带时区",
    "datetime_type": "应为带时区的时间",
    "datetime_from_date_parsing": "应为带时区的时间",
    "datetime_parsing": "应为带时区的时间",
}
_RIGHT = {
    "expected": ",只能是",
    "expected_tags": ",只能是",
    "ge": ",至少为",
    "le": ",至多为",
}
"""By the names under which pydantic tells what it had expected."""


def _plain_json(raw_body: bytes) -> Any:
    """Raises ValueError or RecursionError also for what pydantic's own parser would let pass."""
    parsed = json.loads(raw_body.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant)
    if _depth(parsed) > MAX_DEPTH:
        raise ValueError("too deep")
    if b"\\u0000" in raw_body and _has_nul(parsed):
        raise ValueError("a NUL in a text")
    return parsed


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ValueError("a key stands twice")
    return parsed


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _has_nul(value: Any) -> bool:
    """No name or text of ours has one; consoles, files and other systems cut a text there."""
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value
