"""Campaigns and draws as members and staff read them: plain JSON, times with the programme's offset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.runtime.clock import in_zone
from chalicelib.spending.lottery.campaign import Campaign, Prize
from chalicelib.spending.lottery.document import Fault
from chalicelib.spending.lottery.figures import Fit, Sums
from chalicelib.spending.lottery.model import Book, Drawn, Head, State, Step, Version
from chalicelib.spending.lottery.standing import Left, WhyNot
from chalicelib.spending.lottery.wheel import in_percent, odds, total
from chalicelib.spending.mall.model import Redemption, RedemptionState

Answer = dict[str, Any]
UNCLAIMED = "实物奖品请在领奖截止时间前填写收货信息,逾期未领取视为放弃"


def listed_answer(head: Head, zone: str) -> Answer:
    """A campaign in the list of those that run."""
    return {
        "id": head.id,
        "name": head.name,
        "from_at": _at(head.from_at, zone),
        "until_at": _at(head.until_at, zone),
        "is_paused": head.state is State.PAUSED,
    }


def page_answer(book: Book, now: datetime, zone: str) -> Answer:
    """The rules page: all that a campaign promises, in the version in force, and what changes next.

    `checksum` is the SHA-256 of `document` as canonical JSON: whoever kept it can see that nothing was changed.
    """
    version = book.at(now)
    campaign = version.campaign
    coming = [one for one in book.versions if one.begins_at > now and one is not version]
    return {
        "id": book.head.id,
        "name": campaign.name,
        "organiser": campaign.organiser,
        "rules": campaign.rules,
        "claim": campaign.claim,
        "from_at": in_zone(campaign.from_at, zone),
        "until_at": in_zone(campaign.until_at, zone),
        "claim_until_at": _at(campaign.claim_until_at, zone),
        "unclaimed": UNCLAIMED if campaign.claim_until_at else None,
        "is_paused": book.head.state is State.PAUSED,
        "paused_reason": book.head.reason or None,
        "adults_only": True,
        "points": campaign.points,
        "daily_draws": campaign.daily_draws,
        "all_win": all(prize.gives.kind != "thanks" for prize in campaign.prizes),
        "prizes": [_prize_answer(prize, campaign) for prize in campaign.prizes],
        "slices": _slices_answer(campaign, zone),
        "version": version.number,
        "checksum": version.checksum,
        "document": dict(version.document),
        "versions": [_version_answer(one, zone) for one in book.versions],
        "coming": dict(coming[-1].document) if coming else None,
    }


def _prize_answer(prize: Prize, campaign: Campaign) -> Answer:
    return {
        "id": prize.id,
        "name": prize.name,
        "kind": prize.gives.kind,
        "value_fen": prize.value_fen,
        "weight": prize.weight,
        "of": total(campaign.prizes),
        "odds": in_percent(odds(prize, campaign.prizes)),
        "count": prize.count,
        "fallback": campaign.prize(prize.fallback).name if prize.fallback else None,
    }


def _slices_answer(campaign: Campaign, zone: str) -> Answer | None:
    if not campaign.slices:
        return None
    return {
        "text": f"限量奖品分{len(campaign.slices)}个时段投放,每个时段各奖品数量的比例相同,"
        "当段未发出的奖品不结转到下一时段",
        "list": [
            {
                "from_at": in_zone(one.from_at, zone),
                "portions": [{"prize": part.prize, "count": part.count} for part in one.portions],
            }
            for one in campaign.slices
        ],
    }


def _version_answer(version: Version, zone: str) -> Answer:
    return {
        "version": version.number,
        "checksum": version.checksum,
        "begins_at": in_zone(version.begins_at, zone),
        "published_at": in_zone(version.published_at, zone),
        "why": version.why,
    }


def mine_answer(left: Left, earned: int, campaign: Campaign, available_points: int, why: WhyNot | None) -> Answer:
    """What the member has in a campaign: what pays the next draw, `cost` and how many `points`, null where nothing can;
    `why_not` is null where that draw would be made.
    """
    costs_points = campaign.points if left.cost == "points" else 0
    return {
        "draws_left_today": left.draws,
        "chances": left.chances,
        "chances_earned": earned,
        "cost": left.cost if costs_points is not None else None,
        "points": costs_points,
        "available_points": available_points,
        "is_affordable": bool(left.chances) or (campaign.points is not None and available_points >= campaign.points),
        "why_not": {"code": why.code.number, "msg": why.text} if why else None,
    }


def drawn_answer(drawn: Drawn, zone: str, codes: Sequence[str] = ()) -> Answer:
    """A draw as its member sees it: what its row says, so that a repeat says the same; `codes` are a pool's own."""
    return {
        "draw_id": drawn.id,
        "lottery_id": drawn.campaign_id,
        "prize": drawn.prize,
        "name": drawn.name,
        "kind": drawn.kind,
        "value_fen": drawn.value_fen,
        "points_won": drawn.points_won,
        "points_spent": drawn.points_spent,
        "paid_with": "points" if drawn.points_spent else "chance",
        "wheel_prize": drawn.wheel_prize,
        "is_fallback": drawn.is_fallback,
        "codes": list(codes if drawn.pool else drawn.codes),
        "ticket": drawn.ticket,
        "tickets": drawn.total,
        "version": drawn.version,
        "balance_after_points": drawn.balance_after_points,
        "drawn_at": in_zone(drawn.at, zone),
    }


def claim_answer(standing: Redemption | None, until_at: datetime | None, now: datetime, zone: str) -> Answer:
    """How it stands with a won parcel: `open` until the deadline, `claimed`, or `lapsed`."""
    is_over = until_at is not None and until_at <= now
    if standing is None:
        state = "lapsed" if is_over else "open"
    else:
        state = "lapsed" if standing.state is RedemptionState.LAPSED else "claimed"
    return {
        "state": state,
        "until_at": _at(until_at, zone),
        "redemption_id": standing.id if standing and state == "claimed" else None,
    }


def winner_answer(drawn: Drawn, zone: str) -> Answer:
    """A winner for everybody to see, the id masked."""
    return {
        "member": f"{drawn.member_id[:3]}****{drawn.member_id[-2:]}",
        "name": drawn.name,
        "drawn_at": in_zone(drawn.at, zone),
    }


def staff_drawn_answer(drawn: Drawn, zone: str) -> Answer:
    """A draw with all that an audit needs."""
    return {
        **drawn_answer(drawn, zone),
        "member_id": drawn.member_id,
        "codes": list(drawn.codes),
        "slice": drawn.place,
        "is_adult": drawn.is_adult,
    }


def head_answer(head: Head, now: datetime, zone: str) -> Answer:
    """A campaign as staff list it."""
    is_over = head.until_at is not None and head.until_at <= now
    return {
        "id": head.id,
        "name": head.name,
        "state": "ended" if is_over else head.state.value,
        "version": head.version,
        "published_version": head.published or None,
        "has_draft": head.has_draft,
        "author": head.author,
        "editors": list(head.editors),
        "created_at": in_zone(head.created_at, zone),
        "from_at": _at(head.from_at, zone),
        "until_at": _at(head.until_at, zone),
        "paused_reason": head.reason or None,
    }


def campaign_answer(
    head: Head,
    document: Answer,
    faults: Sequence[Fault],
    versions: Sequence[Version],
    steps: Sequence[Step],
    now: datetime,
    zone: str,
) -> Answer:
    """A campaign with its draft, what publishing that would refuse, its published versions and its history."""
    return {
        **head_answer(head, now, zone),
        "document": document,
        "faults": [{"path": path, "reason": reason} for path, reason in faults],
        "versions": [{**_version_answer(one, zone), "published_by": one.published_by} for one in versions],
        "history": [
            {
                "version": step.version,
                "action": step.action,
                "by": step.by,
                "at": in_zone(step.at, zone),
                "reason": step.reason or None,
            }
            for step in steps
        ],
    }


def statistics_answer(found: Sums, campaign: Campaign, shards_read: int, is_whole: bool, taken: Answer) -> Answer:
    """What a campaign's draws come to. Where `is_whole` is false it is of so many sixteenths of them."""
    return {
        "is_whole": is_whole,
        "shards_read": shards_read,
        "draws": found.draws,
        "members": found.members,
        "points_spent": found.points_spent,
        "points_won": found.points_won,
        "drawn_by_chance": found.by_chance,
        "fallbacks": found.fallbacks,
        "value_fen": found.value_fen,
        "prizes": [
            {
                "id": prize.id,
                "name": prize.name,
                "given": found.given.get(prize.id, 0),
                "count": prize.count,
                "taken": taken.get(prize.id),
            }
            for prize in campaign.prizes
        ],
        "fits": [_fit_answer(one) for one in found.fits],
        "unexplained": list(found.unexplained[:100]),
    }


def _fit_answer(fit: Fit) -> Answer:
    return {
        "version": fit.version,
        "draws": fit.draws,
        "observed": dict(fit.observed),
        "chi_square": fit.chi_square,
        "degrees": fit.degrees,
        "critical_999": fit.critical,
    }


def _at(at: datetime | None, zone: str) -> str | None:
    return in_zone(at, zone) if at else None
