"""What of a new version is worse for members, so that it needs notice: value, validity, and what each rule pays. Pure.

Only what members were promised counts: a rule that was disabled, on trial or over by then is nobody's loss. A penalty's
rule is judged the other way round: what it costs them may fall at once, and rise only with notice. Where two terms
cannot be compared (another kind of amount), the change counts as worse. Documents are plain ones (difference.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.ledger.model import business_on, start_of
from chalicelib.ledger.validity import validity_of
from chalicelib.programme.amounts import worse_amount
from chalicelib.programme.claims import worse_claims
from chalicelib.programme.deduction import worse_deduction
from chalicelib.programme.level_notice import worse_levels
from chalicelib.programme.narrowed import narrowed
from chalicelib.programme.stage_notice import worse_stages

Plain = Mapping[str, Any]
SAMPLED_DAYS = 400
"""Validities are compared by the last valid days of credits over more than a year, leap day or not."""
FAR_ON = date.max


class Worse(NamedTuple):
    """A term that is worse for members; ids stand for places in lists."""

    path: str
    before: Any
    after: Any


Found = Iterator[Worse]


def worse_for_members(before: Plain, after: Plain, *, on: date) -> tuple[Worse, ...]:
    """What members lose when `after` follows `before` on the business date `on`."""
    found = [*_fields("", before, after, _PROGRAMME)]
    found += _fields("stacking.", before["stacking"], after["stacking"], _STACKING)
    found += _transfer(before["transfer"], after["transfer"])
    found += _shared("caps", before, after)
    found += _shared("budgets", before, after)
    found += [Worse(*one) for one in (*worse_levels(before, after), *worse_stages(before, after))]
    found += [Worse(*one) for one in worse_claims(before["claims"], after["claims"])]
    found += [Worse(*one) for one in worse_deduction(before["deduction"], after["deduction"])]
    found += _listed("rules", _rewards(before), _rewards(after), on, _rule)
    found += _penalties(_costs(before, on), _costs(after, on), on)
    found += _listed("tasks", before["tasks"], after["tasks"], on, _task)
    return tuple(found)


def earliest_start(now: datetime, notice_days: int, zone: str) -> datetime:
    """The first midnight that leaves members `notice_days` whole days after `now`."""
    return start_of(business_on(now, zone) + timedelta(days=notice_days + 1), zone)


def _fields(path: str, before: Plain, after: Plain, judges: Mapping[str, Callable[[Any, Any], bool]]) -> Found:
    for name, is_worse in judges.items():
        old, new = before[name], after[name]
        if old != new and is_worse(old, new):
            yield Worse(path + name, old, new)


def _falls(before: Any, after: Any) -> bool:
    return bool(after < before)


def _rises(before: Any, after: Any) -> bool:
    return bool(after > before)


def _always(_before: Any, _after: Any) -> bool:
    return True


def _ranked(*names: str) -> Callable[[str, str], bool]:
    """Worse when the later value stands earlier in this list."""
    return lambda before, after: names.index(after) < names.index(before)


_PROGRAMME: Mapping[str, Callable[[Any, Any], bool]] = {
    "point_value": lambda before, after: after["fen"] * before["points"] < before["fen"] * after["points"],
    "reversal": lambda _before, after: after != "waive",
    "grace_days": _falls,
    "idle_months": lambda before, after: after > 0 and (before == 0 or after < before),
    "notice_days": _falls,
}
_STACKING: Mapping[str, Callable[[Any, Any], bool]] = {
    "activities": _ranked("best_one", "add", "multiply"),
    "ceiling_bp": _falls,
}


def _transfer(before: Plain | None, after: Plain | None) -> Found:
    if before and after:
        yield from _fields("transfer.", before, after, {"min_points": _rises})
        yield from _fields("transfer.", before, after, {"max_points_per_day": _falls, "times_per_day": _falls})
    elif before:
        yield Worse("transfer", before, after)


def _shared(name: str, before: Plain, after: Plain) -> Found:
    """Caps of several rules, and budgets: a new one, fewer points, another period, more rules under it."""
    standing = {one["id"]: one for one in before[name]}
    for one in after[name]:
        path = f"{name}.{one['id']}"
        old = standing.get(one["id"])
        if old is None:
            yield Worse(path, None, one)
            continue
        yield from _fields(f"{path}.", old, one, {"points": _falls, "period": _always})
        if set(one["rules"]) - set(old["rules"]):
            yield Worse(f"{path}.rules", old["rules"], one["rules"])


def _rewards(document: Plain) -> list[Plain]:
    """The rules that give members something."""
    penalties = _penalty_ids(document)
    return [rule for rule in document["rules"] if rule["activity"] not in penalties]


def _costs(document: Plain, on: date) -> dict[str, Plain]:
    """The rules by which members may lose points, by id."""
    penalties = _penalty_ids(document)
    return {rule["id"]: rule for rule in document["rules"] if rule["activity"] in penalties and _is_promised(rule, on)}


def _penalty_ids(document: Plain) -> set[str]:
    return {one["id"] for one in document["indicators"] if one["penalty"]}


def _penalties(before: Mapping[str, Plain], after: Mapping[str, Plain], on: date) -> Found:
    """A penalty that begins, costs more, or gives back for a shorter time what an appeal wins."""
    for rule_id, new in after.items():
        path, old = f"rules.{rule_id}", before.get(rule_id)
        if old is None:
            yield Worse(path, None, new["name"])
            continue
        yield from _fields(f"{path}.", old, new, {"activity": _always})
        for name, later, earlier in worse_amount(new["amount"], old["amount"]):
            yield Worse(f"{path}.amount.{name}", earlier, later)
        yield from _validity(f"{path}.", old["validity"], new["validity"], on)


def _listed(
    name: str,
    before: Sequence[Plain],
    after: Sequence[Plain],
    on: date,
    compare: Callable[[str, Plain, Plain, date], Found],
) -> Found:
    following = {one["id"]: one for one in after}
    for old in before:
        path = f"{name}.{old['id']}"
        new = following.get(old["id"])
        if not _is_promised(old, on):
            continue
        if new is None:
            yield Worse(path, old["name"], None)
        elif not new["enabled"]:
            yield Worse(f"{path}.enabled", True, False)
        else:
            yield from compare(f"{path}.", old, new, on)


def _is_promised(one: Plain, on: date) -> bool:
    """Whether members can count on a rule or task on that date."""
    until = [(one.get("when") or {}).get("until_on"), one.get("window", {}).get("until_on")]
    is_over = any(end is not None and date.fromisoformat(end) < on for end in until)
    return one["enabled"] and not one.get("trial") and not is_over


def _rule(path: str, old: Plain, new: Plain, on: date) -> Found:
    if new["trial"]:
        yield Worse(f"{path}trial", None, "trial")
    yield from _fields(path, old, new, {"activity": _always})
    yield from (Worse(f"{path}amount.{name}", *values) for name, *values in worse_amount(old["amount"], new["amount"]))
    yield from _caps(path, old["caps"], new["caps"])
    yield from _pending(path, old["pending"], new["pending"])
    yield from (Worse(f"{path}when.{name}", *terms) for name, *terms in narrowed(old["when"], new["when"], on))
    yield from _validity(path, old["validity"], new["validity"], on)


def _task(path: str, old: Plain, new: Plain, on: date) -> Found:
    judges = {"points": _falls, "goal": _rises, "activity": _always, "counts": _always, "window": _shorter_window}
    yield from _fields(path, old, new, judges)
    yield from _fields(path, old, new, {"refund_days": _rises})
    if new["trial"]:
        yield Worse(f"{path}trial", None, "trial")
    yield from (Worse(f"{path}when.{name}", *terms) for name, *terms in narrowed(old["when"], new["when"], on))
    yield from _validity(path, old["validity"], new["validity"], on)


def _shorter_window(before: Plain, after: Plain) -> bool:
    if before["kind"] == after["kind"] == "dates":
        return bool(after["from_on"] > before["from_on"] or after["until_on"] < before["until_on"])
    return True


def _caps(path: str, before: Sequence[Plain], after: Sequence[Plain]) -> Found:
    """Each cap by what it counts and its period: a new one, or a lower one."""
    standing = {(unit, cap["period"]): cap[unit] for cap in before for unit in ("points", "times") if cap.get(unit)}
    for cap in after:
        for unit in ("points", "times"):
            old = standing.get((unit, cap["period"]))
            if cap.get(unit) and (old is None or cap[unit] < old):
                yield Worse(f"{path}caps.{cap['period']}.{unit}", old, cap[unit])


def _pending(path: str, before: Plain | None, after: Plain | None) -> Found:
    if after is None or before == after:
        return
    if before is None or before["kind"] != after["kind"]:
        yield Worse(f"{path}pending", before, after)
        return
    yield from _fields(f"{path}pending.", before, after, {name: _rises for name in before if name != "kind"})


def _validity(path: str, before: Plain, after: Plain, on: date) -> Found:
    if before != after and _is_shorter(before, after, on):
        yield Worse(f"{path}validity", before, after)


def _is_shorter(before: Plain, after: Plain, on: date) -> bool:
    if after["kind"] == "idle":  # never by itself, but soon for whoever stays away
        return True
    old, new = validity_of(before), validity_of(after)
    days = (on + timedelta(days=ahead) for ahead in range(SAMPLED_DAYS))
    return any((new.expires_on(day) or FAR_ON) < (old.expires_on(day) or FAR_ON) for day in days)
