"""What a plan must hold before it may be approved; drafting asks for none of it. Pure.

The three slots each have their job, so each must hold something else: the headline sells and signs up, the second
speaks for the brand, the third says what points are good for.
"""

from __future__ import annotations

from chalicelib.errors import Code, JifenError
from chalicelib.publishing.article import too_long
from chalicelib.publishing.model import PAGE, PUSHED, Plan, Slot

SLOT_WORDS = {"headline": "头条", "second": "次条", "third": "三条"}

_FIELD_WORDS = {
    "title": "标题",
    "body": "正文",
    "goods": "商品",
    "sign_up_link": "文末注册链接",
    "interaction": "粉丝互动",
    "points_item": "积分内容",
    "goal": "目标",
    "cover_media_id": "封面图",
}

CHANNEL_REQUIRES = {PUSHED: ("cover_media_id",), PAGE: ("cover_media_id",)}
"""What each article needs besides, by channel."""

REQUIRED = {
    "headline": ("title", "body", "goods", "sign_up_link", "interaction", "goal"),
    "second": ("title", "body", "goal"),
    "third": ("title", "body", "points_item", "goal"),
}


def missing(plan: Plan) -> tuple[str, ...]:
    """The paths of what the plan still lacks, in reading order, e.g. `("headline.goods", "third.points_item")`."""
    paths = [] if plan.title.strip() else ["title"]
    more = CHANNEL_REQUIRES.get(plan.channel, ())
    for role, slot in slots(plan).items():
        paths += [f"{role}.{name}" for name in (*REQUIRED[role], *more) if not _is_filled(slot, name)]
    return tuple(paths)


def require_complete(plan: Plan) -> None:
    """Raise JifenError ISSUE_INCOMPLETE naming the first field that is missing, or too long for the plan's channel."""
    if lacks := missing(plan):
        raise JifenError(Code.ISSUE_INCOMPLETE, in_words(lacks), field=lacks[0])
    if path := _oversized(plan):
        limit = "标题不能超过32字" if path.endswith("title") else "正文排版后不能满2万字"
        raise JifenError(Code.ISSUE_INCOMPLETE, f"公众号{limit}", field=path)


def _oversized(plan: Plan) -> str | None:
    if plan.channel in CHANNEL_REQUIRES:
        return next((f"{role}.{name}" for role, slot in slots(plan).items() if (name := too_long(slot))), None)
    return None


def slots(plan: Plan) -> dict[str, Slot]:
    """The three slots by role, in reading order."""
    return {"headline": plan.headline, "second": plan.second, "third": plan.third}


def in_words(paths: tuple[str, ...]) -> str:
    """What is missing, fit to toast: the first path in words, and how many there are."""
    role, _, name = paths[0].rpartition(".")
    first = f"{SLOT_WORDS.get(role, '推文')}缺少{_FIELD_WORDS[name]}"
    return first if len(paths) == 1 else f"{first},共缺{len(paths)}项"


def _is_filled(slot: Slot, name: str) -> bool:
    value = getattr(slot, name)
    return bool(value.strip() if isinstance(value, str) else value)
