"""The brand's templates of subscribe messages, as its secret has them under `mini_program.messages`:

    {"check_in_reminder": {"template_id": "…", "page": "pages/check-in/index",
                           "fields": {"thing1": ["已连续签到{streak_days}天", "今天还没有签到"], "date2": "{on}"}},
     "points_expiring": {…}, "level_ending": {…}, "payment_gift": {…}, "restocked": {…}}

A field is a text, or several of which the first is taken whose words are all known that day. The words of each kind are
in WORDS. A kind that is not named is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from string import Formatter
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from chalicelib.connect.accounts import part
from chalicelib.connect.wechat.fields import is_field
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.bodies import Body, invalid
from chalicelib.runtime.settings import settings

PLACE = "mini_program.messages"
WORDS: Mapping[str, frozenset[str]] = {
    "check_in_reminder": frozenset({"on", "streak_days", "next_reward_days", "next_reward_points", "lost_streak_days"}),
    "points_expiring": frozenset({"on", "points", "until", "all_points"}),
    "level_ending": frozenset({"on", "level", "until"}),
    "payment_gift": frozenset({"on", "message", "coupons"}),
    "restocked": frozenset({"on", "item"}),
}
"""The words each kind of message may say."""

Text = Annotated[str, Field(min_length=1, max_length=200)]


class Template(Body):
    """A template of the mini-program's, the page a tap opens, and what its fields say."""

    template_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    page: Annotated[str, Field(max_length=200, pattern=r"^[\x21-\x7e]*$")] = ""
    fields: Annotated[dict[str, Text | Annotated[list[Text], Field(min_length=1, max_length=5)]], Field(min_length=1)]

    @field_validator("fields")
    @classmethod
    def _are_fields(cls, fields: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        if not all(is_field(name) for name in fields):
            raise ValueError("a field of no known type")
        return fields


def templates(now: datetime) -> Mapping[str, Template]:
    """The templates by kind of message; raises JifenError NOT_CONNECTED whose `field` says what is wrong where."""
    written = part("mini_program", "messages", now)
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise _wrong("")
    found = {}
    for kind, one in written.items():
        if kind not in WORDS:
            raise _wrong(kind)
        try:
            template = Template.model_validate(one)
        except ValidationError as error:
            raise _wrong(f"{kind}.{invalid(error, Code.NOT_CONNECTED).field}") from None
        for name, texts in template.fields.items():
            if not all(_says_only(text, WORDS[kind]) for text in alternatives(texts)):
                raise _wrong(f"{kind}.fields.{name}")
        found[kind] = template
    return found


def is_sent(kind: str, now: datetime) -> bool:
    """Whether this stage sends messages of a kind at all: it sends subscribe messages, and the brand has a template."""
    if settings().subscribe_messages == "off":
        return False
    try:
        return kind in templates(now)
    except JifenError:  # logged, and the sender of messages fails of it
        return False


def alternatives(texts: str | list[str]) -> list[str]:
    """A field's texts, the one to be preferred first."""
    return [texts] if isinstance(texts, str) else texts


def words_of(text: str) -> list[str]:
    """The names in braces; raises ValueError where braces or what is in them are no plain names."""
    found = []
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            if form or conversion or not name.isidentifier():
                raise ValueError("not a plain name")
            found.append(name)
    return found


def _says_only(text: str, words: frozenset[str]) -> bool:
    try:
        return words.issuperset(words_of(text))
    except ValueError:
        return False


def _wrong(path: str) -> JifenError:
    """The secret is an operator's to mend: the log says where, a caller is told that nothing is connected."""
    place = f"{PLACE}.{path}".rstrip(".")
    log.outcome("messages_misconfigured", field=place)
    return JifenError(Code.NOT_CONNECTED, field=place)
