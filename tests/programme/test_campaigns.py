"""Campaigns of the programme: phases that follow each other, and instants that make sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.errors import JifenError
from chalicelib.programme.campaigns import Phase, spans_of
from chalicelib.programme.difference import difference, plain
from chalicelib.programme.document import read_programme
from tests.programme.builders import a_document, terms_of

DOUBLE_11 = {
    "id": "double_11",
    "name": "双11",
    "preheat_from_at": "2026-10-24T20:00:00+08:00",
    "formal_from_at": "2026-10-31T20:00:00+08:00",
    "closing_from_at": "2026-11-12T00:00:00+08:00",
    "until_at": "2026-11-15T00:00:00+08:00",
}
PREHEAT, FORMAL, CLOSING, END = (
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2026, 10, 31, 12, tzinfo=UTC),
    datetime(2026, 11, 11, 16, tzinfo=UTC),
    datetime(2026, 11, 14, 16, tzinfo=UTC),
)


def spans(*phases: Phase, **given: Any) -> list[tuple[datetime, datetime]]:
    """When some phases of the campaign, changed so, are on."""
    campaign = terms_of(campaigns=[{**DOUBLE_11, **given}]).campaign("double_11")
    assert campaign is not None
    return [(span.from_at, span.until_at) for span in spans_of(campaign, phases)]


def test_a_phase_lasts_until_the_next_one_begins() -> None:
    assert spans("preheat") == [(PREHEAT, FORMAL)]
    assert spans("formal") == [(FORMAL, CLOSING)]
    assert spans("closing", "preheat") == [(PREHEAT, FORMAL), (CLOSING, END)]


def test_a_campaign_may_have_its_formal_phase_alone() -> None:
    bare = {"preheat_from_at": None, "closing_from_at": None}

    assert spans("preheat", "formal", "closing", **bare) == [(FORMAL, END)]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"until_at": "2026-11-12T00:00:00+08:00"}, "campaigns.0.until_at"),
        ({"closing_from_at": None, "until_at": "2026-10-31T20:00:00+08:00"}, "campaigns.0.until_at"),
        ({"preheat_from_at": "2026-11-01T00:00:00+08:00"}, "campaigns.0.formal_from_at"),
        ({"formal_from_at": "2026-10-31T20:00:00"}, "campaigns.0.formal_from_at"),
    ],
)
def test_instants_without_a_zone_or_out_of_order_are_refused_by_their_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(JifenError) as refused:
        read_programme(a_document(campaigns=[{**DOUBLE_11, **change}]))

    assert refused.value.field == path


def test_two_campaigns_have_two_ids() -> None:
    with pytest.raises(JifenError) as refused:
        read_programme(a_document(campaigns=[DOUBLE_11, DOUBLE_11]))

    assert refused.value.field == "campaigns.1.id"


def test_a_moved_date_is_told_as_the_difference_of_that_campaign() -> None:
    before, after = (
        plain(read_programme(a_document(campaigns=[{**DOUBLE_11, "until_at": until_at}])))
        for until_at in ("2026-11-15T00:00:00+08:00", "2026-11-16T00:00:00+08:00")
    )

    assert [change.path for change in difference(before, after)] == ["campaigns.double_11.until_at"]
