"""How long and how the properties of the ledger are searched: HYPOTHESIS_PROFILE and HYPOTHESIS_SEED say.

`ci` (default) is for every run, `nightly` for `make properties`, `drill` stops at the first failure as it is found.
"""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
SEED = int(os.environ.get("HYPOTHESIS_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
PARTS = 4
"""The state machine's run is split, so that cores can share it."""
STEPS = 200

_MACHINE = settings(
    stateful_step_count=STEPS,
    database=None,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEQUENCES = {
    "ci": settings(_MACHINE, max_examples=50),
    "nightly": settings(_MACHINE, max_examples=1500, stateful_step_count=STEPS + 100),
    "drill": settings(_MACHINE, max_examples=60, phases=[Phase.generate]),
}
"""Sequences of each part."""

if PROFILE == "drill":
    settings.register_profile("drill", phases=[Phase.explicit, Phase.generate], database=None, deadline=None)
    settings.load_profile("drill")
