"""docs/walk.md is true: its output is what one check-in gives, and the call goes through the files it names, in order.

`python -m tests.test_walk` writes the walk's output blocks anew; look at the difference before you keep it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from chalicelib.ledger.items import account_item, entry_item
from chalicelib.members import log_in as logging_in
from chalicelib.programme import periods
from chalicelib.programme import table as programme_table
from chalicelib.programme.award import Decision
from chalicelib.programme.publish import publish
from tests.members.stage import Stage, invoke, open_stage

ROOT = Path(__file__).parents[1]
WALK = ROOT / "docs/walk.md"
AGAIN = "run `python -m tests.test_walk`, look at the difference in docs/walk.md, and mend the words around it"
TOKEN = "a" * 43
MEMBER_ID = "m000000000000000000000001"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)

HOPS = (
    ("earning/check_in_routes.py", "post_check_in"),
    ("earning/check_in.py", "check_in"),
    ("programme/award.py", "decide"),
    ("ledger/apply.py", "apply"),
    ("ledger/writes.py", "Writes.__init__"),
)
"""The walk's five hops: file and function, in the order in which these functions are first entered."""
_HOP = re.compile(r"^## \d+\. `chalicelib/([a-z_/]+\.py)` · `([A-Za-z_.]+)`$", re.MULTILINE)
_BESIDE = re.compile(r"^\| `chalicelib/([a-z_/]+\.py)` \|", re.MULTILINE)
_BLOCK = re.compile(r"<!-- output: ([a-z-]+) -->\n```json\n(.*?)```", re.DOTALL)
_NAMED = re.compile(r"`chalicelib/([a-z_/]+\.py)`(?: · `([A-Za-z_.]+)`)?")


@dataclass
class Trace:
    """Every function of chalicelib that a call enters: (file, qualified name), with what the hops got and gave."""

    entered: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    returned: dict[str, Any] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, value: Any) -> None:
        path, under, file = frame.f_code.co_filename.rpartition("/chalicelib/")
        if not under or Path(path) != ROOT or event not in ("call", "return"):
            return
        name = frame.f_code.co_qualname
        if event == "call":
            self.entered.append((file, name))
            self.given.setdefault(name, dict(frame.f_locals))
        else:
            self.left.append((file, name))
            self.returned.setdefault(name, value)

    @property
    def files(self) -> set[str]:
        return {file for file, _ in self.entered}


@dataclass
class Walked:
    """One check-in, watched."""

    trace: Trace
    requests: list[tuple[str, int]]
    """DynamoDB's own names of what was asked, and how many items each names."""
    answer: dict[str, Any]

    def outputs(self) -> dict[str, str]:
        """The walk's blocks by name."""
        (decided,) = self.trace.returned["apply"].entries
        posting, (stored,) = self.trace.returned["sealed"]
        before, after = account_item(posting.before), account_item(posting.account)
        decision = self.trace.returned["decide"]
        return {
            "caller": _shown({"member_id": self.trace.given["check_in"]["member_id"], "now": SEVENTH.isoformat()}),
            "account-before": _shown(before),
            "decision": _shown(_decision(decision)),
            "entry": _shown(entry_item(decided)),
            "seal": _shown({name: stored[name] for name in ("previous_hash", "hash")}),
            "account-change": _shown({name: value for name, value in after.items() if before.get(name) != value}),
            "requests": _shown([f"{name}, {items} item{'s' * (items > 1)}" for name, items in self.requests]),
            "answer": _shown(self.answer),
        }


SEVENTH = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)
"""Noon in Shanghai on the seventh day of the member's run."""


@contextmanager
def _opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage with the demo programme and one member with six check-ins behind them."""
    from app import app

    with open_stage(monkeypatch) as stage:
        programme_table.forget()
        for known in (periods.through_on, periods.starts_on):
            known.cache_clear()  # what is remembered of an earlier call would hide a file on the way
        document = json.loads((ROOT / "local/programmes/demo.json").read_text())
        opened = {"version": 1, "document": document, "effective_from": SINCE, "published_by": "walk", "now": SINCE}
        publish(programme_table.open_programme(), **opened)
        logging_in.log_in(
            stage.table,
            logging_in.demo_exchange,
            "demo-walk-0001",
            token=TOKEN,
            new_member_id=MEMBER_ID,
            merge=lambda one, _other: one,
            now=stage.now,
        )
        for _day in range(6):
            assert _check_in(app)["replayed"] is False
            stage.later(days=1)
        assert stage.now == SEVENTH
        yield stage
        programme_table.forget()


def _check_in(app: Any) -> Any:
    return invoke(app, "POST", "/v1/me/check-ins", headers={"Authorization": f"Bearer {TOKEN}"}).data


def walk(monkeypatch: pytest.MonkeyPatch) -> Walked:
    """The seventh check-in through the deployed app, every function of ours and every request noted."""
    from app import app

    requests: list[tuple[str, int]] = []

    def note(model: Any, params: Mapping[str, Any], **_given: Any) -> None:
        asked = json.loads(params["body"])
        tables = asked.get("RequestItems", {}).values()
        items = len(asked.get("TransactItems", ())) or sum(len(table["Keys"]) for table in tables) or 1
        requests.append((model.name, items))

    trace = Trace()
    with _opened(monkeypatch) as stage:
        stage.cloud.meta.events.register("before-call.dynamodb", note)
        watcher = sys.getprofile()
        sys.setprofile(trace)
        try:
            answer = invoke(app, "POST", "/v1/me/check-ins", headers={"Authorization": f"Bearer {TOKEN}"})
        finally:
            sys.setprofile(watcher)
            stage.cloud.meta.events.unregister("before-call.dynamodb", note)
    return Walked(trace, requests, answer.json)


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> Walked:
    return walk(monkeypatch)


def test_the_output_in_the_walk_is_what_a_check_in_gives(walked: Walked) -> None:
    written = dict(_BLOCK.findall(WALK.read_text()))
    found = walked.outputs()

    assert written.keys() == found.keys(), AGAIN
    stale = [name for name, text in found.items() if written[name] != text]
    assert stale == [], f"these blocks of docs/walk.md are stale: {AGAIN}"


def test_the_walk_names_the_five_hops_and_a_check_in_takes_them_in_that_order(walked: Walked) -> None:
    first_entered = list(dict.fromkeys(walked.trace.entered))

    assert tuple(_HOP.findall(WALK.read_text())) == HOPS, "a heading of docs/walk.md is no hop of the test, or late"
    assert [step for step in first_entered if step in HOPS] == list(HOPS)


def test_the_gate_stays_open_around_the_decision(walked: Walked) -> None:
    """The read comes before anything is decided, the write after, in one call of `post` that `check_in` makes."""
    gate = "ledger/table.py", "LedgerTable.post"
    entered = walked.trace.entered

    assert entered.count(gate) == 1
    assert entered.index(HOPS[1]) < entered.index(gate) < entered.index(HOPS[2])
    assert walked.trace.left.index(HOPS[4]) < walked.trace.left.index(gate) < walked.trace.left.index(HOPS[1])


def test_no_file_is_on_the_way_that_the_walk_does_not_name(walked: Walked) -> None:
    beside = set(_BESIDE.findall(WALK.read_text()))

    assert walked.trace.files == {file for file, _ in HOPS} | beside


def test_every_file_and_function_that_the_walk_names_exists() -> None:
    missing = []
    for file, name in _NAMED.findall(WALK.read_text()):
        path = ROOT / "chalicelib" / file
        source = path.read_text() if path.is_file() else ""
        if not source or (name and f"def {name.rpartition('.')[2]}(" not in source):
            missing.append(f"{file} {name}")

    assert missing == []


def _decision(decision: Decision) -> dict[str, Any]:
    """What hop 3 answers, in plain values."""
    awards = [
        {
            "rule": award.rule,
            "points": award.points,
            "class": award.points_class,
            "bucket": award.bucket(SEVENTH.date()),
            "breakdown": [part._asdict() for part in award.breakdown],
            "counts": [one._asdict() for one in award.counts],
        }
        for award in decision.awards
    ]
    return {"awards": awards, "refused": list(decision.refused), "progress": list(decision.progress)}


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> str:
    """Bytes are hashes here: their beginning will do."""
    return f"{value.hex()[:16]}…" if isinstance(value, bytes) else str(value)


def _write_anew() -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        outputs = walk(monkeypatch).outputs()

    def anew(found: re.Match[str]) -> str:
        return f"<!-- output: {found[1]} -->\n```json\n{outputs[found[1]]}```"

    WALK.write_text(_BLOCK.sub(anew, WALK.read_text()))


if __name__ == "__main__":
    _write_anew()
