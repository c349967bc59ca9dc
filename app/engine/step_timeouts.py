"""The `timeout` of a step: how long one try of it may take. When that is over the step fails, and leaves by `error`.

A step that waits for somebody else (an event, a person, a message, runs that it called) is woken by `resume_at` at the latest, with why as
what it came to; an answer that comes later finds the run elsewhere. Calls to the outside have the limit in their row (`calls`), a loop
looks at it each time round (`loops`). What a worker does in one go is measured afterwards, in processor seconds of its thread: a machine
that stands still is nobody's failure.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from app.flow.document import ERROR
from app.flow.outcomes import AskPerson, Outcome, Run, Wait, WaitFor, refused
from app.lib.formats import counted
from app.lib.translation import gettext

if TYPE_CHECKING:
    from app.engine.compiled_node import CompiledNode

TIMED_OUT = "timedOut"
"""In the output of a step whose time was over."""


class WakeUp(NamedTuple):
    """When a run that waits goes on by itself, by which port and with which output. Microseconds since 2000."""

    at: int
    port: str
    output: Any


def _limit(node: CompiledNode, now: int, why: str) -> WakeUp:
    assert node.timeout_s is not None
    error = f"{why} within {counted(node.timeout_s, 'second')}."
    return WakeUp(now + node.timeout_s * 1_000_000, ERROR, {"error": error, TIMED_OUT: True})


def answer_limit(node: CompiledNode, now: int) -> WakeUp | tuple[()]:
    """Until when a run waits for its message, or for what it called; nothing: as long as that takes."""
    if node.timeout_s is None:
        return ()
    return _limit(
        node, now, gettext("What was called was not over") if node.starts_runs else gettext("The message was not sent")
    )


def wait_limit(node: CompiledNode, now: int, outcome: Wait | WaitFor, end: WakeUp) -> WakeUp:
    """The end of a wait for an event or a person: its own, or that of the step, whichever is first."""
    if node.timeout_s is None or not isinstance(outcome, AskPerson | WaitFor):
        return end
    limit = _limit(
        node, now, gettext("Nobody answered") if isinstance(outcome, AskPerson) else gettext("The event did not happen")
    )
    known = end.output if isinstance(end.output, dict) else {}  # the question that stands open
    return limit._replace(output={**known, **limit.output}) if limit.at < end.at else end


def may_wait_again(node: CompiledNode, output: Any) -> bool:
    """Is this the end of a try after which another one does no harm? What was sent or called is on its way, and not asked for twice."""
    return isinstance(output, dict) and output.get(TIMED_OUT) is True and not (node.sends or node.starts_runs)


def in_time(run: Run, timeout_s: int) -> Run:
    """The same function, which fails when it needs longer; nothing that it wished for is done then."""
    late = refused(gettext("The step was not done within %(seconds)s.", seconds=counted(timeout_s, "second")))

    def bounded(step: Any) -> Outcome:
        began = time.thread_time()
        outcome = run(step)
        return late if time.thread_time() - began > timeout_s else outcome

    return bounded
