"""When steps and loops have no more time, in plain Python that shares nothing with the product."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.engine.step_models import Result

WAITING_TYPES = ("wait_for_event", "hold", "sub_workflow")
"""Types whose steps wait for somebody else, for as long as their `timeout` says at most."""
SENDING_TYPES = ("send_email", "send_text", "send_push")
"""Types whose steps wait for their message when they have a `timeout`."""


class End(NamedTuple):
    """When a run that rests goes on by itself. `answer`: what its step has come to then; `loop`: the one that it goes back to."""

    at: datetime | None
    answer: Result | None = None
    loop: str | None = None


OPEN = End(None)


def limit_of(node: dict[str, Any], now: datetime) -> End | None:
    """The end of one try of a step that waits for somebody else. What was sent or called is not asked for again."""
    if node.get("timeout") is None or node["type"] not in (*WAITING_TYPES, *SENDING_TYPES):
        return None
    again = node["type"] in ("wait_for_event", "hold")
    return End(now + timedelta(seconds=node["timeout"]), Result("fail", permanent=not again))


def end_of_rest(
    at: str, own: datetime | None, limit: End | None, loops: dict[str, dict[str, Any]], bodies: dict[str, set[str]]
) -> End:
    """How the rest of a run at the step `at` ends: by itself, at its `limit`, or with a loop that it is in the body of.

    What ends together ends in that order, but of loops the outer one, whose body is the larger.
    """
    end = End(own)
    if limit is not None and limit.at is not None and (own is None or limit.at < own):
        end = limit
    for name in sorted(loops, key=lambda one: -len(bodies[one])):
        until = loops[name].get("until")
        if at in bodies[name] and until is not None and (end.at is None or until < end.at):
            end = End(until, None, name)
    return end
