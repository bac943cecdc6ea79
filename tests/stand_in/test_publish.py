"""Publishing: a job that ends in its own time, an event in safe mode that says so, and three attempts to deliver it."""

from __future__ import annotations

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.stand_in.official import add_draft, event, listen, wechatpy
from tests.stand_in.outsiders import SERVICE, SUBSCRIPTION, WECHAT, Admin, Json, Receiver, Trouble

SUBMIT, GET, DELETE = "/cgi-bin/freepublish/submit", "/cgi-bin/freepublish/get", "/cgi-bin/freepublish/delete"


def _submit(admin: Admin, media_id: str) -> Json:
    return admin.call(WECHAT, SUBMIT, {"media_id": media_id}, access_token=admin.token())


def _get(admin: Admin, publish_id: object) -> Json:
    return admin.call(WECHAT, GET, {"publish_id": publish_id}, access_token=admin.token())


def test_a_publication_ends_in_its_own_time(admin: Admin) -> None:
    media_id = add_draft(admin, articles=3)
    submitted = _submit(admin, media_id)
    under_way = _get(admin, submitted["publish_id"])
    admin.advance(3)
    done = _get(admin, submitted["publish_id"])

    assert submitted["errcode"] == 0
    assert isinstance(submitted["publish_id"], str)
    assert under_way == {"publish_id": submitted["publish_id"], "publish_status": 1, "fail_idx": []}
    assert done["publish_status"] == 0
    assert [item["idx"] for item in done["article_detail"]["item"]] == [1, 2, 3]
    assert done["article_detail"]["count"] == 3


def test_a_draft_is_used_up_by_publishing_and_comes_back_when_it_fails(admin: Admin) -> None:
    media_id = add_draft(admin)
    admin.post("/publication-plans", {"status": 4})
    failing = _submit(admin, media_id)["publish_id"]
    assert _submit(admin, media_id)["errcode"] == 40007

    admin.advance(3)
    assert _get(admin, failing) == {"publish_id": failing, "publish_status": 4, "fail_idx": [1]}
    assert _submit(admin, media_id)["errcode"] == 0
    admin.advance(3)
    assert _submit(admin, media_id)["errcode"] == 40007


@pytest.mark.parametrize("status", [2, 3, 4])
def test_ways_to_fail_name_the_articles(admin: Admin, status: int) -> None:
    admin.post("/publication-plans", {"status": status, "fail_idx": [2]})
    publish_id = _submit(admin, add_draft(admin, articles=2))["publish_id"]
    admin.advance(3)

    assert _get(admin, publish_id) == {"publish_id": publish_id, "publish_status": status, "fail_idx": [2]}
    with pytest.raises(Trouble, match="0, 2, 3 or 4"):
        admin.post("/publication-plans", {"status": 1})


def test_published_articles_are_deleted_one_by_one_or_banned(admin: Admin) -> None:
    publish_id = _submit(admin, add_draft(admin, articles=2))["publish_id"]
    admin.advance(3)
    article_id = _get(admin, publish_id)["article_id"]
    token = admin.token()

    def delete(**given: object) -> int:
        return int(admin.call(WECHAT, DELETE, given, access_token=token)["errcode"])

    assert delete(article_id="nothing") == 53600
    assert delete(article_id=article_id, index=1) == 0
    assert [item["idx"] for item in _get(admin, publish_id)["article_detail"]["item"]] == [2]
    assert delete(article_id=article_id) == 0
    assert _get(admin, publish_id)["publish_status"] == 5
    other = _submit(admin, add_draft(admin))["publish_id"]
    admin.advance(3)
    admin.post("/publication-bans", {"publish_id": other})
    assert _get(admin, other)["publish_status"] == 6


def test_an_unverified_account_cannot_publish(admin: Admin) -> None:
    media_id = add_draft(admin, SUBSCRIPTION)
    token = admin.token(SUBSCRIPTION)

    assert admin.call(WECHAT, SUBMIT, {"media_id": media_id}, access_token=token)["errcode"] == 48001


def test_status_may_be_asked_a_hundred_times_a_day(admin: Admin) -> None:
    publish_id = _submit(admin, add_draft(admin))["publish_id"]
    for _ in range(100):
        assert "publish_status" in _get(admin, publish_id)

    assert _get(admin, publish_id)["errcode"] == 45009


def test_an_id_may_be_a_number(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver, publish_id_is_number=True)
    publish_id = _submit(admin, add_draft(admin))["publish_id"]

    assert isinstance(publish_id, int)
    assert _get(admin, publish_id)["publish_id"] == publish_id


def test_the_event_comes_sealed_and_says_what_was_published(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    submitted = _submit(admin, add_draft(admin, articles=2))
    assert receiver.got == []
    admin.advance(3)

    (got,) = receiver.got
    heard = event(got)
    info = heard._data["PublishEventInfo"]
    assert (got.path, got.headers["content-type"]) == ("/callback", "text/xml")
    assert b"PUBLISHJOBFINISH" not in got.body
    assert heard._data["Event"] == "PUBLISHJOBFINISH"
    assert heard.target == "gh_b10000000000"
    assert info["publish_id"] == submitted["publish_id"]
    assert info["publish_status"] == "0"
    assert [item["idx"] for item in info["article_detail"]["item"]] == ["1", "2"]


def test_an_event_that_is_not_acknowledged_comes_three_times(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    receiver.answer = b"failed"
    _submit(admin, add_draft(admin))
    admin.advance(60)

    events = [event(got) for got in receiver.got]
    assert len(events) == 3
    assert len({one._data["CreateTime"] for one in events}) == 1
    assert [one["accepted"] for one in admin.get("/sent", name="PUBLISHJOBFINISH")["sent"]] == [False] * 3
    assert len({got.query for got in receiver.got}) == 3


def test_a_callback_that_answers_the_second_time_is_left_in_peace(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    admin.post("/callbacks", {"patience": 0.1})
    receiver.silent = True
    _submit(admin, add_draft(admin))
    admin.advance(3)
    receiver.silent = False
    admin.post("/callbacks", {"patience": 60})
    admin.advance(60)

    sent = admin.get("/sent", name="PUBLISHJOBFINISH")["sent"]
    assert [(one["attempt"], one["status"]) for one in sent] == [(1, 0), (2, 200)]


def test_after_a_timeout_the_lists_tell_what_happened(admin: Admin) -> None:
    client = wechatpy(admin)
    add_draft(admin)
    admin.post("/faults", {"api": "/cgi-bin/draft/add", "kind": "timeout_after", "seconds": 0.05})
    with pytest.raises(Exception, match="Connection aborted"):
        add_draft(admin, articles=2)
    drafts = client.draft.batchget(0, 20, 1)
    media_id = drafts["item"][0]["media_id"]
    admin.post("/faults", {"api": SUBMIT, "kind": "timeout_after", "seconds": 0.05})
    with pytest.raises(Exception, match="Connection aborted"):
        _submit(admin, media_id)
    nothing_yet = client.freepublish.batchget(0, 20)["total_count"]
    admin.advance(3)
    published = client.freepublish.batchget(0, 20)

    assert (drafts["total_count"], drafts["item_count"]) == (2, 2)
    assert [one["title"] for one in drafts["item"][0]["content"]["news_item"]] == ["第1条", "第2条"]
    assert "content" not in drafts["item"][0]["content"]["news_item"][0]
    assert nothing_yet == 0
    assert published["total_count"] == 1
    assert published["item"][0]["content"]["news_item"][1]["url"].endswith("idx=2")
    assert published["item"][0]["content"]["news_item"][1]["content"] == "<p>满百送十</p>"
    assert client.draft.batchget(1, 20)["item_count"] == 0


def test_a_callback_may_call_back_before_it_answers(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    seen: list[int] = []
    publish_id = _submit(admin, add_draft(admin))["publish_id"]
    receiver.meanwhile = lambda: seen.append(_get(admin, publish_id)["publish_status"])
    admin.advance(3)

    assert seen == [0]


def test_events_get_lost_doubled_delayed_and_overtaken(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    ids: list[str] = []

    def publish(**switches: int) -> list[int]:
        admin.post("/events", {"channel": "wechat", **switches})
        receiver.got.clear()
        ids.append(_submit(admin, add_draft(admin))["publish_id"])
        admin.advance(3)
        return [ids.index(event(got)._data["PublishEventInfo"]["publish_id"]) for got in receiver.got]

    assert publish(drop=1) == []
    assert publish(duplicate=1) == [1, 1]
    assert publish(reorder=1) == []
    assert publish() == [3, 2]
    assert publish(delay=10) == []
    admin.advance(10)
    assert len(receiver.got) == 1


def test_an_address_elsewhere_is_only_reached_through_the_callback_base(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver, push_url="https://points.example.com/v1/callbacks/wechat")
    _submit(admin, add_draft(admin))
    admin.advance(60)
    assert receiver.got == []

    admin.post("/callbacks", {"base": f"{receiver.url}/api"})
    _submit(admin, add_draft(admin))
    admin.advance(60)
    assert [got.path for got in receiver.got] == ["/api/v1/callbacks/wechat"]


def test_a_callback_proves_its_address(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    receiver.answer = admin.post("/url-checks", {"appid": SERVICE[0]})["echo"].encode()
    admin.settle()

    (got,) = [one for one in receiver.got if one.method == "GET"]
    assert "signature=" in got.query
    assert admin.get("/sent", name="url_check")["sent"][0]["path"] == "/callback"


def test_wechatpy_publishes_and_deletes(admin: Admin) -> None:
    client = wechatpy(admin)
    publish_id = client.freepublish.submit(add_draft(admin))["publish_id"]
    admin.advance(3)
    article_id = client.freepublish.get(publish_id)["article_id"]

    assert client.freepublish.delete(article_id)["errcode"] == 0
    assert client.freepublish.get(publish_id)["publish_status"] == 5
    with pytest.raises(WeChatClientException) as refused:
        client.freepublish.submit("nothing")
    assert refused.value.errcode == 40007
