"""Mass sending: who is reached, how often, once for each clientmsgid; and what readers did."""

from __future__ import annotations

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.stand_in.official import add_draft, event, listen, wechatpy
from tests.stand_in.outsiders import SERVICE, SUBSCRIPTION, WECHAT, Admin, Json, Receiver

SENDALL = "/cgi-bin/message/mass/sendall"
DAY = 86_400


def _follow(admin: Admin, *people: str, tags: tuple[int, ...] = (), app: tuple[str, str] = SERVICE) -> list[str]:
    return [admin.post("/followers", {"appid": app[0], "person": one, "tags": list(tags)})["openid"] for one in people]


def _send(admin: Admin, media_id: str = "", app: tuple[str, str] = SERVICE, **given: Any) -> Json:
    body = {
        "filter": {"is_to_all": True},
        "mpnews": {"media_id": media_id or add_draft(admin, app)},
        "msgtype": "mpnews",
        "send_ignore_reprint": 0,
        **given,
    }
    return admin.call(WECHAT, SENDALL, body, access_token=admin.token(app))


def _state(admin: Admin, msg_id: int) -> str:
    path = "/cgi-bin/message/mass/get"
    return str(admin.call(WECHAT, path, {"msg_id": msg_id}, access_token=admin.token())["msg_status"])


def test_a_sending_ends_in_its_own_time_and_its_event_counts(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    _follow(admin, "a", "b", "c")
    sent = _send(admin, add_draft(admin, articles=2))
    assert _state(admin, sent["msg_id"]) == "SENDING"
    admin.advance(5)

    heard = event(receiver.got[0])
    assert _state(admin, sent["msg_id"]) == "SEND_SUCCESS"
    assert sent["msg_data_id"] > 0
    assert (heard._data["Event"], heard._data["MsgID"]) == ("MASSSENDJOBFINISH", str(sent["msg_id"]))
    assert heard.status == "send success"
    assert (heard.total_count, heard.filter_count, heard.sent_count, heard.error_count) == (3, 3, 3, 0)
    assert heard._data["ArticleUrlResult"]["Count"] == "2"


def test_a_draft_is_used_up_by_sending(admin: Admin) -> None:
    media_id = add_draft(admin)
    assert _send(admin, media_id)["errcode"] == 0

    assert _send(admin, media_id)["errcode"] == 40007
    assert admin.call(WECHAT, "/cgi-bin/draft/count", access_token=admin.token()) == {"total_count": 0}


def test_to_all_once_a_day_and_four_times_a_month(admin: Admin) -> None:
    codes = []
    for _ in range(5):
        codes.append(_send(admin)["errcode"])
        assert _send(admin)["errcode"] == 45028
        admin.advance(DAY)

    assert codes == [0, 0, 0, 0, 45028]
    admin.post("/clock", {"at": "2026-03-31T23:59:59+08:00"})
    assert _send(admin)["errcode"] == 45028
    admin.advance(1)
    assert _send(admin)["errcode"] == 0


def test_a_subscription_account_sends_once_a_day(admin: Admin) -> None:
    admin.post("/apps", {"appid": SUBSCRIPTION[0], "secret": SUBSCRIPTION[1], "kind": "subscription"})
    for _ in range(6):
        assert _send(admin, app=SUBSCRIPTION)["errcode"] == 0
        assert _send(admin, app=SUBSCRIPTION)["errcode"] == 45028
        admin.advance(DAY)


def test_an_unverified_account_cannot_send(admin: Admin) -> None:
    assert _send(admin, app=SUBSCRIPTION)["errcode"] == 48001


def test_a_follower_gets_four_a_month_and_is_then_left_out(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    _follow(admin, "a", "b", tags=(2,))
    for _ in range(4):
        _send(admin, filter={"is_to_all": False, "tag_id": 2})
        admin.advance(5)
    _follow(admin, "late", tags=(2,))
    _send(admin, filter={"is_to_all": False, "tag_id": 2})
    admin.advance(5)

    last = event(receiver.got[-1])
    assert (last.total_count, last.filter_count, last.sent_count) == (3, 1, 1)
    assert _send(admin, filter={"tag_id": 9})["errcode"] == 40152


def test_the_same_clientmsgid_is_sent_once(admin: Admin) -> None:
    first = _send(admin, clientmsgid="issue-1")
    again = _send(admin, clientmsgid="issue-1")
    admin.advance(60)
    later = _send(admin, clientmsgid="issue-1")

    assert again["errcode"] == 45066
    assert (later["errcode"], later["msg_id"]) == (45065, first["msg_id"])
    assert "msg_data_id" not in later
    assert _send(admin, clientmsgid="x" * 65)["errcode"] == 45067


def test_after_a_timeout_the_clientmsgid_finds_what_was_sent(admin: Admin) -> None:
    media_id = add_draft(admin)
    admin.post("/faults", {"api": SENDALL, "kind": "timeout_after", "seconds": 0.05})
    with pytest.raises(Exception, match="Connection aborted"):
        _send(admin, media_id, clientmsgid="issue-1")
    admin.advance(60)

    found = _send(admin, media_id, clientmsgid="issue-1")
    assert found["errcode"] == 45065
    assert _state(admin, found["msg_id"]) == "SEND_SUCCESS"


def test_a_sending_that_fails_gives_its_draft_and_its_quota_back(admin: Admin, receiver: Receiver) -> None:
    listen(admin, receiver)
    admin.post("/mass-plans", {"status": "err(10001)"})
    media_id = add_draft(admin)
    msg_id = _send(admin, media_id)["msg_id"]
    admin.advance(5)

    assert _state(admin, msg_id) == "SEND_FAIL"
    assert event(receiver.got[0]).status == "err(10001)"
    assert _send(admin, media_id)["errcode"] == 0


@pytest.mark.parametrize(
    ("confirmed", "status", "state"),
    [
        (True, "send success", "SEND_SUCCESS"),
        (False, "err(40001)", "SEND_FAIL"),
        (None, "err(40002)", "SEND_FAIL"),
    ],
)
def test_a_protected_account_waits_half_an_hour_for_its_admin(
    admin: Admin, receiver: Receiver, confirmed: bool | None, status: str, state: str
) -> None:
    listen(admin, receiver, protected=True)
    msg_id = _send(admin)["msg_id"]
    admin.advance(1799)
    assert _state(admin, msg_id) == "SENDING"
    if confirmed is not None:
        admin.post("/mass-decisions", {"msg_id": msg_id, "confirmed": confirmed})
    admin.advance(5)

    assert _state(admin, msg_id) == state
    assert [event(got).status for got in receiver.got] == [status]
    admin.advance(3600)
    assert len(receiver.got) == 1


def test_a_preview_costs_no_quota_and_no_draft(admin: Admin) -> None:
    (openid,) = _follow(admin, "a")
    media_id = add_draft(admin)
    client = wechatpy(admin)

    assert client.message.send_mass_article(media_id, openid, preview=True)["msg_id"] > 0
    assert client.message.send_mass_article(media_id, is_to_all=True)["errcode"] == 0
    with pytest.raises(WeChatClientException) as refused:
        client.message.send_mass_article(media_id, "o" * 28, preview=True)
    assert refused.value.errcode == 40003


def test_wechatpy_sends_asks_and_deletes(admin: Admin) -> None:
    client = wechatpy(admin)
    people = _follow(admin, "a", "b", tags=(3,))
    to_tag = client.message.send_mass_article(add_draft(admin), 3, client_msg_id="issue-1")["msg_id"]
    to_some = client.message.send_mass_article(add_draft(admin), people)["msg_id"]
    text = client.message.send_mass_text("周年庆", 3)
    admin.advance(5)

    assert client.message.get_mass(to_tag)["msg_status"] == "SEND_SUCCESS"
    assert "msg_data_id" not in text
    client.message.delete_mass(to_some)
    assert client.message.get_mass(to_some)["msg_status"] == "DELETE"


def test_reads_are_summed_by_slot_and_day(admin: Admin) -> None:
    client = wechatpy(admin)
    _follow(admin, "a", "b")
    sent = _send(admin, add_draft(admin, articles=3))
    submitted = admin.call(
        WECHAT, "/cgi-bin/freepublish/submit", {"media_id": add_draft(admin)}, access_token=admin.token()
    )
    data_id = sent["msg_data_id"]
    for idx, on, readers in ((1, "2026-03-10", 5), (1, "2026-03-11", 3), (3, "2026-03-11", 1)):
        read = {"msg_data_id": data_id, "idx": idx, "on": on, "int_page_read_user": readers, "share_user": 1}
        admin.post("/reads", read)
    admin.advance(2 * DAY)

    summary = client.datacube.get_article_summary("2026-03-11", "2026-03-11")
    assert [(one["msgid"], one["title"], one["int_page_read_user"]) for one in summary] == [
        (f"{data_id}_1", "第1条", 3),
        (f"{data_id}_3", "第3条", 1),
    ]
    total = client.datacube.get_article_total("2026-03-10", "2026-03-10")
    assert [one["msgid"] for one in total] == [f"{data_id}_{idx}" for idx in (1, 2, 3)]
    assert [(one["stat_date"], one["target_user"], one["int_page_read_user"]) for one in total[0]["details"]] == [
        ("2026-03-10", 2, 5),
        ("2026-03-11", 2, 8),
    ]
    days = {"begin_date": "2026-03-10", "end_date": "2026-03-11"}
    detail = admin.call(WECHAT, "/datacube/getarticletotaldetail", days, access_token=admin.token())["list"]
    assert [(one["msgid"], one["publish_type"]) for one in detail][-1] == (f"{submitted['msg_data_id']}_1", 1)
    assert [one["read_user"] for one in detail[0]["detail_list"]] == [5, 8]


@pytest.mark.parametrize(
    ("first", "last", "errcode"),
    [
        ("2026-03-10", "2026-03-10", 61501),
        ("2026-03-08", "2026-03-09", 61501),
        ("2026-03-09", "2026-03-08", 61501),
        ("10.3.2026", "2026-03-09", 61500),
        ("2026-03-09", "2026-03-09", None),
    ],
)
def test_statistics_cover_one_day_and_no_later_than_yesterday(
    admin: Admin, first: str, last: str, errcode: int | None
) -> None:
    days = {"begin_date": first, "end_date": last}

    assert admin.call(WECHAT, "/datacube/getarticletotal", days, access_token=admin.token()).get("errcode") == errcode
