"""Access tokens: fetched by one at a time, shared by all, replaced once and never in a loop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.connect import tokens
from chalicelib.connect.faults import Refused
from chalicelib.connect.outside import Unanswered
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.tokens import LEASE, RENEWED_BEFORE, Fetched, Source, access_token, with_token
from chalicelib.errors import Code, JifenError

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)


class Platform:
    """Gives T1, T2, …; each fetch runs `meanwhile` first, or raises `fault`."""

    def __init__(self) -> None:
        self.fetches = 0
        self.meanwhile: Callable[[], None] | None = None
        self.fault: Exception | None = None

    def fetch(self) -> Fetched:
        self.fetches += 1
        number = self.fetches
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        if self.fault:
            raise self.fault
        return Fetched(f"T{number}", 7200)

    @property
    def source(self) -> Source:
        return Source("wechat:wx1", self.fetch)


@pytest.fixture
def platform() -> Platform:
    return Platform()


def elsewhere(table: ConnectTable, platform: Platform, now: datetime, refused: str = "") -> str:
    """The token as another process gets it, which holds nothing yet and does not sleep."""
    tokens.forget()
    return access_token(table, platform.source, now, refused=refused, rest=lambda _seconds: None)


def wrong_token(_token: str) -> str:
    raise Refused("/cgi-bin/draft/add", 40001, "r1", {})


def test_a_token_is_fetched_once_and_shared_by_all_processes(table: ConnectTable, platform: Platform) -> None:
    first = access_token(table, platform.source, NOW)
    same_process = access_token(table, platform.source, NOW + timedelta(hours=1))
    other_process = elsewhere(table, platform, NOW + timedelta(hours=1))

    assert {first, same_process, other_process} == {"T1"}
    assert platform.fetches == 1


def test_it_is_renewed_some_minutes_before_its_end(table: ConnectTable, platform: Platform) -> None:
    access_token(table, platform.source, NOW)

    just_before = access_token(table, platform.source, NOW + TWO_HOURS - RENEWED_BEFORE - timedelta(seconds=1))
    at_the_time = access_token(table, platform.source, NOW + TWO_HOURS - RENEWED_BEFORE)

    assert (just_before, at_the_time) == ("T1", "T2")


def test_while_one_renews_it_all_others_go_on_with_the_old_one(table: ConnectTable, platform: Platform) -> None:
    access_token(table, platform.source, NOW)
    then, seen = NOW + TWO_HOURS - RENEWED_BEFORE, []
    platform.meanwhile = lambda: seen.append(elsewhere(table, platform, then))

    renewed = elsewhere(table, platform, then)

    assert (renewed, seen) == ("T2", ["T1"])
    assert platform.fetches == 2


def test_while_one_fetches_the_first_token_others_wait_and_are_then_told_to_come_again(
    table: ConnectTable, platform: Platform
) -> None:
    refusals = []

    def come_in_between() -> None:
        with pytest.raises(JifenError) as refused:
            elsewhere(table, platform, NOW)
        refusals.append(refused.value)

    platform.meanwhile = come_in_between

    token = elsewhere(table, platform, NOW)

    assert token == "T1"
    assert [(one.code, one.retry_after_seconds) for one in refusals] == [(Code.UNAVAILABLE, 2)]
    assert platform.fetches == 1


def test_whoever_died_fetching_is_waited_for_no_longer_than_the_lease(table: ConnectTable, platform: Platform) -> None:
    assert table.lease_token("wechat:wx1", seen=None, until=NOW + LEASE, now=NOW)

    with pytest.raises(JifenError):
        elsewhere(table, platform, NOW + LEASE - timedelta(seconds=1))
    token = elsewhere(table, platform, NOW + LEASE)

    assert token == "T1"


def test_a_fetch_that_outlived_its_lease_does_not_overwrite_the_next_one(
    table: ConnectTable, platform: Platform
) -> None:
    next_ones: list[str] = []
    platform.meanwhile = lambda: next_ones.append(elsewhere(table, platform, NOW + LEASE))

    late = elsewhere(table, platform, NOW)

    standing = table.token("wechat:wx1")
    assert (late, next_ones) == ("T1", ["T2"])
    assert standing is not None
    assert standing.value == "T2"


def test_a_refused_token_is_replaced_once_and_the_call_made_again(table: ConnectTable, platform: Platform) -> None:
    asked: list[str] = []

    def ask(token: str) -> str:
        asked.append(token)
        return "done" if token == "T2" else wrong_token(token)

    answer = with_token(table, platform.source, ask, NOW)

    assert (answer, asked) == ("done", ["T1", "T2"])


def test_a_token_that_is_always_refused_costs_two_fetches_and_ends(table: ConnectTable, platform: Platform) -> None:
    with pytest.raises(Refused):
        with_token(table, platform.source, wrong_token, NOW)

    assert platform.fetches == 2


def test_a_token_that_another_process_replaced_meanwhile_is_not_fetched_again(
    table: ConnectTable, platform: Platform
) -> None:
    elsewhere(table, platform, NOW)
    elsewhere(table, platform, NOW, refused="T1")

    third = elsewhere(table, platform, NOW, refused="T1")

    assert third == "T2"
    assert platform.fetches == 2


def test_a_renewal_that_fails_leaves_the_token_that_is_still_good(table: ConnectTable, platform: Platform) -> None:
    access_token(table, platform.source, NOW)
    platform.fault = Unanswered("timeout")

    token = elsewhere(table, platform, NOW + TWO_HOURS - RENEWED_BEFORE)

    platform.fault = None
    assert token == "T1"
    assert elsewhere(table, platform, NOW + TWO_HOURS - RENEWED_BEFORE) == "T3"


def test_a_first_fetch_that_is_refused_says_so_and_leaves_no_lease(table: ConnectTable, platform: Platform) -> None:
    platform.fault = Refused("/cgi-bin/stable_token", 40164, "r2", {})

    with pytest.raises(Refused):
        elsewhere(table, platform, NOW)

    platform.fault = None
    assert elsewhere(table, platform, NOW) == "T2"


def test_a_first_fetch_without_an_answer_is_unavailable_for_now(table: ConnectTable, platform: Platform) -> None:
    platform.fault = Unanswered("timeout")

    with pytest.raises(JifenError) as refused:
        elsewhere(table, platform, NOW)

    assert refused.value.code is Code.UNAVAILABLE
