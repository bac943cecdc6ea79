"""How soon callers from outside have our ack, on the deployed handlers of an embedded cloud started for it.

Within each turn every callback is told once, and once a call without a signature, which is refused at the edge: what
is above it is ours and the store's. The embedded cloud is one process of Python; AWS is another machine.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import urllib3

from benchmarks.callbacks import ACCOUNTS, CALLBACKS, REFUSED_AT_THE_EDGE, Sent
from local.http_client import Api
from local.places import Places
from local.process import free_port
from local.stack import Stack, start
from tests.flows.stage import deliver, flow_document, log_in, paid, points, until

WARM_UP = 5
FLOOR = "nothing: a call without a signature (401)"


class Ack(NamedTuple):
    """One callback's milliseconds as its caller has them, one figure a turn, and its sender's limit."""

    name: str
    limit: str
    ms: list[float]
    floor_ms: list[float]
    """The refused call's, in the same turns."""


def acks(turns: int) -> list[Ack]:
    """Every callback beside the call that is refused at the edge."""
    with _stage() as stack:
        uid = _mall_member(stack, turns + WARM_UP)
        pool = urllib3.PoolManager(retries=False, timeout=60)
        first = int(time.time() * 1000) * 10_000
        found: dict[str, list[float]] = {name: [] for name in (FLOOR, *(one.name for one in CALLBACKS))}
        for turn in range(turns + WARM_UP):
            if turn == WARM_UP:
                for figures in found.values():
                    figures.clear()
            found[FLOOR].append(_ms(pool, stack, REFUSED_AT_THE_EDGE, 401, ""))
            for one in CALLBACKS:
                sent = one.tell(str(first + turn), datetime.now(UTC), uid)
                found[one.name].append(_ms(pool, stack, sent, 200, one.says))
    limits = {one.name: one.limit for one in CALLBACKS}
    return [Ack(name, limits.get(name, "-"), figures, found[FLOOR]) for name, figures in found.items()]


def _ms(pool: urllib3.PoolManager, stack: Stack, sent: Sent, status: int, says: str) -> float:
    """How long the caller waits; another answer than the expected one ends the run."""
    began = time.perf_counter()
    answer = pool.request(sent.method, stack.api_url + sent.target, body=sent.body, headers=dict(sent.headers))
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status != status or says not in answer.data.decode():
        raise RuntimeError(f"{sent.target.partition('?')[0]}: {answer.status} {answer.data.decode()[:200]}")
    return took_ms


@contextmanager
def _stage() -> Iterator[Stack]:
    """A stage of its own, with all these systems connected and a programme published; its cloud ends with it."""
    with tempfile.TemporaryDirectory(prefix="jifen-bench-") as home:
        cloud = start(Places(Path(home), free_port(), free_port()), quiet=True)
        try:
            stack = cloud.deploy("bench", {"Schedules": "DISABLED"}, quiet=True)
            known = json.dumps(ACCOUNTS)
            manager = stack.client("secretsmanager")
            manager.put_secret_value(SecretId=stack.setting("CONNECT_SECRET"), SecretString=known)
            body = {"version": 1, "effective_from": "2020-01-01T00:00:00+08:00", "document": flow_document()}
            Api(stack.api_url, stack.secret("ADMIN_KEY_SECRET")).post("/v1/staff/programme/versions", body)
            yield stack
        finally:
            cloud.stop()


def _mall_member(stack: Stack, spendable: int) -> str:
    """The uid of a member with so many points."""
    member = log_in(stack, "bench")
    deliver(stack, paid("bench", 1, spendable * 100))
    until(lambda: points(member) >= spendable)
    url = str(member.get("/v1/me/duiba-link")["url"])
    return parse_qs(urlsplit(url).query)["uid"][0]
