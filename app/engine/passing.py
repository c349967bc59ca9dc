"""Steps that runs pass without doing them: switched off, passed over by a person, or failed where the policy says to go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.engine.limits import Overdone
from app.flow.document import ERROR, NEXT
from app.flow.outcomes import Done, Fail

if TYPE_CHECKING:
    from app.engine.compiled_node import CompiledNode, StatCounter

DONE = "done"
SKIP = "skip."
"""Begins the `resume_port` of a held run that somebody sends on by the port behind it. No port has a dot."""


class PassedBy(Done):
    """The step was not done: it is recorded as skipped, with the port by which the run went on."""

    __slots__ = ()


def passing_port(ports: Iterable[str]) -> str:
    """By which port a run passes a step: `next`, the `done` of a loop (its body would lead round again), or the first one."""
    ways = [port for port in ports if port != ERROR]
    return next((port for port in (NEXT, DONE) if port in ways), ways[0] if ways else NEXT)


def after_failure(node: CompiledNode, failure: Fail) -> tuple[Fail, StatCounter | None]:
    """A failure for good as it is recorded, and the counter by which the run goes on; None when it does not.

    Its `error` port goes before its policy, wherever that port leads.
    """
    if isinstance(failure, Overdone):
        return failure, None
    if node.ports[ERROR].target is not None:
        return failure, node.ports[ERROR]
    if node.on_error != "continue":
        return failure, None
    passed_over = Fail(failure.error, permanent=True)
    passed_over.port, passed_over.output = node.passes, failure.output
    return passed_over, node.ports[node.passes]
