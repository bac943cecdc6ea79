"""The operations that are measured: each as it runs in the product, over a client whose network is taken away.

The first run goes to moto and records every request and answer; the measured runs get the same answers without a
network, and so does the floor, a bare boto3 client that sends the same requests.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order, Refunded
from chalicelib.earning.settle_order import settle_order
from chalicelib.ledger.apply import Expire, apply
from chalicelib.ledger.statement import statement_page
from chalicelib.ledger.table import LedgerTable
from tests.earning.conftest import paid
from tests.ledger.builders import NOW, TERMS, a_cause, an_account, an_earn
from tests.ledger.item_size import transaction_units
from tests.programme.builders import demo_book, demo_terms
from tests.tables import create_tables

JAN = date(2027, 1, 31)
NIGHT = datetime(2027, 1, 31, 16, 5, tzinfo=UTC)
Operation = Callable[[LedgerTable], object]
DEMO_TERMS, DEMO_BOOK = demo_terms(), demo_book()


@dataclass(frozen=True, slots=False)
class Cost:
    """What one call of an operation costs; CPU per call, one figure a round."""

    requests: int
    items: int
    write_units: int
    cpu_ms: tuple[float, ...]
    floor_cpu_ms: tuple[float, ...]


def _order(*refunds: Refunded) -> Operation:
    known = Order(
        key="tmall#1", paid=paid(), member_id="m1", received_at=NOW, refunds={one.refund_no: one for one in refunds}
    )
    return lambda ledger: settle_order(known, ledger=ledger, book=DEMO_BOOK)


def _earn(ledger: LedgerTable) -> object:
    command = an_earn(5, JAN, cause=a_cause(id="tmall#0"))
    return ledger.post("m1", lambda account, _guard: apply(account, [command], TERMS, NOW))


def _check_in(ledger: LedgerTable) -> object:
    return check_in("m1", ledger=ledger, terms=DEMO_TERMS, now=NOW, source="mini_program")


def _expire(ledger: LedgerTable) -> object:
    return ledger.post("m1", lambda account, _guard: apply(account, [Expire()], TERMS, NIGHT))


_REFUND = Refunded(refund_no="r1", refunded_fen=500, refunded_at=NOW, received_at=NOW)
OPERATIONS: dict[str, tuple[list[Operation], Operation]] = {
    "check-in": ([_earn], _check_in),
    "order credit": ([_earn], _order()),
    "refund": ([_earn, _order()], _order(_REFUND)),
    "expiry of one account": ([_earn], _expire),
    "balance": ([_earn], lambda ledger: ledger.read("m1")),
    "statement page": (
        [_earn, _order()],
        lambda ledger: statement_page("m1", ledger=ledger, cursor="", limit=20),
    ),
}


def cost(prepared: tuple[list[Operation], Operation], *, calls: int, rounds: int) -> Cost:
    """Record one run of the operation, then time `calls` of it and of its floor, `rounds` times in turn."""
    before, operation = prepared
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            region_name="cn-north-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106
        )
        names = create_tables(client, "bench")
        ledger = LedgerTable(client, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8)
        for step in before:
            step(ledger)
        recorder = _Recorder(client)
        operation(replace(ledger, dynamo=recorder))
    ours, floors = [], []
    for _ in range(rounds):
        ours.append(_cpu_ms(lambda: operation(ledger), recorder, calls))
        floors.append(_cpu_ms(recorder.repeat, recorder, calls))
    writes = [request["TransactItems"] for name, request in recorder.requests if name == "transact_write_items"]
    return Cost(
        requests=len(recorder.requests),
        items=sum(len(one) for one in writes),
        write_units=sum(transaction_units(one) for one in writes),
        cpu_ms=tuple(ours),
        floor_cpu_ms=tuple(floors),
    )


def apply_per_second(count: int = 20_000) -> float:
    """Pure decisions a second on one core: an order's credit into an account with a year of buckets."""
    account = an_account()
    for month in range(1, 13):
        account = apply(account, [an_earn(10, date(2027, month, 28))], TERMS, NOW).account
    command = an_earn(12)
    began = time.process_time()
    for _ in range(count):
        apply(account, [command], TERMS, NOW)
    return count / (time.process_time() - began)


def _cpu_ms(call: Callable[[], object], recorder: _Recorder, calls: int) -> float:
    recorder.offline()
    began = time.process_time()
    for _ in range(calls):
        recorder.rewind()
        call()
    return (time.process_time() - began) * 1000 / calls


class _Recorder:
    """Keeps the requests of one operation with their raw answers; offline, the client gets those without a network."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.place = 0
        self.is_offline = False
        client.meta.events.register("after-call.dynamodb", self._keep, unique_id="keep")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name in ("exceptions", "meta"):
            return method

        def call(**request: Any) -> Any:
            self.requests.append((name, request))
            return method(**request)

        return call

    def repeat(self) -> None:
        """The floor: the same requests by the bare client."""
        for name, request in self.requests:
            getattr(self.client, name)(**request)

    def rewind(self) -> None:
        """The next request is the operation's first again."""
        self.place = 0

    def offline(self) -> None:
        """From here on no request leaves the process."""
        if not self.is_offline:
            self.is_offline = True
            self.client.meta.events.unregister("after-call.dynamodb", unique_id="keep")
            self.client.meta.events.register_first("before-send.dynamodb", self._answer)

    def _keep(self, http_response: Any, **_given: Any) -> None:
        self.bodies.append(http_response.content)

    def _answer(self, request: Any, **_given: Any) -> AWSResponse:
        body = self.bodies[self.place]
        self.place += 1
        headers = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))}
        return AWSResponse(request.url, 200, headers, _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, **_given: Any) -> Any:
        yield self.read()
