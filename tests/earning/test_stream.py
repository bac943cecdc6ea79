"""The handlers behind the orders stream, fed with records that real writes produced."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.earning import events
from chalicelib.earning.parked import replay_parked
from chalicelib.earning.reconcile import Reconciliation
from chalicelib.earning.settle_batch import settle_batch
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook
from chalicelib.programme.table import open_programme, terms_book
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import plain_book, plain_document
from tests.earning.stream import stream_records
from tests.ledger.builders import NOW
from tests.members.stage import open_stage
from tests.moto_cloud import moto_client
from tests.programme.builders import SINCE

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop on a stage's own tables, with its retry queue, its terms and one bound buyer."""
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    with open_stage(monkeypatch) as stage:
        queue = moto_client("sqs").create_queue(QueueName="retry")["QueueUrl"]
        monkeypatch.setenv("ORDERS_RETRY_QUEUE_URL", queue)
        settings.cache_clear()
        open_programme().put_version(1, plain_document(), SINCE, "test", NOW)
        ledger = LedgerTable(stage.cloud, settings().ledger_table, settings().journal_table, 8)
        yield Shop(OrdersTable(stage.cloud, settings().orders_table), ledger)


def records(shop: Shop) -> list[dict[str, Any]]:
    return stream_records(shop.orders.dynamo, shop.orders.name)


def settle(shop: Shop, given: list[dict[str, Any]]) -> tuple[str, ...]:
    run = settle_batch(given, lambda order: settle_order(order, ledger=shop.ledger, book=plain_book()))
    return run.set_aside


def nothing(messages: Sequence[str]) -> None:
    assert not messages


def retry_messages() -> list[str]:
    sqs = dynamo.service("sqs")
    found = sqs.receive_message(QueueUrl=settings().orders_retry_queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def test_the_stream_credits_and_takes_back(deployed: Shop) -> None:
    deployed.record(paid("1"), paid("2", 500), refund("r1", 200))

    answer = events.settle_orders({"Records": records(deployed)}, CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert deployed.points() == 10 + 5
    assert retry_messages() == []


def test_a_batch_delivered_again_changes_nothing(deployed: Shop) -> None:
    deployed.record(paid("1"), refund("r1", 200))
    for _ in range(3):
        events.settle_orders({"Records": records(deployed)}, CONTEXT)

    assert deployed.points() == 10


@pytest.mark.parametrize("seed", range(5))
def test_records_shuffled_doubled_and_cut_into_batches_end_the_same(deployed: Shop, seed: int) -> None:
    deployed.record(refund("r0", 100, order_no="3"), paid("1"), paid("2", 500), refund("r1", 200), paid("3", 900))
    deployed.record(refund("r2", 300), paid("4", 700, buyer_id="b2"))
    given = records(deployed) * 2
    random.Random(seed).shuffle(given)

    for start in range(0, len(given), 3):
        settle(deployed, given[start : start + 3])

    assert (deployed.points("m1"), deployed.points("m2")) == (7 + 5 + 8, 7)


def test_a_poison_record_is_set_aside_with_its_payload_and_the_rest_goes_on(deployed: Shop) -> None:
    deployed.record(paid("1"), paid("2", 500))
    good = records(deployed)
    poison: list[Any] = [
        {"dynamodb": {"Keys": {"pk": {"S": "tmall#9"}}, "NewImage": {"pk": {"S": "tmall#9"}, "kind": {"S": "order"},
                                                                    "input_hash": {"S": "x"}}}},
        {"dynamodb": {"Keys": {"pk": {"S": "tmall#8"}}, "NewImage": {"kind": {"S": "order"}}}},
        {"eventName": "INSERT"},
        "no record at all",
        {"dynamodb": {"Keys": {}, "NewImage": {"kind": {"S": "order"}, "pk": {"N": "1.5"}}}},
    ]  # fmt: skip

    events.settle_orders({"Records": [good[0], *poison, *good[1:]]}, CONTEXT)

    messages = [json.loads(message) for message in retry_messages()]
    assert deployed.points() == 17
    assert [message["order"] for message in messages] == ["tmall#9", "tmall#8", "", "", ""]
    assert messages[0]["record"] == poison[0]


def test_other_items_of_the_table_are_none_of_the_streams_business(deployed: Shop) -> None:
    deployed.orders.park("x", "{}", NOW)

    assert settle(deployed, records(deployed)) == ()


def test_a_huge_record_travels_by_its_key_alone(deployed: Shop) -> None:
    huge = {
        "dynamodb": {"Keys": {"pk": {"S": "tmall#9"}}, "NewImage": {"kind": {"S": "order"}, "x": {"S": "a" * 300_000}}}
    }

    assert settle(deployed, [huge]) == ('{"order": "tmall#9"}',)


def test_when_the_retry_queue_cannot_be_reached_the_batch_comes_again(
    deployed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamo.service("sqs").delete_queue(QueueUrl=settings().orders_retry_queue_url)

    with pytest.raises(Exception, match=r"NonExistentQueue|does not exist"):
        events.settle_orders({"Records": [{"eventName": "INSERT"}]}, CONTEXT)


def parked_now(shop: Shop) -> list[Any]:
    return shop.orders.parked(after_id="", limit=20)


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"id-{place}", "body": body, "receiptHandle": "x"} for place, body in enumerate(bodies)
        ]
    }


def test_a_retry_settles_the_order_as_it_stands_and_reports_only_what_still_fails(deployed: Shop) -> None:
    deployed.record(paid("1"))

    answer = events.settle_retry(sqs_event('{"order":"tmall#1"}', '{"order":"tmall#404"}', "no json"), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "id-1"}, {"itemIdentifier": "id-2"}]}
    assert deployed.points() == 12


def test_what_no_retry_settles_is_parked_with_its_payload_and_replayed_when_mended(deployed: Shop) -> None:
    payload = '{"order":"tmall#1","record":{"why":"poison"}}'
    for _ in range(2):
        events.park_orders(sqs_event(payload), CONTEXT)

    parked = parked_now(deployed)
    assert [(one.id, one.payload) for one in parked] == [("id-0", payload)]
    with pytest.raises(JifenError, match="PARKED_RECORD_UNREADABLE"):
        replay_parked(
            "id-0",
            orders=deployed.orders,
            ledger=deployed.ledger,
            book=plain_book(),
            send=nothing,
            tell=nothing,
            now=NOW,
        )
    assert len(parked_now(deployed)) == 1

    deployed.record(paid("1"))
    replay_parked(
        "id-0", orders=deployed.orders, ledger=deployed.ledger, book=plain_book(), send=nothing, tell=nothing, now=NOW
    )
    assert (deployed.points(), parked_now(deployed)) == (12, [])
    with pytest.raises(JifenError) as refused:
        replay_parked(
            "id-0",
            orders=deployed.orders,
            ledger=deployed.ledger,
            book=plain_book(),
            send=nothing,
            tell=nothing,
            now=NOW,
        )
    assert refused.value.code is Code.PARKED_RECORD_NOT_FOUND


def reconcile(shop: Shop) -> Any:
    return Reconciliation(
        orders=shop.orders,
        ledger=shop.ledger,
        find_members=shop.find_members,
        book=plain_book(),
        now=NOW,
        zone="Asia/Shanghai",
        send=nothing,
        tell=nothing,
    ).run()


def test_the_reconciliation_credits_what_the_stream_lost_and_nothing_twice(deployed: Shop) -> None:
    deployed.record(paid("1"), paid("2", 500), paid("3", 900, buyer_id="stranger"))
    settle(deployed, records(deployed)[:1])
    deployed.record(refund("r1", 200))

    first, second = reconcile(deployed), reconcile(deployed)

    assert (first.seen, first.settled, first.bound, first.failed) == (3, 2, 0, 0)
    assert (second.settled, second.failed) == (0, 0)
    assert deployed.points() == 10 + 5


def test_the_reconciliation_gives_a_waiting_order_to_a_buyer_who_was_bound_meanwhile(deployed: Shop) -> None:
    deployed.record(paid("3", 900, buyer_id="stranger"))
    deployed.bound["stranger"] = "m9"

    first, second = reconcile(deployed), reconcile(deployed)

    assert (first.bound, second.settled) == (1, 1)
    assert deployed.points("m9") == 9


def test_one_bad_order_does_not_hide_the_others_from_the_reconciliation(deployed: Shop) -> None:
    deployed.record(paid("1"), paid("2", 500, buyer_id="b2"))
    account = {"pk": {"S": "M#m1"}, "sk": {"S": "A"}, "version": {"N": "1"}, "due_shard": {"S": "0001"}}
    broken = {**account, "buckets": {"M": {}}, "available": {"N": "5"}}
    deployed.ledger.dynamo.put_item(TableName=deployed.ledger.ledger, Item=broken)

    done = reconcile(deployed)

    assert (done.settled, done.failed) == (1, 1)
    assert deployed.points("m2") == 5


def test_an_unreadable_order_does_not_stop_the_reconciliation(deployed: Shop) -> None:
    deployed.record(paid("1"))
    poison = {"pk": "tmall#0", "kind": "order", "input_hash": "x", "changed_on": "2026-11-22#0"}
    deployed.orders.dynamo.put_item(TableName=deployed.orders.name, Item=dynamo.encode_item(poison))

    done = reconcile(deployed)

    assert (done.settled, done.failed) == (1, 1)
    assert deployed.points() == 12


def test_a_version_published_after_this_process_read_them_is_read_again(deployed: Shop) -> None:
    assert len(terms_book().versions) == 1
    second = plain_document()
    second["rules"][1]["amount"]["points"] = 5
    open_programme().put_version(2, second, NOW, "test", NOW)
    deployed.book = open_programme().book()
    deployed.record(paid("1"))
    deployed.settle("1")
    assert deployed.points() == 64
    deployed.record(refund("r1", 1299))

    events.settle_orders({"Records": records(deployed)}, CONTEXT)

    assert deployed.points() == 0
    assert retry_messages() == []


def test_ten_large_records_reach_the_retry_queue(deployed: Shop) -> None:
    large = [
        {
            "dynamodb": {
                "Keys": {"pk": {"S": f"tmall#{n}"}},
                "NewImage": {"kind": {"S": "order"}, "x": {"S": "a" * 60_000}},
            }
        }
        for n in range(10)
    ]

    events.settle_orders({"Records": large}, CONTEXT)

    arrived: list[str] = []
    while messages := retry_messages():
        arrived += [json.loads(message)["order"] for message in messages]
    assert sorted(arrived) == [f"tmall#{n}" for n in range(10)]


def test_a_stage_without_a_programme_reconciles_nothing_quietly(
    deployed: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "terms_book", lambda: TermsBook(()))
    rule = {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1"}

    events.reconcile_orders(
        {**rule, "time": "2026-11-22T16:35:00Z", "region": "r", "resources": [], "detail": {}}, CONTEXT
    )

    assert '"skipped":"no programme is published yet"' in caplog.text
