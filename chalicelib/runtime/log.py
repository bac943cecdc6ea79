"""One structured line per outcome. No bodies, no secrets, no personal data: pass codes, counts and opaque ids."""

from __future__ import annotations

import json
import logging
import sys

_logger = logging.getLogger("jifen.outcomes")  # "jifen" itself is Chalice's own
if not _logger.handlers:
    _handler = logging.StreamHandler(sys.stdout)
    _handler.setFormatter(logging.Formatter("%(message)s"))
    _logger.addHandler(_handler)
    _logger.setLevel(logging.INFO)
    _logger.propagate = False


def outcome(event: str, **fields: str | int | None) -> None:
    """Log one line `{"event": ..., ...}`; fields that are None are left out."""
    shown = {name: value for name, value in fields.items() if value is not None}
    _logger.info(json.dumps({"event": event, **shown}, ensure_ascii=False, separators=(",", ":")))


def defect(event: str, error: BaseException, **fields: str | int | None) -> None:
    """Log an unexpected exception: its type and where it was raised, never its message (it may hold data)."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
    answer = getattr(error, "response", None)  # botocore's: the service's own code is safe to show, its message is not
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    outcome(event, error=type(error).__name__, code=code, at=where, **fields)
