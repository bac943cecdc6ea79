"""Campaigns as staff keep them, when two do so at once: one publication, one stock, and a pause that always comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.errors import Code, JifenError
from chalicelib.spending.lottery import manage
from chalicelib.spending.lottery.model import State
from chalicelib.spending.lottery.table import LotteryTable, forget
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.spending.lotteries import NOON, Fair, open_fair, wheel, with_prize


@pytest.fixture
def fair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield open_fair(boto3.client("dynamodb", region_name="cn-north-1"))


def written(fair: Fair, document: Any = None) -> None:
    fair.id = "0" * 16
    manage.create(fair.lotteries, document or wheel(), id=fair.id, key="k", by="s-writer", now=NOON)


def published(fair: Fair, table: LotteryTable, version: int, by: str = "s-reviewer") -> Code | bool:
    """Whether it was a repeat, or what refused it."""
    given: dict[str, Any] = {"why": "开张", "is_admin": False, "terms": fair.terms, "now": NOON}
    try:
        return manage.publish(table, fair.goods, fair.id, version=version, by=by, **given).replayed
    except JifenError as refused:
        return refused.code


def pieces(fair: Fair) -> int:
    found = fair.lotteries.dynamo.query(
        TableName=fair.lotteries.name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"CAMPAIGN#{fair.id}#P#bottle#0"}},
    )["Items"]
    return sum(int(item["left"]["N"]) for item in found)


def overtaken(fair: Fair, happen: Any) -> LotteryTable:
    return replace(fair.lotteries, dynamo=Meanwhile(fair.lotteries.dynamo, happen))


def test_of_two_publications_at_once_one_fills_the_stock(fair: Fair) -> None:
    written(fair)
    table = overtaken(fair, lambda: published(fair, fair.lotteries, 1, by="s-other"))

    assert published(fair, table, 1) is Code.VERSION_TAKEN
    assert pieces(fair) == 50
    assert [one.published_by for one in fair.lotteries.versions(fair.id)] == ["s-other"]


def test_a_publication_whose_answer_was_lost_is_a_repeat(fair: Fair) -> None:
    written(fair)
    table = replace(fair.lotteries, dynamo=Interrupted(fair.lotteries.dynamo))

    with pytest.raises(ConnectionError):
        published(fair, table, 1)

    assert published(fair, fair.lotteries, 1) is True
    assert pieces(fair) == 50


def test_nobody_publishes_what_he_has_not_read(fair: Fair) -> None:
    written(fair)
    dear = {"version": 1, "by": "s-other", "now": NOON}
    table = overtaken(fair, lambda: manage.edit(fair.lotteries, fair.id, wheel(points=99), **dear))

    assert published(fair, table, 1) is Code.VERSION_TAKEN
    assert fair.lotteries.versions(fair.id) == ()


def test_who_helped_to_write_a_draft_does_not_publish_it(fair: Fair) -> None:
    written(fair)
    manage.edit(fair.lotteries, fair.id, wheel(points=19), version=1, by="s-reviewer", now=NOON)

    assert published(fair, fair.lotteries, 2) is Code.NOT_ALLOWED
    assert published(fair, fair.lotteries, 2, by="s-third") is False


def test_a_pause_comes_through_whatever_else_is_changed(fair: Fair) -> None:
    written(fair)
    published(fair, fair.lotteries, 1)
    table = overtaken(
        fair, lambda: manage.edit(fair.lotteries, fair.id, wheel(points=19), version=2, by="s-writer", now=NOON)
    )

    paused = manage.pause(table, fair.id, reason="核查", by="s1", now=NOON)
    changed = published(fair, fair.lotteries, 4)

    assert (paused.head.state, paused.head.version, paused.head.has_draft) == (State.PAUSED, 4, True)
    assert changed is False
    assert fair.lotteries.head(fair.id).state is State.PAUSED
    assert [step.action for step in fair.lotteries.steps(fair.id)] == [
        "created",
        "published",
        "edited",
        "paused",
        "published",
    ]


def test_more_pieces_come_to_those_that_are_left(fair: Fair) -> None:
    fair.publish()
    fair.give()
    fair.draw(ticket=9_999)
    fair.change(with_prize("bottle", count=70))

    assert pieces(fair) == 69


def test_a_published_version_stays_as_it_was_published(fair: Fair) -> None:
    fair.publish()
    first = fair.lotteries.versions(fair.id)[0]
    fair.change(wheel(points=10))
    forget()

    assert fair.lotteries.versions(fair.id)[0] == first
    assert first.document == wheel()


def test_no_pieces_go_where_nobody_can_win_them_any_more(fair: Fair) -> None:
    starts = ["2026-03-01T00:00:00+08:00", "2026-03-02T00:00:00+08:00"]

    def sliced(first: int, second: int) -> dict[str, Any]:
        counts = zip(starts, (first, second), strict=True)
        slices = [{"from_at": start, "portions": [{"prize": "bottle", "count": count}]} for start, count in counts]
        return wheel(slices=slices, prizes=with_prize("bottle", count=first + second)["prizes"])

    written(fair, sliced(20, 30))
    late = published(fair, fair.lotteries, 1)
    fair.now = datetime.fromisoformat(starts[0])
    fair.release()
    fair.now = NOON
    fair.change(sliced(20, 31))
    with pytest.raises(JifenError) as over:
        fair.change(sliced(21, 31))

    assert late is Code.LOTTERY_INVALID
    assert (over.value.code, over.value.field) == (Code.LOTTERY_INVALID, "slices.0")
    assert [path for path, _ in manage.check(fair.lotteries, fair.goods, fair.id, fair.terms, NOON)] == ["slices.0"]
