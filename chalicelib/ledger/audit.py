"""The auditor's judgement: is what stands in the tables what the journal's entries make? Pure, one member at a time.

It reads items as they are stored, so that also an item which no longer reads as what it should be is named, not raised.
Nothing is ever repaired here: a wrong balance is put right by a new entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.ledger.counters import running
from chalicelib.ledger.ends import ends_on
from chalicelib.ledger.growth import packed, recent
from chalicelib.ledger.items import Item, account_item, account_of, entry_of, guard_item, guard_of, member_pk
from chalicelib.ledger.model import Account, Budget, Entry, Guard, Kind, LedgerTerms, business_on, digest
from chalicelib.ledger.rebuild import balances, folded, stated

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, AssertionError, IndexError)
_NOBODY: Mapping[str, Sequence[Item]] = MappingProxyType({})
_OWN_CHECKS = ("version", "due_key", "due_shard", "counters", "growth")
"""Attributes of an account that are no part of its history, or only as far as a period still runs."""


class Tables(NamedTuple):
    """The names findings are reported under."""

    ledger: str
    journal: str


class Finding(NamedTuple):
    """One thing that is not as it must be."""

    table: str
    key: str
    what: str
    expected: str
    found: str


def check_member(
    member_id: str,
    account: Item | None,
    entries: Sequence[Item],
    guards: Sequence[Item],
    terms: LedgerTerms,
    today_on: date,
    tables: Tables,
    others: Mapping[str, Sequence[Item]] = _NOBODY,
) -> list[Finding]:
    """All that is wrong with one member: his account, his entries (in any order) and his guards as stored.

    `guards` are those that `guard_keys` names of all his entries and every other one with something pending or held;
    `today_on` is the business date of the audit. `others` are the journals of the accounts that were merged into his,
    by their ids: they are judged with their own accounts, here only his guards are held against them. Guards of a
    closed account are the survivor's matter.
    """
    findings: list[Finding] = []
    read = [entry for item in entries if (entry := _readable(item, findings, tables.journal))]
    rebuilt = _replayed(member_id, read, findings, tables.journal)
    if account is None:
        if entries:
            say = f"an account of {len(entries)} entries"
            findings.append(Finding(tables.ledger, f"{member_pk(member_id)} A", "account", say, "none"))
    else:
        findings += _check_account(account, rebuilt, terms, today_on, tables.ledger)
    if account is None or "merged_into" not in account:
        unread: list[Finding] = []
        read += [
            entry for items in others.values() for one in items if (entry := _readable(one, unread, tables.journal))
        ]
        findings += _check_guards({member_id, *others}, member_id, account or {}, read, guards, tables.ledger)
    return findings


def check_closed(account: Item, survivor: Item | None, ledger: str) -> list[Finding]:
    """Whether the account into which a closed one went is there and says so; `survivor` is the last one of the way."""
    member_id = str(account["pk"])[2:]
    if survivor and "merged_into" not in survivor and member_id in survivor.get("merged", []):
        return []
    found = f"{survivor['pk']} of {survivor.get('merged', [])}" if survivor else "none"
    return [Finding(ledger, _key(account), "merged_into", f"an account that took in {member_id}", found)]


def guard_keys(entries: Iterable[Item]) -> list[str]:
    """The guards that entries tell of: each credited order's, each hold's."""
    keys: dict[str, None] = {}
    for item in entries:
        cause_id = str(item.get("cause_id", ""))
        if item.get("kind") == Kind.HOLD:
            keys[f"H#{cause_id}"] = None
        elif item.get("kind") == Kind.EARN and item.get("activity") == "order":
            keys["O#" + cause_id.partition("~")[0]] = None
    return list(keys)


def check_guard(item: Item, due_shard: str, ledger: str) -> list[Finding]:
    """All that is wrong with a guard by itself, its lines in the indexes above all; `due_shard` is its member's."""
    try:
        expected = guard_item(guard_of(item), due_shard)
    except UNREADABLE as error:
        return [Finding(ledger, _key(item), "guard", "a readable guard", repr(error))]
    return differences(item, expected, ledger)


def check_order(guard: Item, member_id: str | None, ledger: str, merged: Collection[str] = ()) -> list[Finding]:
    """Whether the order of a guard is there (None: it is not) and is the same member's, or one's of those who were
    `merged` into him: an order keeps the id it was bound to.
    """
    if member_id is None:
        return [Finding(ledger, _key(guard), "order", "the order it guards", "none")]
    if member_id == guard.get("member_id") or member_id in merged:
        return []
    return [Finding(ledger, _key(guard), "member_id", f"{member_id}, as its order says", str(guard.get("member_id")))]


def check_budget(item: Item, known: Mapping[str, Sequence[Budget]], ledger: str) -> list[Finding]:
    """Whether a budget's shard has paid more than any published version of its budget lets it."""
    _, budget_id, _ = str(item["pk"]).split("#", 2)
    versions = known.get(budget_id)
    shard = int(str(item["sk"]).removeprefix("S#"))
    if not versions:
        return []
    most = max((budget.share_points(shard) for budget in versions if shard < budget.shards), default=0)
    if 0 <= item.get("spent", 0) <= most:
        return []
    return [Finding(ledger, _key(item), "spent", f"at most {most}", str(item.get("spent")))]


def _readable(item: Item, findings: list[Finding], journal: str) -> Entry | None:
    """The entry of an item; its key, hash and sum are checked on the way."""
    bare = {name: value for name, value in item.items() if name != "hash"}
    try:
        entry = entry_of(item)
        found_hash = digest(bare)
    except UNREADABLE as error:
        findings.append(Finding(journal, _key(item), "entry", "a readable entry", repr(error)))
        return None
    key = f"{item['sk'][:24]}#{entry.kind}#{entry.activity}#{entry.cause.id}"
    if item["sk"] != key or entry.key != key:
        findings.append(Finding(journal, _key(item), "key", key, item["sk"]))
    if entry.hash != found_hash:
        findings.append(Finding(journal, _key(item), "hash", found_hash, entry.hash or "none"))
    points = sum(entry.buckets.values()) + entry.pending_points + entry.held_points - entry.deficit_points
    if entry.points != points:
        findings.append(Finding(journal, _key(item), "points", str(points), str(entry.points)))
    return entry


def _replayed(member_id: str, entries: list[Entry], findings: list[Finding], journal: str) -> Account | None:
    """The account the entries make; None when they make none. A gap or a broken link is named, then taken as it is."""
    account = Account(member_id, "")
    for entry in sorted(entries, key=lambda one: (one.sequence, one.key)):
        key = f"{member_pk(entry.member_id)} {entry.key}"
        if entry.sequence != account.sequence + 1:
            findings.append(Finding(journal, key, "sequence", str(account.sequence + 1), str(entry.sequence)))
        if entry.previous_hash != account.last_hash:
            expected, found = account.last_hash or "none", entry.previous_hash or "none"
            findings.append(Finding(journal, key, "previous_hash", expected, found))
        try:
            account = folded(account, entry)
        except UNREADABLE as error:
            findings.append(Finding(journal, key, "buckets", "no more than there was", repr(error)))
            return None
        if stated(entry) != balances(account):
            findings.append(Finding(journal, key, "available, pending, held, deficit after", *_pair(account, entry)))
    return account


def _pair(account: Account, entry: Entry) -> tuple[str, str]:
    return ", ".join(map(str, balances(account))), ", ".join(map(str, stated(entry)))


def _check_account(
    item: Item, rebuilt: Account | None, terms: LedgerTerms, today_on: date, ledger: str
) -> list[Finding]:
    key = _key(item)
    findings: list[Finding] = []
    if not isinstance(item.get("version"), int) or item["version"] < 1:
        findings.append(Finding(ledger, key, "version", "1 or more", str(item.get("version"))))
    if not (shard := str(item.get("due_shard", ""))).isdigit():
        findings.append(Finding(ledger, key, "due_shard", "a shard's number", shard or "none"))
    if rebuilt is not None:
        try:
            expected = account_item(rebuilt._replace(due_shard=shard, version=1))
        except UNREADABLE as error:
            findings.append(Finding(ledger, key, "account", "one that the rules allow", repr(error)))
        else:
            findings += differences(item, expected, ledger, but=_OWN_CHECKS)
        findings += _check_counters(item, rebuilt, terms, today_on, ledger)
        findings += _check_growth(item, rebuilt, terms, ledger)
    return findings + _check_due(item, terms, today_on, ledger)


def _check_counters(item: Item, rebuilt: Account, terms: LedgerTerms, today_on: date, ledger: str) -> list[Finding]:
    """Counters whose period ran on at the last entry; one that was over on a later day may be forgotten already."""
    then_on = business_on(rebuilt.posted_at, terms.zone) if rebuilt.posted_at else date.min
    counts = running(rebuilt.counters, then_on)
    texts = account_item(Account(rebuilt.member_id, "", counters=counts)).get("counters", {})
    stored = item.get("counters", {})
    findings = []
    for name in sorted({*texts, *stored}):
        through_on = counts[name].through_on if name in counts else None
        forgotten = name not in stored and through_on is not None and through_on < today_on
        if texts.get(name) != stored.get(name) and not forgotten:
            what = f"counters.{name}"
            findings.append(Finding(ledger, _key(item), what, _said(texts.get(name)), _said(stored.get(name))))
    return findings


def _check_growth(item: Item, rebuilt: Account, terms: LedgerTerms, ledger: str) -> list[Finding]:
    """Growth as far as it was recent at the last entry; what is older has left the account."""
    then_on = business_on(rebuilt.posted_at, terms.zone) if rebuilt.posted_at else date.min
    expected = packed(recent(rebuilt.growth, then_on))
    found = str(item.get("growth", ""))
    return [] if expected == found else [Finding(ledger, _key(item), "growth", expected or "none", found or "none")]


def _check_due(item: Item, terms: LedgerTerms, today_on: date, ledger: str) -> list[Finding]:
    """The due index must list the account at or before the first business date on which something has ended."""
    try:
        account = account_of(item)
        member_id = account.member_id
        due_on = ends_on(account, terms, today_on - timedelta(days=1))
        listed = item.get("due_key")
        if listed is None:
            ok = due_on is None
        else:
            ok = listed[10:] == f"#{member_id}" and (due_on is None or date.fromisoformat(listed[:10]) <= due_on)
    except UNREADABLE as error:
        return [Finding(ledger, _key(item), "due_key", "readable buckets and date", repr(error))]
    if ok:
        return []
    return [Finding(ledger, _key(item), "due_key", f"{due_on}#{member_id} or earlier", listed or "none")]


def _check_guards(
    ids: Set[str], member_id: str, account: Item, entries: list[Entry], guards: Sequence[Item], ledger: str
) -> list[Finding]:
    findings: list[Finding] = []
    known = _read_guards(ids, member_id, guards, findings, ledger)
    mine = [guard for guard in known.values() if guard.member_id in ids]
    for attribute, sums in (
        ("pending", sum(_pending(guard) for guard in mine)),
        ("held", sum(_held(guard) for guard in mine)),
    ):
        if account.get(attribute, 0) != sums:
            say = f"{sums}, the sum of the member's guards"
            found = str(account.get(attribute, 0))
            findings.append(Finding(ledger, f"{member_pk(member_id)} A", attribute, say, found))
    by_cause = _by_guard(entries)
    for key in by_cause:
        if key not in known:
            findings.append(Finding(ledger, f"{key} G", "guard", f"the guard of {by_cause[key][0].key}", "none"))
    for guard in mine:
        findings += _check_sums(guard, by_cause.get(guard.key, []), ledger)
    return findings


def _read_guards(
    ids: Set[str], member_id: str, guards: Sequence[Item], findings: list[Finding], ledger: str
) -> dict[str, Guard]:
    """The guards by key; one that cannot be read, or is another member's, is named."""
    known: dict[str, Guard] = {}
    for item in guards:
        try:
            guard = guard_of(item)
        except UNREADABLE as error:
            findings.append(Finding(ledger, _key(item), "guard", "a readable guard", repr(error)))
            continue
        known[guard.key] = guard
        if guard.member_id not in ids:
            findings.append(Finding(ledger, _key(item), "member_id", member_id, guard.member_id))
    return known


def _by_guard(entries: list[Entry]) -> dict[str, list[Entry]]:
    """The entries that follow from each order or hold, by the key of its guard."""
    found: dict[str, list[Entry]] = {}
    bases: dict[tuple[str, str], str] = {}
    for entry in sorted(entries, key=lambda one: one.sequence):
        id = entry.cause.id
        if entry.kind is Kind.HOLD:
            bases[entry.activity, id] = f"H#{id}"
        elif entry.kind is Kind.EARN and entry.activity == "order":
            base = id.partition("~")[0]  # a further award of the order carries its rule after that sign
            bases.setdefault((entry.activity, base), f"O#{base}")
    for entry in entries:
        id = entry.cause.id.partition("~")[0]
        while (key := bases.get((entry.activity, id))) is None and ":" in id:
            id = id.rpartition(":")[0]
        if key is not None:
            found.setdefault(key, []).append(entry)
    return found


def _check_sums(guard: Guard, entries: list[Entry], ledger: str) -> list[Finding]:
    """What a guard says was given, taken back, is pending or held, against the entries named by it."""
    if not guard.key.startswith(("O#", "H#")):
        return []
    sums = [
        ("pending", sum(entry.pending_points for entry in entries), _pending(guard)),
        ("taken", sum(entry.held_points for entry in entries), _held(guard)),
    ]
    # A refund may also take back what another order's credit gave (a task's lump): that is on no credit of this guard.
    rules = {credit.rule: credit for credit in guard.credits}
    given, back = dict.fromkeys(rules, 0), dict.fromkeys(rules, 0)
    for entry in entries if guard.key.startswith("O#") else ():
        if entry.kind is Kind.REVERSE and entry.rule in rules:
            kept = [int(entry.facts.get(name, 0)) for name in ("waived_points", "charged_points")]
            back[entry.rule] += sum(kept) - entry.points
        elif entry.kind in (Kind.EARN, Kind.ADJUST) and (entry.points or entry.rule in rules):
            given[entry.rule] = given.get(entry.rule, 0) + entry.points
    for rule, points in given.items():
        sums.append((f"credits.{rule}.points", points, rules[rule].points if rule in rules else 0))
    for rule, points in back.items():
        sums.append((f"credits.{rule}.reversed", points, rules[rule].reversed_points))
    return [
        Finding(ledger, f"{guard.key} G", what, f"{expected}, the sum of its entries", str(found))
        for what, expected, found in sums
        if expected != found
    ]


def _pending(guard: Guard) -> int:
    return sum(credit.pending_points for credit in guard.credits)


def _held(guard: Guard) -> int:
    """Held points are taken until an instant; what a redemption took is spent."""
    return sum(guard.taken.values()) if guard.release_at else 0


def differences(item: Item, expected: Item, table: str, but: Sequence[str] = ()) -> list[Finding]:
    """One finding for each attribute that is not as expected."""
    return [
        Finding(table, _key(item), name, _said(expected.get(name)), _said(item.get(name)))
        for name in sorted({*item, *expected} - {*but})
        if item.get(name) != expected.get(name)
    ]


def _key(item: Item) -> str:
    return f"{item.get('pk', '?')} {item.get('sk', '?')}"


def _said(value: Any) -> str:
    """A value as a report shows it."""
    if value is None:
        return "none"
    return value.hex() if isinstance(value, bytes) else str(value)
