"""What suspended steps came to, and whether the variables that a run carries along fit."""

from __future__ import annotations

from typing import Any

from app.engine import rows
from app.engine.state import RunState
from app.flow.effects import MAX_VARS_BYTES
from app.flow.outcomes import Done, Fail, Outcome

PORTS_REMEMBERED = 256
_OVER: dict[str, Outcome] = {}


def answer_outcome(port: str, output: Any) -> Outcome:
    """What a suspended step came to. The plain end of a wait is one object for everybody, so it is encoded once."""
    if output is None:
        if len(_OVER) >= PORTS_REMEMBERED:
            _OVER.clear()
        return _OVER.setdefault(port, Done(port))
    error = output.get("error") if port == "error" and isinstance(output, dict) else None
    if error is None:
        return Done(port, output)
    failed = Fail(str(error), permanent=True)
    failed.output = output
    return failed


def vars_fit(run: RunState, values: dict[str, Any]) -> bool:
    """Can the run keep these variables beside those that it has?"""
    return len(rows.encode({**run.vars, **values})) <= MAX_VARS_BYTES
