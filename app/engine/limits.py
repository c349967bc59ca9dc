"""What one run may do at most, and how it fails when it would do more."""

from __future__ import annotations

from app.flow.effects import MAX_VARS_BYTES
from app.flow.outcomes import Fail

MAX_DEPTH = 5
"""Workflows that may lie between what happened outside and what a run causes: those that answer each other would go on for ever."""
MAX_STEPS = 10_000
MAX_VISITS = 2_000
"""Steps of one run, and visits of one run to one node. A list of 1,000 items makes a loop of 1,001 visits."""
STEPS_AT_ONCE = 100
"""Steps after which a run that goes round lets others go before it: what one batch does stays bounded. It goes on in the next one."""


class Overdone(Fail):
    """A run that goes round and round. It ends: an `error` port would lead it round once more."""

    __slots__ = ()


OVERLONG = Overdone(f"A run may take {MAX_STEPS:,} steps at most.", permanent=True)
TOO_OFTEN = Overdone(f"A run may come to one step {MAX_VISITS:,} times at most.", permanent=True)
VARS_TOO_LARGE = Fail(
    f"The variables of this run would take more than {MAX_VARS_BYTES // 1024} kB. Keep less in them.", permanent=True
)
ECHO = Fail(
    f"This event was not sent: {MAX_DEPTH} workflows have started one another by what they did, and might go on for ever.",
    permanent=True,
)
TOO_DEEP = Fail(
    f"The workflow was not called: {MAX_DEPTH} workflows have started one another by what they did, and might go on for ever.",
    permanent=True,
)
ASKED_AGAIN = Fail(
    "An answer cannot be answered with another call: this step type does what the engine has no way for.",
    permanent=True,
)
