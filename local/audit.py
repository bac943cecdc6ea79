"""`make audit [STAGE=local]`: is every balance what its entries make, and does every guard, order, budget, redemption
and stock agree?

Reads everything strongly, member by member, and repairs nothing: a wrong balance is put right by a new entry. May run
beside traffic: what a posting changed meanwhile is read again before it is called wrong. Exit code 0: nothing found;
1: something is wrong, each item named; 2: the audit could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.earning.table import OrdersTable, open_orders
from chalicelib.errors import JifenError
from chalicelib.ledger.audit import (
    Finding,
    Tables,
    check_budget,
    check_closed,
    check_guard,
    check_member,
    check_order,
    guard_keys,
)
from chalicelib.ledger.items import Item, member_pk
from chalicelib.ledger.merge import MOST_MERGED
from chalicelib.ledger.model import Budget, LedgerTerms, business_on
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.programme.table import open_programme, terms_at
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.dynamo import MAX_BATCH_GET, decode_item, encode_item
from chalicelib.runtime.settings import settings
from local import say
from local.audit_spending import SpendingAuditor
from local.in_process import EMBEDDED_STAGES, adopted, find_stack
from local.places import Mend

TRIES = 4
"""How often a member is read again before what was found is believed."""
PAUSE_S = 1.0
MOST_SHOWN = 40
SEGMENTS_ON_AWS = 8
_READ = (
    *("accounts", "entries", "guards", "orders", "budgets", "redemptions", "coupons", "codes", "badges"),
    *("exchanges", "deductions", "groups", "limits", "stocks"),
)


@dataclass
class Report:
    """What was read and what was found; `tell` hears of each finding as it is made."""

    tell: Callable[[Finding], None]
    read: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def add(self, findings: Iterable[Finding], **read: int) -> None:
        with self.lock:
            self.read.update(read)
            for finding in findings:
                self.found[finding.what] += 1
                self.tell(finding)


@dataclass(frozen=True)
class Auditor:
    """One stage's tables and what its terms say of them."""

    ledger: LedgerTable
    orders: OrdersTable
    terms: LedgerTerms
    budgets: Mapping[str, Sequence[Budget]]
    today_on: date
    report: Report
    pause: Callable[[float], None] = time.sleep

    @property
    def names(self) -> Tables:
        return Tables(self.ledger.ledger, self.ledger.journal)

    def run(self, segments: int) -> None:
        """The whole stage, `segments` parts side by side; at any time no more than a page and one member of each."""
        with ThreadPoolExecutor(segments) as pool:
            for work in (self._ledger_segment, self._journal_segment):
                for _ in pool.map(work, range(segments), [segments] * segments):
                    pass

    def member(self, member_id: str) -> None:
        """One member; what is found must stand still: the same twice, over a pause, with no posting in between."""
        found, entries, version = self._member(member_id)
        for _ in range(TRIES if found else 0):
            self.pause(PAUSE_S)
            before = found, version
            found, entries, version = self._member(member_id)
            if not found or (found, version) == before:
                break
        self.report.add(found, accounts=1, entries=entries)

    def _member(self, member_id: str) -> tuple[list[Finding], int, int]:
        pk = member_pk(member_id)
        accounts = self._items([{"pk": pk, "sk": "A"}])
        account = accounts[0] if accounts else None
        entries = self._entries(pk)
        merged = [str(one) for one in account.get("merged", [])] if account else []
        others = {one: self._entries(member_pk(one)) for one in merged}
        told = [entry for journal in (entries, *others.values()) for entry in journal]
        keys = dict.fromkeys(
            [*guard_keys(told), *(key for one in (member_id, *merged) for key in self._open_guards(one))]
        )
        guards = self._items([{"pk": key, "sk": "G"} for key in keys])
        found = check_member(member_id, account, entries, guards, self.terms, self.today_on, self.names, others)
        if account and "merged_into" in account:
            found += check_closed(account, self._survivor(account), self.ledger.ledger)
        return found, len(entries), account.get("version", 0) if account else 0

    def _survivor(self, account: Item) -> Item | None:
        """The account to which closed ones lead from this one, the last that there is on a way without an end."""
        seen = [account]
        while "merged_into" in seen[-1] and len(seen) <= MOST_MERGED + 1:
            found = self._items([{"pk": member_pk(str(seen[-1]["merged_into"])), "sk": "A"}])
            if not found:
                return None
            seen += found
        return seen[-1]

    def _ledger_segment(self, segment: int, segments: int) -> None:
        """Accounts with all that hangs on them, guards with their orders, budgets."""
        for page in self._scan(self.ledger.ledger, segment, segments):
            for item in page:
                if item["sk"] == "A":
                    self.member(item["pk"][2:])
                elif item["pk"].startswith("B#"):
                    self.report.add(check_budget(item, self.budgets, self.ledger.ledger), budgets=1)
                elif item["sk"] != "G":
                    self.report.add([], others=1)
            self._guards([item for item in page if item["sk"] == "G"])

    def _guards(self, page: Sequence[Item]) -> None:
        for start in range(0, len(page), MAX_BATCH_GET):
            guards = self._items([{"pk": item["pk"], "sk": "G"} for item in page[start : start + MAX_BATCH_GET]])
            owners = {str(guard.get("member_id")) for guard in guards}
            accounts = self._items([{"pk": member_pk(one), "sk": "A"} for one in owners])
            ways = ((item, self._survivor(item) if "merged_into" in item else item) for item in accounts)
            merged = {item["pk"][2:]: (survivor or {}).get("merged", []) for item, survivor in ways}
            shards = {item["pk"][2:]: str(item.get("due_shard", "")) for item in accounts}
            keys = [guard["pk"].removeprefix("O#") for guard in guards if guard["pk"].startswith("O#")]
            members = {order.key: order.member_id for order in self.orders.orders(keys)}
            found: list[Finding] = []
            for guard in guards:
                found += check_guard(guard, shards.get(str(guard.get("member_id")), ""), self.ledger.ledger)
                if guard["pk"].startswith("O#"):
                    owner = members.get(guard["pk"].removeprefix("O#"))
                    found += check_order(guard, owner, self.ledger.ledger, merged.get(guard.get("member_id"), ()))
            self.report.add(found, guards=len(guards), orders=len(members))

    def _journal_segment(self, segment: int, segments: int) -> None:
        """Members of whom there are entries but no account."""
        for page in self._scan(self.ledger.journal, segment, segments, ProjectionExpression="pk"):
            keys = [pk for pk, _ in groupby(item["pk"] for item in page)]
            for start in range(0, len(keys), MAX_BATCH_GET):
                wanted = dict.fromkeys(keys[start : start + MAX_BATCH_GET])
                there = {item["pk"] for item in self._items([{"pk": pk, "sk": "A"} for pk in wanted])}
                for pk in wanted:
                    if not pk.startswith("M#"):
                        found = Finding(self.ledger.journal, pk, "pk", "the key of a member", pk)
                        self.report.add([found])
                    elif pk not in there:
                        self.member(pk[2:])

    def _entries(self, pk: str) -> list[Item]:
        request = {
            "TableName": self.ledger.journal,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": encode_item({":pk": pk}),
        }
        return [item for page in self._pages("query", request) for item in page]

    def _open_guards(self, member_id: str) -> list[str]:
        request = {
            "TableName": self.ledger.ledger,
            "IndexName": "open",
            "KeyConditionExpression": "open_of = :member",
            "ExpressionAttributeValues": encode_item({":member": member_id}),
        }
        return [item["pk"] for page in self._pages("query", request) for item in page]

    def _scan(self, table: str, segment: int, segments: int, **given: str) -> Iterator[list[Item]]:
        request: dict[str, Any] = {"TableName": table, **given}
        if segments > 1:
            request |= {"Segment": segment, "TotalSegments": segments}
        return self._pages("scan", request)

    def _pages(self, verb: str, request: dict[str, Any]) -> Iterator[list[Item]]:
        while True:
            page = getattr(self.ledger.dynamo, verb)(**request)
            yield list(self._decoded(request["TableName"], page["Items"]))
            if "LastEvaluatedKey" not in page:
                return
            request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _items(self, keys: Sequence[Item]) -> list[Item]:
        """Items of the ledger table by their keys, strongly read; those that there are."""
        found: list[Item] = []
        for start in range(0, len(keys), MAX_BATCH_GET):
            some = [encode_item(key) for key in keys[start : start + MAX_BATCH_GET]]
            wanted: Any = {self.ledger.ledger: {"Keys": some, "ConsistentRead": True}}
            while wanted:
                answer = self.ledger.dynamo.batch_get_item(RequestItems=wanted)
                found += self._decoded(self.ledger.ledger, answer["Responses"].get(self.ledger.ledger, []))
                wanted = answer.get("UnprocessedKeys")
        return found

    def _decoded(self, table: str, items: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
        """Plain items; of one with a value that is never stored (a fraction) only the key, so that it is named, too."""
        for item in items:
            try:
                yield decode_item(item)
            except ValueError:
                yield decode_item({name: item[name] for name in ("pk", "sk") if name in item})


def audit(report: Report, *, segments: int, member_id: str = "") -> None:
    """Audit the stage this process has adopted, or one member of it. Raises JifenError while no terms are published."""
    now = utc_now()
    terms = terms_at(now).ledger
    budgets: dict[str, list[Budget]] = {}
    for version in open_programme().book().versions:
        for one in version.programme.budgets:
            budgets.setdefault(one.id, []).append(Budget(one.id, one.period, one.points, one.shards, 0))
    auditor = Auditor(open_ledger(), open_orders(), terms, budgets, business_on(now, terms.zone), report)
    if member_id:
        auditor.member(member_id)
    else:
        auditor.run(segments)
        SpendingAuditor(auditor.ledger, settings().spending_table, report.add, now, terms.zone).run()


def _run(stage: str, member_id: str, segments: int, as_json: bool) -> int:
    shown = 0

    def tell(finding: Finding) -> None:
        nonlocal shown
        shown += 1
        if as_json:
            say.line(json.dumps(finding._asdict(), ensure_ascii=False))
        elif shown <= MOST_SHOWN:
            say.line(f"  {finding.table}  {finding.key}\n      {finding.what}: {finding.expected}")
            say.line(f"      found: {finding.found}")

    report = Report(tell)
    began = time.monotonic()
    with adopted(find_stack(stage)):
        audit(report, segments=segments or (1 if stage in EMBEDDED_STAGES else SEGMENTS_ON_AWS), member_id=member_id)
    seconds = round(time.monotonic() - began, 1)
    total = report.found.total()
    if as_json:
        summary = {"stage": stage, "read": report.read, "found": report.found, "seconds": seconds}
        say.line(json.dumps(summary, ensure_ascii=False))
        return 1 if total else 0
    if total > MOST_SHOWN:
        say.line(f"  … {total - MOST_SHOWN:,} more; all of them with --json")
    read = ", ".join(f"{report.read[what]:,} {what}" for what in _READ)
    say.line(f"  {stage}: {read} read in {seconds} s")
    for what, count in report.found.most_common():
        say.line(f"  {count:,} × {what}")
    say.line(f"  {total:,} findings; nothing was changed" if total else "  all of it agrees")
    return 1 if total else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.audit", description=__doc__)
    parser.add_argument("--stage", default="local")
    parser.add_argument("--member", default="", help="only this member")
    parser.add_argument("--segments", type=int, default=0, help="parts of a table read side by side")
    parser.add_argument("--json", action="store_true", help="one finding a line, the summary last")
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen.stage, chosen.member, chosen.segments, chosen.json)
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 2
    except (BotoCoreError, ClientError, KeyError) as error:
        say.trouble(f"the audit could not read the stage: {error!r}")
        return 2
    except KeyboardInterrupt:
        say.trouble("interrupted")
        return 2


if __name__ == "__main__":
    sys.exit(main())
