"""The public CDNOW purchase log (Fader and Hardie) as orders: 69,659 purchases by 23,570 customers, 1997-01 to 1998-06.

It is fetched from the pinned `Lifetimes` wheel (MIT) on PyPI, never installed, kept in `.cache/`. One header line, then
columns separated by spaces: customer id, YYYYMMDD, number of CDs, value; the value is read as yuan. The log has no
order numbers: a customer's rows are numbered in the file's order, so rows that are equal stay distinct orders.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.earning.order import Paid
from chalicelib.sheets.cells import fen_of_yuan
from local.places import ROOT, Mend

PLATFORM = "cdnow"
ZONE = ZoneInfo("Asia/Shanghai")
NOON = time(12)
"""The log knows days only; noon is far from either midnight."""
FIRST_ON, LAST_ON = date(1990, 1, 1), date(1998, 12, 31)
"""What a replay can hold: its last night is that of 1999-01-01."""
PACKAGE = "Lifetimes==0.11.3"
WHEEL = "Lifetimes-0.11.3-py3-none-any.whl"
WHEEL_SHA256 = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
LOG_SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
INSIDE = "lifetimes/datasets/CDNOW_master.txt"
CACHE = ROOT / ".cache"
_LINE = re.compile(r"([0-9]{1,10}) +([0-9]{8}) +([0-9]+) +([0-9]{1,7}(?:\.[0-9]{1,2})?)")


def log_file(given: Path | None = None) -> Path:
    """The log as a file: `given`, else the one from the wheel, downloaded once. Raises Mend."""
    if given is not None:
        if not given.is_file():
            raise Mend(f"{given} is no file: FILE= names a log in the format of {INSIDE}")
        return given
    kept = CACHE / "CDNOW_master.txt"
    if not kept.exists():
        CACHE.mkdir(exist_ok=True)
        unfinished = kept.with_suffix(".new")
        with zipfile.ZipFile(_wheel()) as wheel:
            unfinished.write_bytes(wheel.read(INSIDE))
        unfinished.rename(kept)
    return kept


def read_log(file: Path, customers: int | None = None) -> list[Paid]:
    """Every purchase in the file's order, or those of its first so many customers.

    Raises Mend at a line of another form.
    """
    numbered: Counter[str] = Counter()
    orders: list[Paid] = []
    platform = _platform(file)
    for number, line in _lines(file):
        matched = _LINE.fullmatch(line)
        day = _day(matched[2]) if matched else None
        if matched is None or day is None or not FIRST_ON <= day <= LAST_ON:
            raise Mend(f"{file} line {number} is no purchase from {FIRST_ON} to {LAST_ON}: {line[:60]!r}")
        customer, yuan = matched[1], matched[4]
        if customers is not None and customer not in numbered and len(numbered) >= customers:
            continue
        numbered[customer] += 1
        orders.append(_order(platform, customer, numbered[customer], day, yuan))
    return orders


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _platform(file: Path) -> str:
    """The platform of the log's orders: each other log has its own, or its customers would be taken for CDNOW's."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return PLATFORM if digest == LOG_SHA256 else f"log_{digest[:12]}"


def _order(platform: str, customer: str, number: int, day: date, yuan: str) -> Paid:
    return Paid(
        platform=platform,
        order_no=f"{customer}-{number}",
        buyer_id=customer,
        paid_at=datetime.combine(day, NOON, ZONE),
        paid_fen=fen_of_yuan(yuan),
    )


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    with file.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if number > 1 and line.strip():
                yield number, line.strip()


def _wheel() -> Path:
    """The checked wheel; pip alone talks to the registry, so its mirrors and proxies hold here too."""
    wheel = CACHE / WHEEL
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", str(CACHE), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not wheel.exists():
            raise Mend(f"pip could not download {PACKAGE}: name a copy with FILE= ({done.stderr.strip()[-200:]})")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        wheel.unlink()
        raise Mend(f"{WHEEL} is not the pinned one and was removed: run again, or name a copy with FILE=")
    return wheel
