"""Every month of the CDNOW replay closes: openings are the closings before, sums are the journal's, to the point.

A slice of the customers by default; JIFEN_CDNOW=whole, as in `make proofs`, takes them all and prints what it finds.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chalicelib.insight.breakage import estimates, months_on, shares_of
from chalicelib.insight.line import Movement
from chalicelib.insight.model import expiry_month
from chalicelib.insight.month import columns_of, is_exact, rows_of
from chalicelib.insight.value import value_on
from chalicelib.ledger.model import business_on
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from local.cdnow import read_log
from local.cdnow_totals import LAST_NIGHT, recompute
from local.replay_steps import BEGINS_AT, TERMS_FILE
from tests.insight.books_in_memory import chain, lines_by_day, month_ends, statements
from tests.insight.redemptions import LAST_PURCHASES, redeeming_replay
from tests.replay.conftest import cdnow  # noqa: F401  # a fixture
from tests.replay.test_cdnow_ledger import IS_WHOLE, replay, terms  # noqa: F401  # a fixture

CUSTOMERS = None if IS_WHOLE else 600


def say(capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    if IS_WHOLE:
        with capsys.disabled():
            print("\n" + "\n".join(lines))  # noqa: T201  # for whoever runs it whole


def test_every_month_closes_and_agrees_with_the_journal(
    cdnow: Path,  # noqa: F811
    terms: Terms,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = replay(read_log(cdnow, CUSTOMERS), terms)
    entries = [entry for member in ledger.entries.values() for entry in member]
    value = value_on(TermsBook((terms,)), LAST_NIGHT, terms.zone)
    assert value is not None

    days = chain(lines_by_day(entries, terms.zone), LAST_NIGHT)
    months = statements(days, value)

    assert [one.month for one in months] == [months_on("1997-01", ahead) for ahead in range(24)]
    posted: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        posted[f"{business_on(entry.posted_at, terms.zone):%Y-%m}", entry.kind.value] += entry.points
    for before, statement in pairwise(months):
        assert statement.opening == before.closing
        assert {**rows_of(statement)[0]._asdict(), "name": ""} == {**rows_of(before)[-1]._asdict(), "name": ""}
    for statement in months:
        assert is_exact(statement)
        rows = {row.name: row for row in rows_of(statement)}
        for name, kind in (("issued", "earn"), ("expired", "expire")):
            assert (rows[name].points if name in rows else 0) == posted[statement.month, kind]
        assert rows["closing"].fen == rows["closing"].points
    assert sum(statement.entries for statement in months) == sum(
        business_on(entry.posted_at, terms.zone).year < 1999 for entry in entries
    )
    independent = recompute(cdnow, CUSTOMERS)
    for statement in months:
        assert columns_of(statement.closing)["consumption"] == independent.outstanding_after(statement.month)
    say(capsys, *(f"{one.month} {columns_of(one.closing)['consumption']:>9,}" for one in months))


@pytest.mark.parametrize(("validity", "most_error_bp"), [(12, 2_500), (3, 2_500)])
def test_the_estimate_of_breakage_against_what_members_then_did(
    cdnow: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    validity: int,
    most_error_bp: int,
) -> None:
    """Members redeem half of the time when they buy again, by a stated seed; see docs/decisions/0031."""
    entries = redeeming_replay(read_log(cdnow, CUSTOMERS), valid_for(validity))
    days = chain(lines_by_day(entries, "Asia/Shanghai"), LAST_NIGHT)
    ends, final = month_ends(days), days[-1].closing
    found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    unknown: Counter[int] = Counter()
    for on, closing in ((day.on, day.closing) for day in days if day.on.isoformat()[:7] <= LAST_PURCHASES):
        if (on + timedelta(days=1)).day != 1:
            continue
        made = on.isoformat()[:7]
        shares = shares_of(ends, months_on(made, -1), closing.expired)
        for ahead in range(1, validity + 1):
            cohort = months_on(made, ahead)
            stood = {key: points for key, points in closing.buckets.items() if expiry_month(key) == cohort}
            if not stood or cohort > LAST_PURCHASES:
                continue
            (estimate, *_) = estimates(closing._replace(buckets=stood), on, shares)
            if estimate.unestimated_points:
                unknown[ahead] += 1
            else:
                ended = final.expired.get(f"c{cohort}", 0)
                found[ahead].append((sum(stood.values()), estimate.breakage_points, ended))
    say(capsys, *(_told(validity, ahead, found.get(ahead, []), unknown[ahead]) for ahead in sorted(found | unknown)))

    assert found
    # It says too much, more so the longer ahead: early cohorts are newcomers, most of whom never came back.
    for estimated in found.values():
        stood, expected, ended = (sum(column) for column in zip(*estimated, strict=True))
        assert abs(expected - ended) * 10_000 <= most_error_bp * stood


def _told(validity: int, ahead: int, estimated: list[tuple[int, int, int]], unknown: int) -> str:
    """Of one age: all its estimates together, and the single one that was furthest off."""
    if not estimated:
        return f"valid {validity} months, {ahead} before the end: no estimate for {unknown} cohorts"
    stood, expected, ended = (sum(column) for column in zip(*estimated, strict=True))
    errors = [(guess - was) * 10_000 // stands for stands, guess, was in estimated]
    return (
        f"valid {validity} months, {ahead} before the end: {len(estimated)} cohorts, {unknown} without an estimate; "
        f"of {stood:,} expected {expected:,}, expired {ended:,}: {(expected - ended) * 10_000 // stood} bp, "
        f"single ones from {min(errors)} to {max(errors)} bp"
    )


def valid_for(months: int) -> Terms:
    """The replay's terms with another validity."""
    document = json.loads(TERMS_FILE.read_text())
    document["rules"][0]["validity"]["months"] = months
    return Terms(1, BEGINS_AT, read_programme(document))


def test_redemptions_are_spent_points_in_the_account_of_their_month(cdnow: Path, terms: Any) -> None:  # noqa: F811
    entries = redeeming_replay(read_log(cdnow, 200), terms)
    months = statements(chain(lines_by_day(entries, terms.zone), LAST_NIGHT))

    spent = {one.month: row.points for one in months for row in rows_of(one) if row.name == Movement.SPENT.value}
    assert sum(spent.values()) == sum(entry.points for entry in entries if entry.kind.value == "redeem") < 0
    assert all(is_exact(one) for one in months)
