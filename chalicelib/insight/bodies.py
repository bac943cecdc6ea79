"""What finance may send: a month to close, a reason to reopen it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from chalicelib.runtime.bodies import Body

Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class MonthCloseIn(Body):
    """The month to close, `YYYY-MM`."""

    month: Month


class ReopeningIn(Body):
    """Why a closed month is opened again."""

    reason: Reason
