"""Publishing the programme: a checked document becomes the next version, in force from an instant.

Better terms may begin at once; worse ones only after the notice that the standing version promises. In an emergency a
rule is paused instead (pause.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.programme.book import Edition, paused_at
from chalicelib.programme.difference import plain
from chalicelib.programme.document import Fault, read_programme
from chalicelib.programme.items import Draft, document_text, terms_of
from chalicelib.programme.model import Programme
from chalicelib.programme.notice import Worse, earliest_start, worse_for_members
from chalicelib.programme.table import ProgrammeTable
from chalicelib.programme.warnings import Forecast, warnings
from chalicelib.runtime.clock import in_zone

KEPT_WARNINGS = 100
SHOWN_PATHS = 10
_NOT_SIMULATED = {"path": "budgets", "code": "not_simulated", "text": "这份方案没有模拟过,不知道预算是否够用"}
_PAUSED = "「{}」处于暂停状态,发布后仍然暂停"


class Published(NamedTuple):
    """The version that stands now; `replayed` when this very document stood there already."""

    version: int
    replayed: bool
    warnings: tuple[dict[str, str], ...] = ()


class Judged(NamedTuple):
    """What publishing a programme now would meet: reasons to think again, and what needs notice."""

    warnings: tuple[dict[str, str], ...]
    worse: tuple[Worse, ...]
    earliest_from: datetime | None
    """When the worse terms may begin, had they been published now; None when nothing is worse."""
    faults: tuple[Fault, ...] = ()
    """What cannot follow the standing version at all."""


def publish(
    table: ProgrammeTable,
    *,
    version: int,
    document: Mapping[str, Any],
    effective_from: datetime,
    published_by: str,
    now: datetime,
    note: str = "",
    draft: Draft | None = None,
    forecast: Forecast | None = None,
) -> Published:
    """Publish `document` as `version`, which must be the next one: two publishers at once cannot both be it.

    Raises INVALID_TERMS with the offending path, VERSION_TAKEN when another document holds the number or a
    number would be left out, INVALID_REQUEST when the version would begin before the one it follows,
    NOTICE_TOO_SHORT with the paths that are worse for members, BODY_TOO_LARGE.
    """
    programme = read_programme(document)
    document_text(document)
    last, begins = _last(table)
    if version > last + 1:
        raise JifenError(Code.VERSION_TAKEN, f"下一个版本号是{last + 1}", field="version")
    found: tuple[dict[str, str], ...] = ()
    if version == last + 1:  # what stands already is only compared: a repeat needs no new notice
        if begins is not None and effective_from < begins:
            raise JifenError(Code.INVALID_REQUEST, "生效时间不能早于上一版本", field="effective_from")
        judged = judge(table, programme, effective_from=effective_from, now=now, forecast=forecast)
        for path, reason in judged.faults:
            raise JifenError(Code.INVALID_TERMS, f"{path}{reason}", field=path)
        _require_notice(judged, effective_from, programme.zone)
        found = judged.warnings
    new = table.put_version(
        version, document, effective_from, published_by, now, note=note, warnings=found, draft=draft
    )
    if not new:
        edition = table.edition(version)
        found = edition.warnings if edition else ()
    return Published(version, not new, found)


def judge(
    table: ProgrammeTable,
    programme: Programme,
    *,
    effective_from: datetime | None,
    now: datetime,
    forecast: Forecast | None = None,
) -> Judged:
    """What a programme would meet if it were published now, to begin at `effective_from` (None: as soon as it may).

    `forecast` is what a simulation expects of it, held against its budgets.
    """
    paused = paused_at(table.book(now).pauses, now)
    on = business_on(max(effective_from or now, now), programme.zone)
    found: list[dict[str, str]] = [warning._asdict() for warning in warnings(programme, forecast, today_on=on)]
    found += _still_paused(programme, paused)
    if programme.budgets and forecast is None:
        found.append(_NOT_SIMULATED)
    kept = tuple(found[:KEPT_WARNINGS])
    last, _ = _last(table)
    standing = table.edition(last)
    if standing is None:
        return Judged(kept, (), None)
    follows = read_programme(standing.document)
    before = plain(follows)
    worse = worse_for_members(before, plain(programme), on=on)
    impossible = (*_resharded(table, standing, programme), *_levels_gone(follows, programme))
    judged = Judged(kept, worse, None, impossible)
    days = before["notice_days"]
    if effective_from is not None and effective_from - now >= timedelta(days=days):
        return judged
    return judged._replace(earliest_from=earliest_start(now, days, programme.zone) if worse and days else None)


def _still_paused(programme: Programme, paused: frozenset[str]) -> Iterator[dict[str, str]]:
    """A warning for each rule and task that a new version finds paused, and leaves so."""
    for place, one in enumerate(programme.earners):
        beyond = place - len(programme.rules)
        path = f"rules.{place}" if beyond < 0 else f"tasks.{beyond}"
        if one.id in paused:
            yield {"path": path, "code": "rule_paused", "text": _PAUSED.format(one.name)}


def _resharded(table: ProgrammeTable, standing: Edition, after: Programme) -> Iterator[Fault]:
    """Budgets whose shards would change their number: what each has spent already would meet other shares.

    Held against the newest version that has the budget, however long ago: an order paid under it may still be settled,
    and then draws from the running period by its shards.
    """
    unknown = {budget.id: (place, budget.shards) for place, budget in enumerate(after.budgets)}
    for version in range(standing.version, 0, -1):
        if not unknown:
            return
        edition = standing if version == standing.version else table.edition(version)
        for known in terms_of(edition).programme.budgets if edition else ():
            place, shards = unknown.pop(known.id, (0, known.shards))
            if shards != known.shards:
                yield Fault(f"budgets.{place}.shards", "不能更改,请为新的分片数换一个预算编号")


def _levels_gone(before: Programme, after: Programme) -> Iterator[Fault]:
    """Levels that some member may hold and that would be no level any more, nor in their old order."""
    had = [level.id for level in before.levels.levels] if before.levels else []
    has = [level.id for level in after.levels.levels] if after.levels else []
    if [level_id for level_id in has if level_id in had] != had:
        yield Fault("levels.levels", "不能删除或调换已有的等级,可能仍有会员持有")


def _last(table: ProgrammeTable) -> tuple[int, datetime | None]:
    """The newest version's number and beginning; 0 and None before the first."""
    newest = table.headings(limit=1)
    return (newest[0].version, newest[0].effective_from) if newest else (0, None)


def _require_notice(judged: Judged, effective_from: datetime, zone: str) -> None:
    if judged.earliest_from is None:
        return
    paths = [worse.path for worse in judged.worse]
    more = f"等{len(paths)}处" if len(paths) > SHOWN_PATHS else ""
    shown = "、".join(paths[:SHOWN_PATHS]) + more
    earliest = in_zone(judged.earliest_from, zone)
    message = f"以下内容对会员不利,需提前公布,最早{earliest}生效:{shown}"
    raise JifenError(Code.NOTICE_TOO_SHORT, message, field=paths[0])
