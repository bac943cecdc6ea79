"""`make migrate FILE= RATIO=old:new [DRY=1] [NEVER=1] [STAGE=local] [WORKERS=4]`: a brand's members into a stage.

DRY writes nothing and says what would be. A run that was cut off is simply run again, also several at once: every
member is opened once. Afterwards the sums of the file are held against those of the journal. Exit code 0: all of the
file is in and agrees; 2: some rows were refused; 1: nothing was read, or something does not agree.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import JifenError
from chalicelib.ledger.model import Account
from chalicelib.ledger.opening import Totals, differences, opened, totals, totals_of
from chalicelib.ledger.table import open_ledger
from chalicelib.members.conversion import Basis, Ratio, ratio_of
from chalicelib.members.migrate import Run, migrate, standing
from chalicelib.members.migration import Plan, plan
from chalicelib.members.migration_sheet import read_members
from chalicelib.members.model import Migration
from chalicelib.members.table import open_members
from chalicelib.programme.table import terms_at
from chalicelib.runtime import clock
from chalicelib.runtime.settings import settings
from local import say
from local.in_process import adopted, find_stack
from local.places import Mend
from local.progress import Progress

MOST_SHOWN = 200
WORKERS = 4
RESTS_S = (2, 10, 30, 60)
"""How long a stage that does not answer is waited for, before the run ends and is for people to start again."""


def run(raw: bytes, ratio: Ratio, *, dry: bool, never: bool = False, workers: int = WORKERS) -> int:
    """Read a file, report, and unless `dry` open every account in the stage this process has adopted; the exit code.

    Raises JifenError when the file is no list of members or nothing is published, Mend when the stage was begun at
    another ratio.
    """
    sheet = read_members(raw)
    if sheet.ignored:
        say.line(f"  columns not used, nothing of them is kept: {'、'.join(sheet.ignored)}")
    table = open_members()
    begun = table.migration() or Migration(clock.utc_now(), ratio.old, ratio.new, never)
    _require_same(begun, ratio, never)
    basis = Basis(settings().stage, ratio, begun.opened_at, terms_at(begun.opened_at), never)
    planned = plan(sheet, basis)
    expected = _expected(planned, basis)
    _report(planned, basis, expected)
    rejected = 2 if planned.refused else 0
    if dry or not planned.brought:
        say.line("  nothing was written")
        return rejected
    if table.begin_migration(begun) != begun:
        raise Mend("another run began at the same moment: run it again, it goes on together with that one")
    refused = _open(planned, basis, workers)
    return 1 if _disagree(planned, basis, expected) or refused else rejected


def _require_same(begun: Migration, ratio: Ratio, never: bool) -> None:
    if (begun.old_points, begun.new_points) != ratio:
        raise Mend(f"this stage was opened at RATIO={begun.old_points}:{begun.new_points}: it cannot change any more")
    if begun.never != never:
        raise Mend(f"this stage was opened {'with' if begun.never else 'without'} NEVER=1: it cannot change any more")


def _expected(planned: Plan, basis: Basis) -> Totals:
    """What the file comes to: its points and growth, and the level that each member has with them."""
    return totals(
        (one.opening.buckets, one.opening.growth, entry.level_after)
        for one in planned.brought
        for entry in opened(
            Account(one.opening.member_id, ""), one.opening, basis.terms.ledger, basis.opened_at
        ).entries
    )


def _report(planned: Plan, basis: Basis, expected: Totals) -> None:
    ratio, unit = basis.ratio, basis.ratio.unit
    say.line(f"  opening day {basis.opened_on}; {ratio.old} old points become {ratio.new}")
    say.line(f"  {planned.rows:,} rows, {expected.members:,} members, {len(planned.refused):,} rows refused")
    say.line("  class        last month          old points       points")
    for key in sorted({*planned.old_points, *expected.points}):
        old, new = _decimals(planned.old_points.get(key, 0)), f"{expected.points.get(key, 0):,}"
        say.line(f"  {key[0]:12} {key[1]:10} {old:>20} {new:>12}")
    old, new = _decimals(sum(planned.old_points.values())), f"{sum(expected.points.values()):,}"
    say.line(f"  {'all':12} {'':10} {old:>20} {new:>12}")
    away, rest = divmod(planned.rounded_away, unit)
    say.line(f"  rounded away {away:,} and {rest:,}/{unit:,} points")
    for key, hundredths in sorted(planned.expired_points.items()):
        say.line(f"  {key[0]:12} {key[1]:10} {_decimals(hundredths):>20}  ended before the opening, not brought")
    say.line(f"  growth {expected.growth:,}")
    for level, members in _levels(basis, expected.levels):
        say.line(f"  level {level}: {members:,} members")
    for one in planned.refused[:MOST_SHOWN]:
        say.line(f"  第{one.number}行{f'「{one.column}」' if one.column else ''}{one.reason}")
    if len(planned.refused) > MOST_SHOWN:
        say.line(f"  … {len(planned.refused) - MOST_SHOWN:,} more rows are refused")


def _levels(basis: Basis, counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Levels by their names, in the programme's order; who has none has the first."""
    levels = basis.terms.programme.levels
    names = {level.id: level.name for level in levels.levels} if levels else {}
    first = next(iter(names), "")
    merged = Counter({first: counts.get("", 0)}) + Counter({level: n for level, n in counts.items() if level})
    return [(f"{names[level]} ({level})" if level else "-", merged[level]) for level in names or [""] if merged[level]]


def _decimals(hundredths: int) -> str:
    return f"{hundredths // 100:,}.{hundredths % 100:02d}"


def _open(planned: Plan, basis: Basis, workers: int) -> int:
    """Open all accounts and print how that went; how many were refused."""
    bar = Progress("members", len(planned.brought))
    began, counts, shown = time.monotonic(), Counter[str](), 0
    for done in _patiently(planned, basis, workers):
        counts.update(opened=done.opened, replayed=done.replayed, refused=len(done.refused))
        for one in done.refused[: max(0, MOST_SHOWN - shown)]:
            say.line(f"  第{one.row}行起的会员没有转入:{one.reason}")
        shown += len(done.refused)
        bar.advance(counts.total())
    seconds = max(time.monotonic() - began, 0.001)
    say.line(f"  {counts['opened']:,} opened, {counts['replayed']:,} were open, {counts['refused']:,} refused")
    say.line(f"  {counts.total() / seconds:,.0f} members a second, {_peak_mb():,.0f} MB at most")
    return counts["refused"]


def _patiently(planned: Plan, basis: Basis, workers: int) -> Iterator[Run]:
    """`migrate`, taken up again where it was when the stage did not answer for a while."""
    ahead, rests_s = 0, list(RESTS_S)
    while True:
        try:
            for done in migrate(
                planned.brought[ahead:], basis, table=open_members(), ledger=open_ledger(), workers=workers
            ):
                ahead, rests_s = ahead + done.opened + done.replayed + len(done.refused), list(RESTS_S)
                yield done
        except (BotoCoreError, ClientError) as error:
            if not rests_s:
                raise
            say.line(f"  the stage did not answer ({type(error).__name__}): again in {rests_s[0]} s")
            time.sleep(rests_s.pop(0))
        else:
            return


def _disagree(planned: Plan, basis: Basis, expected: Totals) -> bool:
    """Hold the file's sums against those of the opening entries that stand, and print what differs."""
    found = totals_of(standing(planned.brought, basis, ledger=open_ledger()))
    differing = differences(expected, found)
    for what, of_file, of_journal in differing:
        say.line(f"  {what}: {of_file:,} in the file, {of_journal:,} in the journal")
    say.line("  file and journal do not agree" if differing else "  file and journal agree")
    return bool(differing)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024  # bytes there, kilobytes here


def _run(file: Path, ratio: str, stage: str, *, dry: bool, never: bool, workers: int) -> int:
    try:
        at = ratio_of(ratio)
    except ValueError as error:
        raise Mend(f"RATIO is {ratio!r}: {error} (ten old points become one)") from None
    if not 1 <= workers <= 32:
        raise Mend(f"WORKERS is {workers}: from 1 to 32")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Mend(f"FILE={file} cannot be read: {error.strerror}") from None
    with adopted(find_stack(stage)):
        return run(raw, at, dry=dry, never=never, workers=workers)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.migrate", description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--ratio", required=True, help="old:new, 10:1 makes one point of ten")
    parser.add_argument("--stage", default="local")
    parser.add_argument("--dry", action="store_true", help="report only, write nothing")
    parser.add_argument("--never", action="store_true", help="points without a last day have no end")
    parser.add_argument("--workers", type=int, default=WORKERS)
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen.file, chosen.ratio, chosen.stage, dry=chosen.dry, never=chosen.never, workers=chosen.workers)
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 1
    except (BotoCoreError, ClientError) as error:
        say.trouble(f"the stage could not be reached: {error!r}; the same command goes on from here")
        return 1
    except KeyboardInterrupt:
        say.trouble("interrupted: the same command goes on from here")
        return 130


if __name__ == "__main__":
    sys.exit(main())
