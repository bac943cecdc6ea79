"""The example of an event in docs/api.md against what is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.connect.webhooks.kinds import event_body
from tests.connect.webhooks.conftest import Hooks


def shape(value: Any) -> Any:
    return {name: shape(part) for name, part in value.items()} if isinstance(value, dict) else type(value)


def test_the_event_that_is_shown_has_the_fields_of_one_that_is_sent(hooks: Hooks) -> None:
    text = (Path(__file__).parents[3] / "docs/api.md").read_text()
    shown = json.loads(text.partition("<!-- webhook -->\n```json\n")[2].partition("```")[0])

    sent = json.loads(event_body(hooks.earn(), "points.earned"))

    assert shape(shown) == shape(sent)
    assert list(shown["data"]) == list(sent["data"])


def test_a_change_of_the_level_says_from_which_to_which(hooks: Hooks) -> None:
    entry = hooks.earn()._replace(level_before="silver", level_after="gold")

    data = json.loads(event_body(entry, "level.changed"))["data"]

    assert (data["level_before"], data["level_after"]) == ("silver", "gold")
