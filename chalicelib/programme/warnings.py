"""What a brand should hear before it publishes: terms that are valid, and still probably not what was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chalicelib.programme.account_size import UNIT_BYTES, largest_account_bytes
from chalicelib.programme.activity import ORDER
from chalicelib.programme.claims import platform_name
from chalicelib.programme.forbidden import forbidden_by_wechat
from chalicelib.programme.invites import invites_too_low
from chalicelib.programme.misfits import misfits
from chalicelib.programme.model import Programme
from chalicelib.programme.never import never_fires
from chalicelib.programme.over_budget import over_budget
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.stage_warnings import stage_warnings
from chalicelib.programme.warning import Forecast, Placed, Warning

__all__ = ["Forecast", "Warning", "warnings"]


def warnings(
    programme: Programme, forecast: Forecast | None = None, *, today_on: date | None = None
) -> tuple[Warning, ...]:
    """Everything worth a second look; dates that are over only with `today_on`, budgets only with a forecast."""
    shown = [(f"rules.{place}", rule) for place, rule in enumerate(programme.rules) if rule.enabled]
    return (
        *_too_many(programme, shown),
        *never_fires(programme, shown, today_on),
        *invites_too_low(programme, shown),
        *forbidden_by_wechat(programme),
        *misfits(programme, shown),
        *stage_warnings(programme),
        *over_budget(programme, forecast, today_on),
        *_large_accounts(programme),
        *_unpaid_claims(programme, shown),
    )


def _too_many(programme: Programme, shown: Placed) -> Iterator[Warning]:
    visible = sum(rule.trial is None and not isinstance(rule.amount, Multiplier) for _path, rule in shown)
    if visible > programme.max_shown_rules:
        text = f"会员能看到{visible}条规则,超过{programme.max_shown_rules}条就难以记住"
        yield Warning("rules", "too_many_rules", text)


def _large_accounts(programme: Programme) -> Iterator[Warning]:
    size = largest_account_bytes(programme)
    if size > UNIT_BYTES:
        text = f"会员账户最大可达约{size}字节,超过{UNIT_BYTES}字节后每次记账多用2个写入单位"
        text += ":请减少分别设上限的规则,或让积分在月底到期"
        yield Warning("rules", "account_too_large", text)


def _unpaid_claims(programme: Programme, shown: Placed) -> Iterator[Warning]:
    paying = [rule.when for _path, rule in shown if rule.activity == ORDER and not isinstance(rule.amount, Multiplier)]
    for place, one in enumerate(programme.claims):
        if not any(not when.platforms or one.platform in when.platforms for when in paying):
            text = f"{platform_name(one.platform)}订单可以认领,却没有适用的消费规则"
            yield Warning(f"claims.{place}.platform", "claim_unpaid", text)
