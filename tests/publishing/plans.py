"""Builders: a plan that could be approved, and issues on their way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.publishing import lifecycle
from chalicelib.publishing.model import Goal, Heading, Issue, Kpi, Plan, PointsItem, Slot, State
from chalicelib.publishing.table import PublishingTable

ISSUE_ID = "0123456789abcdef"
PUBLISH_AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # Wednesday 20:00 in Shanghai
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

PLAN = Plan(
    title="三月第一期",
    publish_at=PUBLISH_AT,
    channel="outbox",
    headline=Slot(
        title="春季上新",
        body="新款到店\n文末报名",
        goods=("sku-1", "sku-2"),
        sign_up_link="pages/sign-up?from=0304",
        interaction="留言说出你最想要的一款",
        goal=Goal("拉动报名", Kpi("报名人数", 500)),
    ),
    second=Slot(title="我们的牧场", body="品牌故事", goal=Goal("品牌好感")),
    third=Slot(
        title="积分能换什么",
        body="本周可兑",
        points_item=PointsItem("coupon", "满100减20券", 200),
        goal=Goal("积分消耗"),
    ),
)


def a_plan(**changes: Any) -> Plan:
    return replace(PLAN, **changes)


def a_draft(issue_id: str = ISSUE_ID, **changes: Any) -> Issue:
    return lifecycle.draft(issue_id, a_plan(**changes), by="writer", at=MONDAY)


def stored(table: PublishingTable, issue: Issue) -> Issue:
    table.create(issue, guard=issue.id, input_hash="")
    return issue


def approved(table: PublishingTable, issue_id: str = ISSUE_ID, **changes: Any) -> Issue:
    """A stored issue, approved by another person than its writer."""
    draft = stored(table, a_draft(issue_id, **changes))
    issue = lifecycle.approve(draft, by="reviewer", at=MONDAY)
    table.save(issue, seen_version=draft.version)
    return issue


def a_heading(
    number: int,
    publish_at: datetime,
    state: State = State.SENT,
    sent_at: datetime | None = None,
    channel: str = "outbox",
) -> Heading:
    return Heading(f"{number:016x}", f"第{number}期", publish_at, channel, state, 2, ("", "", ""), sent_at)


def plan_json(**changes: Any) -> dict[str, Any]:
    """A complete request body."""
    return {
        "title": "三月第一期",
        "publish_at": "2099-03-04T20:00:00+08:00",
        "channel": "outbox",
        "headline": {
            "title": "春季上新",
            "body": "新款到店\n文末报名",
            "goods": ["sku-1", "sku-2"],
            "sign_up_link": "pages/sign-up?from=0304",
            "interaction": "留言说出你最想要的一款",
            "goal": {"text": "拉动报名", "kpi": {"name": "报名人数", "target": 500}},
        },
        "second": {"title": "我们的牧场", "body": "品牌故事", "goal": {"text": "品牌好感"}},
        "third": {
            "title": "积分能换什么",
            "body": "本周可兑",
            "points_item": {"kind": "coupon", "name": "满100减20券", "points": 200, "cash_fen": 0},
            "goal": {"text": "积分消耗"},
        },
        **changes,
    }
