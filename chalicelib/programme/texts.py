"""A rule's text as one member reads it (会员文案): what stands in braces is filled in from the member's account and the
terms; where that cannot be known, the kind's own words stand in the text's place. Pure.

`{n}` and `{p}` are, by kind: days to the next reward and its points (`streak`, `cumulative`); times done and what the
next one pays (`ladder`); characters to write and what they pay (`by_length`); points alone (`fixed`). `{date}` and
`{time}` belong to a single credit or case: a text with them is never shown beside a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import used
from chalicelib.programme import words
from chalicelib.programme.activity import Standing
from chalicelib.programme.model import Rule
from chalicelib.programme.periods import through_on
from chalicelib.programme.rules.by_length import ByLength
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.fixed import Fixed
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.streak import Streak

OF_A_RULE = ("{n}", "{p}", "{date}", "{time}")
OF_A_TASK = ("{n}", "{p}")

NO_DAYS = CheckInDays()


def problem(text: str, known: Sequence[str]) -> str | None:
    """What is wrong with a text's braces, in Chinese; None when all of them are `known` placeholders."""
    for one in known:
        text = text.replace(one, "")
    return f"里花括号只能用于{'、'.join(known)}" if "{" in text or "}" in text else None


def rule_text(rule: Rule, standing: Standing, days: CheckInDays, on: date) -> str:
    """What a member of this standing and these check-in days reads beside a rule on `on`; it holds no brace."""
    count, points = _figures(rule, standing, days, on)
    return _filled(rule.text, count, points) or ",".join(
        [*words.earning_words(_plain(rule.amount)), *words.pending_words(_plain(rule.pending))]
    )


def penalty_text(rule: Rule, points: int) -> str:
    """What a member reads beside a deduction of so many points; it holds no brace."""
    return _filled(rule.text, None, points) or f"经核实扣{points}分"


def _filled(text: str, count: int | None, points: int | None) -> str:
    """The text with the figures that are known; empty when it needs one that is not."""
    for sign, figure in (("{n}", count), ("{p}", points)):
        if figure is not None:
            text = text.replace(sign, str(figure))
    return "" if "{" in text else text


def _figures(rule: Rule, standing: Standing, days: CheckInDays, on: date) -> tuple[int | None, int | None]:
    """What `{n}` and `{p}` are for a member, None where nobody knows."""
    amount = rule.amount
    if isinstance(amount, Streak | Cumulative):
        return _next_reward(amount, days, on) or (None, None)
    if isinstance(amount, Ladder):
        done = used(standing.counters, amount.counter(rule.id), on)
        points = amount.points_of(done + 1)
        return (done, points) if points else (None, None)
    if isinstance(amount, ByLength):
        return amount.missing(0) or (None, None)
    return None, amount.points if isinstance(amount, Fixed) else None


def _next_reward(amount: Streak | Cumulative, days: CheckInDays, on: date) -> tuple[int, int] | None:
    """(days to go, points) of a reward of the running cycle: a text may well say "this month"."""
    following = amount.next_reward(days, on)
    if following is None or amount.cycle == "run":
        return following
    falls_on = on + timedelta(days=following[0] - (not days.has(on)))
    ends_on = through_on(amount.cycle, on)
    return following if ends_on is None or falls_on <= ends_on else None


def _plain(part: Any) -> Any:
    """A part of a document as it is written there; numbers and texts stay as they are."""
    if isinstance(part, tuple):
        return [_plain(one) for one in part]
    if not hasattr(part, "__dataclass_fields__"):
        return part
    return {part.__named__.get(name, name): _plain(getattr(part, name)) for name in part.__dataclass_fields__}
