"""The programme page (积分概况说明): the published terms in words for members, and what changes next. Pure.

Only what members may know: rules that are disabled or on trial, budgets and what staff may do are left out, also of the
changes to come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.programme import words
from chalicelib.programme.claims import claim_words
from chalicelib.programme.deduction import deduction_words
from chalicelib.programme.difference import difference_in_words, lines, plain
from chalicelib.programme.level_words import growth_words, level_words, privilege_words
from chalicelib.programme.model import Terms
from chalicelib.programme.stage_words import stage_lines, stages_for_members
from chalicelib.runtime.clock import in_zone

INNER = ("budgets", "adjustment", "max_shown_rules", "indicators")
"""Parts of a document that are not for members."""


class Section(NamedTuple):
    """A heading and its lines."""

    title: str
    lines: list[str]


def programme_page(terms: Terms, following: Sequence[Terms]) -> tuple[Section, ...]:
    """The sections of one version; `following` are the versions after it, oldest first."""
    document = for_members(terms)
    rules = document["rules"]
    levels = [rule for rule in rules if _is_level_multiplier(rule)]
    sections = [
        Section("积分价值", [words.value_words(document["point_value"])]),
        *(_rule_section(rule, document, terms.paused) for rule in rules if rule not in levels),
        Section("等级倍率", [_level_line(rule, document, terms.paused) for rule in levels]),
        Section("成长值", growth_words(document["growth"])),
        Section("会员等级", level_words(document["levels"])),
        Section("等级权益", privilege_words(document["levels"])),
        Section("会员阶段", stage_lines(document)),
        Section("任务", _task_lines(document, terms.paused)),
        Section("合计上限", _shared_caps(document)),
        Section("转赠", words.transfer_words(document["transfer"])),
        Section("积分抵扣", deduction_words(document["deduction"], document["point_value"])),
        Section("订单认领", claim_words(document["claims"])),
        Section("退款", words.refund_words(document["reversal"], document["grace_days"])),
        Section("方案调整", words.notice_words(document["notice_days"])),
        *_changes(terms, following),
    ]
    return tuple(section for section in sections if section.lines)


def for_members(terms: Terms) -> dict[str, Any]:
    """The plain document without what is not for members."""
    whole = plain(terms.programme)
    document = {name: value for name, value in whole.items() if name not in INNER}
    names = words.names_of_activities(whole)  # tasks name behaviours; the list of all that is watched stays inside
    # What a penalty takes off is decided by people, case by case: it is no way to earn.
    penalties = {one["id"] for one in whole["indicators"] if one["penalty"]}
    open_rules = [rule for rule in document["rules"] if rule["enabled"] and not rule["trial"]]
    rules = [rule for rule in open_rules if rule["activity"] not in penalties]
    open_tasks = [task for task in document["tasks"] if task["enabled"] and not task["trial"]]
    tasks = [{**task, "activity": names.get(task["activity"], "")} for task in open_tasks]
    shown = {one["id"] for one in (*rules, *tasks)}
    caps = [cap for cap in document["caps"] if shown & set(cap["rules"])]
    stages = stages_for_members(whole)
    return {**document, "rules": rules, "tasks": tasks, "caps": caps, "stages": stages}


def _is_level_multiplier(rule: Mapping[str, Any]) -> bool:
    amount = rule["amount"]
    return bool(amount["kind"] == "multiplier" and amount["group"] == "level")


def _rule_section(rule: Mapping[str, Any], document: Mapping[str, Any], paused: frozenset[str]) -> Section:
    is_multiplier = rule["amount"]["kind"] == "multiplier"  # it pays in the lot of the points it multiplies
    told = [
        *(["本规则暂停中,恢复前不发放积分"] if rule["id"] in paused else []),
        *words.earning_words(rule["amount"]),
        *words.condition_words(rule["when"], words.names_of_levels(document)),
        *words.cap_words(rule["caps"]),
        *([] if is_multiplier else words.pending_words(rule["pending"])),
        *([] if is_multiplier else [words.validity_words(rule["validity"], document["idle_months"])]),
        *([rule["text"]] if rule["text"] and "{" not in rule["text"] else []),  # figures are filled in elsewhere
    ]
    return Section(rule["name"], told)


def _level_line(rule: Mapping[str, Any], document: Mapping[str, Any], paused: frozenset[str]) -> str:
    others = words.condition_words({**rule["when"], "levels": ()}, words.names_of_levels(document))
    stopped = "(暂停中)" if rule["id"] in paused else ""
    return ",".join([f"{rule['name']}:积分{words.times(rule['amount']['bp'])}", *others]) + stopped


def _task_lines(document: Mapping[str, Any], paused: frozenset[str]) -> list[str]:
    found = []
    for task in document["tasks"]:
        validity = words.validity_words(task["validity"], document["idle_months"])
        conditions = words.condition_words(task["when"], words.names_of_levels(document))
        stopped = "(暂停中)" if task["id"] in paused else ""
        found.append(f"{task['name']}:" + ",".join([words.task_words(task, {}), *conditions, validity]) + stopped)
    return found


def _shared_caps(document: Mapping[str, Any]) -> list[str]:
    names = words.names_of_earners(document)
    return [words.shared_cap_words(cap, names) for cap in document["caps"]]


def _changes(terms: Terms, following: Sequence[Terms]) -> list[Section]:
    sections = []
    before = terms
    for after in following:
        changes = lines(difference_in_words(for_members(before), for_members(after)))
        begins = in_zone(after.effective_from, after.zone)
        sections.append(Section(f"变更预告:{begins}起执行第{after.version}版", changes or ["内容不变"]))
        before = after
    return sections
