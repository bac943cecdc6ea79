"""A member's way through check-ins as a mini-program sees it: each answer complete, in Chinese, the same when asked
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.earning.behaviour_stage import Http, open_http
from tests.earning.programmes import a_rule
from tests.members.stage import Answer

REWARDS = [{"days": 2, "points": 20}, {"days": 30, "points": 40}]
RULES = [
    a_rule("gift", "check_in", name="开年礼", amount={"kind": "fixed", "points": 100}),
    a_rule(
        "month",
        "check_in",
        name="累计签到",
        points_class="behaviour",
        amount={"kind": "cumulative", "cycle": "month", "rewards": REWARDS, "claim": "auto"},
    ),
    a_rule(
        "by_hand",
        "check_in",
        name="月礼",
        points_class="behaviour",
        amount={"kind": "cumulative", "cycle": "month", "rewards": REWARDS, "claim": "by_hand"},
    ),
]


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    """2 March, noon in Shanghai."""
    with open_http(monkeypatch, rules=RULES) as opened:
        yield opened


def check_in(http: Http, token: str) -> Any:
    return http.call("POST", "/v1/me/check-ins", token=token).data


def make_up(http: Http, token: str, on: str) -> Answer:
    return http.call("POST", "/v1/me/check-ins/make-ups", {"on": on}, token=token)


def calendar(http: Http, token: str) -> Any:
    return http.call("GET", "/v1/me/check-ins", token=token).data


def without(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


def test_a_check_in_of_several_classes_is_told_whole_also_when_it_is_asked_again(http: Http) -> None:
    token, _member_id = http.log_in()

    first, again = check_in(http, token), check_in(http, token)
    shown = calendar(http, token)

    assert (first["points"], first["reason"], first["balance_after_points"]) == (102, "每日签到 · 开年礼", 102)
    assert first["buys"]["next"] == {"name": "满199减10券", "missing_points": 98}
    assert without(again, "replayed") == without(first, "replayed")
    assert (again["replayed"], shown["today_points"], shown["today_reason"]) == (True, 102, "每日签到 · 开年礼")


def test_a_repair_before_todays_check_in_says_the_run_that_today_goes_on_with(http: Http) -> None:
    token, _member_id = http.log_in()
    check_in(http, token)
    http.stage.later(days=2)

    first, again = make_up(http, token, "2026-03-03").data, make_up(http, token, "2026-03-03").data

    assert without(first, "buys") == {
        "made_up_on": "2026-03-03",
        "price_points": 20,
        "reason": "补签2026-03-03",
        "reward_points": 20,
        "reward_reason": "累计签到2天",
        "streak_days": 2,
        "next_reward_days": 5,
        "next_reward_points": 10,
        "balance_after_points": 102,
        "replayed": False,
    }
    assert without(again, "replayed") == without(first, "replayed")
    assert calendar(http, token)["streak_days"] == 2


def test_a_card_that_cannot_be_paid_says_what_is_missing(http: Http) -> None:
    token, _member_id = http.log_in()

    refused = make_up(http, token, "2026-03-01").json

    assert (refused["code"], refused["msg"]) == (40901, "积分不足,还差20分")


def test_a_reward_by_hand_goes_from_far_to_open_to_claimed(http: Http) -> None:
    token, _member_id = http.log_in()
    said = []
    for _day in range(2):
        check_in(http, token)
        said.append([(one["days"], one["state"], one["text"]) for one in calendar(http, token)["claimable"]])
        http.stage.later(days=1)
    path, wanted = "/v1/me/check-ins/rewards", {"rule": "by_hand", "days": 2}
    claimed = http.call("POST", path, wanted, token=token).data
    said.append([(one["days"], one["state"], one["text"]) for one in calendar(http, token)["claimable"]])

    assert said == [
        [(2, "not_reached", "再签到1天可领取20分"), (30, "not_reached", "再签到29天可领取40分")],
        [(2, "open", "累计签到2天,可领取20分"), (30, "not_reached", "再签到28天可领取40分")],
        [(2, "claimed", "累计签到2天的奖励已领取"), (30, "not_reached", "再签到28天可领取40分")],
    ]
    assert (claimed["points"], claimed["reason"]) == (20, "累计签到2天")
    assert claimed["balance_after_points"] == 102 + 122 + 20


def test_a_reward_that_this_month_can_no_longer_reach_says_so(http: Http) -> None:
    token, _member_id = http.log_in()
    http.stage.later(days=1)

    claimable = calendar(http, token)["claimable"]

    assert claimable[1]["text"] == "本月天数已不够,下月1日起重新累计", "3 to 31 March are 29 days"


def test_the_calendar_of_a_leap_month_has_its_last_day(http: Http) -> None:
    http.stage.now = http.stage.now.replace(year=2028, month=2, day=29)
    token, _member_id = http.log_in()
    check_in(http, token)

    shown = calendar(http, token)
    other = http.call("GET", "/v1/me/check-ins", token=token, query={"month": ["2028-03"]}).data

    assert (shown["month"], shown["days"]) == ("2028-02", ["2028-02-29"])
    assert (other["month"], other["days"], other["today_points"]) == ("2028-03", [], 102)
