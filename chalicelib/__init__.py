"""The points engine, room by room.

Whichever Lambda starts comes here first, so the collector is told here to look less often: almost nothing that the
imports make is ever garbage, and walking it again and again is an eighth of a cold start.
"""

import gc

gc.set_threshold(50_000, 20, 20)
