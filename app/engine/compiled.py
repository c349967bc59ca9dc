"""A published version, compiled: nodes with their function, edges by port, goals, entry rules, and what it reads.

Immutable but for the workspace's zone and country, so it is cached by (workflow, version).
What does not compile here (a type, a field or an operator that only a newer process knows) becomes a step at which runs wait for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from app.counters.message_counters import QUEUED
from app.counters.port_keys import port_key
from app.engine import rows
from app.engine.compiled_node import CompiledNode, NotUnderstood, StatCounter
from app.engine.cycles import repeatable
from app.engine.goals import CompiledGoal, Judge
from app.engine.loops import CompiledLoop
from app.engine.passing import PassedBy, passing_port
from app.engine.rooms import ContactRoom, ask_about_tags
from app.engine.state import NO_SEGMENTS
from app.engine.step_faults import fault_in_words
from app.flow import contact_goals, policies, registry, retry, trigger_registry
from app.flow.conditions import Condition
from app.flow.declared import NodeScope
from app.flow.document import ERROR, LATE, NEXT, TRIGGER, Edge, Flow, Goal, Node, Trigger, begun_by
from app.flow.effects import SendMessage
from app.flow.entry_limits import ALWAYS_OPEN, EntryLimits, Opening, entry_key_reader
from app.flow.input_schema import InputSchema
from app.flow.node_type import NodeType
from app.flow.node_words import call_of, jumps_of
from app.flow.outcomes import Asks, DecidesAgain, EachOf, IfRoom, Outcome, Run
from app.flow.patterns import BadPattern
from app.flow.retry import ONCE, Retry
from app.flow.scope import CompileScope
from app.flow.segment_membership import MOVES, READ
from app.flow.settings import FlowSettings
from app.flow.trigger_type import ContactRule
from app.flow.ways import hidden_ways, inside, trying_in_turn
from app.lib.conversions import quoted
from app.lib.field_errors import field_error
from app.lib.translation import gettext
from app.liquid.templates import LiquidError
from app.messaging.rules import UNCERTAIN_RULE
from app.messaging.rules import rule_of as uncertain_rule
from app.models.status import Priority, RunOrigin


class CompiledStart:
    """A trigger: whom it lets in, and where its runs begin.

    `counter` counts its runs. That of a workflow's only trigger, whose id rows leave out, counts all that enter. `prefix`: the constant
    fields of the rows of its runs.
    """

    __slots__ = (
        "admits",
        "asked_origin",
        "by_hand",
        "contact_rule",
        "counter",
        "enabled",
        "entry_counters",
        "event_name",
        "id",
        "input_schema",
        "prefix",
        "subscribes",
    )

    def __init__(self, trigger: Trigger, counter: StatCounter, prefix: bytes) -> None:
        self.id, self.enabled, self.counter, self.prefix = trigger.id, trigger.enabled, counter, prefix
        self.admits: Judge | None = None
        self.input_schema: InputSchema | None = None
        """What whoever asks for a run by it must hand over."""
        self.asked_origin = int(RunOrigin.ENROLLED)
        """A RunOrigin: where runs come from that were asked for at this very trigger."""
        self.by_hand, self.event_name, self.contact_rule = False, "", ContactRule.REQUIRED
        self.subscribes: tuple[str, ...] = ()
        self.entry_counters: tuple[StatCounter, ...] = ()
        """What a run of it counts when it enters."""

    @property
    def node(self) -> CompiledNode | None:
        """The first step; None when it leads nowhere."""
        return self.counter.target


ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
NODE_ENDS = ("failed", "goal", "exited", "cancelled")


def read_document(document: dict[str, Any]) -> tuple[Flow, dict[str, str]]:
    """A stored document, and by node id why this process cannot read a step of it: a newer one wrote fields that only it knows.

    Raises msgspec.ValidationError when it is another part that cannot be read: then none of the workflow's runs can be walked here.
    """
    try:
        return Flow.load(document), {}
    except msgspec.ValidationError:
        flow, nodes, unreadable = Flow.load({**document, "nodes": []}), list[Node](), dict[str, str]()
    for stored in document["nodes"]:
        try:
            nodes.append(msgspec.convert(stored, Node))
        except msgspec.ValidationError as error:
            nodes.append(Node(id=stored["id"], type=stored["type"]))
            unreadable[stored["id"]] = _unreadable(error, stored["type"])
    return msgspec.structs.replace(flow, nodes=tuple(nodes)), unreadable


class CompiledFlow:
    """A version for the engine. `counters` lists every counter, those of the workflow itself (node id '') first."""

    priority = int(Priority.NORMAL)
    """Of the workflow, as it was when its workspace was last looked at: of what its runs put into queues."""
    known_segments = NO_SEGMENTS
    """Those of `segments` that are there, as this batch read them."""

    def __init__(
        self,
        workflow_id: bytes,
        version: int,
        tenant_id: int,
        flow: Flow,
        timezone: str = "UTC",
        country: str | None = None,
        *,
        unreadable: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`timezone`, `country`: the workspace's, for contacts without a zone and for phone numbers without a country code.

        `unreadable`: why a node cannot be read here, by its id, as `read_document` answers it.
        """
        self.workflow_id, self.version, self.tenant_id = workflow_id, version, tenant_id
        self.timezone, self.country = timezone, country
        self.scope, self.counters = CompileScope(), list[StatCounter]()
        self.entered_counter, self.seconds_counter = self._counter("", "entered"), self._counter("", "seconds")
        self.end_counters = {key: self._counter("", key) for key in ENDS}
        # Constant fields of every run row: workflow, version.
        prefix = rows.uuid(workflow_id) + rows.int4(version)
        self._compile_triggers(flow, prefix)
        self._compile_settings(flow.settings)
        self._compile_steps(flow, unreadable)
        self._compile_goals(flow)
        self._note_what_is_read()
        self._note_repeats(flow)

    def _compile_triggers(self, flow: Flow, prefix: bytes) -> None:
        self.starts = {trigger.id: self._start(trigger, prefix) for trigger in flow.triggers}
        """Where runs begin, by trigger, in the order of the document; those that are switched off too."""
        on = [start for start in self.starts.values() if start.enabled]
        self._from_outside = {of_contact: self._started_by(flow, of_contact) for of_contact in (True, False)}
        self.listening: dict[str, list[CompiledStart]] = {}
        """The triggers that an event may start runs by."""
        for start in on:
            for event in start.subscribes:
                self.listening.setdefault(event, []).append(start)

    def _compile_settings(self, settings: FlowSettings) -> None:
        self.uncertain = uncertain_rule(settings.uncertain)
        """What becomes of its messages whose fate nobody knows; None: a person is asked."""
        self.retry, self.on_error = settings.retry, settings.on_error
        self.reentry: str = settings.reentry
        self.cooldown = float(settings.cooldown_seconds or 0)
        self.from_end = settings.reentry == "cooldown" and settings.cooldown_from == "end"
        """A pause between two runs is measured from the end of the first."""
        self.entry_key = entry_key_reader(settings.entry_key, self.scope) if settings.keeps_apart else None
        self.limits = EntryLimits.of(settings)
        self.dated = settings if settings.active_from or settings.active_until else None
        """Settings that say between which dates somebody may enter."""

    def _started_by(self, flow: Flow, of_contact: bool) -> CompiledStart | str:
        if trigger := trigger_registry.trigger_by_hand(flow.triggers, of_contact=of_contact):
            return self.starts[trigger.id]
        if trigger_registry.switched_off(flow.triggers, of_contact=of_contact):
            return "trigger_not_there"
        return "takes_no_contact" if of_contact else "needs_contact"

    def started_by(self, *, of_contact: bool) -> CompiledStart | str:
        """Where a run begins that was started from outside, of a contact or without one; or why none does."""
        return self._from_outside[of_contact]

    def opening(self) -> Opening:
        """Between which instants somebody may enter, as clocks of its zone show them."""
        return ALWAYS_OPEN if self.dated is None else Opening.of(self.dated, self.timezone)

    def _compile_steps(self, flow: Flow, unreadable: Mapping[str, str]) -> None:
        self.answers: dict[str, Run] = {}
        """What answers to calls mean, by node."""
        self._concerns: dict[str, Callable[[dict[str, Any]], bool]] = {}
        self.loops: dict[str, CompiledLoop] = {}
        self.nodes = {node.id: self._node(node, unreadable.get(node.id)) for node in flow.nodes}
        for node in self.nodes.values():
            node.answered, node.concerns = self.answers.get(node.id), self._concerns.get(node.id)
        self.room = ContactRoom.of_all(node.room for node in self.nodes.values() if node.room is not None)
        """What all its steps together may add to a contact that no step asks by itself; None: nothing has a limit."""
        self.starts_runs = any(node.starts_runs for node in self.nodes.values())
        """Some step of it calls another workflow."""
        self.hidden = hidden_ways(flow)
        for edge in (*flow.edges, *self.hidden):
            self._connect(edge)

    def _compile_goals(self, flow: Flow) -> None:
        self.goals = [self._goal(goal) for goal in flow.goals]
        self.goal_events = frozenset(goal.event for goal in self.goals)
        self.contact_goals = [goal for goal in self.goals if goal.on_contact]
        if self.contact_goals:
            for node in self.nodes.values():
                node.ask_first(self.contact_goals)
        if any(start.contact_rule.lets_nobody_in for start in self.starts.values()):
            for step in flow.nodes:
                kind = registry.find(step.type)
                needs_contact = kind is not None and registry.needs_contact(kind, step.data)
                self.nodes[step.id].spare_nobody(needs_contact=needs_contact)

    def start_of(self, trigger_id: str | None) -> CompiledStart:
        """The trigger of a stored run; of one that was moved here (`app.engine.transfers`), that of the run that it goes on with."""
        start = self.starts.get(trigger_id or TRIGGER) or self.starts.get(begun_by(trigger_id))
        return start or next(iter(self.starts.values()))

    def _counter(self, node_id: str, key: str) -> StatCounter:
        counter = StatCounter(len(self.counters), node_id, key)
        self.counters.append(counter)
        return counter

    def _start(self, trigger: Trigger, prefix: bytes) -> CompiledStart:
        kind, config = trigger_registry.typed(trigger)
        stored_id = None if trigger.id == TRIGGER else trigger.id
        counter = self.entered_counter if stored_id is None else self._counter(trigger.id, NEXT)
        start = CompiledStart(trigger, counter, prefix + rows.text(stored_id))
        start.entry_counters = tuple(dict.fromkeys((self.entered_counter, counter)))
        start.by_hand, start.event_name = kind.by_hand, kind.event_name(config)
        start.contact_rule = kind.contact_rule(config)
        if kind.by_hand:
            start.asked_origin = int(RunOrigin.HAND)
        elif kind.reception(config) is not None:
            start.asked_origin = int(RunOrigin.RECEIVED)
        start.subscribes, start.input_schema = kind.subscribes(config), kind.input_schema(config)
        admission = kind.admission(config)
        if admission.rules:
            start.admits = self.scope.conditions(msgspec.convert(admission.rules, list[Condition]), admission.joined)
        return start

    def _goal(self, goal: Goal) -> CompiledGoal:
        conditions = msgspec.convert(goal.conditions, list[Condition])
        on_contact = goal.check_contact is True and contact_goals.on_contact(conditions)
        judge = self.scope.conditions(conditions, goal.match)
        moves = MOVES if on_contact and contact_goals.awaited_segments(conditions) else ()
        return CompiledGoal(goal.id, goal.name, goal.event or "", judge, on_contact=on_contact, moves=moves)

    def _node(self, node: Node, unreadable: str | None) -> CompiledNode:
        kind = registry.find(node.type)
        ports = [port.id for port in registry.ports(kind, node.data)] if kind else [NEXT, ERROR]
        ports += [port for port, _ in jumps_of(node.type, node.data)]
        does = NotUnderstood(unreadable) if unreadable else self._compiled(node, kind)
        if node.is_off:
            does = PassedBy(passing_port(ports))
        rule = self._rule(node, kind) or (kind.default_retry if kind else ONCE)
        compiled = CompiledNode(node.id, node.type, does, rule)
        compiled.sends = kind is not None and kind.sends is not None and not node.is_off
        compiled.on_error, compiled.passes = policies.chosen(node.on_error, self.on_error), passing_port(ports)
        compiled.ends = kind is not None and set(ports) <= {ERROR}
        if call_of(node.type, node.data) is not None and not node.is_off:
            compiled.limit_depth()
        if isinstance(node.timeout, int) and not node.is_off:
            compiled.limit_time(
                node.timeout, of_wait=node.id in self.answers or (kind is not None and registry.is_timed(kind))
            )
        compiled.awaits = compiled.on_error == "hold" or compiled.timeout_s is not None
        compiled.ports = {port: self._counter(node.id, port_key(port)) for port in dict.fromkeys((*ports, NEXT, ERROR))}
        compiled.exit_counters = {key: self._counter(node.id, key) for key in NODE_ENDS}
        compiled.handles = compiled.asks_how = kind is not None and registry.learns_of_errors(kind)
        compiled.waiting_counter = self._counter(node.id, "waiting")
        compiled.queued_counter = self._counter(node.id, QUEUED)
        return compiled

    def _compiled(self, node: Node, kind: type[NodeType] | None) -> Run | Outcome | IfRoom:
        if kind is None:
            return NotUnderstood(gettext("The step type %(type)s is not installed.", type=quoted(node.type)))
        try:
            scope = NodeScope(node.id)
            does = kind.compile(registry.config_of(kind, node.data), scope)
        except Exception as error:  # it must not keep every other workflow from running
            return NotUnderstood(_unreadable(error, node.type))
        self.scope.reads |= scope.reads
        self.scope.remembers |= scope.remembers
        if isinstance(does, EachOf):
            of_event = all(path.startswith("event.") for path in scope.reads)
            limit = node.timeout if isinstance(node.timeout, int) else None
            does = self.loops[node.id] = CompiledLoop(
                node.id, does, scope.guard(does.items), of_event=of_event, timeout_s=limit
            )
            return does
        if isinstance(does, Asks):
            meaning = does.answered
            self.answers[node.id] = scope.guard(lambda step: meaning(step, step.state.resume_output))
            does = does.run
        if isinstance(does, DecidesAgain):
            woken, self._concerns[node.id] = does.woken, does.concerns
            self.answers[node.id] = scope.guard(lambda step: woken(step, step.state.resume_output))
            does = does.run
        if isinstance(does, IfRoom):
            does.run = scope.guard(does.run)
        elif not isinstance(does, Outcome):
            does = scope.guard(does)
        if kind.sends is None:
            return does
        if isinstance(does, Outcome):
            return self._with_rules(node, kind, does)
        sends = does.run if isinstance(does, IfRoom) else does
        return lambda state: self._with_rules(node, kind, sends(state))

    def _with_rules(self, node: Node, kind: type[NodeType], outcome: Outcome) -> Outcome:
        """The same; its mail is tried as often, and decided about, as the document says."""
        for message in [effect for effect in outcome.effects if isinstance(effect, SendMessage)]:
            if (rule := self._rule(node, kind)) is not None:
                message.payload["retry"] = rule.packed()
            if self.uncertain:
                message.payload[UNCERTAIN_RULE] = self.uncertain
        return outcome

    def _rule(self, node: Node, kind: type[NodeType] | None) -> Retry | None:
        """How often somebody wants the step, or the mail that it asks for, to be tried."""
        return retry.chosen(node.retry, self.retry, retryable=kind is not None and kind.retryable)

    def _connect(self, edge: Edge) -> None:
        target = self.nodes[edge.target]
        if edge.source in self.starts:
            self.starts[edge.source].counter.target = target
            return
        source, port = self.nodes[edge.source], edge.source_handle
        if port not in source.ports:
            source.ports[port] = self._counter(source.id, port)
        source.ports[port].target = target
        if port == ERROR:
            source.awaits = True

    def _note_what_is_read(self) -> None:
        reads = {path.removeprefix("steps.") for path in self.scope.reads if path.startswith("steps.")}
        for node in self.nodes.values():
            node.output_is_read = "*" in reads or node.id in reads
        self.kept_vars = {path.removeprefix("vars.") for path in self.scope.reads if path.startswith("vars.")}
        """Variables that some step reads; `*`: any. A message's template may read whatever there is."""
        if any(node.sends for node in self.nodes.values()):
            self.kept_vars.add("*")
        self.reads = frozenset(
            path.removeprefix("contact.") for path in self.scope.reads if path.startswith("contact.")
        )
        """Fields of the contact that some step, trigger or goal of it looks at."""
        self.segments = frozenset(UUID(path.removeprefix(READ)) for path in self.scope.reads if path.startswith(READ))
        """Segments that some condition of it asks for."""

    def _note_repeats(self, flow: Flow) -> None:
        bodies = {node_id: inside(flow, node_id, "body", self.hidden) for node_id in self.loops}
        self._time_bodies(bodies)
        ports = [(node, port) for node in self.nodes.values() for port in node.ports.values()]
        self.repeating = repeatable(self.nodes, [(node.id, port.target.id) for node, port in ports if port.target])
        """Nodes to which a run may come more than once."""
        for node_id in self.repeating:
            self.nodes[node_id].repeats = self.nodes[node_id].asks_how = True
        for edge in self.hidden:
            if edge.source_handle == ERROR:
                self.nodes[edge.source].is_alternative = edge.target in trying_in_turn(flow)
        for node_id, loop in self.loops.items():
            loop.inside = tuple(name for name in self.loops if name in bodies[node_id])
        ask_about_tags(self.nodes.values())

    def _time_bodies(self, bodies: dict[str, set[str]]) -> None:
        """Ways from the steps of each body back to a loop that has a time; the body of an outer loop has more steps than an inner one's."""
        for loop_id, body in sorted(bodies.items(), key=lambda one: -len(one[1])):
            if self.loops[loop_id].timeout_s is None:
                continue
            for node in (self.nodes[node_id] for node_id in sorted(body)):
                node.timed_loops += (loop_id,)
                way = node.ports[LATE + loop_id] = self._counter(node.id, LATE + loop_id)
                way.target = self.nodes[loop_id]


def _unreadable(error: Exception, step: str) -> str:
    """Why a stored step does not compile."""
    if isinstance(error, msgspec.ValidationError):
        return gettext("This step cannot be understood: %(error)s", error=field_error(str(error))["message"])
    if isinstance(error, LiquidError | BadPattern):
        return gettext("This step cannot be understood: %(why)s.", why=str(error).rstrip("."))
    return fault_in_words(error, step)
