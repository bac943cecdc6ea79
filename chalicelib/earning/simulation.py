"""Simulating draft terms: asked for over HTTP, run once by a worker, read as often as wanted.

A run that was cut off comes again with its message and begins anew; nothing but the simulation's own item is written,
so two runs at once do no harm: the first to end is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.earning.simulation_past import Past, Stopped
from chalicelib.earning.simulation_table import (
    DONE,
    FAILED,
    QUEUED,
    RUNNING,
    Simulation,
    SimulationsTable,
    Subject,
)
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on, digest, start_of
from chalicelib.programme.book import PublishedBook
from chalicelib.programme.document import read_programme
from chalicelib.programme.drafts import read_draft
from chalicelib.programme.model import Programme, Terms
from chalicelib.programme.past import Window
from chalicelib.programme.simulate import Figures, Simulated, forecast, simulate
from chalicelib.programme.table import ProgrammeTable
from chalicelib.programme.warnings import Forecast, warnings

MAX_DAYS = 366
MAX_ATTEMPTS = 3
MAX_HELD_EVENTS = 200_000
"""What a worker holds where a draft has budgets, in which all members meet: about 400 MB."""
SEGMENTS_A_REPORT = 10
LOOKED_BACK = 20

FAILURES = {
    "draft_deleted": "草稿已删除,请重新选择",
    "draft_changed": "草稿在模拟前被修改,请重新模拟",
    "terms_unreadable": "方案内容有误,请先修正再模拟",
    "out_of_time": "数据量过大,未能在时限内完成,请降低抽样比例",
    "too_much": "含预算的方案模拟的活动过多,请缩短时间范围或降低抽样比例",
    "interrupted": "模拟多次中断,未能完成",
}
"""Why a simulation came to nothing, by its stable code."""


class Asked(NamedTuple):
    """What a simulation is asked to do: a draft, or a published version, over business dates."""

    draft_id: str
    terms_version: int
    from_on: date
    to_on: date
    sample_percent: int


def ask(
    table: SimulationsTable,
    programme: ProgrammeTable,
    asked: Asked,
    *,
    id: str,
    key: str,
    by: str,
    now: datetime,
    send: Callable[[Sequence[str]], None],
) -> tuple[Simulation, bool]:
    """Queue a simulation, once per staff member and key; answers it as it stands and whether it was there.

    Raises DRAFT_NOT_FOUND, VERSION_NOT_FOUND, INVALID_TERMS with the path of the draft's first fault, WINDOW_REFUSED,
    KEY_REUSED when the key came with another question. While it still waits, asking again queues it again.
    """
    guard, input_hash = sha256(json.dumps([by, key]).encode()).hexdigest(), digest(_plain(asked))
    known = table.asked(guard)  # what it did is answered also when its draft is gone by now
    if known is None:
        simulation = _simulation(programme, asked, id=id, by=by, now=now)
        known = table.create(simulation, key=guard, input_hash=input_hash)
    if known[1] != input_hash:
        raise JifenError(Code.KEY_REUSED)
    replayed = known[0] != id
    if replayed:
        simulation = table.read(known[0])
    if simulation.state == QUEUED:
        send([json.dumps({"simulation": simulation.id})])
    return simulation, replayed


def run(
    table: SimulationsTable,
    programme: ProgrammeTable,
    past: Past,
    simulation_id: str,
    *,
    now: Callable[[], datetime],
    has_time: Callable[[], bool],
) -> Simulation:
    """Do a simulation that is not over yet; the simulation as it then stands."""
    standing = table.read(simulation_id)
    if standing.is_over:
        return standing
    if standing.attempts >= MAX_ATTEMPTS:
        return _ended(table, standing._replace(state=FAILED, failure="interrupted"), now)
    begun = table.save(standing._replace(state=RUNNING, attempts=standing.attempts + 1, segments=0, changed_at=now()))
    if begun is None:
        return table.read(simulation_id)
    progress = _Progress(table, begun, now)
    try:
        result = _result(programme, past, begun, now=now(), on_segment=progress.report, has_time=has_time)
    except Stopped as stopped:
        return _ended(table, progress.simulation._replace(state=FAILED, failure=stopped.code), now)
    done = progress.simulation._replace(state=DONE, segments=begun.sample_percent, result=result)
    return _ended(table, done, now)


def _result(
    programme: ProgrammeTable,
    past: Past,
    simulation: Simulation,
    *,
    now: datetime,
    on_segment: Callable[[int], None],
    has_time: Callable[[], bool],
) -> dict[str, Any]:
    document = _document(programme, simulation.subject)
    window = simulation.window
    draft = Terms(0, start_of(window.from_on, document.zone), document)
    book = programme.book(now)
    members = past.members(
        draft,
        window,
        sample_percent=simulation.sample_percent,
        answered=lambda activity, version: _answers(book, draft, activity, version),
        on_segment=on_segment,
        has_time=has_time,
        most_events=MAX_HELD_EVENTS if document.budgets else None,
    )
    simulated = simulate(members, book, draft, window, sample_percent=simulation.sample_percent)
    return result_of(simulated, document)


def forecast_of(table: SimulationsTable, draft_id: str, draft_version: int) -> Forecast | None:
    """What the newest simulation of a draft at this version expects of 30 days; None when there is none that is done.

    Looks at the newest LOOKED_BACK simulations.
    """
    for one in table.newest(limit=LOOKED_BACK):
        if one.state == DONE and one.subject == Subject(draft_id, draft_version):
            result = table.read(one.id).result or {}
            known = result["forecast"]
            return Forecast(known["days"], known["points_by_rule"], frozenset(result["rules_outside_window"]))
    return None


def result_of(simulated: Simulated, programme: Programme) -> dict[str, Any]:
    """A simulation's result as it is stored and answered: integers and texts only."""
    expected = forecast(simulated)
    found = [one for one in warnings(programme, expected) if one.code in ("over_budget", "not_comparable")]
    return {
        "days": simulated.days,
        "members": simulated.members,
        "sample_percent": simulated.sample_percent,
        "is_extrapolated": simulated.sample_percent < 100,
        "rules": [
            {
                "rule": line.rule,
                "name": line.name,
                "before": line.before._asdict(),
                "after": line.after._asdict(),
                "unmet_points": line.unmet_points,
            }
            for line in simulated.lines
            if line.before != NOTHING or line.after != NOTHING or line.unmet_points
        ],
        "before": {**simulated.before._asdict(), "points_per_member_month": simulated.month_points_before},
        "after": {**simulated.after._asdict(), "points_per_member_month": simulated.month_points_after},
        "levels": [line._asdict() for line in simulated.levels],
        "forecast": {"days": expected.days, "points_by_rule": dict(expected.points_by_rule)},
        "warnings": [one._asdict() for one in found],
        "not_simulated": dict(simulated.not_simulated),
        "rules_outside_window": list(simulated.never),
    }


NOTHING = Figures(0, 0, 0, 0)


class _Progress:
    """Says now and then how far a run is; one that was overtaken goes on without a word."""

    def __init__(self, table: SimulationsTable, simulation: Simulation, now: Callable[[], datetime]) -> None:
        self.table, self.simulation, self.now = table, simulation, now

    def report(self, segments: int) -> None:
        if segments % SEGMENTS_A_REPORT == 0 and segments < self.simulation.sample_percent:
            saved = self.table.save(self.simulation._replace(segments=segments, changed_at=self.now()))
            self.simulation = saved or self.simulation


def _subject(programme: ProgrammeTable, asked: Asked) -> tuple[Subject, Mapping[str, Any]]:
    if asked.draft_id:
        draft = read_draft(programme, asked.draft_id)
        return Subject(draft_id=draft.id, draft_version=draft.version), draft.document or {}
    edition = programme.edition(asked.terms_version)
    if edition is None:
        raise JifenError(Code.VERSION_NOT_FOUND)
    return Subject(terms_version=edition.version), edition.document


def _simulation(programme: ProgrammeTable, asked: Asked, *, id: str, by: str, now: datetime) -> Simulation:
    subject, document = _subject(programme, asked)
    window = Window(asked.from_on, asked.to_on)
    _require_past(window, business_on(now, read_programme(document).zone))
    return Simulation(id, subject, window, asked.sample_percent, by, now)


def _require_past(window: Window, today_on: date) -> None:
    if window.from_on > window.to_on:
        raise JifenError(Code.WINDOW_REFUSED, "开始日期不能晚于结束日期", field="from_on")
    if window.to_on >= today_on:
        raise JifenError(Code.WINDOW_REFUSED, "结束日期应早于今天", field="to_on")
    if window.days > MAX_DAYS:
        raise JifenError(Code.WINDOW_REFUSED, f"时间范围不能超过{MAX_DAYS}天", field="from_on")


def _document(programme: ProgrammeTable, subject: Subject) -> Programme:
    """The programme to simulate; Stopped when it is not there as it was asked for. Publishing a draft leaves it so."""
    try:
        if subject.terms_version:
            edition = programme.edition(subject.terms_version)
            return read_programme(edition.document if edition else {})
        draft = read_draft(programme, subject.draft_id)
        if subject.draft_version not in (draft.version, draft.version - (draft.state == "published")):
            raise Stopped("draft_changed")
        return read_programme(draft.document or {})
    except JifenError as error:
        raise Stopped("draft_deleted" if error.code is Code.DRAFT_NOT_FOUND else "terms_unreadable") from None


def _answers(book: PublishedBook, draft: Terms, activity: str, version: int) -> bool:
    if activity in draft.answers:
        return True
    try:
        return activity in book.version(version).answers
    except KeyError:
        return False


def _ended(table: SimulationsTable, simulation: Simulation, now: Callable[[], datetime]) -> Simulation:
    """Keep how it ended, unless another run has ended it before."""
    while True:
        saved = table.save(simulation._replace(changed_at=now()))
        if saved is not None:
            return saved
        standing = table.read(simulation.id)
        if standing.is_over:
            return standing
        simulation = simulation._replace(version=standing.version)


def _plain(asked: Asked) -> dict[str, Any]:
    return {**asked._asdict(), "from_on": asked.from_on.isoformat(), "to_on": asked.to_on.isoformat()}
