"""The deployed stage as its callers use it: members, staff, the signed feed; and the programme the flows run under."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.model import Cause, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.clock import utc_now
from local.http_client import Api, Refused
from local.stack import Stack
from tests.earning.programmes import a_rule, plain_document
from tests.ledger.builders import TERMS

WAIT_S = 60
BUSY = 40902


def flow_document() -> dict[str, Any]:
    """Check-ins and orders credited at once; a review once a day; a ride from a budget of 50 points in three shards.

    Orders of WeChat and of tills can be claimed.
    """
    return plain_document(
        a_rule("review", "review", amount={"kind": "fixed", "points": 5}, caps=[{"times": 1, "period": "day"}]),
        a_rule("ride", "ride", amount={"kind": "fixed", "points": 10}),
        a_rule("report", "report", amount={"kind": "fixed", "points": 20}),
        budgets=[{"id": "rides", "points": 50, "period": "ever", "rules": ["ride"], "shards": 3}],
        claims=[{"platform": "wechat"}, {"platform": "pos", "second_factor": "phone_tail"}],
    )


def log_in(cloud: Stack, name: str) -> Api:
    session = Api(cloud.api_url).post("/v1/sessions", {"code": f"demo-{name}-{secrets.token_hex(4)}"})
    return Api(cloud.api_url, session["token"])


def signed(cloud: Stack, path: str, body: dict[str, Any]) -> Any:
    return Api(cloud.api_url).post_signed(path, body, cloud.secret("ORDER_FEED_SECRET"))


def deliver(cloud: Stack, *records: dict[str, Any]) -> list[str]:
    answer = signed(cloud, "/v1/ingest/orders", {"orders": list(records)})
    return [one["result"] for one in answer["list"]]


def paid(name: str, number: int, paid_fen: int) -> dict[str, Any]:
    return {
        "kind": "paid",
        "platform": "wechat",
        "order_no": f"{name}-{number}",
        "buyer_id": f"demo-{name}",
        "paid_at": datetime.now(UTC).isoformat(),
        "paid_fen": paid_fen,
    }


def refund(name: str, number: int, refunded_fen: int) -> dict[str, Any]:
    return {
        "kind": "refund",
        "platform": "wechat",
        "order_no": f"{name}-{number}",
        "refund_no": f"R{number}",
        "refunded_fen": refunded_fen,
        "refunded_at": datetime.now(UTC).isoformat(),
    }


def ledger_of(cloud: Stack) -> LedgerTable:
    """The stage's ledger, beside its functions."""
    return LedgerTable(
        cloud.client("dynamodb"), cloud.setting("LEDGER_TABLE"), cloud.setting("JOURNAL_TABLE"), due_shards=8
    )


def funded(ledger: LedgerTable, member_id: str, points: int) -> None:
    now = utc_now()
    cause = Cause(Kind.EARN, "gift", f"for-{member_id}", now, now, "test", "test")
    bucket = bucket_key(now.date().replace(year=now.year + 1), PointsClass.ACTIVITY)
    command = Earn(cause, points, bucket, "gift", 1)
    ledger.post(member_id, lambda seen: apply(seen.account, [command], TERMS, now))


def points(member: Api) -> int:
    return int(member.get("/v1/me/balance")["available_points"])


def until(ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def patiently(call: Callable[[], Any]) -> Any:
    """What a call answers; who is told to come back does. Raises Refused by whatever else was refused."""
    while True:
        try:
            return call()
        except Refused as refused:
            if refused.answer["code"] != BUSY:
                raise
            time.sleep(1)


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))
