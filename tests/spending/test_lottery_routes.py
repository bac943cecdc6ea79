"""Lotteries over HTTP: written by one, published by another, read by everybody, drawn by members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.ledger.table import open_ledger
from chalicelib.spending.goods.model import PoolCode
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.lottery import draw as drawing
from chalicelib.spending.lottery.campaign import checksum
from tests.ledger.counter import Counter, opened
from tests.members.stage import ADMIN_KEY, Answer
from tests.spending.lotteries import TICKETS, wheel, with_prize

STAFF, MINE = "/v1/staff/lotteries", "/v1/me/lotteries/{lottery_id}"


class Hall:
    """A stage with staff who keep lotteries."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.operator, self.reviewer = counter.staff("operator"), counter.staff("reviewer")
        self.id = ""

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        return self.counter.call(method, path, body, **{"lottery_id": self.id, **given})

    def write(self, document: Any = None, key: str = "w1") -> Any:
        made = self.call("POST", STAFF, {"document": document or wheel()}, token=self.operator, key=key).data
        self.id = made["id"]
        return made

    def release(self, version: int, token: str = "") -> Answer:
        body = {"version": version, "reason": "周年庆"}
        return self.call("POST", STAFF + "/{lottery_id}/publish", body, token=token or self.reviewer)

    def publish(self, document: Any = None) -> None:
        assert self.release(self.write(document)["version"]).status == 200

    def turn(self, what: str, reason: str = "核查奖品") -> Answer:
        return self.call("POST", STAFF + "/{lottery_id}/" + what, {"reason": reason}, token=self.operator)

    def page(self, token: str = "") -> Any:
        path = MINE if token else "/v1/lotteries/{lottery_id}"
        return self.call("GET", path, token=token).data

    def draw(self, token: str, key: str = "k1", is_adult: bool = True, **given: Any) -> Answer:
        return self.call("POST", MINE + "/draws", {"is_adult": is_adult, **given}, token=token, key=key)


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    with opened(monkeypatch) as counter:
        yield Hall(counter)


def rolling(monkeypatch: pytest.MonkeyPatch, *prizes: str) -> None:
    """The next tickets, a prize each."""
    tickets = [TICKETS[prize] for prize in prizes]
    monkeypatch.setattr(drawing.draw_once, "__kwdefaults__", {"roll": lambda _total: tickets.pop(0)})


def test_the_rules_page_says_all_that_is_promised_to_anybody(hall: Hall) -> None:
    hall.publish()

    page = hall.page()

    assert (page["name"], page["organiser"], page["points"], page["daily_draws"]) == ("大转盘", "骑行装备旗舰店", 20, 3)
    assert [prize["odds"] for prize in page["prizes"]] == ["60%", "25%", "8%", "6%", "0.9%", "0.1%"]
    assert page["prizes"][5] == {
        "id": "bottle",
        "name": "水壶",
        "kind": "parcel",
        "value_fen": 2900,
        "weight": 10,
        "of": 10_000,
        "odds": "0.1%",
        "count": 50,
        "fallback": "200积分",
    }
    assert page["all_win"] is True
    assert page["claim"]
    assert page["checksum"] == checksum(page["document"]) == checksum(wheel())
    assert (page["from_at"], page["slices"]) == ("2026-03-01T00:00:00+08:00", None)
    assert [one["name"] for one in hall.call("GET", "/v1/lotteries").data["list"]] == ["大转盘"]


def test_a_draft_is_nobodys_but_staffs(hall: Hall) -> None:
    hall.write()
    token, _ = hall.counter.log_in()

    answers = [hall.call("GET", "/v1/lotteries/{lottery_id}"), hall.draw(token), hall.turn("pause")]

    assert [answer.json["code"] for answer in answers] == [40425, 40425, 40928]
    assert hall.call("GET", "/v1/lotteries").data["list"] == []
    assert hall.call("GET", "/v1/lotteries/{lottery_id}", lottery_id="m" * 24).json["code"] == 40425


def test_whoever_wrote_it_does_not_publish_it(hall: Hall) -> None:
    own = hall.call("POST", STAFF, {"document": wheel()}, token=hall.reviewer, key="w").data
    hall.id = own["id"]

    by_author, by_operator = hall.release(1), hall.release(1, hall.operator)
    by_admin = hall.release(1, ADMIN_KEY)

    assert [answer.json["code"] for answer in (by_author, by_operator, by_admin)] == [40300, 40300, 0]
    assert by_admin.data["state"] == "published"


def test_what_is_wrong_with_a_draft_is_told_before_and_when_it_is_published(hall: Hall) -> None:
    hall.write(wheel(organiser="", points=None))

    shown = hall.call("GET", STAFF + "/{lottery_id}", token=hall.operator).data
    refused = hall.release(1)

    assert [fault["path"] for fault in shown["faults"]] == ["organiser"]
    assert (refused.json["code"], refused.json["field"]) == (42226, "organiser")


def test_the_same_key_writes_one_draft_and_other_content_is_refused(hall: Hall) -> None:
    first, again = hall.write(), hall.write()
    other = hall.call("POST", STAFF, {"document": wheel(points=5)}, token=hall.operator, key="w1")

    assert (again["id"], first["replayed"], again["replayed"]) == (first["id"], False, True)
    assert other.json["code"] == 40900


def test_a_published_one_is_changed_in_members_favour_alone_and_its_history_says_by_whom(hall: Hall) -> None:
    hall.publish()
    path = STAFF + "/{lottery_id}"
    worse = hall.call("PUT", path, {"document": wheel(points=30), "version": 2}, token=hall.operator).data
    refused = hall.release(worse["version"])
    shown = hall.call("GET", path, token=hall.operator).data
    better = hall.call("PUT", path, {"document": wheel(points=10), "version": 3}, token=hall.operator)
    stale = hall.call("PUT", path, {"document": wheel(points=9), "version": 3}, token=hall.reviewer)
    published = hall.release(4)
    again = hall.release(4)
    coming = hall.page()
    hall.counter.stage.later(seconds=30)
    changed = hall.page()
    history = hall.call("GET", path, token=hall.operator).data

    assert (refused.json["code"], refused.json["field"]) == (42227, "points")
    assert [fault["path"] for fault in shown["faults"]] == ["points"]
    assert (better.status, stale.json["code"]) == (200, 40906)
    assert (published.data["published_version"], again.data["replayed"]) == (2, True)
    assert (coming["points"], coming["version"], coming["coming"]["points"]) == (20, 1, 10)
    assert (changed["points"], changed["version"], changed["coming"]) == (10, 2, None)
    assert changed["checksum"] == checksum(wheel(points=10))
    assert [step["action"] for step in history["history"]] == ["created", "published", "edited", "edited", "published"]
    assert [(one["version"], one["why"]) for one in history["versions"]] == [(1, "周年庆"), (2, "周年庆")]
    assert len({step["by"] for step in history["history"]}) == 2


def test_nothing_is_published_that_nobody_wrote(hall: Hall) -> None:
    hall.publish()
    hall.turn("pause")

    assert hall.release(3).json["code"] == 40928


def test_a_member_sees_what_he_has_left_and_why_he_could_not_draw(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    rolling(monkeypatch, "p10", "p10", "p10")
    hall.publish()
    token, member_id = hall.counter.log_in()
    poor = hall.page(token)["mine"]
    hall.counter.give(member_id, 100)
    before = hall.page(token)["mine"]
    for key in "abc":
        assert hall.draw(token, key).status == 200
    after = hall.page(token)["mine"]
    hall.turn("pause")
    paused = hall.page(token)

    assert (poor["is_affordable"], poor["why_not"]) == (False, {"code": 40901, "msg": "积分不足,还差20分"})
    assert before == {
        "draws_left_today": 3,
        "chances": 0,
        "chances_earned": 0,
        "cost": "points",
        "points": 20,
        "available_points": 100,
        "is_affordable": True,
        "why_not": None,
    }
    assert (after["draws_left_today"], after["why_not"]["code"]) == (0, 40926)
    assert (paused["is_paused"], paused["paused_reason"]) == (True, "核查奖品")
    assert paused["mine"]["why_not"] == {"code": 40925, "msg": "抽奖活动暂停中:核查奖品"}
    assert hall.draw(token, "d").json["msg"] == "抽奖活动暂停中:核查奖品"
    assert hall.turn("pause").data["replayed"] is True
    assert hall.turn("resume").data["state"] == "published"


def test_a_draw_answers_the_same_under_its_key_and_needs_one(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    rolling(monkeypatch, "p50", "p200")
    hall.publish()
    token, member_id = hall.counter.log_in()
    hall.counter.give(member_id, 100)

    first, again = hall.draw(token).data, hall.draw(token).data
    refused = [hall.draw(token, key=""), hall.draw(token, "k2", is_adult=False)]

    assert again == {**first, "replayed": True}
    assert (first["name"], first["points_won"], first["balance_after_points"]) == ("50积分", 50, 130)
    assert [answer.json["code"] for answer in refused] == [40000, 42225]
    assert open_ledger().read(member_id).available_points == 130


def test_a_draw_whose_cost_changed_since_it_was_shown_is_refused_until_it_is_confirmed(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling(monkeypatch, *["p10"] * 6)
    hall.publish(wheel(grants=[{"activity": "check_in", "chances": 1}]))
    token, member_id = hall.counter.log_in()
    hall.counter.give(member_id, 100)
    hall.call("POST", "/v1/me/check-ins", token=token)
    shown = hall.page(token)["mine"]
    hall.draw(token, "other-phone")

    refused = hall.draw(token, cost=shown["cost"])
    now_shown = hall.page(token)["mine"]
    confirmed = hall.draw(token, cost=now_shown["cost"])

    assert (shown["cost"], shown["points"]) == ("chance", 0)
    assert (refused.json["code"], refused.json["field"]) == (40924, "cost")
    assert refused.json["msg"] == "抽奖机会已用完,这次抽奖需要20分,请确认后再抽"
    assert (now_shown["cost"], now_shown["points"]) == ("points", 20)
    assert (confirmed.data["paid_with"], confirmed.data["replayed"]) == ("points", False)
    assert hall.draw(token, "k9", cost="dollars").json["field"] == "cost"


def test_what_a_draw_costs_is_null_where_nothing_can_pay_for_it(hall: Hall) -> None:
    hall.publish(wheel(grants=[{"activity": "check_in", "chances": 1}], points=None))
    token, _ = hall.counter.log_in()

    mine = hall.page(token)["mine"]

    assert (mine["cost"], mine["points"], mine["why_not"]["code"]) == (None, None, 40927)
    assert [hall.draw(token, cost=cost).json["code"] for cost in ("chance", "points")] == [40927, 40927]


def test_a_lottery_for_tagged_members_says_so_and_opens_to_who_is_tagged(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling(monkeypatch, "p10", "p10", "p10")
    hall.publish(wheel(who={"tags": ["vip"]}))
    token, member_id = hall.counter.log_in()
    hall.counter.give(member_id, 100)
    told, barred = hall.page(token)["mine"]["why_not"], hall.draw(token)
    body = {"tag": "vip", "action": "give", "member_ids": [member_id], "reason": "邀请内测"}
    hall.call("POST", "/v1/staff/tag-changes", body, token=hall.operator)

    assert told == {"code": 42228, "msg": "仅限受邀会员参加"}
    assert (barred.json["code"], barred.json["msg"]) == (42228, "仅限受邀会员参加")
    assert hall.page(token)["mine"]["why_not"] is None
    assert hall.draw(token).data["paid_with"] == "points"


def test_winners_are_shown_with_their_ids_masked_and_only_above_the_value(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling(monkeypatch, "p200", "coupon", "bottle")
    hall.publish()
    token, member_id = hall.counter.log_in()
    hall.counter.give(member_id, 100)
    for key in "abc":
        hall.draw(token, key)
        hall.counter.stage.later(seconds=1)

    winners = hall.call("GET", "/v1/lotteries/{lottery_id}/winners").data["list"]

    assert [one["name"] for one in winners] == ["水壶", "满499减50券"]
    assert {one["member"] for one in winners} == {f"{member_id[:3]}****{member_id[-2:]}"}
    assert member_id not in str(winners)


def test_what_was_won_beside_points_can_be_found_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    rolling(monkeypatch, "p10", "coupon", "p20")
    films = {"gives": {"kind": "virtual", "pool": "films"}, "value_fen": 3000, "fallback": "p10"}
    open_goods().add_codes([PoolCode("films", "0" * 24, "FILM-1")], "STOCK#pool:films")
    hall.publish(with_prize("p20", **films))
    token, member_id = hall.counter.log_in()
    stranger, _ = hall.counter.log_in()
    hall.counter.give(member_id, 100)
    answers = []
    for key in "abc":
        answers.append(hall.draw(token, key).data)
        hall.counter.stage.later(seconds=1)

    first = hall.call("GET", "/v1/me/prizes", token=token, query={"limit": "1"}).data
    rest = hall.call("GET", "/v1/me/prizes", token=token, query={"cursor": first["next_cursor"]}).data
    coupons = hall.call("GET", "/v1/me/coupons", token=token).data["list"]

    assert [one["kind"] for one in first["list"] + rest["list"]] == ["virtual", "coupon"]
    assert first["list"][0]["codes"] == ["FILM-1"] == answers[2]["codes"]
    assert rest["next_cursor"] is None
    assert [coupon["code"] for coupon in coupons] == rest["list"][0]["codes"]
    assert hall.call("GET", "/v1/me/prizes", token=stranger).data["list"] == []
    assert hall.call("GET", "/v1/me/prizes", token=token, query={"cursor": "x"}).json["code"] == 40002


def test_staff_see_every_draw_and_what_they_come_to(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    rolling(monkeypatch, "p10", "coupon", "bottle")
    hall.publish()
    token, member_id = hall.counter.log_in()
    hall.counter.give(member_id, 100)
    for key in "abc":
        hall.draw(token, key)
    path = STAFF + "/{lottery_id}"

    pages, cursor = [], ""
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = hall.call("GET", path + "/draws", token=hall.operator, query=query).data
        pages.append(page["list"])
        cursor = page["next_cursor"]
        if not cursor:
            break
    found = hall.call("GET", path + "/statistics", token=hall.operator).data

    drawn = [one for page in pages for one in page]
    assert [len(page) for page in pages] == [2, 1]
    assert sorted(one["ticket"] for one in drawn) == [0, 9300, 9990]
    assert {(one["member_id"], one["version"], one["is_adult"]) for one in drawn} == {(member_id, 1, True)}
    assert (found["draws"], found["members"], found["points_spent"], found["points_won"]) == (3, 1, 60, 10)
    assert found["fits"][0]["observed"] == {"p10": 1, "coupon": 1, "bottle": 1}
    assert (found["fits"][0]["degrees"], found["fits"][0]["critical_999"]) == (5, "20.515")
    assert (found["is_whole"], found["unexplained"]) == (True, [])
    assert found["prizes"][5] == {"id": "bottle", "name": "水壶", "given": 1, "count": 50, "taken": 1}
    listed = hall.call("GET", STAFF, token=hall.operator).data["list"]
    assert [(one["id"], one["state"]) for one in listed] == [(hall.id, "published")]
    hall.counter.stage.later(days=100)
    assert hall.call("GET", STAFF, token=hall.operator).data["list"][0]["state"] == "ended"
