"""Publishing the programme: a checked document becomes the next version, in force from an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.programme.document import read_programme
from chalicelib.programme.table import ProgrammeTable


@dataclass(frozen=True, slots=True)
class Published:
    """The version that stands now; `replayed` when this very document stood there already."""

    version: int
    replayed: bool


def publish(
    table: ProgrammeTable,
    *,
    version: int,
    document: Mapping[str, Any],
    effective_from: datetime,
    published_by: str,
    now: datetime,
) -> Published:
    """Publish `document` as `version`, which must be the next one: two publishers at once cannot both be it.

    Raises INVALID_TERMS with the offending path, VERSION_TAKEN when another document holds the number or a
    number would be left out, INVALID_REQUEST when the version would begin before the one it follows.
    """
    read_programme(document)
    standing = table.book().versions
    if version > len(standing) + 1:
        raise JifenError(Code.VERSION_TAKEN, f"下一个版本号是{len(standing) + 1}", field="version")
    if version == len(standing) + 1 and standing and effective_from < standing[-1].effective_from:
        raise JifenError(Code.INVALID_REQUEST, "生效时间不能早于上一版本", field="effective_from")
    new = table.put_version(version, document, effective_from, published_by, now)
    return Published(version, replayed=not new)
