"""A parcel is picked up at a store (自提) for the one code that its member shows; the code is kept as a digest only."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from hashlib import sha256

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Delivery, Redemption, RedemptionState, gone_out
from chalicelib.spending.mall.own import owned_redemption
from chalicelib.spending.mall.revise import Revised, Step, require_state, revise
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.mall.tries_table import TriesTable

_NOBODYS = "-" * 32
"""What a code is compared with where there is none, so that it takes as long."""


def new_code() -> str:
    """Eight digits that nobody can guess."""
    return f"{secrets.randbelow(10**8):08d}"


def code_digest(code: str) -> str:
    """A code as it is kept."""
    return sha256(code.encode()).hexdigest()[:32]


def renew_code(member_id: str, redemption_id: str, code: str, *, desk: Desk, now: datetime) -> Redemption:
    """`code` is the one to pick up with from now on, whatever was before. Raises REDEMPTION_NOT_FOUND, _STATE, BUSY."""
    owned_redemption(member_id, redemption_id, desk=desk)

    def judge(found: Redemption) -> Step | None:
        require_state(found, RedemptionState.TO_PICK_UP)
        return Step(found._replace(pick_up_digest=code_digest(code)), Line("code_renewed", member_id, now))

    return revise(redemption_id, judge, mall=desk.mall).redemption


def pick_up(
    redemption_id: str, code: str, *, store: str = "", by: str, mall: MallTable, tries: TriesTable, now: datetime
) -> Revised:
    """Hand a parcel out to whoever shows its code, once; the same member of staff again is answered what stands.
    `store` is where that one stands, if he says so.

    Raises PICK_UP_CODE_INVALID, alike for a wrong code and a redemption that there is not; PICK_UP_LOCKED after five
    wrong ones, of the redemption or of that member of staff; where the code is right REDEMPTION_STATE, with the right
    store's name for another store; BUSY.
    """
    subjects = (f"R#{redemption_id}", f"S#{by}")
    tries.claim(subjects, now)
    _require_code(mall.redemption(redemption_id), code)
    tries.forgive(subjects)

    def judge(found: Redemption) -> Step | None:
        _require_code(found, code)
        if found.state is RedemptionState.DONE:
            if found.picked_up_by == by:
                return None
            raise JifenError(Code.REDEMPTION_STATE, "这笔兑换已被取走")
        require_state(found, RedemptionState.TO_PICK_UP)
        waits_at = found.delivery or Delivery("pick_up")
        if store and store != waits_at.store:
            named = waits_at.store_name or waits_at.store
            raise JifenError(Code.REDEMPTION_STATE, f"这笔兑换应在“{named}”取货", field="store")
        after = gone_out(found._replace(state=RedemptionState.DONE, picked_up_by=by))
        return Step(after, Line("picked_up", by, now, facts={"store": waits_at.store}))

    return revise(redemption_id, judge, mall=mall)


def _require_code(found: Redemption | None, code: str) -> None:
    kept = found.pick_up_digest if found and found.pick_up_digest else _NOBODYS
    if not hmac.compare_digest(kept, code_digest(code)):
        raise JifenError(Code.PICK_UP_CODE_INVALID, field="code")
