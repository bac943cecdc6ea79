"""Members who wait for a sold-out item: one row each, told once for each asking, the first first, by pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connect.wechat import messages
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.runtime import secret_values
from chalicelib.runtime.settings import settings
from chalicelib.spending.mall import restock, restocks_table
from chalicelib.spending.mall.restock import Told, sweep_restocked
from chalicelib.spending.mall.table import open_mall
from tests.connect.test_payment_gift_notices import taken
from tests.members.stage import ADMIN_KEY, Answer
from tests.spending.after_sales import Desks
from tests.spending.malls import Mall

NOTICE = "/v1/me/mall/items/{item_id}/restock-notice"


TEMPLATE = {"restocked": {"template_id": "t-restocked", "fields": {"thing1": "{item}到货了"}}}


@pytest.fixture(autouse=True)
def sending(monkeypatch: pytest.MonkeyPatch, mall: Mall) -> None:
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "on")
    settings.cache_clear()
    with_templates(mall, TEMPLATE)


def with_templates(mall: Mall, messages: Mapping[str, Any]) -> None:
    mall.counter.stage.rotate("connect", json.dumps({"mini_program": {"messages": messages}}))
    secret_values.forget()


def ask(mall: Mall, token: str, item_id: str = "coupon") -> Answer:
    return mall.call("POST", NOTICE, token=token, item_id=item_id)


def withdraw(mall: Mall, token: str, item_id: str = "coupon") -> Answer:
    return mall.call("DELETE", NOTICE, token=token, item_id=item_id)


def is_awaited(mall: Mall, token: str, item_id: str = "coupon") -> bool:
    one = mall.call("GET", "/v1/me/mall/items/{item_id}", token=token, item_id=item_id).data["is_awaited"]
    listed = mall.call("GET", "/v1/me/mall/items", token=token).data["list"]
    assert [item["is_awaited"] for item in listed if item["id"] == item_id] == [one]
    return bool(one)


def sweep(mall: Mall, minutes: int = 5) -> list[dict[str, Any]]:
    """What is told by the next sweep."""
    mall.counter.stage.later(minutes=minutes)
    Desks(mall).sweep()
    return [json.loads(body) for body in taken(settings().reminders_queue_url)]


def merge(mall: Mall, stays: str, goes: str) -> None:
    path, body = "/v1/staff/members/{member_id}/merges", {"other_member_id": goes, "reason": "同一人"}
    assert mall.call("POST", path, body, token=ADMIN_KEY, member_id=stays).status == 200


def joined(mall: Mall, members: int) -> list[tuple[str, str]]:
    """So many members, one after another: of two that are merged the earlier one stays."""
    found = []
    for _ in range(members):
        found.append(mall.member(0))
        mall.counter.stage.later(seconds=1)
    return found


def waiting(mall: Mall, members: int, stock: int = 0) -> list[str]:
    """So many members, who have asked one after another; their ids."""
    mall.offer(stock=stock)
    found = []
    for _ in range(members):
        token, member_id = mall.member(0)
        assert ask(mall, token).status == 200
        mall.counter.stage.later(seconds=1)
        found.append(member_id)
    return found


def test_who_asked_is_told_once_when_staff_add_pieces(mall: Mall) -> None:
    mall.offer(stock=0)
    token, member_id = mall.member()
    asked, again = ask(mall, token).data, ask(mall, token).data
    before, shown = sweep(mall), is_awaited(mall, token)
    mall.stock("coupon", 5)

    told, later = sweep(mall), sweep(mall)

    assert (asked["replayed"], again["replayed"], before, shown) == (False, True, [], True)
    assert [(one["kind"], one["member_id"], one["facts"]["item"]) for one in told] == [
        ("restocked", member_id, "满减券")
    ]
    assert later == []
    assert is_awaited(mall, token) is False
    assert open_mall().restocks.begun() == {}


def test_the_message_says_which_item_for_two_days(mall: Mall) -> None:
    waiting(mall, 1)
    mall.stock("coupon", 1)

    (told,) = sweep(mall)
    due = messages.due(json.dumps(told), lambda _level: "")

    assert due.words["item"] == "满减券"
    assert (due.last_on - due.on).days == 1
    assert due.key.startswith(f"restocked:{told['member_id']}:{told['on']}:coupon#2026-")


def test_asking_anew_is_told_anew(mall: Mall) -> None:
    mall.offer(stock=1)
    token, _ = mall.member()
    keys = set()
    for _ in range(2):
        mall.bought(token)
        ask(mall, token)
        mall.stock("coupon", 1)
        (told,) = sweep(mall)
        keys.add(told["id"])

    assert len(keys) == 2


def test_only_what_is_sold_out_is_waited_for(mall: Mall) -> None:
    mall.offer(stock=1)
    token, _ = mall.member()
    draft = {"id": "draft", "item": {"name": "草稿", "good": {"kind": "parcel"}, "prices": [{"id": "p", "points": 1}]}}
    mall.staff("POST", "/v1/staff/mall/items", draft)
    mall.offer("off", stock=0)
    mall.switch("off", "off")

    codes = [ask(mall, token, id).json["code"] for id in ("coupon", "draft", "nothing", "off")]

    assert codes == [40912, 40410, 40410, 42212]
    assert is_awaited(mall, token) is False


def test_who_withdrew_is_not_told_and_may_withdraw_again(mall: Mall) -> None:
    mall.offer(stock=0)
    token, _ = mall.member()
    others, other_id = mall.member()
    ask(mall, token)
    ask(mall, others)

    answers = [withdraw(mall, token).data["is_awaited"] for _ in range(2)]
    shown = is_awaited(mall, others)
    mall.stock("coupon", 1)

    assert (answers, shown) == ([False, False], True), "another's asking is his own"
    assert [one["member_id"] for one in sweep(mall)] == [other_id]


def test_who_asked_first_is_told_first_and_who_was_not_told_goes_on_waiting(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (restock, restocks_table):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(restock, "MOST_TOLD", 4)
    members = waiting(mall, 7)
    mall.stock("coupon", 1)

    first = [one["member_id"] for one in sweep(mall)]
    mall.bought(mall.member()[0])
    second = [one["member_id"] for one in sweep(mall)]
    mall.stock("coupon", 1)
    third = [one["member_id"] for one in sweep(mall)]

    assert (first, second, third) == (members[:4], [], members[4:])


def test_a_page_that_was_told_and_not_forgotten_is_told_again_under_its_keys(mall: Mall) -> None:
    members = waiting(mall, 2)
    mall.stock("coupon", 1)
    desk, now = Desks(mall).desk(), mall.counter.stage.later(minutes=5)
    told: list[str] = []

    def dies(bodies: Sequence[str]) -> None:
        told.extend(json.loads(body)["id"] for body in bodies)
        raise SystemExit

    with pytest.raises(SystemExit):
        sweep_restocked(desk=desk, tell=dies, now=now, has_time=lambda: True)

    again = sweep(mall)
    assert [one["id"] for one in again] == told
    assert [one["member_id"] for one in again] == members
    assert sweep(mall) == []


def test_a_queue_that_takes_nothing_leaves_all_to_the_next_sweep(mall: Mall) -> None:
    waiting(mall, 1)
    mall.stock("coupon", 1)
    desk, now = Desks(mall).desk(), mall.counter.stage.later(minutes=5)

    def refuses(_bodies: Sequence[str]) -> None:
        raise JifenError(Code.UNAVAILABLE)

    assert sweep_restocked(desk=desk, tell=refuses, now=now, has_time=lambda: True) == Told(failed=1)
    assert len(sweep(mall)) == 1


def test_without_time_nobody_is_told_and_nothing_forgotten(mall: Mall) -> None:
    waiting(mall, 1)
    mall.stock("coupon", 1)
    desk, now = Desks(mall).desk(), mall.counter.stage.later(minutes=5)

    found = sweep_restocked(desk=desk, tell=lambda _bodies: None, now=now, has_time=lambda: False)

    assert found == Told(finished=False)
    assert len(sweep(mall)) == 1


def test_an_item_that_is_off_sale_is_told_of_when_it_is_on_again(mall: Mall) -> None:
    waiting(mall, 1)
    mall.switch("coupon", "off")
    mall.stock("coupon", 1)
    off = sweep(mall)
    mall.switch("coupon", "on")

    assert (off, len(sweep(mall))) == ([], 1)


def test_pieces_added_days_before_the_item_is_on_sale_are_news_on_the_day_they_are_told(mall: Mall) -> None:
    waiting(mall, 1)
    mall.switch("coupon", "off")
    mall.stock("coupon", 1)
    mall.counter.stage.later(days=3)
    mall.switch("coupon", "on")

    (told,) = sweep(mall)

    today = business_on(mall.counter.stage.now, "Asia/Shanghai")
    assert messages.due(json.dumps(told), lambda _level: "").last_on > today


def test_codes_for_a_pool_are_pieces_of_each_of_its_items(mall: Mall) -> None:
    for id in ("month", "year"):
        mall.offer(id, stock=0, good={"kind": "virtual", "pool": "video"})
    mall.offer("other", stock=0)
    token, _ = mall.member()
    for id in ("month", "year", "other"):
        ask(mall, token, id)
    mall.staff("POST", "/v1/staff/mall/code-pools/{pool}/codes", {"codes": ["A"]}, pool="video")

    assert sorted(one["facts"]["item_id"] for one in sweep(mall)) == ["month", "year"]


def test_pieces_that_are_taken_off_tell_nobody(mall: Mall) -> None:
    mall.offer(stock=1)
    token, _ = mall.member()
    mall.stock("coupon", -1)
    ask(mall, token)

    assert sweep(mall) == []


def test_who_was_merged_is_told_where_he_is_now(mall: Mall) -> None:
    mall.offer(stock=0)
    token, stays = mall.member(0)
    mall.counter.stage.later(seconds=1)
    others, goes = mall.member(0)
    ask(mall, others)
    merge(mall, stays, goes)
    shown, again = is_awaited(mall, token), ask(mall, token).data["replayed"]
    mall.stock("coupon", 1)

    assert (shown, again) == (True, True)
    assert [one["member_id"] for one in sweep(mall)] == [stays]


@pytest.mark.parametrize("first", [0, 1])
def test_who_asked_under_two_ids_that_were_merged_later_is_told_once(mall: Mall, first: int) -> None:
    mall.offer(stock=0)
    members = joined(mall, 2)
    for number in (first, 1 - first):
        ask(mall, members[number][0])
        mall.counter.stage.later(seconds=1)
    (token, stays), (_, goes) = members
    merge(mall, stays, goes)
    mall.stock("coupon", 1)

    told, again = sweep(mall), sweep(mall)

    assert ([one["member_id"] for one in told], again) == ([stays], [])
    assert is_awaited(mall, token) is False
    assert [row for row in mall.counter.stage.rows() if row["pk"] == "RESTOCK#coupon"] == []


def test_askings_under_two_ids_are_told_once_wherever_the_sweep_pauses(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restocks_table, "PAGE", 1)
    monkeypatch.setattr(restock, "PAGE", 1)
    monkeypatch.setattr(restock, "MOST_TOLD", 1)
    mall.offer(stock=0)
    (mine, stays), (others, _), (old, goes) = joined(mall, 3)
    for token in (old, others, mine):
        ask(mall, token)
        mall.counter.stage.later(seconds=1)
    merge(mall, stays, goes)
    mall.stock("coupon", 1)

    told = [one["member_id"] for _ in range(3) for one in sweep(mall)]

    assert (told.count(stays), len(told)) == (1, 2)


def test_without_a_template_asking_is_refused_and_who_waits_already_goes_on_waiting(mall: Mall) -> None:
    (waits,) = waiting(mall, 1)
    token, _ = mall.member()
    with_templates(mall, {})
    mall.stock("coupon", 1)
    without = sweep(mall)
    mall.stock("coupon", -1)
    refused = ask(mall, token).json
    with_templates(mall, TEMPLATE)
    mall.stock("coupon", 1)

    assert (without, refused["code"], refused["msg"]) == ([], 40912, "暂不支持到货提醒")
    assert is_awaited(mall, token) is False
    assert [one["member_id"] for one in sweep(mall)] == [waits]


def test_where_nothing_is_sent_who_asked_before_is_told_that_he_waits(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    mall.offer(stock=0)
    (token, _), (other, _) = mall.member(), mall.member()
    ask(mall, token)
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "off")
    settings.cache_clear()

    assert (ask(mall, token).data["replayed"], ask(mall, other).json["code"]) == (True, 40912)


def test_outside_of_its_time_an_item_says_when_there_is_something_to_wait_for(mall: Mall) -> None:
    now = mall.counter.stage.now
    later, until = (now + timedelta(days=days) for days in (1, 2))
    window = {"from_at": later.isoformat(), "until_at": until.isoformat()}
    mall.offer("soon", stock=0, windows=[window])
    mall.offer("filled", stock=1, windows=[window])
    token, member_id = mall.member()

    early, filled = ask(mall, token, "soon"), ask(mall, token, "filled").json
    mall.stock("soon", 1)
    before = sweep(mall)
    mall.counter.stage.later(days=1)
    told = sweep(mall)
    mall.counter.stage.later(days=1)
    over = ask(mall, token, "filled").json

    assert (early.status, before) == (200, [])
    assert (filled["code"], filled["msg"]) == (40912, "还有库存,到兑换时间可以直接兑换")
    assert [(one["member_id"], one["facts"]["item_id"]) for one in told] == [(member_id, "soon")]
    assert (over["code"], over["msg"]) == (42212, "兑换时间已过")


def test_where_the_stage_sends_no_messages_who_waits_goes_on_waiting(
    mall: Mall, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(mall, 1)
    mall.stock("coupon", 1)
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "off")
    settings.cache_clear()
    off = sweep(mall)
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "on")
    settings.cache_clear()

    assert (off, len(sweep(mall))) == ([], 1)
