"""What one run may do at most, and how it fails when it would do more."""

from __future__ import annotations

from app.flow.effects import MAX_VARS_BYTES
from app.flow.outcomes import Fail
from app.lib.translation import translatable

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


OVERLONG = Overdone(
    translatable("A run may take %(steps)s steps at most.") % {"steps": f"{MAX_STEPS:,}"}, permanent=True
)
TOO_OFTEN = Overdone(
    translatable("A run may come to one step %(times)s times at most.") % {"times": f"{MAX_VISITS:,}"}, permanent=True
)
VARS_TOO_LARGE = Fail(
    translatable("The variables of this run would take more than %(size)s kB. Keep less in them.")
    % {"size": MAX_VARS_BYTES // 1024},
    permanent=True,
)
ECHO = Fail(
    translatable(
        "This event was not sent: %(workflows)s workflows have started one another by what they did, and might never end."
    )
    % {"workflows": MAX_DEPTH},
    permanent=True,
)
TOO_DEEP = Fail(
    translatable(
        "The workflow was not called: %(workflows)s workflows have started one another by what they did, and might never end."
    )
    % {"workflows": MAX_DEPTH},
    permanent=True,
)
ASKED_AGAIN = Fail(
    translatable("An answer cannot be answered with another call: this step type does what the engine has no way for."),
    permanent=True,
)
