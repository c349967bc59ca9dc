"""How a rest ends in a walk: when, by which port and with what. Where the world decides, the walk assumes what is usual, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from app.engine import rows
from app.engine.calls import ANSWERED
from app.engine.paths import PathEnd
from app.engine.state import RunState
from app.engine.walk import CALLING, HELD
from app.flow import registry
from app.flow.document import ERROR, NEXT, Node
from app.flow.node_words import ports_of
from app.flow.outcomes import Call, Outcome, WaitFor
from app.lib.translation import gettext
from app.models.status import PERSON
from app.test_runs.real_answers import request_digest
from app.test_runs.spec import WalkSpec

EVENT, NO_EVENT, PERSON_ANSWERS, SENT, CALLED, ANSWER, CHOSEN, REAL = (
    "event", "no_event", "person", "sent", "called", "answer", "chosen", "real_answer",
)  # fmt: skip
"""What a walk assumes at a step: that its event comes, or does not; that a person answers; that the message was sent; that the called
workflow was through; that a service answered as it did last, or as the type declares. `chosen`: somebody chose the way;
`real_answer`: nothing, somebody had the service called."""


class Rest(NamedTuple):
    """The end of a rest. `port`, `output`: what the run is resumed with. `at`: microseconds since 2000, None: at once. `assumed`: a word of
    this module, empty where nothing was; `ways`: the ports that may be chosen. `is_pending`: a call has to be made first."""

    port: str | None
    output: Any = None
    at: int | None = None
    assumed: str = ""
    ways: tuple[str, ...] = ()
    is_pending: bool = False


class Resting(NamedTuple):
    """Where a run rests. `does`: the function of the node, which looks again at what it waits for; `called`: it called a workflow;
    `place`: of this visit."""

    node: Node
    does: Callable[[Any], Outcome]
    called: bool
    place: str


def rest_of(spec: WalkSpec, run: RunState, end: PathEnd, resting: Resting) -> Rest | None:
    """How the rest at `end` ends; None: a person has to act, or a newer release."""
    node = resting.node
    if end.node is None or end.status == HELD or end.node.not_understood is not None:
        return None
    if end.call is not None:
        return _of_call(spec, end, end.call, resting)
    if end.status == CALLING:
        return _of_awaited(spec, node, resting.called)
    if end.waits_for == PERSON:
        return _of_person(spec, end, node)
    if end.waits_for is not None and end.node.concerns is None:
        return _of_event(spec, run, end, node, resting.does)
    return Rest(end.resume_port, end.resume_output, end.resume_at)


def _of_call(spec: WalkSpec, end: PathEnd, call: Call, resting: Resting) -> Rest:
    node, passes = resting.node, end.node.passes if end.node else NEXT
    ways = (passes, ERROR)
    if spec.ways.get(node.id) == ERROR:
        return _failed(gettext("The test lets this step fail."), ways)
    if answer := spec.answers.get(end.seq + 1):
        return Rest(ANSWERED, answer, ways=ways)
    if call.kind in spec.performed or resting.place == spec.really:
        return Rest(None, is_pending=True)
    real = spec.real.get(resting.place)
    if real is not None and real.request == request_digest(call):
        if real.answer is None:
            return Rest(None, is_pending=True)
        return Rest(ANSWERED, real.answer, assumed=REAL, ways=ways)
    output = spec.outputs.get(node.id)
    return Rest(passes, declared_output(node) if output is None else output, assumed=ANSWER, ways=ways)


def _of_awaited(spec: WalkSpec, node: Node, called: bool) -> Rest:
    ways = (NEXT, ERROR)
    if spec.ways.get(node.id) == ERROR:
        return _failed(gettext("The test lets this step fail."), ways)
    if called:
        return Rest(NEXT, spec.outputs.get(node.id) or {"status": "completed"}, assumed=CALLED, ways=ways)
    return Rest(NEXT, {"status": "sent"}, assumed=SENT, ways=ways)


def _of_person(spec: WalkSpec, end: PathEnd, node: Node) -> Rest:
    ports = tuple(port.id for port in ports_of(node.type, node.data))
    chosen = spec.ways.get(node.id)
    port = chosen if chosen in ports else ports[0]
    assumed = CHOSEN if chosen in ports else PERSON_ANSWERS
    if port == end.resume_port:
        return Rest(port, end.resume_output, end.resume_at, assumed, ports)
    output = {**(end.resume_output or {}), "choice": port, "by": gettext("The test")}
    return Rest(port, output, assumed=assumed, ways=ports)


def _of_event(spec: WalkSpec, run: RunState, end: PathEnd, node: Node, does: Callable[[Any], Outcome]) -> Rest:
    wait, name = does(run), end.waits_for or ""
    if not isinstance(wait, WaitFor):
        return Rest(end.resume_port, end.resume_output, end.resume_at)
    ways = (wait.port, wait.timeout_port)
    chosen = spec.ways.get(node.id)
    comes = chosen == wait.port if chosen in ways else name in spec.happened
    assumed = CHOSEN if chosen in ways else EVENT if comes else NO_EVENT
    if not comes:
        return Rest(end.resume_port, end.resume_output, end.resume_at, assumed, ways)
    at = rows.instant(run.clock).isoformat()
    output = {"name": name, "id": None, "occurredAt": at, "properties": spec.events.get(name, {})}
    return Rest(wait.port, output, assumed=assumed, ways=ways)


def _failed(error: str, ways: tuple[str, ...]) -> Rest:
    return Rest(ERROR, {"error": error}, assumed=CHOSEN, ways=ways)


_EXAMPLES: dict[str, Any] = {"text": "…", "number": 1, "boolean": True, "date": None, "": None}


def declared_output(node: Node) -> dict[str, Any]:
    """What a step of this type would put out, as far as its type declares it: each name with a value of its kind."""
    kind = registry.find(node.type)
    config = registry.readable_config(kind, node.data) if kind else None
    if kind is None or config is None:
        return {}
    return {**{name: _EXAMPLES.get(sort) for name, sort in kind.results(config).items()}, **kind.example(config)}
