"""Drafts: written twice, at once, at another version; and published whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme.drafts import (
    check_draft,
    compare,
    create_draft,
    delete_draft,
    publish_draft,
    read_draft,
    replace_draft,
)
from chalicelib.programme.table import ProgrammeTable
from tests.programme.published import NOON, all_items, open_table, published, small

LATER = NOON + timedelta(hours=1)
BETTER = {"rules.2.amount.points": 6}


@pytest.fixture
def table() -> Iterator[ProgrammeTable]:
    with open_table() as opened:
        yield opened


def write(table: ProgrammeTable, changes: dict[str, Any] | None = None, **given: Any) -> Any:
    named = {"draft_id": "0" * 20, "key": "k1", "by": "s1", "now": NOON, **given}
    return create_draft(table, named.pop("name", "四月"), small(changes), **named)


def change(table: ProgrammeTable, version: int, changes: dict[str, Any], **given: Any) -> Any:
    return replace_draft(
        table, "0" * 20, "四月", small(changes), **{"version": version, "by": "s2", "now": LATER, **given}
    )


def send(table: ProgrammeTable, version: int = 1, effective_from: datetime = LATER, **given: Any) -> Any:
    named = {"note": "提前上线", "by": "admin", "now": LATER, **given}
    return publish_draft(table, "0" * 20, version=version, effective_from=effective_from, **named)


def code_of(call: Any, *given: Any, **named: Any) -> Code:
    with pytest.raises(JifenError) as refused:
        call(*given, **named)
    return refused.value.code


def test_a_draft_is_kept_as_it_was_written_whatever_it_holds(table: ProgrammeTable) -> None:
    create_draft(table, "空", {"rules": 3}, draft_id="0" * 20, key="k", by="s1", now=NOON)

    draft = read_draft(table, "0" * 20)

    assert (draft.version, draft.state, draft.author, draft.document) == (1, "draft", "s1", {"rules": 3})


def test_the_same_key_and_draft_is_a_repeat_and_with_another_draft_an_error(table: ProgrammeTable) -> None:
    first, _ = write(table)
    before = all_items(table)

    assert write(table, draft_id="1" * 20, now=LATER) == (first, True)
    assert code_of(write, table, {"name": "别的"}, draft_id="2" * 20) is Code.KEY_REUSED
    assert all_items(table) == before
    assert write(table, draft_id="3" * 20, by="s2")[1] is False


def test_a_draft_is_replaced_at_the_version_seen_only(table: ProgrammeTable) -> None:
    write(table)

    changed, replayed = change(table, 1, BETTER)

    assert (changed.version, changed.author, changed.updated_by, replayed) == (2, "s1", "s2", False)
    assert code_of(change, table, 1, {"name": "晚了"}) is Code.VERSION_TAKEN
    assert code_of(change, table, 9, {"name": "没见过"}) is Code.VERSION_TAKEN
    assert read_draft(table, "0" * 20) == changed


def test_replacing_it_again_with_the_same_is_a_repeat(table: ProgrammeTable) -> None:
    write(table)
    first, _ = change(table, 1, BETTER)

    assert change(table, 1, BETTER, now=LATER + timedelta(minutes=1)) == (first, True)
    assert code_of(change, table, 1, BETTER, by="s3") is Code.VERSION_TAKEN


def test_of_two_authors_at_once_one_is_refused(table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    write(table)
    save_draft = ProgrammeTable.save_draft

    def overtaken(self: ProgrammeTable, draft: Any) -> None:
        monkeypatch.setattr(ProgrammeTable, "save_draft", save_draft)
        change(table, 1, {"name": "更快的"}, by="s9")
        save_draft(self, draft)

    monkeypatch.setattr(ProgrammeTable, "save_draft", overtaken)

    assert code_of(change, table, 1, {"name": "更慢的"}) is Code.VERSION_TAKEN
    document = read_draft(table, "0" * 20).document
    assert document is not None
    assert document["name"] == "更快的"


def test_a_deleted_draft_is_gone_but_who_deleted_it_is_known(table: ProgrammeTable) -> None:
    write(table)

    assert delete_draft(table, "0" * 20, by="s5", now=LATER)
    assert not delete_draft(table, "0" * 20, by="s5", now=LATER)
    assert code_of(read_draft, table, "0" * 20) is Code.DRAFT_NOT_FOUND
    assert code_of(write, table, draft_id="1" * 20) is Code.DRAFT_NOT_FOUND
    assert table.drafts(below="~", limit=9) == []
    gone = table.draft("0" * 20)
    assert (gone.state, gone.updated_by, gone.document) == ("deleted", "s5", None)


def test_drafts_are_listed_newest_first_without_their_documents(table: ProgrammeTable) -> None:
    for place in range(4):
        write(table, draft_id=f"{place}" * 20, key=f"k{place}", name=f"第{place}份")
    delete_draft(table, "2" * 20, by="s1", now=LATER)

    assert [draft.id[0] for draft in table.drafts(below="~", limit=2)] == ["3", "1"]
    assert [draft.id[0] for draft in table.drafts(below="1" * 20, limit=2)] == ["0"]
    assert all(draft.document is None for draft in table.drafts(below="~", limit=9))


def test_checking_names_the_faults_and_writes_nothing(table: ProgrammeTable) -> None:
    write(table, {"rules.0.amount.points": -1})
    before = all_items(table)

    checked = check_draft(table, "0" * 20, now=LATER)

    assert [fault.path for fault in checked.faults] == ["rules.0.amount.points"]
    assert checked.judged is None
    assert all_items(table) == before


def test_checking_says_what_is_worse_and_when_it_may_begin(table: ProgrammeTable) -> None:
    published(table)
    write(table, {"rules.2.amount.points": 4})

    judged = check_draft(table, "0" * 20, now=LATER).judged

    assert judged is not None
    assert [worse.path for worse in judged.worse] == ["rules.review.amount.points"]
    assert judged.earliest_from == datetime.fromisoformat("2026-04-02T00:00:00+08:00")


def test_a_draft_becomes_the_next_version_and_says_so(table: ProgrammeTable) -> None:
    published(table)
    write(table, BETTER)

    done = send(table)

    assert (done.version, done.replayed) == (2, False)
    heading = table.headings(limit=1)[0]
    assert (heading.version, heading.published_by, heading.note, heading.draft_id) == (2, "admin", "提前上线", "0" * 20)
    draft = read_draft(table, "0" * 20)
    assert (draft.state, draft.version, draft.published_version) == ("published", 2, 2)


def test_publishing_a_draft_again_is_a_repeat_even_after_other_versions(table: ProgrammeTable) -> None:
    write(table)
    send(table)
    published(table, 2, BETTER, effective_from=LATER, now=LATER)
    before = all_items(table)

    again = send(table, now=LATER + timedelta(days=2))

    assert (again.version, again.replayed) == (1, True)
    assert all_items(table) == before
    assert code_of(send, table, effective_from=NOON) is Code.VERSION_TAKEN


def test_only_the_version_that_was_read_is_published(table: ProgrammeTable) -> None:
    write(table)
    change(table, 1, BETTER)
    before = all_items(table)

    assert code_of(send, table, 1) is Code.VERSION_TAKEN
    assert all_items(table) == before
    assert send(table, 2).version == 1


def test_a_draft_that_changes_while_it_is_published_stops_it(
    table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(table)
    put_version = ProgrammeTable.put_version

    def overtaken(self: ProgrammeTable, *given: Any, **named: Any) -> bool:
        monkeypatch.setattr(ProgrammeTable, "put_version", put_version)
        change(table, 1, {"name": "改过的"})
        return put_version(self, *given, **named)

    monkeypatch.setattr(ProgrammeTable, "put_version", overtaken)

    assert code_of(send, table) is Code.VERSION_TAKEN
    assert table.headings() == []
    assert read_draft(table, "0" * 20).state == "draft"


def test_the_same_publication_twice_at_once_is_one_version(
    table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(table)
    write(table, BETTER)
    headings = ProgrammeTable.headings

    def overtaken(self: ProgrammeTable, **named: Any) -> Any:
        monkeypatch.setattr(ProgrammeTable, "headings", headings)
        send(table)
        return headings(self, **named)

    monkeypatch.setattr(ProgrammeTable, "headings", overtaken)
    done = send(table)

    assert (done.version, done.replayed) == (2, True)
    assert [heading.version for heading in table.headings()] == [2, 1]


def test_a_published_draft_is_not_changed_but_may_be_deleted(table: ProgrammeTable) -> None:
    write(table)
    send(table)

    assert code_of(change, table, 2, BETTER) is Code.DRAFT_STATE
    assert delete_draft(table, "0" * 20, by="s1", now=LATER)
    assert table.edition(1) is not None


def test_a_faulty_draft_is_refused_with_the_path(table: ProgrammeTable) -> None:
    write(table, {"zone": "Asia/Nowhere"})
    before = all_items(table)

    assert code_of(send, table) is Code.INVALID_TERMS
    assert all_items(table) == before


def test_documents_that_are_no_programmes_are_compared_by_structure_alone() -> None:
    assert [(change.path, change.kind, change.text) for change in compare({"rules": 1}, {"rules": 2, "name": "x"})] == [
        ("rules", "changed", ""),
        ("name", "added", ""),
    ]
