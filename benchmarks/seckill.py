"""A seckill on the embedded cloud: so many units, more members than units, 64 clients at once.

Beside it the same reads and the same transactions as bare boto3 sends them, without our code: what the store itself
gives on this machine. The store is one process of Python that runs its transactions one after another; what DynamoDB
would refuse as meetings it lets wait, so meetings are counted and told, and on AWS there will be more.
`python -m benchmarks.seckill 10000` (`make bench-seckill`) is the full one.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from benchmarks.operations import DEMO_TERMS, no_tags
from benchmarks.recording import Recorder
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.items import account_item
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import encode_item
from chalicelib.spending.goods.shelves import ShelvesTable
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.item import StockPlace
from chalicelib.spending.mall.keep_item import add_item, change_stock, switch_item
from chalicelib.spending.mall.model import ACTIVITY, ItemState
from chalicelib.spending.mall.quote_item import good_digest
from chalicelib.spending.mall.redeem_item import redeem_item
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.offers.groups_table import GroupsTable
from chalicelib.spending.offers.keep_offer import add_offer, switch_on
from chalicelib.spending.offers.room import Room, known_offer, sale_of
from chalicelib.spending.offers.table import OffersTable
from chalicelib.spending.quotes import Quote
from local.places import KEY, REGION, Places
from local.process import free_port
from local.stack import start
from tests.ledger.builders import NOW
from tests.tables import create_tables

UNITS, CLIENTS = 500, 64
PEAK = 1_000
OFFER, FLOOR = "rush", "floor"
SAMPLE = "m" + "f" * 24
_COUPON = {"kind": "coupon", "name": "满199减10", "face_fen": 1000, "min_order_fen": 19900, "valid_days": 30}


class Rush(NamedTuple):
    """What one seckill came to."""

    units: int
    clients: int
    shards: int
    sold: int
    sold_out: int
    """Members who were told so."""
    conflicts: int
    """Transactions that met another."""
    empty: int
    """Transactions that found their shard empty and went on to the next."""
    retries: int
    """Transactions sent beyond one for each unit sold."""
    seconds: float
    floor_seconds: float

    @property
    def per_second(self) -> float:
        """Units sold a second."""
        return self.sold / self.seconds

    @property
    def floor_per_second(self) -> float:
        """The same transactions a second by bare boto3."""
        return self.units / self.floor_seconds


@dataclass
class Counting:
    """A client that counts its transactions and why they were cancelled."""

    real: Any
    counts: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def transact_write_items(self, **request: Any) -> Any:
        found = ["sent"]
        try:
            return self.real.transact_write_items(**request)
        except self.real.exceptions.TransactionCanceledException as error:
            reasons = {reason["Code"] for reason in error.response["CancellationReasons"]}
            found.append("met" if "TransactionConflict" in reasons else "empty")
            raise
        finally:
            with self.lock:
                self.counts.update(found)


def seckill(units: int = UNITS, clients: int = CLIENTS) -> Rush:
    """One seckill with a tenth more members than units, and its floor."""
    with _cloud(clients) as (ours, bare):
        counting = Counting(ours)
        members = [f"m{number:024x}" for number in range(units + units // 10)]
        floor_members = [f"m{number:024x}" for number in range(10**6, 10**6 + units)]
        room = room_of(counting, units)
        accounts_of(ours, room, [SAMPLE, *members, *floor_members])
        template = sampled(room, ours)
        counting.counts.clear()
        seconds, answers = _at_once(clients, members, lambda member_id: buy(room, member_id))
        place = sale_of(known_offer(OFFER, room=room, now=NOW), room=room, now=NOW).stock
        _floor_stock(ours, place, units)
        floor_seconds, _ = _at_once(clients, floor_members, lambda member_id: template.send(bare, member_id, place))
        counts, sold = counting.counts, answers["sold"]
        return Rush(
            units=units,
            clients=clients,
            shards=place.shards,
            sold=sold,
            sold_out=answers["sold out"],
            conflicts=counts["met"],
            empty=counts["empty"],
            retries=counts["sent"] - sold,
            seconds=seconds,
            floor_seconds=floor_seconds,
        )


@contextmanager
def _cloud(clients: int) -> Iterator[tuple[Any, Any]]:
    """(a client configured as ours, one as it comes) of a store of the run's own."""
    with tempfile.TemporaryDirectory(prefix="jifen-seckill-") as home:
        cloud = start(Places(Path(home), free_port(), free_port()), quiet=True)
        try:
            given = {
                "endpoint_url": cloud.places.endpoint,
                "region_name": REGION,
                "aws_access_key_id": KEY,
                "aws_secret_access_key": KEY,
            }
            pool = Config(max_pool_connections=clients, read_timeout=60)
            ours = pool.merge(Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 2}))
            yield boto3.client("dynamodb", config=ours, **given), boto3.client("dynamodb", config=pool, **given)
        finally:
            cloud.stop()


def room_of(dynamo: Any, units: int) -> Room:
    """A mall with one coupon, and a seckill of it that is on."""
    names = create_tables(dynamo.real, "bench")
    spending = names["SPENDING_TABLE"]
    ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8)
    mall = MallTable(dynamo, spending)
    room = Room(
        OffersTable(dynamo, spending),
        GroupsTable(dynamo, spending),
        Desk(mall, GoodsTable(dynamo, spending), ledger, DEMO_TERMS, no_tags),
    )
    item = {"name": "满减券", "good": _COUPON, "prices": [{"id": "points", "points": 200}]}
    add_item(mall, "coupon", item, DEMO_TERMS.programme, by="s1", now=NOW)
    switch_item(mall, "coupon", ItemState.ON, seen_version=1, reason="r", by="s1", now=NOW)
    shelf = StockPlace("STOCK#coupon", 1)
    change_stock(ShelvesTable(dynamo, spending), shelf, units + 1, key="k", by="s1", reason="r", now=NOW)
    offer = {
        "name": "秒杀",
        "template": {"kind": "seckill", "peak_per_second": PEAK},
        "item": "coupon",
        "points": 100,
        "pieces": units + 1,
        "from_at": NOW.isoformat(),
        "until_at": (NOW + timedelta(days=1)).isoformat(),
    }
    add_offer(OFFER, offer, room=room, by="s1", now=NOW)
    switch_on(OFFER, seen_version=1, reason="r", room=room, by="s1", now=NOW)
    return room


def accounts_of(dynamo: Any, room: Room, member_ids: Sequence[str]) -> None:
    """Members with points enough."""
    ledger = room.desk.ledger
    bucket = bucket_key(date(2027, 12, 31), PointsClass.CONSUMPTION)
    for begin in range(0, len(member_ids), 25):
        puts = []
        for member_id in member_ids[begin : begin + 25]:
            account = ledger.fresh(member_id)._replace(buckets={bucket: 500}, version=1, posted_at=NOW)
            puts.append({"PutRequest": {"Item": encode_item(account_item(account))}})
        dynamo.batch_write_item(RequestItems={ledger.ledger: puts})


def buy(room: Room, member_id: str) -> str:
    """One member's redemption; who is told to try again does."""
    sale = sale_of(known_offer(OFFER, room=room, now=NOW), room=room, now=NOW)
    item = sale.listed.item
    price = item.prices[0]
    facts = {
        "item": "coupon",
        "offer": OFFER,
        "price": [price.id, price.points, price.cash_fen],
        "quantity": 1,
        "good": good_digest(sale.listed),
    }
    quote = Quote(ACTIVITY, member_id[1:], member_id, NOW, facts)
    while True:
        try:
            redeem_item(quote, None, desk=room.desk, actor=member_id, now=NOW, sale=sale)
        except JifenError as refused:
            if refused.code is not Code.BUSY:
                return "sold out" if refused.code is Code.SOLD_OUT else refused.code.name
        else:
            return "sold"


class Template(NamedTuple):
    """The requests of one redemption, in which the member's id can be replaced."""

    requests: tuple[tuple[str, Any], ...]

    def send(self, bare: Any, member_id: str, place: StockPlace) -> str:
        """The same requests for another member, from another stock; the coupon has a code of its own."""
        for name, asked in self.requests:
            request = _renamed(asked, member_id)
            for entry in request.get("TransactItems", ()):
                ((_, write),) = entry.items()
                if "Key" in write and write["Key"]["pk"]["S"].startswith("STOCK#"):
                    write["Key"]["sk"]["S"] = f"S#{random.randrange(place.shards)}"
                if write.get("Item", {}).get("sk", {}).get("S") == "COUPON":
                    write["Item"]["pk"]["S"] = f"COUPON#{random.randrange(10**16):016d}"
            getattr(bare, name)(**request)
        return "sent"


def _renamed(value: Any, member_id: str) -> Any:
    """A request with another member's id, about the floor's stock."""
    if isinstance(value, dict):
        return {name: _renamed(part, member_id) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, member_id) for part in value]
    if isinstance(value, str):
        return value.replace(SAMPLE[1:], member_id[1:]).replace(f"STOCK#offer:{OFFER}", f"STOCK#offer:{FLOOR}")
    return value


def sampled(room: Room, dynamo: Any) -> Template:
    """One redemption, sold to a member of its own, and what it asked for."""
    recorder = Recorder(dynamo)
    desk = room.desk
    ledger = replace(desk.ledger, dynamo=recorder)
    buy(room._replace(desk=desk._replace(ledger=ledger, goods=replace(desk.goods, dynamo=recorder))), SAMPLE)
    return Template(tuple((one.name, one.request) for one in recorder.asked))


def _floor_stock(dynamo: Any, place: StockPlace, units: int) -> None:
    """Enough in every shard: the floor looks for no room."""
    for shard in range(place.shards):
        item = {"pk": f"STOCK#offer:{FLOOR}", "sk": f"S#{shard}", "left": units, "taken": 0}
        dynamo.put_item(TableName="bench-spending", Item=encode_item(item))


def _at_once(clients: int, members: Sequence[str], act: Callable[[str], str]) -> tuple[float, Counter[str]]:
    """How long all members took, so many at once, and what they were told."""
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        answers = Counter(pool.map(act, members))
        return time.perf_counter() - began, answers


if __name__ == "__main__":
    from benchmarks.report import rushes

    print(rushes([seckill(int(sys.argv[1]) if len(sys.argv) > 1 else UNITS)]))
