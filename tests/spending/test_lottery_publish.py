"""What a lottery cannot be published with, and which changes of a published one are for members."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.programme.document import read_programme
from chalicelib.spending.lottery.campaign import checksum
from chalicelib.spending.lottery.document import faults, read_campaign
from chalicelib.spending.lottery.favour import unfavourable
from tests.programme.builders import demo_document, demo_terms
from tests.spending.lotteries import NOON, THANKS, wheel, with_prize

PROGRAMME = demo_terms().programme
FRIEND = {"activity": "invite", "chances": 1}
INDICATORS = [
    {"id": "share", "name": "分享", "dimension": "activity"},
    {"id": "spread", "name": "转发海报", "dimension": "activity"},
]
SHARING = read_programme(demo_document() | {"indicators": [*demo_document()["indicators"], *INDICATORS]})
SLICES = [
    {"from_at": "2026-03-01T00:00:00+08:00", "portions": [{"prize": "bottle", "count": 20}]},
    {"from_at": "2026-04-01T00:00:00+08:00", "portions": [{"prize": "bottle", "count": 30}]},
]


def paths(document: dict[str, Any]) -> list[str]:
    return [path for path, _ in faults(document, SHARING, NOON)]


def points_until(on: date) -> dict[str, Any]:
    return {"kind": "points", "points": 10, "validity": {"kind": "on_date", "on": on.isoformat()}}


def test_the_demos_wheel_can_be_published() -> None:
    assert faults(wheel(), PROGRAMME, NOON) == []
    assert faults(wheel(grants=[FRIEND], points=None, slices=SLICES), PROGRAMME, NOON) == []


def test_a_wheel_for_tagged_members_can_be_published() -> None:
    assert faults(wheel(who={"tags": ["vip"]}), PROGRAMME, NOON) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (wheel(organiser=""), "organiser"),
        (wheel(rules=""), "rules"),
        (wheel(claim=""), "claim"),
        (wheel(claim_until_at=None), "claim_until_at"),
        (wheel(claim_until_at="2026-06-05T23:59:59+08:00"), "claim_until_at"),
        (wheel(claim_until_at="2027-06-02T00:00:00+08:00"), "claim_until_at"),
        (wheel(claim_until_at="2026-06-29T00:00:00"), "claim_until_at"),
        (wheel(points=None), "points"),
        (wheel(points=0), "points"),
        (wheel(name=7), "name"),
        (wheel(unknown=1), "unknown"),
        (wheel(shown_above_fen=50_001), "shown_above_fen"),
        (wheel(from_at="2026-03-01T00:00:00"), "from_at"),
        (wheel(until_at="2026-03-02T12:00:00+08:00"), "until_at"),
        (wheel(until_at="2026-06-02T00:00:00+08:00"), "until_at"),
        (wheel(who={"skus": ["a"]}), "who.skus"),
        (wheel(who={"tags": ["vip", "vip"]}), "who.tags"),
        (wheel(who={"levels": ["gold", "gold"]}), "who.levels"),
        (wheel(grants=[{**FRIEND, "activity": "share"}]), "grants.0.activity"),
        (wheel(grants=[{**FRIEND, "activity": "spread"}]), "grants.0.activity"),
        (wheel(grants=[{**FRIEND, "activity": "dance"}]), "grants.0.activity"),
        (wheel(grants=[{**FRIEND, "activity": "malicious_review"}]), "grants.0.activity"),
        (wheel(grants=[{**FRIEND, "rules": ["review"]}]), "grants.0.rules"),
        (with_prize("p20", id="p10"), "prizes.1.id"),
        (with_prize("p20", weight=0), "prizes.1.weight"),
        (with_prize("bottle", value_fen=5_000_001), "prizes.5.value_fen"),
        (with_prize("bottle", value_fen=0), "prizes.5.value_fen"),
        (with_prize("coupon", value_fen=4_999), "prizes.3.value_fen"),
        (with_prize("p200", value_fen=199), "prizes.4.value_fen"),
        (with_prize("bottle", fallback=None), "prizes.5.fallback"),
        (with_prize("bottle", fallback="bottle"), "prizes.5.fallback"),
        (with_prize("bottle", fallback="coupon"), "prizes.5.fallback"),
        (with_prize("bottle", fallback="nothing"), "prizes.5.fallback"),
        (with_prize("bottle", count=None, fallback=None), "prizes.5.count"),
        (with_prize("p10", count=9, fallback="p20"), "prizes.0.count"),
        (with_prize("p10", fallback="p20"), "prizes.0.fallback"),
        (with_prize("p10", gives={"kind": "badge", "badge": "first"}), "prizes.0.gives.kind"),
        (with_prize("p10", gives={"kind": "virtual", "pool": "films"}), "prizes.0.fallback"),
        (with_prize("p10", gives=points_until(date(2026, 5, 30))), "prizes.0.gives.validity.on"),
        (wheel(slices=SLICES[:1]), "slices"),
        (wheel(slices=SLICES[::-1]), "slices"),
        (wheel(slices=[SLICES[0], {**SLICES[1], "from_at": "2026-05-30T00:00:00+08:00"}]), "slices"),
        (wheel(slices=[SLICES[0], {**SLICES[1], "from_at": "2026-04-01T00:00:00"}]), "slices.1.from_at"),
    ],
)
def test_it_is_refused_and_the_path_says_why(document: dict[str, Any], path: str) -> None:
    assert path in paths(document)


def test_the_dearest_prize_that_the_law_allows_can_be_published() -> None:
    assert faults(with_prize("bottle", value_fen=5_000_000), PROGRAMME, NOON) == []


def sliced(*portions: list[tuple[str, int]]) -> dict[str, Any]:
    document = with_prize("coupon", count=100, fallback="p10")
    starts = ("2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00")
    slices = [
        {"from_at": start, "portions": [{"prize": prize, "count": count} for prize, count in held]}
        for start, held in zip(starts, portions, strict=True)
    ]
    return {**document, "slices": slices}


@pytest.mark.parametrize(
    ("portions", "expected"),
    [
        (([("bottle", 20), ("coupon", 40)], [("bottle", 30), ("coupon", 60)]), []),
        (([("bottle", 25), ("coupon", 40)], [("bottle", 25), ("coupon", 60)]), ["slices.0.portions"]),
        (([("coupon", 100)], [("bottle", 50)]), ["slices.0.portions"]),
        (([("bottle", 10), ("coupon", 20)], [("bottle", 20), ("coupon", 40)]), ["slices", "slices"]),
    ],
)
def test_every_slice_holds_every_limited_prize_in_proportion(portions: Any, expected: list[str]) -> None:
    found = paths(sliced(*portions))

    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


def grant(**given: Any) -> dict[str, Any]:
    return wheel(grants=[{**FRIEND, "most_per_day": 2, "most": 10, **given}])


def reweighed(**weights: int) -> dict[str, Any]:
    document = wheel()
    for prize_id, weight in weights.items():
        document = with_prize(prize_id, document, weight=weight)
    return document


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (wheel(), wheel()),
        (wheel(), with_prize("bottle", count=51)),
        (wheel(), reweighed(p10=5_990, bottle=20)),
        (wheel(), wheel(points=19)),
        (wheel(), wheel(daily_draws=4)),
        (wheel(), wheel(until_at="2026-05-31T00:00:00+08:00")),
        (wheel(), grant()),
        (grant(), grant(chances=2)),
        (grant(), grant(most=11, most_per_day=3)),
        (grant(), grant(most=None, most_per_day=None)),
        (
            wheel(slices=SLICES),
            wheel(slices=[SLICES[0], {**SLICES[1], "portions": [{"prize": "bottle", "count": 31}]}]),
        ),
    ],
)
def test_what_favours_members_may_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert list(unfavourable(read_campaign(before), read_campaign(after))) == []


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (wheel(), wheel(name="小转盘"), "name"),
        (wheel(), wheel(organiser="别人"), "organiser"),
        (wheel(), wheel(rules="改"), "rules"),
        (wheel(), wheel(claim="改"), "claim"),
        (wheel(), wheel(claim_until_at="2026-06-28T00:00:00+08:00"), "claim_until_at"),
        (wheel(), wheel(claim_until_at=None), "claim_until_at"),
        (wheel(), wheel(from_at="2026-02-28T00:00:00+08:00"), "from_at"),
        (wheel(), wheel(until_at="2026-05-29T00:00:00+08:00"), "until_at"),
        (wheel(), wheel(who={"buyers": True}), "who"),
        (wheel(), wheel(shown_above_fen=0), "shown_above_fen"),
        (wheel(), wheel(points=21), "points"),
        (wheel(grants=[FRIEND]), wheel(grants=[FRIEND], points=None), "points"),
        (wheel(grants=[FRIEND], points=None), wheel(grants=[FRIEND]), "points"),
        (wheel(), wheel(daily_draws=2), "daily_draws"),
        (grant(), wheel(), "grants"),
        (grant(), grant(activity="review"), "grants.0"),
        (grant(chances=2), grant(), "grants.0.chances"),
        (grant(), grant(most_per_day=1), "grants.0.most_per_day"),
        (grant(most=None), grant(), "grants.0.most"),
        (wheel(), with_prize("bottle", count=49), "prizes.5.count"),
        (wheel(), with_prize("coupon", count=10, fallback="p10"), "prizes.3.count"),
        (wheel(), with_prize("bottle", value_fen=3_000), "prizes.5.value_fen"),
        (wheel(), with_prize("bottle", name="大水壶"), "prizes.5.name"),
        (wheel(), with_prize("bottle", fallback="p50"), "prizes.5.fallback"),
        (wheel(), with_prize("p10", gives={"kind": "thanks"}), "prizes.0.gives"),
        (wheel(), reweighed(p20=2_490, bottle=20), "prizes.1.weight"),
        (wheel(), reweighed(bottle=20), "prizes"),
        (wheel(), wheel(prizes=wheel()["prizes"][1:]), "prizes"),
        (wheel(), wheel(prizes=[*wheel()["prizes"], THANKS]), "prizes"),
        (wheel(), wheel(slices=SLICES), "slices"),
        (
            wheel(slices=SLICES),
            wheel(slices=[{**SLICES[0], "portions": [{"prize": "bottle", "count": 19}]}, SLICES[1]]),
            "slices.0.portions",
        ),
    ],
)
def test_nothing_else_may(before: dict[str, Any], after: dict[str, Any], path: str) -> None:
    assert path in [one for one, _ in unfavourable(read_campaign(before), read_campaign(after))]


def test_with_thanks_on_the_wheel_better_odds_come_out_of_thanks_alone() -> None:
    before = wheel(prizes=[*wheel()["prizes"], THANKS])
    from_thanks = with_prize("thanks", with_prize("bottle", before, weight=11), weight=8)
    from_points = with_prize("p10", with_prize("bottle", before, weight=11), weight=5_999)

    assert list(unfavourable(read_campaign(before), read_campaign(from_thanks))) == []
    assert [path for path, _ in unfavourable(read_campaign(before), read_campaign(from_points))] == ["prizes.0.weight"]


def test_no_prize_is_given_up_for_thanks_or_for_another_of_its_own_value() -> None:
    worthless = with_prize("bottle", wheel(prizes=[*wheel()["prizes"], THANKS]), value_fen=0)
    for_thanks = with_prize("thanks", with_prize("bottle", worthless, weight=1), weight=18)
    equal = with_prize("p10", with_prize("p20"), value_fen=20)
    for_equal = with_prize("p10", with_prize("p20", equal, weight=1), weight=8_499)

    found = [
        [path for path, _ in unfavourable(read_campaign(before), read_campaign(after))]
        for before, after in ((worthless, for_thanks), (equal, for_equal))
    ]

    assert found == [["prizes.5.weight", "prizes.6.weight"], ["prizes.0.weight"]]


def test_the_checksum_is_of_what_the_document_says_in_whatever_order() -> None:
    turned = dict(reversed(wheel().items()))
    canonical = json.dumps(wheel(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert checksum(turned) == checksum(wheel()) == sha256(canonical.encode()).hexdigest()
    assert checksum(wheel(points=19)) != checksum(wheel())
