"""The handler behind the journal's stream, fed with records that real postings produced."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.earning.check_in import check_in
from chalicelib.insight import events
from chalicelib.insight.items import line_item
from chalicelib.insight.line import Movement, movement_of
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Activate, AdjustPending, Expire, Receive, Redeem, Reverse
from chalicelib.ledger.hold import capture, hold, hold_key
from chalicelib.ledger.model import Kind, Policy
from chalicelib.ledger.redeem import restore
from chalicelib.ledger.release import release
from chalicelib.programme.table import forget, open_programme, terms_at
from chalicelib.runtime import dynamo
from chalicelib.runtime.dynamo import encode_item
from chalicelib.runtime.settings import settings
from tests.insight.conftest import CONTEXT, Books, document
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_account, an_earn, bucket
from tests.ledger.item_size import item_bytes

SOON, LATER = date(2027, 1, 31), date(2027, 11, 30)


def retry_messages() -> list[str]:
    sqs = dynamo.service("sqs")
    found = sqs.receive_message(QueueUrl=settings().entries_retry_queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"id-{place}", "body": body} for place, body in enumerate(bodies)]}


def test_a_check_in_and_an_order_have_their_lines_on_their_business_day(books: Books) -> None:
    check_in("m1", ledger=books.ledger, terms=terms_at(NOW), now=NOW, source="mini_program")
    books.post(an_earn(100, LATER, cause=a_cause(occurred_at=NOW - timedelta(days=30))))
    books.record()

    first, second = books.lines(TODAY_ON)
    assert (first.rule, first.movement, first.points, first.sequence) == ("check_in", Movement.ISSUED, 2, 1)
    assert (second.buckets, second.occurred_on) == ({bucket(LATER): 100}, TODAY_ON - timedelta(days=30))


def test_shanghais_midnight_divides_the_days_not_londons(books: Books) -> None:
    books.post(an_earn(1, cause=a_cause(id="a")), at=datetime(2026, 11, 30, 15, 59, 59, 999000, tzinfo=UTC))
    books.post(an_earn(2, cause=a_cause(id="b")), at=datetime(2026, 11, 30, 16, 0, tzinfo=UTC))
    books.record()

    assert [line.points for line in books.lines(date(2026, 11, 30))] == [1]
    assert [line.points for line in books.lines(date(2026, 12, 1))] == [2]


def test_a_leap_day_is_a_day_of_its_own(books: Books) -> None:
    books.post(an_earn(1, date(2029, 2, 28)), at=datetime(2028, 2, 29, 15, 0, tzinfo=UTC))
    books.record()

    assert len(books.lines(date(2028, 2, 29))) == 1


@pytest.mark.parametrize("seed", range(4))
def test_records_doubled_shuffled_and_cut_into_batches_leave_the_same_lines(books: Books, seed: int) -> None:
    for number in range(6):
        books.post(an_earn(10 + number, LATER, cause=a_cause(id=f"tmall#{number}")), member_id=f"m{number % 2}")
    books.post(a_redemption(5), member_id="m0")
    records = books.records()
    books.record(records)
    expected = books.rows()
    random.Random(seed).shuffle(records)

    for start in range(0, 14, 3):
        books.record((records * 2)[start : start + 3])

    assert books.rows() == expected
    assert len(expected) == 7


def test_pending_points_have_the_class_of_their_rule(books: Books) -> None:
    books.post(an_earn(30, bucket="", rule="slow"))
    books.post(AdjustPending(a_cause(Kind.ADJUST, "p1"), -4, "slow", 1))
    books.post(Reverse(a_cause(Kind.REVERSE, "p2"), 6, Policy.DEFICIT, 1, pending_points=6, rule="slow"))
    books.post(Activate(a_cause(Kind.ACTIVATE, "p3"), 20, bucket(LATER), "slow", 1))
    books.record()

    lines = books.lines(TODAY_ON)
    assert [line.pending for line in lines] == [{"c": 30}, {"c": -4}, {"c": -6}, {"c": -20}]
    assert [line.movement.value for line in lines] == ["issued", "adjusted", "taken_back", "settled"]


def a_hold(books: Books, points: int = 40, hold_id: str = "h1") -> None:
    hold(
        "m1",
        hold_id,
        points,
        release_at=NOW + timedelta(hours=2),
        activity="checkout",
        actor="m1",
        ledger=books.ledger,
        terms=TERMS,
        now=NOW,
    )


def test_held_points_keep_their_class_through_capture_rest_and_return(books: Books) -> None:
    behaviour = bucket(SOON, PointsClass.BEHAVIOUR)
    books.post(an_earn(30, cause=a_cause(id="a"), bucket=behaviour), an_earn(100, LATER, cause=a_cause(id="b")))
    a_hold(books, 50)
    capture("m1", "h1", 35, actor="m1", ledger=books.ledger, terms=TERMS, now=NOW)
    restore("m1", hold_key("h1"), "r1", 10, actor="m1", ledger=books.ledger, terms=TERMS, now=NOW)
    books.record()

    held, captured, rest, returned = books.lines(TODAY_ON)[2:]
    assert held.held == {"b": 30, "c": 20}
    assert (captured.held, captured.movement) == ({"b": -30, "c": -5}, Movement.SPENT)
    assert (rest.held, rest.buckets, rest.movement) == ({"c": -15}, {bucket(LATER): 15}, Movement.SETTLED)
    assert (returned.movement, sum(returned.buckets.values())) == (Movement.RETURNED, 10)


def test_a_released_hold_gives_every_class_back(books: Books) -> None:
    books.post(an_earn(30, cause=a_cause(id="a"), bucket=bucket(SOON, PointsClass.ACTIVITY)), an_earn(9, LATER))
    a_hold(books, 35)
    release("m1", "h1", actor="m1", ledger=books.ledger, terms=TERMS, now=NOW)
    books.record()

    assert books.lines(TODAY_ON)[-1].held == {"a": -30, "c": -5}


def test_what_was_spent_already_is_owed_or_waived(books: Books) -> None:
    books.post(an_earn(100), a_redemption(80))
    books.post(a_reversal(100))
    books.post(an_earn(30, cause=a_cause(id="b")))
    books.record()

    taken, repaid = books.lines(TODAY_ON)[2:]
    assert (taken.buckets, taken.deficit_points, taken.points) == ({bucket(LATER): -20}, 80, -100)
    assert (repaid.buckets, repaid.deficit_points, repaid.points) == ({}, -30, 30)


def test_waived_points_are_told_beside(books: Books) -> None:
    books.post(an_earn(100), a_redemption(80), a_reversal(100, policy="waive"))
    books.record()

    assert books.lines(TODAY_ON)[-1].waived_points == 80


def test_both_sides_of_a_transfer_and_an_expiry_have_lines(books: Books) -> None:
    cause = a_cause(Kind.TRANSFER, "t1", activity="transfer")
    books.post(an_earn(50, SOON), Redeem(cause, 20, 1, credit="other_member"))
    books.post(Receive(cause, {bucket(SOON): 20}, 1), member_id="m2")
    books.post(Expire(), at=datetime(2027, 1, 31, 16, 5, tzinfo=UTC))
    books.record()

    moved = [(line.movement.value, line.points) for line in books.lines(TODAY_ON)]
    assert sorted(moved) == [("issued", 50), ("transferred_in", 20), ("transferred_out", -20)]
    (ended,) = books.lines(date(2027, 2, 1))
    assert (ended.movement, ended.points, ended.occurred_on) == (Movement.EXPIRED, -30, SOON)


def test_a_poison_record_is_set_aside_by_its_key_and_the_rest_goes_on(books: Books) -> None:
    books.post(an_earn(100))
    good = books.records()
    poison: list[Any] = [
        {"dynamodb": {"Keys": {"pk": {"S": "M#m9"}, "sk": {"S": "k"}}, "NewImage": {"pk": {"S": "M#m9"}}}},
        {"eventName": "INSERT"},
        "no record at all",
    ]
    books.record([poison[0], *good, *poison[1:]])

    messages = [json.loads(message) for message in retry_messages()]
    assert messages[0] == {"member": "m9", "entry": "k"}
    assert [set(message) for message in messages[1:]] == [{"record"}, {"record"}]
    assert len(books.lines(TODAY_ON)) == 1


def test_when_lines_cannot_be_put_each_entry_is_retried_by_its_key(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise RuntimeError

    books.post(an_earn(100), a_redemption(3))
    with monkeypatch.context() as patched:
        patched.setattr(InsightTable, "put_lines", refuse)
        books.record()
    assert books.lines(TODAY_ON) == []

    answer = events.record_retry(sqs_event(*retry_messages(), '{"member":"m1","entry":"x"}', "no json"), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "id-2"}, {"itemIdentifier": "id-3"}]}
    assert [line.points for line in books.lines(TODAY_ON)] == [100, -3]


def test_a_version_published_after_this_process_read_them_is_read_again(books: Books) -> None:
    books.record([])
    second = document()
    next(rule for rule in second["rules"] if rule["id"] == "slow")["points_class"] = "activity"
    open_programme().put_version(2, second, NOW, "test", NOW)
    books.post(an_earn(30, bucket="", rule="slow", terms_version=2))
    books.record()

    assert books.lines(TODAY_ON)[0].pending == {"a": 30}
    assert retry_messages() == []
    forget()


def test_when_the_retry_queue_cannot_be_reached_the_batch_comes_again(books: Books) -> None:
    dynamo.service("sqs").delete_queue(QueueUrl=settings().entries_retry_queue_url)

    with pytest.raises(Exception, match=r"NonExistentQueue|does not exist"):
        events.record_entries({"Records": [{"eventName": "INSERT"}]}, CONTEXT)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_entry_is_a_movement(kind: Kind) -> None:
    (entry,) = apply(an_account(), [an_earn(5)], TERMS, NOW).entries

    assert movement_of(entry._replace(cause=a_cause(kind))) in Movement


def test_the_widest_line_is_one_write_unit(books: Books) -> None:
    keys = [bucket(date(2027, month, 28), one) for month in range(1, 13) for one in PointsClass]
    widest = dict.fromkeys([*keys, "zzzc", "zzzb", "zzza"], -(10**6))
    books.post(an_earn(100, cause=a_cause(id="tmall#" + "9" * 60)))
    books.record()
    (line,) = books.lines(TODAY_ON)
    wide = line._replace(buckets=widest, deficit_points=10**6, campaign="c" * 40, growth=10**6, rule="r" * 40)

    assert item_bytes(encode_item(line_item(wide))) <= 1024
