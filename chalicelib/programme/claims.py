"""Which platforms' orders members may claim by number (订单认领), how, and how members are told so. Pure.

What a claimed order is worth is no business of this: the rules of orders answer it, by `when.platforms` where platforms
differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from chalicelib.ledger.document import Ge, Le, Len, document

Plain = Mapping[str, Any]
Fault = tuple[str, str]

PLATFORM_NAMES: Mapping[str, str] = {
    "taobao": "淘宝",
    "tmall": "天猫",
    "douyin": "抖音",
    "jd": "京东",
    "youzan": "有赞",
    "wechat": "微信",
    "pos": "门店",
}
_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,19}")
PHONE_PROVIDER = "phone"
"""The provider of identities that are phone numbers: no platform can have this name."""
_FACTORS = {
    "none": "",
    "amount": "须填写实付金额",
    "phone_tail": "须填写手机号后四位",
    "either": "须填写实付金额或手机号后四位",
}
_STRICTNESS = {"none": 0, "either": 1, "amount": 2, "phone_tail": 2}


@document
class Claimable:
    """The orders of one platform that members may claim by their number."""

    platform: Annotated[str, Len(1, 20)]
    max_age_days: Annotated[int, Ge(1), Le(3660)] = 90
    """The payment's business day lies at most so many days before that of the claim."""
    second_factor: Literal["none", "amount", "phone_tail", "either"] = "none"
    """What a claim must state beside the number: the order's paid amount, the phone's last four digits, one of them."""
    wait_days: Annotated[int, Ge(1), Le(90)] = 15
    """How many days a claim waits for its order, the claim's own not counted."""
    per_day: Annotated[int, Ge(1), Le(100)] = 10
    """How many claims of this platform a member may submit a day."""


def is_platform(name: str) -> bool:
    """Whether orders can be of a platform of this name."""
    return _PLATFORM.fullmatch(name) is not None and name != PHONE_PROVIDER


def platform_name(platform: str) -> str:
    """What members call a platform."""
    return PLATFORM_NAMES.get(platform, platform)


def faults_of_claims(claims: Sequence[Claimable]) -> Iterator[Fault]:
    """Platforms that no order can be of, or that stand twice."""
    known: set[str] = set()
    for place, one in enumerate(claims):
        path = f"claims.{place}.platform"
        if not is_platform(one.platform):
            yield path, "不是订单的平台:应为小写字母、数字或下划线,如tmall"
        if one.platform in known:
            yield path, "与前面的重复"
        known.add(one.platform)


def worse_claims(before: Sequence[Plain], after: Sequence[Plain]) -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of what members lose: a platform, days, claims a day, or a stricter proof."""
    following = {one["platform"]: one for one in after}
    for old in before:
        path, new = f"claims.{old['platform']}", following.get(old["platform"])
        if new is None:
            yield path, platform_name(old["platform"]), None
            continue
        for name in ("max_age_days", "wait_days", "per_day"):
            if new[name] < old[name]:
                yield f"{path}.{name}", old[name], new[name]
        was, becomes = old["second_factor"], new["second_factor"]
        if was != becomes and _STRICTNESS[becomes] >= _STRICTNESS[was]:
            yield f"{path}.second_factor", was, becomes


def claim_words(claims: Sequence[Plain]) -> list[str]:
    """Which orders can be claimed, in words for members: a line for each platform."""
    return [_line(one) for one in claims]


def _line(one: Plain) -> str:
    told = [
        f"{platform_name(one['platform'])}订单:付款后{one['max_age_days']}天内可凭订单号认领积分",
        _FACTORS[one["second_factor"]],
        f"订单未到时等待{one['wait_days']}天",
        f"每天最多{one['per_day']}次",
    ]
    return ",".join(part for part in told if part)
