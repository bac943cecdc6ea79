"""A brand's first day on a stage: rehearsed, run, run again, run twice at once, cut off, and lived with afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.earning.refusals import open_refusals
from chalicelib.earning.session_opened import session_of, session_opened
from chalicelib.ledger.audit import Finding
from chalicelib.ledger.model import Account
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members.conversion import Ratio, member_id_of
from chalicelib.members.migrate import Run, migrate, open_member
from chalicelib.members.migration import Brought
from chalicelib.members.model import Identity
from chalicelib.members.register import bind_identity, register
from chalicelib.members.table import open_members
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme, terms_book
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local import migrate as tool
from local.audit import Report, audit
from local.made_up_members import made_up_members
from local.places import Mend
from tests.ledger.builders import bucket
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.ledger.test_budgets import Counted, count
from tests.members.conftest import Http
from tests.members.migrations import OPENED_AT, OPENED_ON, a_basis, a_file, a_row, planned
from tests.members.stage import Stage, open_stage
from tests.programme.builders import SINCE, demo_document

ONE_TO_ONE = Ratio(1, 1)
ROWS = (
    a_row("A1", growth="700", level="黄金", level_until="2027-03-01", checked_in_on="2026-11-30", run_days="6"),
    a_row("A1", points="40", **{"class": "活动"}, expires_on="2026-12-31"),
    a_row("A2", platform="wechat", buyer_id="demo-ming"),
    a_row("A3", points="0", platform="tmall", buyer_id="b3"),
)
FILE = a_file(*ROWS)
A1, A2, A3 = (member_id_of("test", old_id) for old_id in ("A1", "A2", "A3"))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        opened.now = OPENED_AT
        publish(
            open_programme(),
            version=1,
            document=demo_document(),
            effective_from=SINCE,
            published_by="test",
            now=SINCE,
        )
        yield opened


@pytest.fixture
def brought() -> tuple[Brought, ...]:
    return planned(*ROWS).brought


def run(file: bytes = FILE, ratio: Ratio = ONE_TO_ONE, *, dry: bool = False) -> int:
    return tool.run(file, ratio, dry=dry, workers=1)


def go(brought: tuple[Brought, ...], dynamo_client: object = None) -> Run:
    ledger = replace(open_ledger(), dynamo=dynamo_client or dynamo.client(), pause=lambda _seconds: None)
    runs = list(migrate(brought, a_basis(), table=open_members(), ledger=ledger))
    return Run(
        sum(one.opened for one in runs),
        sum(one.replayed for one in runs),
        tuple(refused for one in runs for refused in one.refused),
    )


def test_a_stage_that_does_not_answer_for_a_while_is_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(time, "sleep", rests.append)
    lost = LostAnswers(dynamo.client(), answers_lost=2)
    monkeypatch.setattr(tool, "open_ledger", lambda: replace(open_ledger(), dynamo=lost))

    assert run() == 0

    printed = capsys.readouterr().out
    assert rests == [2, 10]
    assert "did not answer (ReadTimeoutError): again in 2 s" in printed
    assert "file and journal agree" in printed
    assert findings() == []


def test_a_stage_that_does_not_answer_at_all_ends_the_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    lost = LostAnswers(dynamo.client(), answers_lost=100, is_heard=False)
    monkeypatch.setattr(tool, "open_ledger", lambda: replace(open_ledger(), dynamo=lost))

    with pytest.raises(ReadTimeoutError):
        run()

    assert lost.answers_lost == 100 - 1 - len(tool.RESTS_S)


@dataclass
class LostAnswers:
    """A client whose first transactions get no answer, whether they are heard or not."""

    real: Any
    answers_lost: int
    is_heard: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def transact_write_items(self, **request: Any) -> Any:
        is_lost = self.answers_lost > 0
        answer = self.real.transact_write_items(**request) if self.is_heard or not is_lost else None
        if is_lost:
            self.answers_lost -= 1
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")
        return answer


@dataclass
class OneAtATime:
    """A client whose calls follow one another: moto shows others what a transaction has half written."""

    real: Any
    lock: Lock = field(default_factory=Lock)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name == "exceptions":
            return method

        def call(**request: Any) -> Any:
            with self.lock:
                return method(**request)

        return call


def account(member_id: str) -> Account:
    return open_ledger().read(member_id)


def findings() -> list[Finding]:
    found: list[Finding] = []
    audit(Report(found.append), segments=1)
    return found


def test_a_rehearsal_reports_and_writes_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    before = stage.rows()

    assert run(dry=True) == 0

    assert stage.rows() == before
    printed = capsys.readouterr().out
    for line in (
        "4 rows, 3 members, 0 rows refused",
        "nothing was written",
        "level 黄金 (gold): 1 members",
        "growth 700",
    ):
        assert line in printed
    assert "activity     2026-12                   40.00           40" in printed
    assert "rounded away 0 and 0/100 points" in printed


def test_a_run_opens_every_account_with_all_that_its_member_brings(stage: Stage) -> None:
    assert run() == 0

    one = account(A1)
    assert one.buckets == {bucket(date(2027, 6, 30)): 100, bucket(date(2026, 12, 31))[:3] + "a": 40}
    assert (one.tenure.level, one.tenure.until_on, sum(one.growth.values())) == ("gold", date(2027, 3, 1), 700)
    assert one.check_ins.with_day(OPENED_ON).run_days == 7
    assert one.joined_on == date(2024, 5, 6)
    (entry,) = open_ledger().entries(A1, before_key=None, limit=9)
    assert (entry.kind, entry.activity, entry.points, entry.text) == ("adjust", "migration", 140, "原会员权益转入")
    assert entry.key.startswith("2026-11-30T16:00:00.000Z#adjust#migration#")
    assert "A1" not in entry.key


def test_file_and_journal_agree_and_so_does_the_audit(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    made_up = "\n".join(made_up_members(12, OPENED_ON)).encode()

    assert run(made_up, Ratio(10, 1)) == 0

    assert "file and journal agree" in capsys.readouterr().out
    assert findings() == []


def test_a_second_run_writes_nothing_new(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    before = stage.rows()
    stage.later(days=3)

    assert run() == 0

    assert stage.rows() == before
    assert "0 opened, 3 were open, 0 refused" in capsys.readouterr().out


def test_what_a_member_did_meanwhile_does_not_disturb_a_second_run(stage: Stage) -> None:
    run()
    bind_identity(open_members(), A1, Identity("tmall", "later"), "s1", stage.later(hours=1))

    assert run() == 0
    assert findings() == []


def test_another_content_is_refused_for_that_member_alone(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    before = account(A1)

    status = run(a_file({**ROWS[0], "points": "101"}, *ROWS[1:], a_row("A4")))

    assert status == 1
    printed = capsys.readouterr().out
    assert "第2行起的会员没有转入:这位会员已经转入,这次的内容与当时不同" in printed
    assert "points consumption 2027-06: 301 in the file, 300 in the journal" in printed
    assert account(A1) == before
    assert account(member_id_of("test", "A4")).available_points == 100


def test_another_buyer_for_an_open_account_is_another_content(stage: Stage) -> None:
    run()

    assert run(a_file(*ROWS[:3], {**ROWS[3], "buyer_id": "b4"})) == 1
    assert open_members().links([Identity("tmall", "b4")]) == {}


def test_another_ratio_is_refused_before_anything_is_done(stage: Stage) -> None:
    run()

    with pytest.raises(Mend, match="opened at RATIO=1:1"):
        run(ratio=Ratio(10, 1))


def test_refused_rows_are_printed_and_the_others_are_opened(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(a_file(a_row("A1", points="-1"), a_row("A2")))

    assert status == 2
    assert "第2行「积分」不能为负数" in capsys.readouterr().out
    assert account(A1).version == 0
    assert account(A2).available_points == 100


def test_a_file_of_nothing_but_refused_rows_does_not_bind_the_stage_to_its_ratio(stage: Stage) -> None:
    run(a_file(a_row(points="-1")), Ratio(1, 10))

    assert open_members().migration() is None


def test_a_buyer_who_is_bound_already_keeps_his_member_and_nothing_is_half_done(stage: Stage) -> None:
    other = "m" + "0" * 24
    register(open_members(), Identity("tmall", "b3"), other, stage.now)

    assert run() == 1

    assert account(A3).version == 0
    assert open_members().member(A3) is None
    assert open_members().links([Identity("migrated", "A3")]) == {}
    assert account(A1).available_points == 140


def test_of_two_runs_at_once_each_member_is_opened_by_one(stage: Stage, brought: tuple[Brought, ...]) -> None:
    meeting = Meanwhile(dynamo.client(), lambda: go(brought))

    late = go(brought, meeting)

    assert late == Run(0, 3, ())
    assert findings() == []


def test_runs_side_by_side_open_each_member_once(stage: Stage, brought: tuple[Brought, ...]) -> None:
    one_at_a_time = OneAtATime(dynamo.client())
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: go(brought, one_at_a_time), range(3)))

    assert sum(one.opened for one in runs) == 3
    assert sum(one.replayed for one in runs) == 6
    assert findings() == []


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_dies_anywhere_is_finished_by_the_next(
    stage: Stage, brought: tuple[Brought, ...], after: int
) -> None:
    with pytest.raises(SystemExit):
        go(brought, Interrupted(dynamo.client(), after, SystemExit))

    assert go(brought) == Run(3 - after, after, ())
    assert findings() == []


def test_a_migrated_member_logs_in_to_his_account_and_is_paid_for_no_registration(stage: Stage, http: Http) -> None:
    run()

    answer = http("POST", "/v1/sessions", body=json.dumps({"code": "demo-ming-0001"}))
    told = session_of(_last_message(stage))
    assert told is not None
    for _ in range(2):
        session_opened(told, ledger=open_ledger(), refusals=open_refusals(), book=terms_book())

    assert answer.data["member_id"] == A2
    assert not answer.data["is_new"]
    assert account(A2).joined_on == date(2024, 5, 6)
    assert not any(entry.activity == "register" for entry in open_ledger().entries(A2, before_key=None, limit=9))
    profile = http("GET", "/v1/me", token=answer.data["token"]).data
    assert profile["registered_at"].startswith("2024-05-06")
    assert profile["identity_count"] == 2


@pytest.mark.parametrize(("row", "units"), [(0, 12), (1, 14), (2, 14)])
def test_a_member_costs_two_requests_and_units_by_what_he_brings(
    stage: Stage, brought: tuple[Brought, ...], row: int, units: int
) -> None:
    def open_it(ledger: LedgerTable) -> object:
        return open_member(brought[row], a_basis(), table=open_members(), ledger=ledger)

    counted = count(open_ledger(), open_it)

    assert (counted.requests, counted.own_units) == (2, units)  # the first has a level, the others a buyer


def test_a_second_run_costs_one_request_for_a_hundred_members(stage: Stage, brought: tuple[Brought, ...]) -> None:
    go(brought)

    counted = Counted(dynamo.client())

    assert go(brought, counted) == Run(0, 3, ())
    assert counted.requests == 1


def test_the_night_finds_what_migrated_members_have_that_ends(stage: Stage) -> None:
    run()
    ledger = open_ledger()

    due = [one.member_id for n in range(8) for page in ledger.due(n, OPENED_ON + timedelta(days=400)) for one in page]

    assert sorted(due) == sorted([A1, A2])  # the third brought nothing that ends


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--file", "a.csv", "--ratio", "10"], "RATIO is '10'"),
        (["--file", "a.csv", "--ratio", "10:1", "--workers", "99"], "WORKERS is 99"),
        (["--file", "nowhere.csv", "--ratio", "10:1"], "cannot be read"),
    ],
)
def test_a_wrong_call_gets_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(arguments) == 1
    assert words in capsys.readouterr().err


def _last_message(stage: Stage) -> str:
    queue = dynamo.service("sqs")
    (message,) = queue.receive_message(QueueUrl=settings().behaviours_queue_url)["Messages"]
    return str(message["Body"])
