"""An issue through the Official Account: one draft of three articles, sent to all once, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.accounts import account
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.official_account import add_cover
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.approve_issue import approve_issue, retry_issue
from chalicelib.publishing.article import content_of
from chalicelib.publishing.figures import SlotFigures, figures_of
from chalicelib.publishing.lifecycle import UNKNOWN_OUTCOME
from chalicelib.publishing.model import Issue, Plan, PointsItem, Slot, State
from chalicelib.publishing.plan_issue import edit_issue
from chalicelib.publishing.preview_issue import preview_issue
from chalicelib.publishing.send_due import Sweep, send_due
from chalicelib.publishing.table import PublishingTable
from tests.members.stage import Stage, open_stage
from tests.outside_world import world as world
from tests.publishing.plans import ISSUE_ID, PLAN, a_draft, approved, stored
from tests.stand_in.official import PNG
from tests.stand_in.outsiders import SERVICE, WECHAT, Admin

SENDALL, ADD_DRAFT, COUNT = "/cgi-bin/message/mass/sendall", "/cgi-bin/draft/add", "/cgi-bin/draft/count"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened


class Desk:
    """The publishing desk of a stage: its table, the plan for the Official Account, and the minute rule."""

    def __init__(self, stage: Stage, world: Admin, channel: str = "official_account") -> None:
        self.stage, self.world, self.channel = stage, world, channel
        self.table = PublishingTable(stage.cloud, "test-publishing")
        self.publish_at = stage.now + MINUTE
        self.api = WechatApi(
            ConnectTable(stage.cloud, "test-connect"), account("official_account", stage.now), stage.now
        )
        self.cover_id = add_cover(self.api, "cover.png", PNG, "image/png")

    @property
    def plan(self) -> Plan:
        slots = {
            name: replace(getattr(PLAN, name), cover_media_id=self.cover_id) for name in ("headline", "second", "third")
        }
        return replace(PLAN, channel=self.channel, publish_at=self.publish_at, **slots)

    def approve(self) -> Issue:
        plan = self.plan
        return approved(self.table, **{name: getattr(plan, name) for name in Plan.__slots__})

    def sweep(self, after: timedelta = timedelta()) -> Sweep:
        """The minute rule, so long after the publish time; the world's clock goes along."""
        at = self.publish_at + after
        self.world.post("/clock", {"at": at.isoformat()})
        return send_due(self.table, now=at)

    def issue(self) -> Issue:
        return self.table.issue(ISSUE_ID)

    def calls(self, path: str) -> list[dict[str, Any]]:
        return list(self.world.get("/received", path=path)["received"])

    def sendings(self) -> list[dict[str, Any]]:
        """What WeChat has sent to all followers."""
        return [one for one in self.calls(SENDALL) if one.get("errcode") == 0]

    def drafts_left(self) -> int:
        answer = self.world.call(WECHAT, COUNT, access_token=self.world.token(SERVICE))
        return int(answer["total_count"])


@pytest.fixture
def desk(stage: Stage, world: Admin) -> Desk:
    return Desk(stage, world)


def test_an_issue_goes_out_as_one_draft_of_three_articles_to_all_followers(desk: Desk) -> None:
    desk.approve()

    swept = desk.sweep()
    again = desk.sweep(10 * MINUTE)

    issue = desk.issue()
    (draft,) = desk.calls(ADD_DRAFT)
    (sending,) = desk.calls(SENDALL)
    assert (swept, again) == (Sweep(sent=1), Sweep())
    assert [one["title"] for one in draft["body"]["articles"]] == ["春季上新", "我们的牧场", "积分能换什么"]
    assert sending["body"]["filter"] == {"is_to_all": True}
    assert sending["body"]["clientmsgid"] == ISSUE_ID
    assert issue.receipt is not None
    assert issue.receipt.id.startswith("mass-")
    assert desk.drafts_left() == 0


def test_an_article_holds_what_its_slot_is_for_and_nothing_runs_in_it() -> None:
    slot = Slot(
        title="t",
        body="第一段<script>alert(1)</script>\n\n第二段 & 完",
        goods=("帽", "车灯"),
        points_item=PointsItem("gift", "水壶", 300, 1990),
        sign_up_link="pages/sign-up?from=0304",
        interaction="留言抽奖",
    )

    content = content_of(slot, "wx1")

    assert content == (
        "<p>第一段&lt;script&gt;alert(1)&lt;/script&gt;</p><p>第二段 &amp; 完</p><p>推荐商品:帽、车灯</p>"
        "<p>300积分+19.90元兑水壶</p><p>留言抽奖</p>"
        '<p><a data-miniprogram-appid="wx1" data-miniprogram-path="pages/sign-up?from=0304" href="">点击报名</a></p>'
    )


def test_through_an_ended_token_a_spent_quota_and_a_lost_answer_it_is_still_sent_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = desk.approve()
    desk.world.post("/tokens/ends", {"owner": SERVICE[0]})
    desk.world.post("/faults", {"api": SENDALL, "kind": "errcode", "errcode": 45009, "times": 1})

    out_of_quota = desk.sweep()
    failed = desk.issue()
    retry_issue(
        desk.table, issue.id, version=failed.version, by="reviewer", confirmed_not_sent=False, now=desk.publish_at
    )
    monkeypatch.setattr(outside, "READ_S", 0.3)
    desk.world.post("/faults", {"api": SENDALL, "kind": "timeout_after", "times": 1, "seconds": 0.6})
    lost = desk.sweep(MINUTE)
    too_early = desk.sweep(3 * MINUTE)
    at_last = desk.sweep(7 * MINUTE)

    assert (out_of_quota, lost, too_early, at_last) == (
        Sweep(failed=1),
        Sweep(unfinished=1),
        Sweep(left=1),
        Sweep(sent=1),
    )
    assert "额度" in failed.failure
    assert "45009" in failed.failure
    assert [one.get("errcode") for one in desk.calls(ADD_DRAFT)] == [40001, None]
    assert [(one.get("errcode"), one.get("fault")) for one in desk.calls(SENDALL)] == [
        (45009, "errcode"),
        (0, "timeout_after"),
        (45065, None),
    ]
    assert desk.issue().state is State.SENT


def test_a_draft_whose_answer_was_lost_is_found_instead_of_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approve()
    monkeypatch.setattr(outside, "READ_S", 0.3)
    desk.world.post("/faults", {"api": ADD_DRAFT, "kind": "timeout_after", "times": 1, "seconds": 0.6})

    lost, at_last = desk.sweep(), desk.sweep(6 * MINUTE)

    assert (lost, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert len(desk.calls(ADD_DRAFT)) == 1
    assert desk.drafts_left() == 0


def test_a_draft_that_was_never_made_is_made_by_the_next_sweep(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve()
    monkeypatch.setattr(outside, "READ_S", 0.3)
    desk.world.post("/faults", {"api": ADD_DRAFT, "kind": "timeout_before", "times": 1, "seconds": 0.6})

    lost, at_last = desk.sweep(), desk.sweep(6 * MINUTE)

    assert (lost, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert desk.drafts_left() == 0


def test_after_a_lost_answer_no_refusal_is_taken_for_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve()
    monkeypatch.setattr(outside, "READ_S", 0.3)
    desk.world.post("/faults", {"api": SENDALL, "kind": "timeout_after", "times": 1, "seconds": 0.6})
    desk.sweep()
    desk.world.post("/faults", {"api": SENDALL, "kind": "errcode", "errcode": 48001, "times": None})

    sweeps = [desk.sweep(6 * number * MINUTE) for number in range(1, 6)]

    assert sweeps == [Sweep(unfinished=1)] * 4 + [Sweep(failed=1)]
    assert desk.issue().failure == UNKNOWN_OUTCOME


def test_a_refused_account_says_why_and_what_was_edited_then_becomes_another_draft(desk: Desk) -> None:
    issue = desk.approve()
    desk.world.post("/faults", {"api": SENDALL, "kind": "errcode", "errcode": 48001, "times": 1})
    desk.sweep()
    failed = desk.issue()
    second = replace(desk.plan.second, title="牧场的春天")

    edited, _ = edit_issue(
        desk.table,
        issue.id,
        replace(desk.plan, second=second, publish_at=desk.publish_at + 5 * MINUTE),
        version=failed.version,
        by="writer",
        now=desk.publish_at,
    )
    approve_issue(
        desk.table, issue.id, version=edited.version, by="reviewer", is_admin=False, now=desk.publish_at + MINUTE
    )
    swept = desk.sweep(5 * MINUTE)

    assert "48001" in failed.failure
    assert swept == Sweep(sent=1)
    assert [one["body"]["articles"][1]["title"] for one in desk.calls(ADD_DRAFT)] == ["我们的牧场", "牧场的春天"]


def test_without_an_account_nothing_is_asked_and_the_issue_fails_in_words(desk: Desk, stage: Stage) -> None:
    desk.approve()
    stage.rotate("connect", '{"nothing": "is connected"}')

    swept = send_due(desk.table, now=desk.publish_at + timedelta(minutes=6))

    assert swept == Sweep(failed=1)
    assert desk.issue().failure == "公众号或小程序尚未接通"
    assert desk.calls(ADD_DRAFT) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cover_media_id": ""}, "headline.cover_media_id"),
        ({"title": "长" * 33}, "headline.title"),
        ({"body": "<" * 6_000}, "headline.body"),
    ],
)
def test_what_wechat_would_refuse_is_refused_at_the_approval(desk: Desk, change: dict[str, Any], field: str) -> None:
    headline = replace(desk.plan.headline, **change)
    issue = stored(
        desk.table, a_draft(**{**{name: getattr(desk.plan, name) for name in Plan.__slots__}, "headline": headline})
    )

    with pytest.raises(JifenError) as refused:
        approve_issue(desk.table, issue.id, version=1, by="reviewer", is_admin=False, now=desk.stage.now)

    assert (refused.value.code, refused.value.field) == (Code.ISSUE_INCOMPLETE, field)


def test_the_day_after_each_slot_has_its_readers(desk: Desk) -> None:
    desk.approve()
    desk.sweep()
    on = datetime.fromisoformat(desk.world.get("/clock")["now"]).date()
    sending = desk.table.sending(ISSUE_ID)
    assert sending is not None
    read = {"msg_data_id": int(sending.data_id), "idx": 3, "on": on.isoformat()}
    desk.world.post("/reads", {**read, "int_page_read_count": 7, "int_page_read_user": 5, "share_count": 2})
    with pytest.raises(JifenError) as too_early:
        figures_of(desk.table, ISSUE_ID, None, desk.publish_at)
    desk.world.advance(86_400)

    told_of, found = figures_of(desk.table, ISSUE_ID, None, desk.publish_at + timedelta(days=1))

    assert (too_early.value.code, too_early.value.field) == (Code.INVALID_REQUEST, "on")
    assert told_of == on
    assert [one.slot for one in found] == ["headline", "second", "third"]
    assert found[2] == SlotFigures("third", "积分能换什么", readers=5, reads=7, shares=2, favourites=0)
    assert found[1].reads == 0


def test_what_was_not_sent_has_no_figures(desk: Desk) -> None:
    desk.approve()

    with pytest.raises(JifenError) as refused:
        figures_of(desk.table, ISSUE_ID, None, desk.publish_at)

    assert refused.value.code is Code.FIGURES_UNKNOWN


def test_a_follower_sees_the_very_draft_that_is_sent_afterwards(desk: Desk) -> None:
    openid = desk.world.post("/followers", {"appid": SERVICE[0], "person": "mei", "tags": []})["openid"]
    desk.approve()

    preview_issue(desk.table, ISSUE_ID, openid, desk.stage.now)
    preview_issue(desk.table, ISSUE_ID, openid, desk.stage.now)
    swept = desk.sweep()

    (sending,) = desk.calls(SENDALL)
    shown = {one["body"]["mpnews"]["media_id"] for one in desk.calls("/cgi-bin/message/mass/preview")}
    assert swept == Sweep(sent=1)
    assert shown == {sending["body"]["mpnews"]["media_id"]}
    assert len(desk.calls(ADD_DRAFT)) == 1


def test_a_preview_is_refused_in_words_and_leaves_the_issue_as_it_is(desk: Desk) -> None:
    issue = desk.approve()
    with pytest.raises(JifenError) as stranger:
        preview_issue(desk.table, ISSUE_ID, "o" * 28, desk.stage.now)
    desk.sweep()
    with pytest.raises(JifenError) as sent:
        preview_issue(desk.table, ISSUE_ID, "o" * 28, desk.stage.now)

    assert (stranger.value.code, "40003" in stranger.value.msg) == (Code.PREVIEW_REFUSED, True)
    assert sent.value.code is Code.ISSUE_STATE
    assert desk.issue().version > issue.version


def test_an_issue_for_another_channel_or_with_a_hole_is_not_shown(desk: Desk) -> None:
    stored(desk.table, a_draft("1" * 16))
    hollow = replace(desk.plan.second, cover_media_id="")
    parts = {name: getattr(desk.plan, name) for name in Plan.__slots__}
    stored(desk.table, a_draft("2" * 16, **{**parts, "second": hollow}))
    refusals = []
    for issue_id in ("1" * 16, "2" * 16):
        with pytest.raises(JifenError) as refused:
            preview_issue(desk.table, issue_id, "o" * 28, desk.stage.now)
        refusals.append((refused.value.code, refused.value.field))

    assert refusals == [(Code.PREVIEW_REFUSED, "channel"), (Code.ISSUE_INCOMPLETE, "second.cover_media_id")]
    assert desk.calls(ADD_DRAFT) == []
