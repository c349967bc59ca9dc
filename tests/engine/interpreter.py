"""A second engine, as plain as can be: one run at a time over the flow document, no database, no batches, nothing shared.

Whatever the engine does to a random workflow must be what this does. What a step comes to is said by `all_models`, without a line of
the product.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.flow import registry
from tests.engine import leading_models
from tests.engine.all_models import decides_again, meaning_of, needs_contact
from tests.engine.leading_models import Failure
from tests.engine.step_models import OF_CONTACT, Result
from tests.engine.timed_models import OPEN, End, end_of_rest, limit_of
from tests.nodes.person import Contact, Person

MAX_VISITS = 4
"""Visits to one node after which a run is over: the engine is given the same in these tests."""

REFUSED = "(the called workflow refused)"
"""Comes to a run that stands at a call, behind all that had come before the call."""


class Taken(NamedTuple):
    """A step that is over."""

    node: str
    visit: int
    status: str
    port: str | None
    output: Any


@dataclass
class SomeRun:
    """A run, and where it stands."""

    event: dict[str, Any]
    status: str = "running"
    node: str | None = None
    due: datetime | None = None
    asleep: Result | None = None
    attempt: int = 1
    steps: list[Taken] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    loops: dict[str, dict[str, Any]] = field(default_factory=dict)
    end: End = OPEN


@dataclass
class Somebody:
    """A contact; without one, only its runs. `emitted`: events that steps let happen, as (name, properties);
    `heard`: those from outside."""

    contact: Contact | None
    runs: list[SomeRun] = field(default_factory=list)
    emitted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    of_nobody: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    assigned: dict[str, str] = field(default_factory=dict)
    segments: set[str] = field(default_factory=set)

    @property
    def inside(self) -> SomeRun | None:
        return next((run for run in self.runs if run.status in ("running", "waiting")), None)


class Interpreter:
    """Walks people through one graph document."""

    def __init__(self, graph: dict[str, Any], now: datetime, callees: dict[str, str] | None = None) -> None:
        """`callees`: whom the workflows take that steps call, by id (`leading_models.sub_workflow`)."""
        self.nodes, self.callees = {node["id"]: node for node in graph["nodes"]}, callees or {}
        drawn = {(edge["source"], edge["sourceHandle"]): edge["target"] for edge in graph["edges"]}
        triggers = [trigger["id"] for trigger in graph["triggers"]]
        self.ways = leading_models.with_hidden_ways(self.nodes, drawn, triggers)
        self.bodies = {
            name: leading_models.body_of(self.nodes, self.ways, triggers, name)
            for name, node in self.nodes.items()
            if node["type"] == "loop"
        }
        self.now = now
        self.queue: deque[tuple[Somebody, str, dict[str, Any]]] = deque()
        self.workflow_id = bytes(16)
        self.does = {name: does for name, node in self.nodes.items() if (does := meaning_of(node))}
        self.again = {name: woken for name, node in self.nodes.items() if (woken := decides_again(node))}
        """Of steps that decide again when their wait is over: what they come to then, by what they had noted."""
        self.is_race = any(n["type"] == "sub_workflow" for n in graph["nodes"]) and any(
            n.get("timeout") for n in graph["nodes"]
        )
        self.is_chancy = any(node["type"] == "split" for node in graph["nodes"])
        """Some step draws lots, which a run of nobody does for itself."""

    def happen(self, somebody: Somebody, name: str, properties: dict[str, Any]) -> None:
        """An event arrives from outside; it is handled by `settle`."""
        somebody.heard.append((name, properties))
        self.queue.append((somebody, name, properties))

    def start(self, somebody: Somebody, properties: dict[str, Any]) -> None:
        """A run of nobody is asked for."""
        self.queue.append((somebody, "", properties))

    def settle(self) -> None:
        """Handle what has arrived, in order, and what comes of it."""
        while self.queue:
            somebody, name, properties = self.queue.popleft()
            run = somebody.inside
            if name == REFUSED:
                if run is not None and run is properties["run"]:
                    self._walk(somebody, run, run.node, Result("fail", permanent=True), attempt=run.attempt)
            elif name == "bought":
                if run is not None:
                    self._leave(run, run.node, "skipped", "goal_reached")
            elif name == "go" or not name:
                if run is None:
                    somebody.runs.append(run := SomeRun(properties))
                    self._walk(somebody, run, self.ways.get(("trigger" if name else "hand", "next")))
            elif run is not None and run.asleep is not None and run.asleep.event == name and run.node not in self.again:
                self._wake(somebody, run, run.asleep, name, properties)

    def moments(self, now: datetime, everybody: list[Somebody]) -> Iterator[datetime]:
        """Instants at which to look, up to `now`: of a call and a time that end in one look, either may be first."""
        while self.is_race and (due := [run.due for one in everybody for run in one.runs if run.due is not None]):
            if (first := min(due)) >= now:
                break
            yield first
        yield now

    def travel(self, now: datetime, everybody: list[Somebody]) -> None:
        """Time passes: everything that is due happens, until nothing is."""
        self.now = now
        while True:
            due = [(one, run) for one in everybody for run in one.runs if run.due is not None and run.due <= now]
            if not due:
                return
            for somebody, run in due:
                asleep, node, run.due, end = run.asleep, run.node, None, run.end
                if end.loop is not None:
                    assert node is not None
                    self._over(run, node, "skipped", f"late.{end.loop}", None)
                    self._walk(somebody, run, end.loop, is_late=True)
                elif end.answer is not None or asleep is None:
                    self._walk(somebody, run, node, end.answer, attempt=run.attempt)
                elif node in self.again:
                    decided = self.again[node](self._view(somebody, run), asleep.output)
                    self._walk(somebody, run, node, decided, attempt=run.attempt)
                else:
                    assert node is not None
                    port = asleep.timeout if asleep.kind == "listen" else asleep.port
                    self._over(run, node, "completed", port, asleep.output)
                    self._walk(somebody, run, self.ways.get((node, port)))
            self.settle()

    def _wake(self, somebody: Somebody, run: SomeRun, asleep: Result, name: str, properties: dict[str, Any]) -> None:
        view = self._view(somebody, run)
        view.event, view.event_name = properties, name
        if asleep.judge is not None and not asleep.judge(view):
            return
        assert run.node is not None
        node, run.due = run.node, None
        output = {"name": name, "id": ..., "occurredAt": ..., "properties": properties}
        self._over(run, node, "completed", asleep.port, output)
        self._walk(somebody, run, self.ways.get((node, asleep.port)))

    def _view(self, somebody: Somebody, run: SomeRun) -> Person:
        contact = somebody.contact or Contact({}, {}, [], b"")
        view = Person(contact, run.event, run.outputs, run.vars, self.now)
        view.assigned, view.workflow_id = somebody.assigned, self.workflow_id
        return view

    def _walk(
        self,
        somebody: Somebody,
        run: SomeRun,
        at: str | None,
        answer: Result | None = None,
        *,
        attempt: int = 1,
        is_late: bool = False,
    ) -> None:
        """From the step `at` on; `answer`: what this `attempt` of it has come to already; `is_late`: it is a loop whose time is over."""
        run.node, run.asleep, run.status, run.due, run.attempt, run.end = (
            None,
            None,
            "running",
            None,
            attempt,
            End(None),
        )
        failure: Failure | None = None
        while at is not None:
            node = self.nodes[at]
            attempt, run.attempt = run.attempt, 1
            if answer is None and sum(taken.node == at for taken in run.steps) == MAX_VISITS:
                self._leave(run, at, "failed", "failed")
                return
            result, answer = answer or self._result(somebody, run, at, failure, is_late=is_late), None
            failure, is_late = None, False
            if result.kind == "fail":
                if not result.permanent and attempt < node.get("retry", {}).get("attempts", 1):
                    self._rest(run, at, attempt + 1, self.now + timedelta(hours=1))
                    return
                self._grant(somebody, run, at, result)
                if (at, "error") not in self.ways:
                    self._leave(run, at, "failed", "failed")
                    return
                self._over(run, at, "failed", "error", None)
                target = self.ways[at, "error"]
                back = [
                    port
                    for port in leading_models.alternatives_of(self.nodes[target])
                    if self.ways.get((target, port)) == at
                ]
                failure, at = Failure(at, attempt, next(iter(back), None)), target
                continue
            if result.kind == "refused":
                self.queue.append((somebody, REFUSED, {"run": run}))
            if result.kind in ("wait", "listen", "called"):
                status = "running" if result.kind == "called" else "waiting"
                run.asleep, run.status = result, status
                self._rest(run, at, attempt, result.until, limit_of(node, self.now))
                return
            if result.kind in ("call", "refused") or self._grant(somebody, run, at, result):
                self._rest(run, at, attempt, None, limit_of(node, self.now))  # it stands here until somebody answers
                return
            self._over(run, at, "completed", result.port, result.output)
            if result.kind in ("exit", "succeed"):
                run.status = "exited" if result.kind == "exit" else "goal_reached"
                return
            at = self.ways.get(
                (at, result.port), self.ways.get((at, "next")) if result.port not in self._ports(at) else None
            )
        run.status = "completed"

    def _rest(self, run: SomeRun, at: str, attempt: int, until: datetime | None, limit: End | None = None) -> None:
        run.node, run.attempt, run.end = at, attempt, end_of_rest(at, until, limit, run.loops, self.bodies)
        run.due = run.end.at

    def _ports(self, at: str) -> set[str]:
        node = self.nodes[at]
        return {port.id for port in registry.ports(registry.get(node["type"]), node["data"])}

    def _result(self, somebody: Somebody, run: SomeRun, at: str, failure: Failure | None, *, is_late: bool) -> Result:
        node = self.nodes[at]
        leads = self._leads(node, self._view(somebody, run), run, failure, is_late=is_late)
        result = leads or self.does[at](self._view(somebody, run))
        if somebody.contact is None and result.kind != "fail":
            return Result("fail", permanent=True) if needs_contact(node) else result
        return result

    def _leads(
        self, node: dict[str, Any], view: Person, run: SomeRun, failure: Failure | None, *, is_late: bool
    ) -> Result | None:
        """What a step comes to that leads a run elsewhere; None of all others."""
        kind, data, at = node["type"], node["data"], node["id"]
        if kind == "loop":
            result, state = leading_models.loop(node, view, run.loops.get(at), is_late=is_late)
            if result.kind != "fail" or result.wishes:
                run.loops = {name: kept for name, kept in run.loops.items() if name not in (at, *self.bodies[at])}
                run.loops |= {at: state} if state else {}
            return result
        if kind == "goto":
            return leading_models.goto(data, 1 + sum(taken.node == at for taken in run.steps))
        if kind == "fallback":
            return leading_models.fallback(node, failure)
        if kind == "error_handler":
            return leading_models.error_handler(self.nodes, failure)
        return leading_models.sub_workflow(data, view, self.callees) if kind == "sub_workflow" else None

    def _grant(self, somebody: Somebody, run: SomeRun, at: str, result: Result) -> bool:
        """Do what the step wishes. True: the run waits for what becomes of a message."""
        awaited = False
        for what, *how in result.wishes:
            contact = somebody.contact
            if what == "assign":
                somebody.assigned = {**somebody.assigned, at: how[0]}
            elif what == "vars":
                run.vars = {**run.vars, **how[0]}
            elif what == "emit":
                name, properties, of_contact = how
                if of_contact:
                    somebody.emitted.append((name, properties))
                    self.queue.append((somebody, name, properties))
                else:
                    somebody.of_nobody.append((name, properties))
            elif what == "message":
                awaited = how[0] or (at, "error") in self.ways or self.nodes[at].get("timeout") is not None
                *which, settings = how[1:]
                run.messages.append((*which, {**settings, "awaited": True} if awaited else settings))
            elif what == "segment":
                segment_id, enters = how
                if contact is not None and enters != (segment_id in somebody.segments):
                    name = f"segment.member.{'added' if enters else 'removed'}"
                    somebody.emitted.append((name, {"segmentId": segment_id, "segmentName": segment_id}))
                somebody.segments = somebody.segments | {segment_id} if enters else somebody.segments - {segment_id}
            elif contact is not None:
                _change(contact, what, how)
        return awaited

    def _over(self, run: SomeRun, node: str, status: str, port: str | None, output: Any) -> None:
        visit = sum(taken.node == node for taken in run.steps) + 1
        run.steps.append(Taken(node, visit, status, port, deepcopy(output)))
        if output is not None:
            run.outputs = {**run.outputs, node: output}
        elif status in ("completed", "skipped"):
            run.outputs = {**run.outputs, node: None}

    def _leave(self, run: SomeRun, node: str | None, step: str, status: str) -> None:
        assert node is not None
        self._over(run, node, step, "error" if step == "failed" else None, None)
        run.node, run.asleep, run.due, run.attempt, run.status = None, None, None, 1, status


def _change(contact: Contact, what: str, how: list[Any]) -> None:
    if what == "set":
        for name, value in how[0].items():
            if name in OF_CONTACT:
                contact.columns[name] = value
            elif value is None:
                contact.attributes.pop(name, None)
            else:
                contact.attributes[name] = value
    elif what == "add":
        contact.attributes[how[0]] = contact.attributes.get(how[0], 0) + how[1]
    elif what == "tag":
        contact.tags += [how[0]] if how[0] not in contact.tags else []
    elif what == "untag":
        contact.tags[:] = [tag for tag in contact.tags if tag != how[0]]
