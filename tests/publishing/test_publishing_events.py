from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from chalicelib.publishing import events, send_due
from chalicelib.publishing.table import PublishingTable
from tests.publishing.plans import approved


def event_at(time: str) -> dict[str, Any]:
    """What EventBridge sends for a scheduled rule."""
    return {
        "version": "0",
        "id": "1",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time,
        "region": "cn-north-1",
        "resources": [],
        "detail": {},
    }


def test_now_is_the_events_own_time(table: PublishingTable) -> None:
    approved(table)

    assert events.send_due_issues(event_at("2026-03-04T11:59:00Z"), None)["sent"] == 0
    assert events.send_due_issues(event_at("2026-03-04T12:00:00Z"), None)["sent"] == 1


def test_an_unfinished_sweep_ends_in_an_error_that_an_alarm_can_see(
    table: PublishingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_due, "send_due", lambda _table, now: send_due.Sweep(sent=1, unfinished=1))

    with pytest.raises(events.SweepUnfinished):
        events.send_due_issues(event_at("2026-03-04T12:00:00Z"), None)


@pytest.mark.parametrize("name", ["send_due_issues", "check_cadence"])
def test_the_handlers_load_without_the_app(name: str) -> None:
    code = f"import sys; from chalicelib.publishing.events import {name}; sys.exit('app' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
