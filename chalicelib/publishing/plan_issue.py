"""Staff write issues: a draft may be as incomplete as it likes, and an edit always leads back to a draft."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from chalicelib.errors import Code, JifenError
from chalicelib.publishing import items, lifecycle
from chalicelib.publishing.channels import CHANNELS
from chalicelib.publishing.model import Action, Issue, Plan
from chalicelib.publishing.table import Overtaken, PublishingTable


def draft_issue(
    table: PublishingTable, plan: Plan, *, issue_id: str, key: str, by: str, now: datetime
) -> tuple[Issue, bool]:
    """Write a new draft, once per staff member and key; answers the issue as it stands and whether it was there.

    Raises KEY_REUSED when the key came with another plan before.
    """
    _check_channel(plan)
    issue = lifecycle.draft(issue_id, plan, by=by, at=now)
    guard = sha256(json.dumps([by, key]).encode()).hexdigest()
    input_hash = sha256(json.dumps(items.plan_item(plan), sort_keys=True).encode()).hexdigest()
    written_id = table.create(issue, guard=guard, input_hash=input_hash)
    return (issue, False) if written_id == issue_id else (table.issue(written_id), True)


def edit_issue(
    table: PublishingTable, issue_id: str, plan: Plan, *, version: int, by: str, now: datetime
) -> tuple[Issue, bool]:
    """Replace the plan of an issue that still stands at `version`; it is a draft afterwards.

    Raises VERSION_TAKEN when somebody was faster, ISSUE_STATE once it is due, sent or cancelled.
    """
    _check_channel(plan)
    issue, replayed = change_issue(
        table,
        issue_id,
        version=version,
        action=Action.EDITED,
        by=by,
        change=lambda issue: lifecycle.edit(issue, plan, by=by, at=now),
    )
    if issue.plan != plan:
        raise Overtaken
    return issue, replayed


def change_issue(
    table: PublishingTable,
    issue_id: str,
    *,
    version: int,
    action: Action,
    by: str,
    change: Callable[[Issue], Issue],
) -> tuple[Issue, bool]:
    """Apply a change to the version of an issue that its author saw; answers the issue and whether it is a repeat.

    The issue, the version seen and the action are the natural key: who asks again for what he did already gets the
    issue as it now stands. Raises Overtaken when somebody else changed it.
    """
    issue = table.issue(issue_id)
    if issue.version == version:
        changed = change(issue)
        try:
            table.save(changed, seen_version=version)
        except Overtaken:
            issue = table.issue(issue_id)
        else:
            return changed, False
    if lifecycle.has_happened(issue, action, by, version + 1):
        return issue, True
    raise Overtaken


def _check_channel(plan: Plan) -> None:
    if plan.channel not in CHANNELS:
        raise JifenError(Code.INVALID_REQUEST, "没有这个发布渠道", field="channel")
