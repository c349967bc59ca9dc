"""What suspended steps came to, and whether the variables that a run carries along fit."""

from __future__ import annotations

from typing import Any

from app.engine import rows
from app.engine.loop_times import cut_short, loop_of
from app.engine.passing import SKIP, PassedBy
from app.engine.state import RunState
from app.flow.document import ERROR
from app.flow.effects import MAX_VARS_BYTES
from app.flow.outcomes import Done, Fail, Outcome
from app.lib.translation import gettext
from app.models.status import MessageStatus

PORTS_REMEMBERED = 256
UNSENT = MessageStatus.SUPPRESSED.word
_OVER: dict[str, Outcome] = {}


def answer_outcome(port: str, output: Any, *, is_alternative: bool = False, may_pass: bool = False) -> Outcome:
    """What a suspended step came to. The plain end of a wait is one object for everybody, so it is encoded once.

    `is_alternative`: another step stands by if this one cannot reach the contact, so that its message was not sent counts as a failure.
    `may_pass`: a failure is one that another try may mend.
    """
    if (loop := loop_of(port)) is not None:
        return cut_short(loop)
    if port.startswith(SKIP):
        return PassedBy(port.removeprefix(SKIP), output)
    if output is None:
        if len(_OVER) >= PORTS_REMEMBERED:
            _OVER.clear()
        return _OVER.setdefault(port, Done(port))
    unsent = is_alternative and isinstance(output, dict) and output.get("status") == UNSENT
    error = output.get("error") if isinstance(output, dict) and (port == ERROR or unsent) else None
    if unsent and error is None:
        error = gettext("The message was not sent.")
    if error is None:
        return Done(port, output)
    failed = Fail(str(error), permanent=not may_pass)
    failed.output = output
    return failed


def vars_fit(run: RunState, values: dict[str, Any]) -> bool:
    """Can the run keep these variables beside those that it has?"""
    return len(rows.encode({**run.vars, **values})) <= MAX_VARS_BYTES
