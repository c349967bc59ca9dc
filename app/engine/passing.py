"""Steps that runs pass without doing them: switched off, passed over by a person, or failed where the policy says to go on."""

from __future__ import annotations

from collections.abc import Iterable

from app.flow.document import ERROR, NEXT
from app.flow.outcomes import Done, Fail

SKIP = "skip."
"""Begins the `resume_port` of a held run that somebody sends on by the port behind it. No port has a dot."""


class PassedBy(Done):
    """The step was not done: it is recorded as skipped, with the port by which the run went on."""

    __slots__ = ()


def passing_port(ports: Iterable[str]) -> str:
    """By which port a run passes a step: `next`, or the first one."""
    ways = [port for port in ports if port != ERROR]
    return NEXT if NEXT in ways or not ways else ways[0]


def passed_over(failure: Fail, port: str) -> Fail:
    """The same failure of a step from which the run goes on by `port`."""
    left = Fail(failure.error, permanent=True)
    left.port, left.output = port, failure.output
    return left
