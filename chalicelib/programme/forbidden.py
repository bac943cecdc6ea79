"""Warnings of rewards that WeChat forbids (诱导行为): sharing, following, liking, downloading. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.tasks import Task
from chalicelib.programme.warning import Warning

_FORBIDDEN = {
    "分享": ("share", "forward", "repost", "moments", "分享", "转发", "朋友圈"),
    "关注": ("follow", "subscribe_account", "关注"),
    "点赞": ("like", "thumb", "点赞", "集赞"),
    "下载": ("download", "install", "下载"),
}
"""By words an indicator, a rule or a task may be called by."""
_IN_TEXTS = ("分享", "转发", "朋友圈", "集赞")
"""Those that a line of text hardly holds without asking for it."""
_ELSEWHERE = ("小红书", "xiaohongshu")
"""Where sharing and liking may be rewarded: on a platform of its own."""
_ALLOWED_THERE = ("分享", "转发", "点赞")
_ORDINARY = re.compile(r"(?:无需|无须|不必|不用|不要求|请勿|不得|禁止)[^,,。;;、]*|分享会|follow_up")
"""What says the opposite, or something else."""


def forbidden_by_wechat(programme: Programme) -> Iterator[Warning]:
    """One for each enabled rule or task and forbidden deed, at the first place that names it."""
    names = {indicator.id: indicator.name for indicator in programme.indicators}
    placed: list[tuple[str, Rule | Task]] = [(f"rules.{at}", rule) for at, rule in enumerate(programme.rules)]
    placed += [(f"tasks.{at}", task) for at, task in enumerate(programme.tasks)]
    for path, one in placed:
        if not one.enabled:
            continue
        for what, words in _FORBIDDEN.items():
            if place := _named_at(one, names, words):
                text = f"微信不允许以积分奖励{what},{one.name}可能导致小程序或公众号被处罚"
                yield Warning(f"{path}.{place}", "forbidden_by_wechat", text)


def _named_at(one: Rule | Task, names: Mapping[str, str], words: Iterable[str]) -> str | None:
    """Which of its fields names the deed."""
    indicator = names.get(one.activity, "")
    told = " ".join((one.activity, one.id, indicator, one.name, one.text))
    if any(platform in told for platform in _ELSEWHERE):
        words = [word for word in words if word not in _ALLOWED_THERE]
    for place, id, text in (
        ("activity", one.activity, indicator),
        ("id", one.id, ""),
        ("name", "", one.name),
        ("text", "", one.text),
    ):
        asked = [word for word in words if place != "text" or word in _IN_TEXTS]
        if is_called(_ORDINARY.sub("", id), _ORDINARY.sub("", text), asked):
            return place
    return None


def forbidden_deed(id: str, texts: Iterable[str]) -> str:
    """The deed that an activity is called by, or that a text asks for; empty when there is none."""
    said = _ORDINARY.sub("", " ".join(texts))
    for what, words in _FORBIDDEN.items():
        if is_called(id, "", words) or any(word in said for word in words if word in _IN_TEXTS):
            return what
    return ""


def is_called(id: str, name: str, words: Iterable[str]) -> bool:
    """Whether an id or a name has one of these words: a Latin one as a whole part of the id."""
    return any(word in name or word in id.split("_") or word == id for word in words)
