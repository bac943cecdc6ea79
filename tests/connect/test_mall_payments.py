"""The mall's payments from the phone to the worker: WeChat Pay tells them, and is asked before it is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, queued
from chalicelib.connect.wechat_pay.orders import BY_NUMBER, Closing, close, prepay
from chalicelib.connect.wechat_pay.refunds import RefundAsked, refund
from chalicelib.runtime import dynamo, secret_values
from chalicelib.runtime.settings import settings
from chalicelib.spending.mall.events import settle_mall_payments
from tests.connect.merchant import ASKED, NUMBER, connect, open_merchant, paid_by, register
from tests.connect.pushes import listening
from tests.connect.stage import Outside
from tests.members.stage import Stage
from tests.stand_in.outsiders import Admin

BACK = RefundAsked("JFR20260302000001", NUMBER, 400, 990, "兑换已取消")


class Mall:
    """What a test does at the mall's end, and sees there."""

    def __init__(self, stage: Stage, world: Admin) -> None:
        self.stage, self.world = stage, world
        self.outside = Outside(stage)

    def hear(self, seconds: int = 0) -> None:
        """Let time pass, here and outside, and all that is due be told."""
        self.stage.later(seconds=seconds)
        self.world.post("/clock", {"at": self.stage.now.isoformat()})
        self.world.settle()

    def records(self) -> list[dict[str, str]]:
        """What waits for the worker."""
        sqs, url = dynamo.service("sqs"), settings().mall_payments_queue_url
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for one in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                found.append({"messageId": one["MessageId"], "body": one["Body"]})
        return found

    def work(self, records: list[dict[str, str]] | None = None) -> list[str]:
        """Have the worker take what waits, or these; answers what must come again."""
        answer = settle_mall_payments({"Records": self.records() if records is None else records}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def settled(self) -> list[tuple[str, str]]:
        """(what was told, what stands) of each the worker was done with."""
        lines = [json.loads(line) for line in self.outside.lines if line.startswith("{")]
        return [(line["what"], line["state"]) for line in lines if line["event"] == "mall_payment"]


@pytest.fixture
def mall(stage: Stage, world: Admin) -> Iterator[Mall]:
    made = Mall(stage, world)
    with listening(made.outside.lines), _served(made.outside) as address:
        world.post("/callbacks", {"base": address})
        yield made


@pytest.fixture
def api(stage: Stage, world: Admin) -> PayApi:
    return open_merchant(stage, world)


def a_record(notice: MallNotice) -> dict[str, str]:
    return {"messageId": "m-1", "body": queued(notice)}


def test_a_payment_on_the_phone_is_told_queued_and_confirmed(mall: Mall, api: PayApi) -> None:
    prepay(api, ASKED)
    paid_by(mall.world, quiet=False)
    mall.hear()

    again = mall.work()

    assert again == []
    assert mall.settled() == [("paid", "SUCCESS")]
    assert [one["status"] for one in mall.world.get("/sent", name="TRANSACTION.SUCCESS")["sent"]] == [200]


def test_its_refund_is_told_queued_and_confirmed(mall: Mall, api: PayApi) -> None:
    prepay(api, ASKED)
    paid_by(mall.world)
    refund(api, BACK)
    mall.hear(5)

    again = mall.work()

    assert again == []
    assert mall.settled() == [("refunded", "SUCCESS")]


@pytest.mark.parametrize("state", ["ABNORMAL", "CLOSED"])
def test_a_refund_that_gave_nothing_back_is_heard_of(mall: Mall, api: PayApi, state: str) -> None:
    prepay(api, ASKED)
    paid_by(mall.world)
    mall.world.post("/refund-plans", {"status": state})
    refund(api, BACK)
    mall.hear(5)

    assert mall.work() == []
    assert mall.settled() == [("not_refunded", state)]


def test_a_payment_that_came_after_the_closing_is_heard_of(mall: Mall, api: PayApi) -> None:
    prepay(api, ASKED)
    assert close(api, NUMBER) is Closing.CLOSED
    paid_by(mall.world, late=True, quiet=False)
    mall.hear()

    assert mall.work() == []
    assert mall.settled() == [("paid", "SUCCESS")]


def test_told_doubled_and_late_the_worker_takes_what_stands_each_time(mall: Mall, api: PayApi) -> None:
    prepay(api, ASKED)
    paid_by(mall.world, quiet=False, copies=2)
    mall.hear()
    records = mall.records()
    refund(api, BACK)
    mall.hear(5)

    again = mall.work([*records, *records])

    assert len(records) == 2
    assert again == []
    assert mall.settled() == [("paid", "REFUND")] * 4


def test_a_notice_that_wechat_pay_does_not_stand_by_comes_again(mall: Mall, api: PayApi) -> None:
    paid = MallNotice(What.PAID, NUMBER, "4200", 990)
    never_ordered = mall.work([a_record(paid)])
    prepay(api, ASKED)
    not_paid = mall.work([a_record(paid)])
    shape = paid_by(mall.world)
    mine = paid._replace(transaction_id=shape["transaction_id"])
    other_number = mall.work([a_record(paid)])
    other_amount = mall.work([a_record(mine._replace(total_fen=991))])

    right = mall.work([a_record(mine)])

    assert never_ordered == not_paid == other_number == other_amount == ["m-1"]
    assert right == []
    assert mall.settled() == [("paid", "SUCCESS")]


def test_a_refund_is_confirmed_at_its_end_and_not_before(mall: Mall, api: PayApi) -> None:
    told = MallNotice(What.REFUNDED, NUMBER, "4200", 990, BACK.out_refund_no, 400)
    prepay(api, ASKED)
    paid_by(mall.world)
    unknown = mall.work([a_record(told)])
    refund(api, BACK)
    under_way = mall.work([a_record(told)])
    mall.hear(5)
    other_amount = mall.work([a_record(told._replace(refund_fen=401))])
    other_order = mall.work([a_record(told._replace(out_trade_no="JF20260302000009"))])

    assert unknown == under_way == other_amount == other_order == ["m-1"]
    assert mall.work([a_record(told)]) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_500"},
        {"kind": "foreign_signature"},
        {"kind": "unsigned"},
        {"kind": "refusal", "code": "FREQUENCY_LIMITED", "status": 429},
        {"kind": "timeout_before", "seconds": 0.5},
    ],
)
def test_one_that_cannot_be_confirmed_now_comes_again_and_the_others_go_on(
    mall: Mall, api: PayApi, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr("chalicelib.connect.outside.READ_S", 0.3)
    prepay(api, ASKED)
    paid_by(mall.world, quiet=False, copies=2)
    mall.hear()
    mall.world.post("/faults", {"api": f"{BY_NUMBER}/*", **fault})
    records = mall.records()

    again = mall.work(records)

    assert again == [records[0]["messageId"]]
    assert mall.settled() == [("paid", "SUCCESS")]
    assert mall.work(records[:1]) == []


def test_a_merchant_who_cannot_ask_leaves_it_for_later(mall: Mall, api: PayApi) -> None:
    prepay(api, ASKED)
    paid_by(mall.world, quiet=False)
    mall.hear()
    records, known = mall.records(), register(mall.world)
    connect(mall.stage, {name: value for name, value in known.items() if name != "private_key"})

    again = mall.work(records)

    assert again == [records[0]["messageId"]]


def test_the_worker_asks_aws_for_the_secret_and_nothing_else(
    mall: Mall, api: PayApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepay(api, ASKED)
    paid_by(mall.world, quiet=False)
    mall.hear()
    records, asked, real = mall.records(), set(), BaseClient._make_api_call

    def call(client: Any, operation: str, given: Any) -> Any:
        asked.add(operation)
        return real(client, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    secret_values.forget()
    again = mall.work(records)

    assert again == []
    assert asked == {"GetSecretValue"}


@contextmanager
def _served(outside: Outside) -> Iterator[str]:
    """The deployed app behind HTTP on this machine, one request at a time; answers its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = outside.call("POST", self.path, headers=dict(self.headers), body=body)
            raw = reply.text.encode()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
