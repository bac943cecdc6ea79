"""Warnings of stages that nobody can reach, and of those that ask for what WeChat forbids to reward. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.programme.activity import ORDER
from chalicelib.programme.forbidden import forbidden_deed
from chalicelib.programme.model import Programme
from chalicelib.programme.stages import REGISTER, ActivityReach
from chalicelib.programme.warning import Warning

ALWAYS_BOOKED = frozenset({ORDER, REGISTER})
"""Activities that leave an entry whatever the rules are; any other does when a rule or task answers it."""


def stage_warnings(programme: Programme) -> Iterator[Warning]:
    """One for each stage and what is wrong with it."""
    answered = ALWAYS_BOOKED | {one.activity for one in programme.earners if one.enabled}
    names = {indicator.id: indicator.name for indicator in programme.indicators}
    for place, stage in enumerate(programme.stages.stages if programme.stages else ()):
        path, reach = f"stages.stages.{place}", stage.reach
        asked = ""
        if isinstance(reach, ActivityReach):
            asked = names.get(reach.activity, "")
            if reach.activity not in answered:
                text = f"没有启用的规则或任务记录这种行为,没有会员能进入{stage.name}"
                yield Warning(f"{path}.reach.activity", "stage_out_of_reach", text)
        told = (asked, *stage.benefits)
        if deed := forbidden_deed(reach.activity if isinstance(reach, ActivityReach) else "", told):
            text = f"微信不允许以权益奖励{deed},{stage.name}可能导致小程序或公众号被处罚"
            yield Warning(path, "forbidden_by_wechat", text)
