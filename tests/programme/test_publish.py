"""Publishing: the next version or none, notice for what is worse, and what decisions read afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme import items
from chalicelib.programme import table as programme_table
from chalicelib.programme.table import ProgrammeTable, VersionShelf
from chalicelib.programme.warnings import Forecast
from chalicelib.runtime.dynamo import encode_item
from tests.programme.published import NOON, all_items, open_table, published, small

IN_A_MONTH = NOON + timedelta(days=30)


@pytest.fixture
def table() -> Iterator[ProgrammeTable]:
    with open_table() as opened:
        yield opened


def calls_of(table: ProgrammeTable) -> list[str]:
    """The calls since this was asked last."""
    calls = list(table.dynamo.calls)
    table.dynamo.calls.clear()
    return calls


def refusal_of(error: pytest.ExceptionInfo[JifenError]) -> tuple[Code, str | None]:
    return error.value.code, error.value.field


def test_the_first_version_needs_no_notice(table: ProgrammeTable) -> None:
    done = published(table, note="开张")

    assert (done.version, done.replayed) == (1, False)
    (heading,) = table.headings()
    assert (heading.name, heading.rules, heading.published_by, heading.note) == ("小方案", 3, "s1", "开张")


def test_publishing_again_is_a_repeat_and_writes_nothing(table: ProgrammeTable) -> None:
    first = published(table)
    before = all_items(table)

    again = published(table, now=NOON + timedelta(hours=1))

    assert again == first._replace(replayed=True)
    assert all_items(table) == before


def test_another_document_under_a_taken_number_is_refused(table: ProgrammeTable) -> None:
    published(table)

    with pytest.raises(JifenError) as refused:
        published(table, changes={"name": "另一个"})

    assert refusal_of(refused) == (Code.VERSION_TAKEN, "version")


def test_a_number_cannot_be_left_out(table: ProgrammeTable) -> None:
    with pytest.raises(JifenError) as refused:
        published(table, version=2)

    assert refusal_of(refused) == (Code.VERSION_TAKEN, "version")


def test_better_terms_may_begin_at_once(table: ProgrammeTable) -> None:
    published(table)

    done = published(table, 2, {"rules.2.amount.points": 6})

    assert done.version == 2
    standing = table.book(NOON).at(NOON)
    assert standing is not None
    assert standing.version == 2


def test_worse_terms_need_their_notice_and_the_refusal_names_them(table: ProgrammeTable) -> None:
    published(table)
    before = all_items(table)
    worse = {"rules.2.amount.points": 4, "point_value.fen": 90}

    with pytest.raises(JifenError) as refused:
        published(table, 2, worse, effective_from=IN_A_MONTH - timedelta(milliseconds=1))

    assert refusal_of(refused) == (Code.NOTICE_TOO_SHORT, "point_value")
    assert "rules.review.amount.points" in refused.value.msg
    assert "2026-04-02T00:00:00+08:00" in refused.value.msg
    assert all_items(table) == before
    assert published(table, 2, worse, effective_from=IN_A_MONTH).version == 2


def test_a_late_repeat_of_worse_terms_is_a_repeat_and_no_short_notice(table: ProgrammeTable) -> None:
    published(table)
    worse = {"rules.2.amount.points": 4}
    published(table, 2, worse, effective_from=IN_A_MONTH)

    again = published(table, 2, worse, effective_from=IN_A_MONTH, now=NOON + timedelta(days=29))

    assert again.replayed


def test_the_notice_is_the_standing_versions_not_the_new_ones(table: ProgrammeTable) -> None:
    published(table)

    with pytest.raises(JifenError) as refused:
        published(table, 2, {"notice_days": 0, "rules.2.amount.points": 4})

    assert refusal_of(refused) == (Code.NOTICE_TOO_SHORT, "notice_days")


def test_a_programme_without_notice_may_worsen_at_once(table: ProgrammeTable) -> None:
    published(table, changes={"notice_days": 0})

    assert published(table, 2, {"notice_days": 0, "rules.2.amount.points": 4}).version == 2


def test_a_standing_budget_keeps_its_number_of_shards(table: ProgrammeTable) -> None:
    budget = {"id": "orders", "points": 8000, "period": "month", "rules": ["order"], "shards": 4}
    published(table, changes={"budgets": [budget]})
    resharded = {"budgets": [{**budget, "shards": 8}]}

    with pytest.raises(JifenError) as refused:
        published(table, 2, resharded, effective_from=IN_A_MONTH)

    assert refusal_of(refused) == (Code.INVALID_TERMS, "budgets.0.shards")
    renamed = {"budgets": [{**budget, "shards": 8, "id": "more_orders"}]}
    assert published(table, 2, renamed, effective_from=IN_A_MONTH).version == 2


def test_a_budget_that_was_away_for_a_version_comes_back_with_its_number_of_shards(table: ProgrammeTable) -> None:
    budget = {"id": "orders", "points": 8000, "period": "month", "rules": ["order"], "shards": 4}
    published(table, changes={"budgets": [budget]})
    for version in (2, 3):
        published(table, version, {"name": f"第{version}版"})

    with pytest.raises(JifenError) as refused:
        published(table, 4, {"budgets": [{**budget, "shards": 8}]}, effective_from=IN_A_MONTH)

    assert refusal_of(refused) == (Code.INVALID_TERMS, "budgets.0.shards")
    assert published(table, 4, {"budgets": [budget]}, effective_from=IN_A_MONTH).version == 4


def test_no_version_before_the_newest_is_read_for_the_budgets_that_stand(table: ProgrammeTable) -> None:
    budget = {"id": "orders", "points": 8000, "period": "month", "rules": ["order"]}

    def calls_to_publish(version: int, *budgets: dict[str, Any], effective_from: datetime = NOON) -> int:
        calls_of(table)
        published(table, version, {"budgets": list(budgets), "name": f"第{version}版"}, effective_from=effective_from)
        return len(calls_of(table))

    calls_to_publish(1, budget)
    standing = [calls_to_publish(version, budget) for version in (2, 3, 4)]

    assert len(set(standing)) == 1
    more = {**budget, "id": "more"}
    assert calls_to_publish(5, budget, more, effective_from=IN_A_MONTH) == standing[0] + 3


def test_a_version_cannot_begin_before_the_one_it_follows(table: ProgrammeTable) -> None:
    published(table)

    with pytest.raises(JifenError) as refused:
        published(table, 2, effective_from=NOON - timedelta(seconds=1))

    assert refusal_of(refused) == (Code.INVALID_REQUEST, "effective_from")


def test_of_two_at_once_one_is_refused_and_leaves_nothing_behind(
    table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(table)
    put_version = ProgrammeTable.put_version

    def overtaken(self: ProgrammeTable, *given: Any, **named: Any) -> bool:
        monkeypatch.setattr(ProgrammeTable, "put_version", put_version)
        published(table, 2, {"name": "更快的"})
        return put_version(self, *given, **named)

    monkeypatch.setattr(ProgrammeTable, "put_version", overtaken)
    with pytest.raises(JifenError) as refused:
        published(table, 2, {"name": "更慢的"})

    assert refusal_of(refused) == (Code.VERSION_TAKEN, "version")
    assert [heading.name for heading in table.headings()] == ["更快的", "小方案"]
    edition = table.edition(2)
    assert edition is not None
    assert edition.document["name"] == "更快的"


def test_a_document_that_no_item_could_hold_is_refused_clearly(table: ProgrammeTable) -> None:
    rule = small()["rules"][2]
    many = [f"m{number:024x}" + "x" * 38 for number in range(1000)]
    rules = [
        {**rule, "id": f"r{place}", "name": "试行", "trial": {"members": many}, "activity": "review"}
        for place in range(8)
    ]
    document = {"rules": rules, "caps": []}

    with pytest.raises(JifenError) as refused:
        published(table, changes=document)

    assert refused.value.code in (Code.BODY_TOO_LARGE, Code.INVALID_TERMS)
    with pytest.raises(JifenError) as refused:
        items.document_text({"x": "积" * items.MAX_DOCUMENT_BYTES})
    assert refusal_of(refused) == (Code.BODY_TOO_LARGE, "document")
    assert all_items(table) == []


def test_one_query_reads_the_standing_and_the_coming_versions_and_each_document_once(table: ProgrammeTable) -> None:
    for version in range(1, 6):
        published(table, version, {"name": f"第{version}版"}, effective_from=NOON + timedelta(days=version))
    shelf = VersionShelf(table)
    calls_of(table)

    book = table.book(NOON + timedelta(days=4), shelf)

    assert [terms.version for terms in book.versions] == [4, 5]
    assert calls_of(table) == ["query"] * 3
    table.book(NOON + timedelta(days=4), shelf)
    assert calls_of(table) == ["query"]


def test_an_old_version_is_read_when_it_is_asked_for_and_only_once(table: ProgrammeTable) -> None:
    for version in range(1, 5):
        published(table, version, {"name": f"第{version}版"}, effective_from=NOON + timedelta(days=version))
    book = table.book(NOON + timedelta(days=9))
    calls_of(table)

    found = [book.at(NOON + timedelta(days=days)) for days in (9, 2, 2, 0, -5)]

    assert [terms.version for terms in found if terms] == [4, 2, 2, 1, 1]
    assert calls_of(table) == ["query"] * 3
    assert book.version(2).programme.name == "第2版"
    assert calls_of(table) == []
    with pytest.raises(KeyError):
        book.version(7)


def test_many_versions_are_read_in_one_query_and_all_of_them_are_found(
    table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programme_table, "HEADINGS_A_QUERY", 3)
    for version in range(1, 9):
        table.put_version(version, small({"name": f"第{version}版"}), NOON + timedelta(days=version), "s1", NOON)
    shelf = VersionShelf(table)

    everything = table.book(shelf=shelf)
    calls_of(table)
    late = table.book(NOON + timedelta(days=99), shelf)

    assert [terms.version for terms in everything.versions] == list(range(1, 9))
    assert [terms.version for terms in late.versions] == [8]
    assert calls_of(table) == ["query"]
    first = late.at(NOON + timedelta(days=1))
    assert first is not None
    assert first.version == 1


def test_a_version_of_before_documents_had_items_of_their_own_is_still_read(table: ProgrammeTable) -> None:
    document = small()
    item = {
        "pk": "TERMS",
        "sk": "V#000001",
        "version": 1,
        "effective_from": "2026-03-02T04:00:00.000Z",
        "document": items.document_text(document),
        "hash": "x",
        "published_by": "s0",
        "published_at": "2026-03-02T04:00:00.000Z",
    }
    table.dynamo.put_item(TableName=table.name, Item=encode_item(item))

    standing = table.book(NOON).at(NOON)

    assert standing is not None
    assert standing.programme.name == "小方案"
    assert (table.headings()[0].name, table.headings()[0].rules) == ("小方案", 3)
    assert published(table, 2, {"name": "新"}).version == 2


def test_history_is_read_newest_first_in_pages(table: ProgrammeTable) -> None:
    for version in range(1, 4):
        published(table, version, {"name": f"第{version}版"})

    assert [heading.version for heading in table.headings(limit=2)] == [3, 2]
    assert [heading.version for heading in table.headings(before=2)] == [1]
    assert table.headings(before=1) == []


def test_a_warning_is_kept_with_its_version(table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.programme import publish as module
    from chalicelib.programme.warnings import Warning

    warning = {"path": "rules.0", "code": "never", "text": "永远不会"}
    monkeypatch.setattr(module, "warnings", lambda _programme, _forecast=None, *, today_on: (Warning(**warning),))

    first = published(table)
    again = published(table)

    edition = table.edition(1)
    assert first.warnings == again.warnings == (warning,)
    assert edition is not None
    assert edition.warnings == (warning,)


def test_a_programme_with_budgets_that_was_never_simulated_is_named(table: ProgrammeTable) -> None:
    budget = {"id": "orders", "points": 10**9, "period": "month", "rules": ["order"]}

    assert published(table).warnings == ()
    simulated = published(table, 2, {"budgets": [budget]}, effective_from=IN_A_MONTH, forecast=Forecast(30, {}))
    assert simulated.warnings == ()
    blind = published(table, 3, {"budgets": [budget], "name": "三"}, effective_from=IN_A_MONTH)
    assert [one["code"] for one in blind.warnings] == ["not_simulated"]


def test_an_instant_before_the_first_version_has_the_first_one(table: ProgrammeTable) -> None:
    assert table.book(NOON).at(NOON) is None
    published(table, effective_from=NOON + timedelta(days=3))

    found = table.book(NOON).at(datetime.fromisoformat("2020-01-01T00:00:00+00:00"))

    assert found is not None
    assert found.version == 1
