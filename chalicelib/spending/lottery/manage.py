"""Staff keep campaigns: write, publish, pause, resume. Each step leaves a line that says who, when and why.

Whoever wrote a draft does not publish it (admins may): four eyes see what members are promised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.programme.model import Terms
from chalicelib.spending.goods.good import Parcel
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery.campaign import Campaign, checksum
from chalicelib.spending.lottery.document import Fault, faults, require_sense
from chalicelib.spending.lottery.favour import out_of_reach, unfavourable
from chalicelib.spending.lottery.model import READ_AGAIN, Head, State, Step, Version
from chalicelib.spending.lottery.pools import pools_of, short_pools
from chalicelib.spending.lottery.stocks import fillings, shards_of
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.mall.item import pool_stock
from chalicelib.spending.mall.stores_table import StoresTable

ATTEMPTS = 4
"""How often a pause is asked for again when somebody else changed the campaign in between."""


class Changed(NamedTuple):
    """A campaign as it stands after a step; `replayed` when that was done before."""

    head: Head
    replayed: bool


def create(table: LotteryTable, document: Mapping[str, Any], *, id: str, key: str, by: str, now: datetime) -> Changed:
    """Write a new draft, once per staff member and key. Raises KEY_REUSED."""
    head = Head(id, State.DRAFT, 1, _name(document), by, now, (by,))
    guard = sha256(json.dumps([by, key]).encode()).hexdigest()
    step = Step(1, "created", by, now)
    made_id = table.create(head, document, step, key=guard, input_hash=digest({"document": dict(document)}))
    return Changed(head, False) if made_id == id else Changed(table.head(made_id), True)


def edit(
    table: LotteryTable, campaign_id: str, document: Mapping[str, Any], *, version: int, by: str, now: datetime
) -> Changed:
    """Replace the draft at the version that was read; of a published campaign it is the draft of its next version.

    Raises VERSION_TAKEN.
    """
    head = table.head(campaign_id)
    if head.version == version + 1 and by in head.editors and table.draft(campaign_id) == dict(document):
        return Changed(head, True)
    if head.version != version:
        raise JifenError(Code.VERSION_TAKEN, field="version")
    editors = head.editors if head.has_draft else ()
    changed = head._replace(
        version=version + 1, editors=(*(one for one in editors if one != by), by)[-20:], has_draft=True
    )
    if head.state is State.DRAFT:
        changed = changed._replace(name=_name(document))
    table.save(changed, Step(changed.version, "edited", by, now), document=document)
    return Changed(changed, False)


def check(table: LotteryTable, goods: GoodsTable, campaign_id: str, terms: Terms, now: datetime) -> list[Fault]:
    """All that publishing the draft now would refuse."""
    document = table.draft(campaign_id)
    found = faults(document, terms.programme, now)
    standing = table.versions(campaign_id)
    if not found:
        campaign = require_sense(document, terms.programme, now)
        last = standing[-1] if standing else None
        before = last.campaign if last else None
        found = [*(unfavourable(before, campaign) if before else ()), *out_of_reach(before, campaign, now)]
        found += _not_there(table, goods, campaign_id, last, campaign, now)
    return found


def publish(
    table: LotteryTable,
    goods: GoodsTable,
    campaign_id: str,
    *,
    version: int,
    why: str,
    by: str,
    is_admin: bool,
    terms: Terms,
    now: datetime,
) -> Changed:
    """Publish the draft that was read: as the first version, or as the next one where it only favours members.

    Raises LOTTERY_INVALID and NOT_IN_FAVOUR with the path, NOT_ALLOWED for one's own draft, LOTTERY_STATE where
    nothing new was written, VERSION_TAKEN.
    """
    head = table.head(campaign_id)
    standing = table.versions(campaign_id)
    if head.version == version + 1 and standing and standing[-1].published_by == by and not head.has_draft:
        return Changed(head, True)
    _require_publishable(head, version, by, is_admin=is_admin)
    document = table.draft(campaign_id)
    campaign = require_sense(document, terms.programme, now)
    last = standing[-1] if standing else None
    _require_favour(last.campaign if last else None, campaign, now)
    for path, reason in _not_there(table, goods, campaign_id, last, campaign, now):
        raise JifenError(Code.LOTTERY_INVALID, f"{path}{reason}", field=path)
    shards = last.shards if last else shards_of(campaign)
    published = Version(
        number=last.number + 1 if last else 1,
        document=document,
        campaign=campaign,
        checksum=checksum(document),
        begins_at=now + READ_AGAIN if last else now,
        published_by=by,
        published_at=now,
        why=why,
        shards=shards,
    )
    changed = head._replace(
        state=State.PUBLISHED if head.state is State.DRAFT else head.state,
        version=version + 1,
        name=campaign.name,
        published=published.number,
        from_at=campaign.from_at,
        until_at=campaign.until_at,
        has_draft=False,
    )
    fill = fillings(campaign_id, last.campaign if last else None, campaign, shards)
    table.save(changed, Step(changed.version, "published", by, now, why), version=published, fill=fill)
    return Changed(changed, False)


def _require_publishable(head: Head, version: int, by: str, *, is_admin: bool) -> None:
    if head.version != version:
        raise JifenError(Code.VERSION_TAKEN, field="version")
    if not head.has_draft:
        raise JifenError(Code.LOTTERY_STATE, "没有待发布的修改")
    if by in head.editors and not is_admin:
        raise JifenError(Code.NOT_ALLOWED, "自己起草或修改过的抽奖需由他人发布")


def pause(table: LotteryTable, campaign_id: str, *, reason: str, by: str, now: datetime) -> Changed:
    """Stop all draws, whatever else is being changed; paused already is a repeat. Raises LOTTERY_STATE for a draft."""
    return _turn(table, campaign_id, State.PAUSED, reason=reason, by=by, now=now)


def resume(table: LotteryTable, campaign_id: str, *, reason: str, by: str, now: datetime) -> Changed:
    """Let members draw again; running already is a repeat. Raises LOTTERY_STATE for a draft."""
    return _turn(table, campaign_id, State.PUBLISHED, reason=reason, by=by, now=now)


def _turn(table: LotteryTable, campaign_id: str, to: State, *, reason: str, by: str, now: datetime) -> Changed:
    for _ in range(ATTEMPTS):
        head = table.head(campaign_id)
        if head.state is State.DRAFT:
            raise JifenError(Code.LOTTERY_STATE, "抽奖活动还没有发布")
        if head.state is to:
            return Changed(head, True)
        paused = to is State.PAUSED
        changed = head._replace(state=to, version=head.version + 1, reason=reason if paused else "")
        try:
            table.save(changed, Step(changed.version, "paused" if paused else "resumed", by, now, reason))
        except JifenError as error:
            if error.code is not Code.VERSION_TAKEN:
                raise
        else:
            return Changed(changed, False)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _not_there(
    table: LotteryTable, goods: GoodsTable, campaign_id: str, last: Version | None, campaign: Campaign, now: datetime
) -> list[Fault]:
    """What prizes name and there is not: codes in their pools, and stores. Those are frozen with the first version."""
    found = _short_pools(table, goods, campaign_id, last, campaign)
    return found if last else [*found, *_unknown_stores(campaign, StoresTable(table.dynamo, table.name), now)]


def _unknown_stores(campaign: Campaign, stores: StoresTable, now: datetime) -> Iterator[Fault]:
    """Stores that hand a prize out and that nobody wrote; they may be off."""
    for place, prize in enumerate(campaign.prizes):
        named = prize.gives.stores if isinstance(prize.gives, Parcel) else ()
        for number, store_id in enumerate(named):
            if stores.known(store_id, now) is None:
                yield f"prizes.{place}.gives.stores.{number}", "没有这家门店"


def _short_pools(
    table: LotteryTable, goods: GoodsTable, campaign_id: str, last: Version | None, campaign: Campaign
) -> list[Fault]:
    """The virtual prizes that could not all be given. What a pool has is counted now: others may take from it, too."""
    pools = pools_of(campaign)
    if not pools:
        return []
    shelf = goods.shelf([(pool_stock(pool), 1) for pool in pools])
    codes_left = {pool: shelf[pool_stock(pool)][0] for pool in pools}
    return list(short_pools(campaign, table.taken_of(campaign_id, last) if last else {}, codes_left))


def _require_favour(before: Campaign | None, after: Campaign, now: datetime) -> None:
    for path, reason in unfavourable(before, after) if before else ():
        raise JifenError(Code.NOT_IN_FAVOUR, f"{path}{reason}", field=path)
    for path, reason in out_of_reach(before, after, now):
        raise JifenError(Code.LOTTERY_INVALID, f"{path}{reason}", field=path)


def _name(document: Mapping[str, Any]) -> str:
    """What a draft is listed as, whatever it holds."""
    return str(document.get("name", ""))[:40]
