"""An issue published without push: one draft, submitted once, whatever is lost on the way; and how it came out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.approve_issue import retry_issue
from chalicelib.publishing.figures import figures_of
from chalicelib.publishing.follow_publications import LOOKED_FOR, follow_publications
from chalicelib.publishing.lifecycle import UNKNOWN_OUTCOME
from chalicelib.publishing.model import PAGE, Outcome, State
from chalicelib.publishing.outcome import outcome_of
from chalicelib.publishing.preview_issue import preview_issue
from chalicelib.publishing.send_due import Sweep, send_due
from tests.members.stage import Stage, open_stage
from tests.outside_world import world as world
from tests.publishing.plans import ISSUE_ID, approved
from tests.publishing.test_official_account import ADD_DRAFT, MINUTE, SENDALL, Desk
from tests.stand_in.outsiders import SERVICE, WECHAT, Admin

SUBMIT, GET, LIST = (f"/cgi-bin/freepublish/{name}" for name in ("submit", "get", "batchget"))
DELETE_DRAFT = "/cgi-bin/draft/delete"
HOUR = timedelta(hours=1)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened


@pytest.fixture
def desk(stage: Stage, world: Admin, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(outside, "READ_S", 0.3)
    return Desk(stage, world, PAGE)


def lose(desk: Desk, api: str, kind: str = "timeout_after") -> None:
    """WeChat hears the next call, or does not (`timeout_before`), and its answer comes too late."""
    desk.world.post("/faults", {"api": api, "kind": kind, "times": 1, "seconds": 0.6})


def taken(desk: Desk) -> int:
    """How many drafts WeChat took to publish."""
    return sum(one.get("errcode") == 0 for one in desk.calls(SUBMIT))


def look(desk: Desk, after: timedelta) -> int:
    """Look after publications so long after the publish time; the world's clock goes along."""
    at = desk.publish_at + after
    desk.world.post("/clock", {"at": at.isoformat()})
    return follow_publications(desk.table, now=at)


def outcome(desk: Desk) -> Outcome | None:
    return outcome_of(desk.table, desk.issue())


def test_an_issue_becomes_one_draft_that_is_published_once_and_sent_to_nobody(desk: Desk) -> None:
    desk.approve()

    swept = desk.sweep()
    again = desk.sweep(10 * MINUTE)

    issue = desk.issue()
    (draft,) = desk.calls(ADD_DRAFT)
    (submitted,) = desk.calls(SUBMIT)
    assert (swept, again) == (Sweep(sent=1), Sweep())
    assert [one["title"] for one in draft["body"]["articles"]] == ["春季上新", "我们的牧场", "积分能换什么"]
    assert set(submitted["body"]) == {"media_id"}
    assert desk.calls(SENDALL) == []
    assert issue.receipt is not None
    assert issue.receipt.id.startswith("page-")


@pytest.mark.parametrize("is_number", [False, True])
def test_its_end_is_asked_for_where_wechat_did_not_tell_it(desk: Desk, is_number: bool) -> None:
    app = {"appid": SERVICE[0], "secret": SERVICE[1], "kind": "service", "publish_id_is_number": is_number}
    desk.world.post("/apps", app)
    desk.approve()
    desk.sweep()

    too_early, at_last, again = look(desk, 9 * MINUTE), look(desk, 10 * MINUTE), look(desk, 5 * HOUR)

    found = outcome(desk)
    assert (too_early, at_last, again) == (0, 1, 0)
    assert len(desk.calls(GET)) == 1
    assert found is not None
    assert (found.status, found.text, len(found.links)) == ("published", "已发布,未推送给粉丝", 3)
    assert found.told_at == desk.publish_at + 10 * MINUTE


@pytest.mark.parametrize(
    ("status", "text"),
    [(2, "原创声明未通过:次条"), (3, "发布失败,请在公众号后台查看草稿:次条"), (4, "平台审核未通过:次条")],
)
def test_a_publication_that_failed_says_why_in_chinese(desk: Desk, status: int, text: str) -> None:
    desk.world.post("/publication-plans", {"status": status, "fail_idx": [2]})
    desk.approve()
    desk.sweep()

    look(desk, 10 * MINUTE)

    found = outcome(desk)
    assert found is not None
    assert (found.text, found.links) == (text, ())
    assert taken(desk) == 1


def test_a_job_that_does_not_end_is_asked_for_hourly_and_not_for_ever(desk: Desk) -> None:
    desk.approve()
    desk.sweep()
    under_way = {"publish_id": "1", "publish_status": 1, "fail_idx": []}
    asked: list[str] = []

    def still_running(_api: object, publish_id: str) -> dict[str, Any]:
        asked.append(publish_id)
        return under_way

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.wechat.publications.job", still_running)
        for minutes in range(0, 5 * 24 * 60, 30):
            look(desk, minutes * MINUTE)

    hours = LOOKED_FOR // HOUR
    assert hours <= len(asked) <= hours + 2
    assert outcome(desk) is None


def test_one_that_cannot_be_asked_for_is_asked_again_an_hour_later(desk: Desk) -> None:
    desk.approve()
    desk.sweep()
    lose(desk, GET)

    looks = [look(desk, after) for after in (10 * MINUTE, 11 * MINUTE, 71 * MINUTE)]

    assert looks == [0, 0, 1]
    assert len(desk.calls(GET)) == 2


def test_a_lost_answer_is_found_among_the_published_and_nothing_is_submitted_again(desk: Desk) -> None:
    desk.approve()
    lose(desk, SUBMIT)

    lost, at_last = desk.sweep(), desk.sweep(6 * MINUTE)

    found = outcome(desk)
    assert (lost, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert len(desk.calls(SUBMIT)) == 1
    assert found is not None
    assert (found.status, len(found.links)) == ("published", 3)


def test_what_wechat_never_heard_is_submitted_by_the_next_sweep(desk: Desk) -> None:
    desk.approve()
    lose(desk, SUBMIT, "timeout_before")

    sweeps = [desk.sweep(6 * number * MINUTE) for number in range(5)]

    assert sweeps == [Sweep(unfinished=1)] * 4 + [Sweep(sent=1)]
    assert taken(desk) == 1
    assert len(desk.calls(ADD_DRAFT)) == 1


@pytest.mark.parametrize("errcode", [-1, 53501])
def test_what_wechat_was_too_busy_for_is_submitted_by_the_next_sweep_without_a_look(desk: Desk, errcode: int) -> None:
    desk.approve()
    desk.world.post("/faults", {"api": SUBMIT, "kind": "errcode", "errcode": errcode, "times": 1})

    busy, at_last = desk.sweep(), desk.sweep(6 * MINUTE)

    assert (busy, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert (taken(desk), desk.calls(LIST)) == (1, [])


def test_what_could_not_be_reached_is_submitted_by_the_next_sweep_without_a_look(desk: Desk) -> None:
    desk.approve()

    def unreached(*_given: object) -> None:
        raise outside.Unreached

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.wechat.publications.submit", unreached)
        lost = desk.sweep()
    at_last = desk.sweep(6 * MINUTE)

    assert (lost, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert (taken(desk), desk.calls(LIST)) == (1, [])


def test_a_job_that_runs_long_after_a_lost_answer_is_waited_for_though_its_draft_lies_there(desk: Desk) -> None:
    desk.approve()
    lose(desk, SUBMIT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.wechat.publications.find_published", lambda *_given, **_since: None)
        patched.setattr("chalicelib.connect.wechat.publications.has_draft", lambda *_given: True)
        sweeps = [desk.sweep(6 * number * MINUTE) for number in range(4)]

    at_last = desk.sweep(24 * MINUTE)

    assert sweeps == [Sweep(unfinished=1)] * 4
    assert at_last == Sweep(sent=1)
    assert len(desk.calls(SUBMIT)) == 1


def test_a_lost_answer_whose_job_failed_is_submitted_again_and_its_end_is_told(desk: Desk) -> None:
    desk.world.post("/publication-plans", {"status": 4, "fail_idx": [1]})
    desk.world.post("/publication-plans", {"status": 4, "fail_idx": [1]})
    desk.approve()
    lose(desk, SUBMIT)

    sweeps = [desk.sweep(6 * number * MINUTE) for number in range(5)]
    look(desk, HOUR)

    found = outcome(desk)
    assert sweeps == [Sweep(unfinished=1)] * 4 + [Sweep(sent=1)]
    assert found is not None
    assert found.text == "平台审核未通过:头条"


def test_an_earlier_publication_of_the_same_titles_is_not_taken_for_this_one(desk: Desk, stage: Stage) -> None:
    desk.approve()
    desk.sweep()
    later = Desk(stage, desk.world, PAGE)
    later.publish_at = desk.publish_at + HOUR
    parts = {name: getattr(later.plan, name) for name in ("channel", "publish_at", "headline", "second", "third")}
    approved(later.table, "f" * 16, **parts)
    lose(later, SUBMIT, "timeout_before")

    for number in range(5):
        later.sweep(6 * number * MINUTE)

    assert taken(desk) == 2
    assert later.table.issue("f" * 16).state is State.SENT


def test_where_it_is_neither_published_nor_a_draft_nothing_is_repeated_and_a_person_looks(desk: Desk) -> None:
    issue = desk.approve()
    lose(desk, SUBMIT, "timeout_before")
    desk.sweep()
    sending = desk.table.sending(ISSUE_ID)
    assert sending is not None
    token = desk.world.token(SERVICE)
    desk.world.call(WECHAT, DELETE_DRAFT, {"media_id": sending.draft_id}, access_token=token)

    sweeps = [desk.sweep(6 * number * MINUTE) for number in range(1, 6)]
    failed = desk.issue()
    submitted_before = len(desk.calls(SUBMIT))
    now = desk.publish_at + HOUR
    retry_issue(desk.table, issue.id, version=failed.version, by="reviewer", confirmed_not_sent=True, now=now)
    confirmed = desk.sweep(HOUR)

    assert sweeps == [Sweep(unfinished=1)] * 4 + [Sweep(failed=1)]
    assert failed.failure == UNKNOWN_OUTCOME
    assert submitted_before == 1
    assert confirmed == Sweep(sent=1)
    assert len(desk.calls(ADD_DRAFT)) == 2
    assert taken(desk) == 1


def test_a_draft_that_is_taken_while_it_is_looked_for_is_not_a_refusal(desk: Desk) -> None:
    desk.approve()
    lose(desk, SUBMIT)
    desk.sweep()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.wechat.publications.find_published", lambda *_given, **_since: None)
        patched.setattr("chalicelib.connect.wechat.publications.has_draft", lambda *_given: True)
        overtaken = desk.sweep(22 * MINUTE)
    at_last = desk.sweep(28 * MINUTE)

    assert (overtaken, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert [one.get("errcode") for one in desk.calls(SUBMIT)] == [0, 40007]


def test_a_submission_whose_receipt_was_not_kept_is_not_asked_for_again(desk: Desk) -> None:
    desk.approve()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.publishing.lifecycle.sent", lambda *_given, **_at: 1 / 0)
        died = desk.sweep()

    at_last = desk.sweep(6 * MINUTE)

    sending, receipt = desk.table.sending(ISSUE_ID), desk.issue().receipt
    assert (died, at_last) == (Sweep(unfinished=1), Sweep(sent=1))
    assert len(desk.calls(SUBMIT)) == 1
    assert sending is not None
    assert receipt is not None
    assert receipt.id == f"page-{sending.publish_id}"


def test_a_refused_account_says_why_and_a_later_retry_publishes_the_same_draft(desk: Desk) -> None:
    issue = desk.approve()
    desk.world.post("/faults", {"api": SUBMIT, "kind": "errcode", "errcode": 48001, "times": 1})
    desk.sweep()
    failed, sending = desk.issue(), desk.table.sending(ISSUE_ID)

    retry_issue(
        desk.table, issue.id, version=failed.version, by="reviewer", confirmed_not_sent=False, now=desk.publish_at
    )
    swept = desk.sweep(MINUTE)

    assert "48001" in failed.failure
    assert sending is not None
    assert (sending.is_tried, sending.tried_at) == (False, None)
    assert swept == Sweep(sent=1)
    assert len(desk.calls(ADD_DRAFT)) == 1


def test_an_account_that_is_gone_after_a_lost_answer_leaves_the_outcome_open(desk: Desk, stage: Stage) -> None:
    desk.approve()
    lose(desk, SUBMIT)
    desk.sweep()
    stage.rotate("connect", '{"nothing": "is connected"}')

    swept = send_due(desk.table, now=desk.publish_at + timedelta(minutes=12))

    assert swept == Sweep(unfinished=1)
    assert desk.issue().state is State.CLAIMED


def test_what_is_published_without_push_can_be_shown_to_a_follower_before(desk: Desk) -> None:
    openid = desk.world.post("/followers", {"appid": SERVICE[0], "person": "mei", "tags": []})["openid"]
    desk.approve()

    preview_issue(desk.table, ISSUE_ID, openid, desk.stage.now)
    swept = desk.sweep()

    assert swept == Sweep(sent=1)
    assert len(desk.calls(ADD_DRAFT)) == 1


def test_the_looks_after_a_draft_that_was_shown_days_before_begin_with_its_submission(desk: Desk) -> None:
    desk.approve()
    sending = desk.table.sending(ISSUE_ID)
    desk.sweep()
    standing = desk.table.sending(ISSUE_ID)
    assert sending is None
    assert standing is not None
    desk.table.put_sending(ISSUE_ID, standing._replace(began_at=standing.began_at - timedelta(days=5)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.wechat.publications.job", lambda *_given: {"publish_status": 1})
        look(desk, 10 * MINUTE)

    looked = desk.table.sending(ISSUE_ID)
    assert looked is not None
    assert looked.look_at == desk.publish_at + 70 * MINUTE


def test_wechats_figures_of_sendings_say_nothing_of_what_was_not_sent(desk: Desk) -> None:
    desk.approve()
    desk.sweep()

    with pytest.raises(JifenError) as refused:
        figures_of(desk.table, ISSUE_ID, None, desk.publish_at + timedelta(days=1))

    assert refused.value.code is Code.FIGURES_UNKNOWN
