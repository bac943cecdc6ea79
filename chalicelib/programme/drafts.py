"""Drafts of a programme: written, checked, and published as the next version.

A draft may hold anything; what publishing would refuse or warn of is told by checking it. Every change bumps its
version, so that two authors at once cannot overwrite each other, and asking again for one's own change is a repeat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.programme.difference import Change, difference, difference_in_words, plain
from chalicelib.programme.document import Fault, faults, read_programme
from chalicelib.programme.items import Draft
from chalicelib.programme.publish import Judged, Published, judge, publish
from chalicelib.programme.table import ProgrammeTable
from chalicelib.programme.warnings import Forecast

ForecastOf = Callable[[str, int], Forecast | None]
"""What the newest simulation of a draft (its id, its version) expects, None while there is none."""


def _unknown(_draft_id: str, _version: int) -> None:
    """Nothing was simulated."""


class Checked(NamedTuple):
    """What publishing this draft now would meet; `judged` is None while it makes no sense by itself."""

    draft: Draft
    faults: tuple[Fault, ...]
    judged: Judged | None


def create_draft(
    table: ProgrammeTable, name: str, document: Mapping[str, Any], *, draft_id: str, key: str, by: str, now: datetime
) -> tuple[Draft, bool]:
    """Write a new draft, once per staff member and key; answers the draft as it stands and whether it was there.

    Raises KEY_REUSED when the key came with another draft before, DRAFT_NOT_FOUND when that draft is deleted by now.
    """
    draft = Draft(
        id=draft_id,
        version=1,
        state="draft",
        name=name,
        document=dict(document),
        author=by,
        created_at=now,
        updated_by=by,
        updated_at=now,
    )
    guard = sha256(json.dumps([by, key]).encode()).hexdigest()
    written_id = table.create_draft(draft, key=guard, input_hash=digest({"name": name, "document": draft.document}))
    return (draft, False) if written_id == draft_id else (read_draft(table, written_id), True)


def read_draft(table: ProgrammeTable, draft_id: str) -> Draft:
    """A draft; raises DRAFT_NOT_FOUND, also for a deleted one."""
    draft = table.draft(draft_id)
    if draft.state == "deleted":
        raise JifenError(Code.DRAFT_NOT_FOUND)
    return draft


def replace_draft(
    table: ProgrammeTable,
    draft_id: str,
    name: str,
    document: Mapping[str, Any],
    *,
    version: int,
    by: str,
    now: datetime,
) -> tuple[Draft, bool]:
    """Replace a draft that still stands at `version`; answers it and whether this was done before.

    Raises VERSION_TAKEN when somebody was faster, DRAFT_STATE once it is published.
    """
    standing = read_draft(table, draft_id)
    wanted = standing._replace(version=version + 1, name=name, document=dict(document), updated_by=by, updated_at=now)
    if standing.state == "draft" and standing.version == version:
        try:
            table.save_draft(wanted)
        except JifenError as error:
            if error.code is not Code.VERSION_TAKEN:
                raise
            standing = read_draft(table, draft_id)
        else:
            return wanted, False
    if standing.state == "draft" and standing == wanted._replace(updated_at=standing.updated_at):
        return standing, True
    raise JifenError(Code.DRAFT_STATE if standing.state == "published" else Code.VERSION_TAKEN, field="version")


def delete_draft(table: ProgrammeTable, draft_id: str, *, by: str, now: datetime) -> bool:
    """Delete a draft, whatever its version; False when it was deleted before. A published version stays as it is.

    Raises DRAFT_NOT_FOUND when there never was one, VERSION_TAKEN when it was changed at this instant.
    """
    draft = table.draft(draft_id)
    if draft.state == "deleted":
        return False
    version = draft.version + 1
    table.save_draft(draft._replace(version=version, state="deleted", document=None, updated_by=by, updated_at=now))
    return True


def check_draft(table: ProgrammeTable, draft_id: str, *, now: datetime, forecast_of: ForecastOf = _unknown) -> Checked:
    """All that publishing this draft now would refuse or warn of; nothing is written."""
    draft = read_draft(table, draft_id)
    found = faults(draft.document or {})
    if found:
        return Checked(draft, found, None)
    programme = read_programme(draft.document or {})
    forecast = forecast_of(draft.id, draft.version)
    judged = judge(table, programme, effective_from=None, now=now, forecast=forecast)
    return Checked(draft, judged.faults, judged)


def publish_draft(
    table: ProgrammeTable,
    draft_id: str,
    *,
    version: int,
    effective_from: datetime,
    note: str,
    by: str,
    now: datetime,
    forecast_of: ForecastOf = _unknown,
) -> Published:
    """Publish a draft that still stands at `version` as the programme's next version; asked again it is `replayed`.

    Raises what `publish` does, VERSION_TAKEN when the draft was changed or another version came first.
    """
    draft = read_draft(table, draft_id)
    try:
        return _publish(table, draft, version, effective_from, note, by, now, forecast_of)
    except JifenError as error:
        again = read_draft(table, draft_id)
        if error.code is not Code.VERSION_TAKEN or again.published_version == draft.published_version:
            raise
        # The very same call came twice at once, and the other one was first.
        return _publish(table, again, version, effective_from, note, by, now, forecast_of)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The difference of two documents: with words when both are programmes, else by structure alone."""
    if faults(before) or faults(after):
        return difference(before, after)
    return difference_in_words(plain(read_programme(before)), plain(read_programme(after)))


def _publish(
    table: ProgrammeTable,
    draft: Draft,
    version: int,
    effective_from: datetime,
    note: str,
    by: str,
    now: datetime,
    forecast_of: ForecastOf,
) -> Published:
    number = draft.published_version
    if number is None:
        newest = table.headings(limit=1)
        number = newest[0].version + 1 if newest else 1
    elif draft.version == version + 1:
        draft = draft._replace(version=version)
    if draft.version != version:
        raise JifenError(Code.VERSION_TAKEN, field="version")
    return publish(
        table,
        version=number,
        document=draft.document or {},
        effective_from=effective_from,
        published_by=by,
        now=now,
        note=note,
        draft=draft,
        forecast=forecast_of(draft.id, version),
    )
