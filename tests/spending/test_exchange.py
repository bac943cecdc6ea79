"""Exchange to a partner's points (通兑): charged once or not at all, whatever the partner says or does not say."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.connect.partner.words import Asked, Said, Word
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.merge import merge_accounts
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime.dynamo import client, encode_item
from chalicelib.spending.exchange.events import sweep_exchanges
from chalicelib.spending.exchange.items import exchange_item
from chalicelib.spending.exchange.model import HELD_FOR, Exchange, State
from chalicelib.spending.exchange.settle_exchange import pursue, settle
from chalicelib.spending.exchange.sweep import Swept
from chalicelib.spending.exchange.table import open_exchanges
from tests.connect.stage import one_call_at_a_time
from tests.ledger.item_size import item_bytes
from tests.spending.exchanges import ACCOUNT, SECRET, Airport
from tests.spending.test_costs import cost

SHORT = "too short to sign with"


def test_done_spends_the_points_and_gives_the_units_once(airport: Airport) -> None:
    token, member_id = airport.mall.member()

    made, again = (airport.exchange(token, 119, key="one").data for _ in range(2))

    assert (made["state"], made["points"], made["units"], made["replayed"]) == ("done", 110, 33, False)
    assert (again["id"], again["state"], again["replayed"]) == (made["id"], "done", True)
    assert (airport.points(member_id), airport.balance()) == ((890, 0), 33)
    assert (made["account"], made["state_text"]) == ("****567", "已完成")
    airport.assert_sound(member_id)


def test_the_same_key_for_another_exchange_is_refused(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.exchange(token, 100, key="one")

    assert airport.exchange(token, 200, key="one").json["code"] == 40900
    assert airport.exchange(token, 100, key="one", account="1234567").json["code"] == 40900


def test_two_members_with_one_key_are_two_exchanges(airport: Airport) -> None:
    (one, _), (two, _) = airport.mall.member(), airport.mall.member()

    ids = {airport.exchange(token, key="one").data["id"] for token in (one, two)}

    assert len(ids) == 2
    assert airport.balance() == 60


@pytest.mark.parametrize("reason", ["account_unknown", "limit", "a word nobody agreed on"])
def test_refused_gives_points_and_limits_back(airport: Airport, reason: str) -> None:
    airport.partner(member_times_per_day=1, all_points_per_day=100)
    token, member_id = airport.mall.member()
    airport.plan("refused", reason=reason)

    refused = airport.exchange(token).data
    second = airport.exchange(token).data

    assert (refused["state"], refused["state_text"]) == ("refused", "未成功,积分已退回")
    assert refused["reason_text"]
    assert second["state"] == "done"
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)


def test_an_account_the_partner_does_not_know_is_refused_for_good(airport: Airport) -> None:
    token, member_id = airport.mall.member()

    refused = airport.exchange(token, account="99999999").data

    assert (refused["state"], refused["reason_text"]) == ("refused", "对方没有这个账号")
    assert airport.points(member_id) == (1000, 0)


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "http_500"])
def test_a_lost_answer_leaves_it_in_process_and_the_sweep_ends_it_once(airport: Airport, fault: str) -> None:
    token, member_id = airport.mall.member()
    airport.fault(fault)
    made = airport.exchange(token).data
    before = airport.points(member_id)
    airport.later(seconds=59)
    early = airport.sweep()
    airport.later(seconds=1)

    swept, again = airport.sweep(), airport.sweep()

    assert (made["state"], made["state_text"]) == ("asked", "处理中")
    assert (before, early, swept, again) == ((900, 100), Swept(), Swept(ended=1), Swept())
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)
    assert airport.theirs(made["id"])["paid"] == 1


def test_the_clients_own_retry_ends_it_as_well(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.fault("timeout_after")
    airport.exchange(token, key="one")

    assert airport.exchange(token, key="one").data["state"] == "done"
    assert airport.balance() == 30


def test_a_client_that_asks_again_and_again_does_not_ask_the_partner_each_time(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.plan("pending")
    made = [airport.exchange(token, key="one").data for _ in range(10)]
    asked = [one for one in airport.world.get("/received")["received"] if one["path"].startswith("/exchanges")]
    airport.world.post("/partner-decisions", {"id": made[0]["id"], "state": "done"})
    airport.later(minutes=30)

    assert {one["state"] for one in made} == {"asked"}
    assert len(asked) == 3
    assert airport.exchange(token, key="one").data["state"] == "done"


@pytest.mark.parametrize("end", ["done", "refused"])
def test_pending_is_looked_at_until_it_ends(airport: Airport, end: str) -> None:
    token, member_id = airport.mall.member()
    airport.plan("pending")
    made = airport.exchange(token).data
    airport.later(minutes=2)
    waiting = airport.sweep()
    airport.world.post("/partner-decisions", {"id": made["id"], "state": end})
    airport.later(minutes=10)

    assert (made["state"], waiting, airport.sweep()) == ("asked", Swept(waiting=1), Swept(ended=1))
    assert airport.row(made["id"]).state == end
    assert airport.points(member_id) == ((900, 0) if end == "done" else (1000, 0))
    assert airport.balance() == (30 if end == "done" else 0)


@pytest.mark.parametrize("forged", ["unsigned", "foreign_signature", "old_timestamp"])
def test_an_answer_that_is_not_the_partners_own_is_none(airport: Airport, forged: str) -> None:
    token, member_id = airport.mall.member()
    airport.plan("refused")
    airport.fault(forged)

    made = airport.exchange(token).data
    before = airport.points(member_id)
    airport.later(minutes=2)
    airport.sweep()

    assert (made["state"], before) == ("asked", (900, 100))
    assert airport.row(made["id"]).state is State.REFUSED
    assert [line for line in airport.lines if '"partner_unverified"' in line]


def test_nothing_is_given_up_before_the_partner_says_that_it_never_will(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_before", api="/exchanges*", times=None)
    made = airport.exchange(token).data
    for _ in range(30):
        airport.later(hours=1)
        airport.sweep()
    late = airport.mall.staff("GET", "/v1/staff/exchanges", query={"work": "late"}).data["list"]
    still = airport.points(member_id)
    airport.world.post("/faults", {"clear": True})
    airport.later(hours=1)

    assert [one["id"] for one in late] == [made["id"]]
    assert (late[0]["waits"], still) == ("unanswered", (900, 100))
    assert [made["id"] in line for line in airport.lines if '"exchange_late"' in line] == [True]
    assert airport.sweep() == Swept(ended=1)
    assert (airport.row(made["id"]).state, airport.theirs(made["id"])["state"]) == (State.VOIDED, "voided")
    assert airport.points(member_id) == (1000, 0)
    assert airport.mall.staff("GET", "/v1/staff/exchanges", query={"work": "late"}).data["list"] == []


def test_a_question_that_comes_after_the_voiding_does_nothing(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_before")
    made = airport.exchange(token).data
    airport.later(hours=24)
    airport.sweep()
    row = airport.row(made["id"])
    said = airport.desk.api("miles", airport.now).ask(Asked(row.id, ACCOUNT, row.units, row.asked_at))

    assert (said.word, row.state) == (Word.VOIDED, State.VOIDED)
    assert (airport.balance(), airport.points(member_id)) == (0, (1000, 0))


def test_what_was_done_before_it_was_voided_is_spent(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_after")
    made = airport.exchange(token).data
    airport.later(hours=25)

    airport.sweep()

    assert airport.row(made["id"]).state is State.DONE
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)


def outlived(airport: Airport, spend: int = 0) -> tuple[str, str, str]:
    """(token, member, exchange) of one that the partner did, and whose hold ended before anybody heard of it."""
    token, member_id = airport.mall.member(name="mei")
    airport.fault("timeout_after", api="/exchanges")
    made = airport.exchange(token).data
    airport.fault("timeout_before", api="/exchanges/*", times=None)
    airport.later(days=HELD_FOR.days, seconds=1)
    terms = terms_at(airport.now).ledger
    release_overdue(member_id, hold_key(f"exchange.{made['id']}"), ledger=open_ledger(), terms=terms, now=airport.now)
    token, _ = airport.mall.member(0, "mei")  # the session has ended, too
    if spend:
        airport.mall.offer("dear", prices=[{"id": "points", "points": spend}])
        airport.mall.bought(token, "dear")
    airport.world.post("/faults", {"clear": True})
    return token, member_id, made["id"]


def test_what_was_done_though_its_hold_had_ended_is_charged_anew(airport: Airport) -> None:
    _, member_id, exchange_id = outlived(airport)
    before = airport.points(member_id)

    swept = airport.sweep()

    row = airport.row(exchange_id)
    assert (before, swept) == ((1000, 0), Swept(ended=1))
    assert (row.state, row.charged_late) == (State.DONE, True)
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)
    airport.assert_sound(member_id)


def test_what_can_no_longer_be_charged_is_a_difference_with_a_name_for_people(airport: Airport) -> None:
    token, member_id, exchange_id = outlived(airport, spend=950)
    airport.sweep()
    work = airport.mall.staff("GET", "/v1/staff/exchanges", query={"work": "uncharged"}).data["list"]
    path = "/v1/staff/exchanges/{exchange_id}/closing"
    finance = airport.mall.counter.staff("finance")
    charge = {"how": "charge", "reason": "会员补足"}
    poor = airport.mall.call("POST", path, charge, token=finance, exchange_id=exchange_id)
    airport.mall.counter.give(member_id, 200)
    closed = [airport.mall.call("POST", path, charge, token=finance, exchange_id=exchange_id) for _ in range(2)]
    waive = airport.mall.call("POST", path, {"how": "waive", "reason": "x"}, token=finance, exchange_id=exchange_id)
    seen = airport.mall.call("GET", "/v1/me/exchanges/{exchange_id}", token=token, exchange_id=exchange_id).data

    assert [(one["id"], one["state"], one["reason"]) for one in work] == [
        (exchange_id, "uncharged", "insufficient_points")
    ]
    assert [poor.json["code"], *(one.json["code"] for one in closed), waive.json["code"]] == [40901, 0, 0, 40936]
    assert airport.points(member_id) == (150, 0)
    assert seen["state"] == "done"
    assert airport.mall.staff("GET", "/v1/staff/exchanges", query={"work": "uncharged"}).data["list"] == []


def test_what_cannot_be_charged_may_be_waived_by_finance_alone(airport: Airport) -> None:
    _, member_id, exchange_id = outlived(airport, spend=950)
    airport.sweep()
    path, body = "/v1/staff/exchanges/{exchange_id}/closing", {"how": "waive", "reason": "金额小"}

    operator = airport.mall.staff("POST", path, body, exchange_id=exchange_id)
    finance = airport.mall.counter.staff("finance")
    waived = airport.mall.call("POST", path, body, token=finance, exchange_id=exchange_id).data

    assert operator.status == 403
    assert (waived["state"], waived["closed_why"]) == ("waived", "金额小")
    assert airport.points(member_id) == (50, 0)


def test_a_member_sees_a_difference_as_the_partner_does(airport: Airport) -> None:
    token, _, exchange_id = outlived(airport, spend=950)
    airport.sweep()

    seen = airport.mall.call("GET", "/v1/me/exchanges", token=token).data["list"]

    assert [(one["id"], one["state"], one["state_text"]) for one in seen] == [(exchange_id, "done", "已完成")]


def test_what_is_voided_after_its_hold_had_ended_gives_nothing_twice(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_before", api="/exchanges*", times=None)
    made = airport.exchange(token).data
    airport.later(days=HELD_FOR.days, seconds=1)
    terms = terms_at(airport.now).ledger
    key = hold_key(f"exchange.{made['id']}")
    release_overdue(member_id, key, ledger=open_ledger(), terms=terms, now=airport.now)
    airport.world.post("/faults", {"clear": True})

    airport.sweep()

    assert airport.row(made["id"]).state is State.VOIDED
    assert airport.points(member_id) == (1000, 0)
    airport.assert_sound(member_id)


def test_limits_of_a_member_hold_to_the_point_and_turn_at_midnight(airport: Airport) -> None:
    airport.partner(member_points_per_day=300, member_times_per_day=3)
    token, member_id = airport.mall.member()
    codes = [airport.exchange(token, points).json["code"] for points in (100, 210, 200, 100)]
    left = airport.mall.call("GET", "/v1/me/exchange-partners", token=token).data["list"][0]["left"]
    airport.later(hours=11, minutes=59, seconds=59)
    before = airport.exchange(token).json
    airport.later(seconds=1)
    after = [airport.exchange(token).json["code"] for _ in range(4)]

    assert codes == [0, 40935, 0, 40935]
    assert left == {"points": 0, "times": 1, "points_of_all": None}
    assert (before["code"], before["msg"]) == (40935, "每人每天最多兑换300积分、3次")
    assert after == [0, 0, 0, 40935]
    assert airport.points(member_id) == (400, 0)


def test_points_of_all_members_are_limited_and_what_does_not_fit_takes_nothing(airport: Airport) -> None:
    airport.partner(all_points_per_day=250)
    (one, _), (two, two_id) = airport.mall.member(), airport.mall.member()

    codes = [airport.exchange(token, points).json["code"] for token, points in ((one, 200), (two, 100), (two, 40))]
    airport.partner(all_points_per_day=300)
    raised = airport.exchange(two, 100).json["code"]

    assert codes == [0, 40935, 42215]
    assert raised == 0
    assert airport.points(two_id) == (900, 0)


def test_a_refusal_after_midnight_gives_no_room_to_another_day(airport: Airport) -> None:
    airport.partner(member_times_per_day=1)
    token, member_id = airport.mall.member()
    airport.plan("pending")
    made = airport.exchange(token).data
    airport.later(hours=12)
    second = airport.exchange(token).json["code"]
    airport.world.post("/partner-decisions", {"id": made["id"], "state": "refused"})
    airport.later(minutes=31)
    airport.sweep()

    assert airport.row(made["id"]).state is State.REFUSED
    assert (second, airport.exchange(token).json["code"]) == (0, 40935)
    assert airport.points(member_id) == (900, 0)


def at_once(acts: list[Any]) -> list[Any]:
    """Each act in a thread of its own, calls to the store one at a time."""
    answers: list[Any] = [None] * len(acts)

    def run(number: int) -> None:
        answers[number] = acts[number]()

    with one_call_at_a_time():
        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return answers


def test_one_key_at_once_is_one_exchange(airport: Airport) -> None:
    token, member_id = airport.mall.member()

    answers = at_once([lambda: airport.exchange(token, key="one")] * 4)

    assert len({one.data["id"] for one in answers if one.status == 200}) == 1
    assert {one.json["code"] for one in answers} <= {0, 40902}
    airport.later(minutes=2)
    airport.sweep()
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)


def test_members_at_once_get_the_last_points_of_all_once(airport: Airport) -> None:
    airport.partner(all_points_per_day=300)
    members = [airport.mall.member() for _ in range(6)]

    answers = at_once([lambda token=token: airport.exchange(token) for token, _ in members])  # type: ignore[misc]

    codes = sorted(one.json["code"] for one in answers)
    assert codes == [0, 0, 0, 40935, 40935, 40935]
    assert sum(1000 - airport.points(id)[0] for _, id in members) == 300
    assert airport.balance() == 90


def test_the_sweep_and_the_clients_retry_at_once_spend_once(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_after")
    airport.exchange(token, key="one")
    airport.later(minutes=2)

    at_once([airport.sweep, lambda: airport.exchange(token, key="one"), airport.sweep])

    airport.sweep()
    assert (airport.points(member_id), airport.balance()) == ((900, 0), 30)
    airport.assert_sound(member_id)


def test_another_members_exchange_is_nobodys(airport: Airport) -> None:
    (mine, _), (other, _) = airport.mall.member(), airport.mall.member()
    made = airport.exchange(mine).data["id"]
    path = "/v1/me/exchanges/{exchange_id}"

    codes = [
        airport.mall.call("GET", path, token=token, exchange_id=id).json["code"]
        for token, id in ((mine, made), (other, made), (mine, "f" * 24), (mine, "../x"))
    ]

    assert codes == [0, 40418, 40418, 40418]
    assert airport.mall.call("GET", "/v1/me/exchanges", token=other).data["list"] == []


def freeze(airport: Airport, member_id: str) -> None:
    terms, key = terms_at(airport.now).ledger, "K#freeze#" + "0" * 64
    ledger, now = open_ledger(), airport.now
    set_frozen(member_id, True, reason="风控", key=key, by="s1", ledger=ledger, terms=terms, now=now)


def test_who_is_frozen_begins_nothing_and_what_he_had_begun_is_ended(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.plan("pending")
    made = airport.exchange(token).data["id"]
    freeze(airport, member_id)
    refused = airport.exchange(token).json["code"]
    airport.world.post("/partner-decisions", {"id": made, "state": "done"})
    airport.later(minutes=2)
    airport.sweep()

    assert refused == 40950
    assert airport.row(made).state is State.DONE
    assert airport.points(member_id) == (900, 0)


def test_who_was_merged_goes_on_with_what_he_began_and_his_limits_are_one(airport: Airport) -> None:
    airport.partner(member_points_per_day=200)
    (old, old_id), (new, new_id) = airport.mall.member(), airport.mall.member()
    airport.plan("pending")
    made = airport.exchange(old).data["id"]
    terms = terms_at(airport.now).ledger
    merge_accounts(old_id, new_id, actor="s1", ledger=open_ledger(), terms=terms, now=airport.now)
    airport.world.post("/partner-decisions", {"id": made, "state": "done"})
    airport.later(minutes=2)
    airport.sweep()
    left = airport.mall.call("GET", "/v1/me/exchange-partners", token=new).data["list"][0]["left"]["points"]
    codes = [airport.exchange(new, points).json["code"] for points in (110, 100)]
    pages, cursor = [], ""
    for _ in range(2):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = airport.mall.call("GET", "/v1/me/exchanges", token=new, query=query).data
        pages += [one["id"] for one in page["list"]]
        cursor = page["next_cursor"]

    assert (left, codes) == (100, [40935, 0])
    assert airport.points(new_id) == (1800, 0)
    assert (len(set(pages)), pages[1], cursor) == (2, made, None)


@pytest.mark.parametrize(
    ("points", "account", "code"),
    [(99, ACCOUNT, 42215), (2000, ACCOUNT, 40901), (100, "abc", 40000), (100, "88001234567 ", 40000)],
)
def test_what_is_refused_before_it_begins_leaves_nothing(
    airport: Airport, points: int, account: str, code: int
) -> None:
    token, member_id = airport.mall.member()
    before = sorted(airport.mall.counter.stage.rows(), key=str)

    assert airport.exchange(token, points, account=account).json["code"] == code
    assert sorted(airport.mall.counter.stage.rows(), key=str) == before
    assert airport.points(member_id) == (1000, 0)


def test_a_partner_that_is_unknown_off_or_not_connected_is_asked_for_nothing(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.partner("hotel")
    unknown, unconnected = (airport.exchange(token, partner=name).json["code"] for name in ("nobody", "hotel"))
    airport.connect(miles=SHORT)
    short = airport.exchange(token).json["code"]
    body = {"version": 2, "state": "off", "reason": "停"}
    airport.mall.staff("POST", "/v1/staff/exchange-partners/{partner_id}/state", body, partner_id="miles")

    assert (unknown, unconnected, short) == (40417, 50303, 50303)
    assert airport.exchange(token).json["code"] == 40907
    assert airport.points(member_id) == (1000, 0)


def test_what_was_begun_is_ended_though_its_partner_is_off_or_its_secret_was_away(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_after")
    made = airport.exchange(token).data["id"]
    body = {"version": 2, "state": "off", "reason": "停"}
    airport.mall.staff("POST", "/v1/staff/exchange-partners/{partner_id}/state", body, partner_id="miles")
    airport.connect()
    airport.later(minutes=2)
    without = airport.sweep()
    waits = airport.row(made).waits
    airport.connect(miles=SECRET)
    airport.later(minutes=10)

    assert (without, waits, airport.sweep()) == (Swept(waiting=1), "not_connected", Swept(ended=1))
    assert airport.points(member_id) == (900, 0)


def test_a_partner_that_is_silent_does_not_hold_up_others(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.fault("timeout_before", api="/exchanges*", times=None)
    for _ in range(6):
        airport.exchange(token)
    airport.later(minutes=2)

    first, second = airport.sweep(), airport.sweep()

    assert (first, second) == (Swept(waiting=3), Swept(waiting=3))


def test_an_exchange_that_fails_is_not_in_the_way_of_the_others(
    airport: Airport, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = airport.mall.member()
    airport.plan("pending", times=3)
    ids = [airport.exchange(token).data["id"] for _ in range(3)]
    real = pursue

    def failing(found: Exchange, **given: Any) -> Exchange:
        if found.id == ids[0]:
            raise KeyError
        return real(found, **given)

    airport.later(minutes=2)
    with monkeypatch.context() as patched:
        patched.setattr("chalicelib.spending.exchange.sweep.pursue", failing)
        swept = airport.sweep()

    assert swept == Swept(waiting=2, failed=1)
    assert [line for line in airport.lines if '"exchange_sweep_failed"' in line]


def test_an_exchange_that_nobody_can_read_is_not_in_the_way_of_the_others(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.plan("pending", times=3)
    ids = [airport.exchange(token).data["id"] for _ in range(3)]
    row = {"TableName": open_exchanges().name, "Key": {"pk": {"S": f"EXCHANGE#{ids[0]}"}, "sk": {"S": "E"}}}
    before = client().get_item(**row)["Item"]
    client().update_item(**row, UpdateExpression="REMOVE units")
    airport.later(minutes=2)

    swept = airport.sweep()
    client().put_item(TableName=row["TableName"], Item=before)

    assert (swept, airport.sweep()) == (Swept(waiting=2, failed=1), Swept(waiting=1))
    assert [ids[0] in line for line in airport.lines if '"exchange_sweep_failed"' in line] == [True]


def test_a_word_that_comes_after_another_was_believed_changes_nothing(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.plan("pending")
    seen = airport.row(airport.exchange(token).data["id"])
    done = Said(Word.DONE, done_at=airport.now)
    airport.world.post("/partner-decisions", {"id": seen.id, "state": "done"})
    settle(seen, done, desk=airport.desk, now=airport.now)

    after = [settle(seen, said, desk=airport.desk, now=airport.now) for said in (Said(Word.REFUSED), done)]

    assert [one.state for one in after] == [State.DONE] * 2
    assert airport.points(member_id) == (900, 0)


def test_a_done_that_comes_after_a_refusal_was_believed_charges_nothing(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.plan("pending")
    seen = airport.row(airport.exchange(token).data["id"])
    airport.world.post("/partner-decisions", {"id": seen.id, "state": "refused"})
    settle(seen, Said(Word.REFUSED, "other"), desk=airport.desk, now=airport.now)

    after = settle(seen, Said(Word.DONE, done_at=airport.now), desk=airport.desk, now=airport.now)

    assert after.state is State.REFUSED
    assert airport.points(member_id) == (1000, 0)


def test_the_sweep_ends_when_its_time_does(airport: Airport) -> None:
    token, _ = airport.mall.member()
    airport.plan("pending")
    airport.exchange(token)
    airport.later(minutes=2)

    assert airport.sweep(has_time=lambda: False) == Swept()


def test_the_minute_wakes_the_sweep(airport: Airport) -> None:
    token, member_id = airport.mall.member()
    airport.fault("timeout_after")
    airport.exchange(token)
    airport.later(minutes=2)
    event = {
        "version": "0",
        "account": "1",
        "region": "x",
        "detail": {},
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": airport.now.isoformat(),
        "id": "e-1",
        "resources": [],
    }

    sweep_exchanges(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 50_000))

    assert airport.points(member_id) == (900, 0)
    assert [line for line in airport.lines if '"exchanges_swept"' in line and '"ended":1' in line]


def test_partners_are_shown_with_what_points_give(airport: Airport) -> None:
    token, _ = airport.mall.member()

    (least,) = airport.mall.call("GET", "/v1/me/exchange-partners", token=token).data["list"]
    gives = [
        airport.mall.call("GET", "/v1/me/exchange-partners", token=token, query={"points": points}).data["list"][0][
            "gives"
        ]
        for points in ("99", "119")
    ]

    assert least["gives"] == {"points": 100, "units": 30}
    assert gives == [None, {"points": 110, "units": 33}]
    assert (least["reversible"], least["unit"]) == (False, "里程")
    assert airport.mall.call("GET", "/v1/me/exchange-partners", token=token, query={"points": "0"}).status == 400


@pytest.mark.parametrize(("limits", "units"), [({}, 18), ({"all_points_per_day": 10**6}, 20)])
def test_an_exchange_is_two_transactions(airport: Airport, limits: dict[str, Any], units: int) -> None:
    airport.partner(**limits)
    token, _ = airport.mall.member()
    airport.exchange(token)

    asked, written = cost(lambda: airport.exchange(token))

    assert asked == [
        "GetItem",  # the exchange: none
        "GetItem",  # its partner
        "BatchGetItem",  # account and guard
        "TransactWriteItems",
        "GetItem",  # the partner, as it is asked
        "BatchGetItem",
        "TransactWriteItems",
    ]
    assert written == units


def test_a_row_of_an_exchange_is_within_a_kilobyte(airport: Airport) -> None:
    token, _ = airport.mall.member()
    full = airport.row(airport.exchange(token).data["id"])._replace(
        name="名" * 40, unit="里" * 10, account="x" * 80, closed_by="s" * 25, closed_why="因" * 60
    )

    assert item_bytes(encode_item(exchange_item(full))) <= 1024
