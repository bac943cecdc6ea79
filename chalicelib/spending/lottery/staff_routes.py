"""Lotteries over HTTP for staff: operators write and pause, reviewers publish, finance reads."""

from __future__ import annotations

import re
import secrets
from itertools import islice

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.members.roles import Role
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.lottery import answers, manage
from chalicelib.spending.lottery.bodies import CampaignEditIn, CampaignIn, PublicationIn, ReasonIn
from chalicelib.spending.lottery.items import SHARDS
from chalicelib.spending.lottery.manage import Changed
from chalicelib.spending.lottery.routes import known_id
from chalicelib.spending.lottery.statistics import read_statistics
from chalicelib.spending.lottery.table import forget, open_lotteries

bp = Blueprint(__name__)
_WRITERS = staff("operator", "reviewer")
_PUBLISHERS = staff("reviewer")
_READERS = staff("operator", "reviewer", "finance")
_DRAW = re.compile(r"[0-9a-f]{32}")
_MOST_DRAWS = 500


@bp.route("/staff/lotteries", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=CampaignIn)
def post_lottery(call: Call) -> Json:
    """Write a draft, however incomplete. Needs an Idempotency-Key."""
    id = f"{int(call.now.timestamp() * 1000):012x}{secrets.token_hex(2)}"  # sorts by time
    key, by = client_key(call), call.caller.id
    done = manage.create(open_lotteries(), call.body.document, id=id, key=key, by=by, now=call.now)
    return _changed(call, done)


@bp.route("/staff/lotteries", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_staff_lotteries(call: Call) -> Json:
    """Every lottery, the newest first."""
    zone = terms_at(call.now).zone
    return listing([answers.head_answer(head, call.now, zone) for head in open_lotteries().heads()])


@bp.route("/staff/lotteries/{lottery_id}", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_staff_lottery(call: Call, lottery_id: str) -> Json:
    """A lottery with its draft, all that publishing it now would refuse, its versions and its history."""
    table, terms = open_lotteries(), terms_at(call.now)
    head = table.head(known_id(lottery_id))
    faults = manage.check(table, open_goods(), head.id, terms, call.now) if head.has_draft else []
    document, versions, steps = table.draft(head.id), table.versions(head.id), table.steps(head.id)
    return answers.campaign_answer(head, document, faults, versions, steps, call.now, terms.zone)


@bp.route("/staff/lotteries/{lottery_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=CampaignEditIn)
def put_lottery(call: Call, lottery_id: str) -> Json:
    """Replace the draft at the version seen. What is published stays as it is until this is published after it."""
    by, version = call.caller.id, call.body.version
    table, id = open_lotteries(), known_id(lottery_id)
    return _changed(call, manage.edit(table, id, call.body.document, version=version, by=by, now=call.now))


@bp.route("/staff/lotteries/{lottery_id}/publish", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PUBLISHERS, body=PublicationIn)
def post_lottery_publication(call: Call, lottery_id: str) -> Json:
    """Publish somebody else's draft: it is frozen. A published one is only ever changed in members' favour."""
    done = manage.publish(
        open_lotteries(),
        open_goods(),
        known_id(lottery_id),
        version=call.body.version,
        why=call.body.reason,
        by=call.caller.id,
        is_admin=Role.ADMIN in call.caller.roles,
        terms=terms_at(call.now),
        now=call.now,
    )
    return _changed(call, done)


@bp.route("/staff/lotteries/{lottery_id}/pause", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=ReasonIn)
def post_lottery_pause(call: Call, lottery_id: str) -> Json:
    """Stop all draws at once: every function knows within half a minute."""
    table, id, by = open_lotteries(), known_id(lottery_id), call.caller.id
    return _changed(call, manage.pause(table, id, reason=call.body.reason, by=by, now=call.now))


@bp.route("/staff/lotteries/{lottery_id}/resume", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=ReasonIn)
def post_lottery_resumption(call: Call, lottery_id: str) -> Json:
    """Let members draw again."""
    table, id, by = open_lotteries(), known_id(lottery_id), call.caller.id
    return _changed(call, manage.resume(table, id, reason=call.body.reason, by=by, now=call.now))


@bp.route("/staff/lotteries/{lottery_id}/draws", methods=["GET"])
@endpoint(bp, caller=_READERS, query=frozenset({"cursor", "limit"}))
def get_lottery_draws(call: Call, lottery_id: str) -> Json:
    """Every draw for audit and export: ticket, version, result, fallback. In the order of their ids, which is none of
    time.
    """
    table, limit, zone = open_lotteries(), limit_of(call.query, _MOST_DRAWS, 100), terms_at(call.now).zone
    head, after_id = table.head(known_id(lottery_id)), call.query.get("cursor", "")
    if after_id and not _DRAW.fullmatch(after_id):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    shards = SHARDS[SHARDS.index(after_id[0]) :] if after_id else SHARDS
    each = (one for shard in shards for one in table.draws(head.id, shard, after_id=after_id, limit=limit + 1))
    found = list(islice(each, limit + 1))
    shown = [answers.staff_drawn_answer(drawn, zone) for drawn in found[:limit]]
    return listing(shown, found[limit - 1].id if found[limit:] else "")


@bp.route("/staff/lotteries/{lottery_id}/statistics", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_lottery_statistics(call: Call, lottery_id: str) -> Json:
    """Draws, members, points, prizes given; what the wheel showed against the published odds, with chi-square."""
    table = open_lotteries()
    book = table.book(known_id(lottery_id), call.now)
    found = read_statistics(table, book)
    campaign = book.versions[-1].campaign
    return answers.statistics_answer(found.sums, campaign, found.shards, found.is_whole, dict(found.taken))


def _changed(call: Call, done: Changed) -> Json:
    forget()
    return {**answers.head_answer(done.head, call.now, terms_at(call.now).zone), "replayed": done.replayed}
