"""The programme over HTTP: staff draft, compare, publish and pause it; anybody reads what it says.

Operators write drafts and pause; reviewers and finance read; publishing is for admins.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from chalice.app import Blueprint

from chalicelib.earning.simulation import forecast_of
from chalicelib.earning.simulation_table import open_simulations
from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.programme import answers
from chalicelib.programme.bodies import (
    DOCUMENT_BODY_LIMIT_BYTES,
    DraftBody,
    DraftEditBody,
    DraftPublishBody,
    PauseBody,
    VersionIn,
)
from chalicelib.programme.book import Edition
from chalicelib.programme.drafts import (
    check_draft,
    compare,
    create_draft,
    delete_draft,
    publish_draft,
    read_draft,
    replace_draft,
)
from chalicelib.programme.items import pause_line_sk
from chalicelib.programme.pause import pause_rule, resume_rule
from chalicelib.programme.publish import publish
from chalicelib.programme.table import forget, open_programme, terms_at, terms_book
from chalicelib.programme.warnings import Forecast
from chalicelib.runtime.edge import JSON_BODY, Call, Json, anyone, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing

bp = Blueprint(__name__)

_DRAFT_ID = re.compile(r"[0-9a-f]{20}")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_CURSOR = re.compile(r"[^\x00-\x1f~]{1,120}")
_READERS = staff("operator", "reviewer", "finance")
_WRITERS = staff("operator", "reviewer")
_ADMINS = staff("admin")
_PAGE_QUERY = frozenset({"limit", "cursor"})


@bp.route("/programme", methods=["GET"])
@endpoint(bp, caller=anyone, query=frozenset({"version"}))
def get_programme(call: Call) -> Json:
    """The programme page: the terms in force, or one version, in words for members; and what changes next."""
    terms, book = terms_at(call.now), terms_book()
    if "version" in call.query and call.query["version"] != str(terms.version):
        try:
            terms = book.version(_number(call.query["version"]))
        except KeyError:
            raise JifenError(Code.VERSION_NOT_FOUND) from None
    return answers.programme_answer(terms, book.following(terms, call.now))


@bp.route("/staff/programme/versions", methods=["GET"])
@endpoint(bp, caller=_READERS, query=_PAGE_QUERY)
def get_programme_versions(call: Call) -> Json:
    """List the published versions, newest first: who published them, when and why."""
    limit, cursor = limit_of(call.query, 100, default=100), call.query.get("cursor")
    if cursor is not None and not _NUMBER.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    found = open_programme().headings(before=int(cursor) if cursor else None, limit=limit + 1)
    return answers.page_answer(found, limit, answers.heading_answer, lambda heading: str(heading.version))


@bp.route("/staff/programme/versions/{version}", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_programme_version(_call: Call, version: str) -> Json:
    """One published version: the document as it was, and what publishing it warned of."""
    edition = _edition(version)
    heading = open_programme().headings(before=edition.version + 1, limit=1)[0]
    return {**answers.heading_answer(heading), "document": edition.document, "warnings": list(edition.warnings)}


@bp.route("/staff/programme/versions/{version}/difference", methods=["GET"])
@endpoint(bp, caller=_READERS, query=frozenset({"to"}))
def get_version_difference(call: Call, version: str) -> Json:
    """What the version `to` (the newest, when left out) does differently from this one."""
    before = _edition(version)
    to = call.query.get("to", str(open_programme().headings(limit=1)[0].version))
    after = _edition(to)
    changes = compare(before.document, after.document)
    return {"from": before.version, "to": after.version, **answers.difference_answer(changes)}


@bp.route("/staff/programme/versions", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=VersionIn, limit_bytes=DOCUMENT_BODY_LIMIT_BYTES)
def post_programme_version(call: Call) -> Json:
    """Publish the next version of the programme; what is worse for members needs its notice."""
    done = publish(
        open_programme(),
        version=call.body.version,
        document=call.body.document,
        effective_from=call.body.effective_from,
        published_by=call.caller.id,
        now=call.now,
        note=call.body.note,
    )
    forget()
    return {"version": done.version, "replayed": done.replayed, "warnings": list(done.warnings)}


@bp.route("/staff/programme/drafts", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=DraftBody, limit_bytes=DOCUMENT_BODY_LIMIT_BYTES)
def post_draft(call: Call) -> Json:
    """Write a draft, however incomplete. Needs an Idempotency-Key; the same key and draft again is `replayed`."""
    draft, replayed = create_draft(
        open_programme(),
        call.body.name,
        call.body.document,
        draft_id=f"{int(call.now.timestamp() * 1000):012x}{secrets.token_hex(4)}",  # sorts by time
        key=client_key(call),
        by=call.caller.id,
        now=call.now,
    )
    return {**answers.draft_answer(draft), "replayed": replayed}


@bp.route("/staff/programme/drafts", methods=["GET"])
@endpoint(bp, caller=_READERS, query=_PAGE_QUERY)
def get_drafts(call: Call) -> Json:
    """List the drafts, newest first, without their documents."""
    limit, cursor = limit_of(call.query, 100), call.query.get("cursor", "~")
    if cursor != "~" and not _DRAFT_ID.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    found = open_programme().drafts(below=cursor, limit=limit + 1)
    return answers.page_answer(found, limit, answers.draft_answer, lambda draft: draft.id)


@bp.route("/staff/programme/drafts/{draft_id}", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_draft(_call: Call, draft_id: str) -> Json:
    """A draft with its document."""
    return answers.draft_answer(read_draft(open_programme(), _known_id(draft_id)))


@bp.route("/staff/programme/drafts/{draft_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=DraftEditBody, limit_bytes=DOCUMENT_BODY_LIMIT_BYTES)
def put_draft(call: Call, draft_id: str) -> Json:
    """Replace a draft at the version seen."""
    draft, replayed = replace_draft(
        open_programme(),
        _known_id(draft_id),
        call.body.name,
        call.body.document,
        version=call.body.version,
        by=call.caller.id,
        now=call.now,
    )
    return {**answers.draft_answer(draft), "replayed": replayed}


@bp.route("/staff/programme/drafts/{draft_id}", methods=["DELETE"])
@endpoint(bp, caller=_WRITERS)
def remove_draft(call: Call, draft_id: str) -> Json:
    """Delete a draft; a version made of it stays."""
    new = delete_draft(open_programme(), _known_id(draft_id), by=call.caller.id, now=call.now)
    return {"id": draft_id, "replayed": not new}


@bp.route("/staff/programme/drafts/{draft_id}/validate", methods=["POST"])
@endpoint(bp, caller=_READERS)
def post_draft_validation(call: Call, draft_id: str) -> Json:
    """What publishing a draft would refuse, warn of, or ask notice for. Writes nothing."""
    return answers.checked_answer(
        check_draft(open_programme(), _known_id(draft_id), now=call.now, forecast_of=_forecast_of)
    )


@bp.route("/staff/programme/drafts/{draft_id}/difference", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_draft_difference(_call: Call, draft_id: str) -> Json:
    """What a draft does differently from the newest published version."""
    table = open_programme()
    draft = read_draft(table, _known_id(draft_id))
    newest = table.headings(limit=1)
    standing = _edition(str(newest[0].version)) if newest else None
    changes = compare(standing.document if standing else {}, draft.document or {})
    return {"from": standing.version if standing else None, "to": draft.id, **answers.difference_answer(changes)}


@bp.route("/staff/programme/drafts/{draft_id}/publish", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=DraftPublishBody)
def post_draft_publication(call: Call, draft_id: str) -> Json:
    """Publish a draft at the version read as the programme's next version."""
    done = publish_draft(
        open_programme(),
        _known_id(draft_id),
        version=call.body.version,
        effective_from=call.body.effective_from,
        note=call.body.note,
        by=call.caller.id,
        now=call.now,
        forecast_of=_forecast_of,
    )
    forget()
    return {"version": done.version, "replayed": done.replayed, "warnings": list(done.warnings)}


def _forecast_of(draft_id: str, version: int) -> Forecast | None:
    return forecast_of(open_simulations(), draft_id, version)


@bp.route("/staff/programme/rules/{rule_id}/pause", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=PauseBody)
def post_rule_pause(call: Call, rule_id: str) -> Json:
    """Pause a rule or task at once, in every version; what members did before still earns. An Idempotency-Key is
    welcome.
    """
    return _change(call, rule_id, pause_rule)


@bp.route("/staff/programme/rules/{rule_id}/resume", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=PauseBody)
def post_rule_resumption(call: Call, rule_id: str) -> Json:
    """Let a paused rule or task earn again from now on. An Idempotency-Key is welcome."""
    return _change(call, rule_id, resume_rule)


@bp.route("/staff/programme/pauses", methods=["GET"])
@endpoint(bp, caller=_READERS, query=_PAGE_QUERY)
def get_pauses(call: Call) -> Json:
    """The rules and tasks that are paused now, and a page of the history of pauses, newest first."""
    limit, cursor = limit_of(call.query, 100), call.query.get("cursor", "~")
    if cursor != "~" and not _CURSOR.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    table = open_programme()
    found = table.pause_lines(below=cursor, limit=limit + 1)
    paused = [answers.pause_answer(one) for one in table.book(call.now).pauses if one.is_paused]
    return {"paused": paused, **answers.page_answer(found, limit, answers.pause_line_answer, pause_line_sk)}


@bp.route("/staff/programme/trials", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_trials(call: Call) -> Json:
    """The rules and tasks that the terms in force give to some members only, on trial."""
    terms = terms_at(call.now)
    return {"version": terms.version, **listing(answers.trial_answers(terms))}


def _change(call: Call, rule_id: str, change: Any) -> Json:
    key = client_key(call, needed=False)
    done = change(open_programme(), rule_id, reason=call.body.reason, by=call.caller.id, now=call.now, key=key)
    forget()
    return answers.changed_answer(rule_id, done)


def _edition(version: str) -> Edition:
    edition = open_programme().edition(_number(version))
    if edition is None:
        raise JifenError(Code.VERSION_NOT_FOUND)
    return edition


def _number(version: str) -> int:
    if not _NUMBER.fullmatch(version):
        raise JifenError(Code.VERSION_NOT_FOUND)
    return int(version)


def _known_id(draft_id: str) -> str:
    if not _DRAFT_ID.fullmatch(draft_id):
        raise JifenError(Code.DRAFT_NOT_FOUND)
    return draft_id
