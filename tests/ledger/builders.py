"""Accounts, causes and commands with sensible defaults: a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Earn, Redeem, Reverse
from chalicelib.ledger.model import Account, Cause, Kind, LedgerTerms, Policy

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""Noon in Shanghai on 2026-11-22."""
TODAY_ON = date(2026, 11, 22)
CLASS_ORDER = (PointsClass.ACTIVITY, PointsClass.BEHAVIOUR, PointsClass.CONSUMPTION)
TERMS = LedgerTerms(version=1, zone="Asia/Shanghai", class_order=CLASS_ORDER)


def an_account(**given: Any) -> Account:
    return Account(**{"member_id": "m1", "due_shard": "0003", **given})


def bucket(expires_on: date | None, points_class: PointsClass = PointsClass.CONSUMPTION) -> str:
    return bucket_key(expires_on, points_class)


def a_cause(kind: Kind = Kind.EARN, id: str = "tmall#1", **given: Any) -> Cause:
    values: dict[str, Any] = {
        "kind": kind,
        "activity": "order",
        "id": id,
        "at": NOW,
        "occurred_at": NOW,
        "source": "tmall",
        "actor": "order_feed",
    }
    return Cause(**{**values, **given})


def an_earn(points: int, expires_on: date | None = date(2027, 11, 30), **given: Any) -> Earn:
    values: dict[str, Any] = {
        "cause": a_cause(),
        "points": points,
        "bucket": bucket(expires_on),
        "rule": "order",
        "terms_version": 1,
    }
    return Earn(**{**values, **given})


def a_redemption(points: int, id: str = "r1") -> Redeem:
    return Redeem(cause=a_cause(Kind.REDEEM, id), points=points, terms_version=1)


def a_reversal(points: int, expires_on: date | None = date(2027, 11, 30), policy: str = "deficit") -> Reverse:
    return Reverse(
        cause=a_cause(Kind.REVERSE, "tmall#1:1"),
        points=points,
        bucket=bucket(expires_on),
        policy=Policy(policy),
        rule="order",
        terms_version=1,
    )
