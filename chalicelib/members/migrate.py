"""Members of another programme come over: each becomes a member, with his numbers and an open account, in one stroke.

Nothing is half done for anybody: the profile, the links and the opening stand together or not at all. Whatever is cut
off, doubled or run twice at once, a member is opened once: his id and his entry's key follow from the number he had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, Entry, Posting, start_of
from chalicelib.ledger.opening import ACTIVITY, cause_of, opened
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.members.conversion import Basis
from chalicelib.members.migration import Brought
from chalicelib.members.model import Link, Member
from chalicelib.members.table import MembersTable
from chalicelib.runtime.dynamo import MAX_BATCH_GET


class Refused(NamedTuple):
    """A member who could not be opened, and why, in Chinese."""

    row: int
    reason: str


class Run(NamedTuple):
    """What became of some members."""

    opened: int
    replayed: int
    """Opened before, with the very same content."""
    refused: tuple[Refused, ...]


def migrate(
    brought: Sequence[Brought], basis: Basis, *, table: MembersTable, ledger: LedgerTable, workers: int = 1
) -> Iterator[Run]:
    """Open everybody's account, a hundred members a step, several steps side by side; a run that was cut off is run
    again.

    Raises what the tables raise beyond a refusal of one member; what is done then stands.
    """
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(lambda some: _open(some, basis, table, ledger), _hundreds(brought))
    finally:
        pool.shutdown(cancel_futures=True)


def open_member(one: Brought, basis: Basis, *, table: MembersTable, ledger: LedgerTable) -> bool:
    """Make one member with an open account, in one transaction; False when that stands already.

    Raises KEY_REUSED when the account was opened with another content, IDENTITY_TAKEN when one of the identities is
    another member's, BUSY.
    """
    opening, terms = one.opening, basis.terms.ledger
    registered_at = start_of(opening.joined_on, terms.zone)
    member = Member(opening.member_id, registered_at, identity_count=len(one.identities))
    writes = table.new_member(member, one.identities, Link(opening.member_id, ACTIVITY, basis.opened_at))
    also = tuple(Also(write, JifenError(Code.IDENTITY_TAKEN)) for write in writes)

    def decide(seen: Seen) -> Posting:
        return opened(seen.account, opening, terms, basis.opened_at)._replace(also=also)

    return not ledger.post(opening.member_id, decide).replayed


def standing(brought: Sequence[Brought], basis: Basis, *, ledger: LedgerTable) -> Iterator[Entry]:
    """The opening entries that the journal has of these members, strongly read; who has none is left out."""
    for some in _hundreds(brought):
        yield from _standing(some, basis, ledger).values()


def _hundreds(brought: Sequence[Brought]) -> Iterator[Sequence[Brought]]:
    for start in range(0, len(brought), MAX_BATCH_GET):
        yield brought[start : start + MAX_BATCH_GET]


def _standing(some: Sequence[Brought], basis: Basis, ledger: LedgerTable) -> dict[str, Entry]:
    causes = ((one.opening, cause_of(one.opening, basis.opened_at, basis.terms.zone)) for one in some)
    return ledger.entries_at([(opening.member_id, cause.key) for opening, cause in causes])


def _open(some: Sequence[Brought], basis: Basis, table: MembersTable, ledger: LedgerTable) -> Run:
    known = _standing(some, basis, ledger)
    done, replayed = 0, 0
    refused: list[Refused] = []
    for one in some:
        entry = known.get(one.opening.member_id)
        try:
            if entry is None:
                is_new = open_member(one, basis, table=table, ledger=ledger)
                done, replayed = done + is_new, replayed + (not is_new)
            else:
                _require_same(one, entry, basis)
                replayed += 1
        except JifenError as error:
            refused.append(Refused(one.row, error.msg))
    return Run(done, replayed, tuple(refused))


def _require_same(one: Brought, entry: Entry, basis: Basis) -> None:
    if entry.cause.input_hash != cause_of(one.opening, basis.opened_at, basis.terms.zone).input_hash:
        raise JifenError(Code.KEY_REUSED, "这位会员已经转入,这次的内容与当时不同")
