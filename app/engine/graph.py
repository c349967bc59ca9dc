"""A published version, compiled: nodes with their function, edges by port, goals, entry rules, and what it reads.

Immutable but for the workspace's zone and country, so it is cached by (workflow, version).
What does not compile here (a type, a field or an operator that only a newer process knows) becomes a step at which runs wait for one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.engine import rows
from app.engine.circles import repeatable
from app.engine.faults import fault_in_words
from app.engine.goals import Goal, Judge, unless_met
from app.flow import contact_goals as goals
from app.flow import registry
from app.flow.conditions import Condition
from app.flow.declared import NodeScope
from app.flow.document import Retry as RetryRule
from app.flow.effects import Message, SetVars
from app.flow.node_type import NodeType
from app.flow.outcomes import Done, IfRoom, Outcome, Run
from app.flow.patterns import BadPattern
from app.flow.retries import ONCE, Retry
from app.flow.scope import Scope
from app.lib.complaints import complaint
from app.lib.liquid import LiquidError
from app.lib.readings import quoted
from app.messaging import counters
from app.messaging.rules import UNCERTAIN_RULE
from app.messaging.rules import rule_of as uncertain_rule


class NotUnderstood(Outcome):
    """A step that this process cannot do: whoever published it could. Runs stay before it until a process comes that understands it."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def _particulars(self) -> str:
        return self.why


class Edge:
    """A way out of a node, or a way to be over there (`waiting`, `failed`, `goal`…). `index` is its counter in a batch."""

    __slots__ = ("index", "key", "node_id", "target")

    def __init__(self, index: int, node_id: str, key: str) -> None:
        self.index, self.node_id, self.key = index, node_id, key
        self.target: Node | None = None


def retry_of(spec: dict[str, Any]) -> Retry:
    """A rule of the document."""
    rule = msgspec.convert(spec, RetryRule)
    waits = rule.waits
    return Retry(rule.attempts, waits.delay / 1_000, waits.max_delay / 1_000, waits.type == "exponential", waits.jitter)


class Node:
    """One node of the graph."""

    __slots__ = (
        "always",
        "awaits",
        "edges",
        "field",
        "id",
        "kept",
        "over",
        "parked",
        "queued",
        "repeats",
        "retry",
        "room",
        "run",
        "sends",
        "type",
    )

    def __init__(self, node_id: str, type_: str, made: Run | Outcome | IfRoom, retry: Retry) -> None:
        self.id, self.type, self.retry = node_id, type_, retry
        self.room = (made.tags, made.size) if isinstance(made, IfRoom) else None
        """Tags and bytes of attributes that a contact must have room for, else it is asked by itself."""
        shared = made.outcome if isinstance(made, IfRoom) else made
        alike = isinstance(shared, Outcome) and not isinstance(shared, NotUnderstood) and not _sets_vars(shared)
        self.always: Outcome | None = shared if alike and isinstance(shared, Outcome) else None
        """What it does when that is the same for everybody (who has room)."""
        self.run: Run = (
            made.run if isinstance(made, IfRoom) else (lambda _step: made) if isinstance(made, Outcome) else made
        )
        self.field = rows.text(node_id)
        self.edges: dict[str, Edge] = {}
        self.over: dict[str, Edge] = {}
        self.parked: Edge
        self.queued: Edge
        """Counts the messages that it asked for; who sends them counts on from there."""
        self.kept = False
        """Its output is kept in the run's context because a later step reads it."""
        self.repeats = False
        """A run may come here more than once, so its visits are counted."""
        self.awaits = False
        """If it asks for a message, that is waited for, because its `error` port leads somewhere."""
        self.sends = False

    def ask_first(self, contact_goals: list[Goal]) -> None:
        """A step that sends does so only for who meets none of these goals."""
        if self.sends:
            self.run, self.always = unless_met(contact_goals, self.run), None


ENDS = ("completed", "failed", "goal_reached", "exited", "cancelled")
NODE_ENDS = ("failed", "goal", "exited", "cancelled")


class Graph:
    """The compiled version. `edges` lists every counter, those of the workflow itself (node id '') first."""

    def __init__(
        self,
        workflow_id: bytes,
        version: int,
        tenant_id: int,
        document: dict[str, Any],
        timezone: str = "UTC",
        country: str | None = None,
    ) -> None:
        self.workflow_id, self.version, self.tenant_id = workflow_id, version, tenant_id
        self.timezone, self.country = timezone, country
        """The workspace's, for contacts without a zone of their own and for phone numbers without a country code."""
        self.scope, self.edges = Scope(), list[Edge]()
        self.entered, self.seconds = self._edge("", "entered"), self._edge("", "seconds")
        self.ended = {key: self._edge("", key) for key in ENDS}
        trigger = document["trigger"]
        self.trigger_event: str | None = trigger.get("event") if trigger.get("type") == "event" else None
        self.admits = self._judge(trigger) if trigger.get("conditions") else None
        settings = document.get("settings") or {}
        self.uncertain = uncertain_rule(settings)
        """What becomes of its messages whose fate nobody knows; None: a person is asked."""
        self.reentry: str = settings.get("reentry") or "after_exit"
        self.cooldown = float(settings.get("cooldownSeconds") or 0)
        self.entry_key = self.scope.field(settings["entryKey"]) if settings.get("entryKey") else None
        self.nodes = {spec["id"]: self._node(spec) for spec in document["nodes"]}
        rooms = [node.room for node in self.nodes.values() if node.room is not None]
        self.room = (sum(tags for tags, _ in rooms), sum(size for _, size in rooms)) if rooms else None
        """What all its steps together may add to a contact that no step asks by itself; None: nothing has a limit."""
        self.start: Node | None = None
        for edge in document["edges"]:
            self._connect(edge)
        self.goals = [self._goal(spec) for spec in document.get("goals") or ()]
        self.contact_goals = [goal for goal in self.goals if goal.on_contact]
        if self.contact_goals:
            for node in self.nodes.values():
                node.ask_first(self.contact_goals)
        self.goal_events = frozenset(goal.event for goal in self.goals)
        self._keep_what_is_read()
        targets = [(name, edge.target.id) for name, n in self.nodes.items() for edge in n.edges.values() if edge.target]
        self.repeating = repeatable(self.nodes, targets)
        for name in self.repeating:
            self.nodes[name].repeats = True
        self.reads = frozenset(
            path.removeprefix("contact.") for path in self.scope.reads if path.startswith("contact.")
        )
        """Fields of the contact that some step, trigger or goal of it looks at."""
        # Constant fields of every run row: tenant, workflow, version.
        self.prefix = rows.int4(tenant_id) + rows.uuid(workflow_id) + rows.int4(version)

    def _edge(self, node_id: str, key: str) -> Edge:
        edge = Edge(len(self.edges), node_id, key)
        self.edges.append(edge)
        return edge

    def _judge(self, spec: dict[str, Any]) -> Judge:
        return self.scope.conditions(_conditions(spec), spec.get("match") or "all")

    def _goal(self, spec: dict[str, Any]) -> Goal:
        # Versions from before there was the setting have goals without it, which go on as they always did.
        on_contact = bool(spec.get("checkContact")) and goals.on_contact(_conditions(spec))
        return Goal(spec["id"], spec.get("name") or "", spec["event"], self._judge(spec), on_contact=on_contact)

    def _node(self, spec: dict[str, Any]) -> Node:
        kind = registry.find(spec["type"])
        ports = [port.id for port in registry.ports(kind, spec.get("data") or {})] if kind else ["next", "error"]
        node = Node(spec["id"], spec["type"], self._made(spec, kind), _retry(spec, kind))
        node.sends = kind is not None and kind.sends is not None
        node.edges = {port: self._edge(node.id, port) for port in dict.fromkeys((*ports, "next", "error"))}
        node.over = {key: self._edge(node.id, key) for key in NODE_ENDS}
        node.parked, node.queued = self._edge(node.id, "waiting"), self._edge(node.id, counters.QUEUED)
        return node

    def _made(self, spec: dict[str, Any], kind: type[NodeType] | None) -> Run | Outcome | IfRoom:
        if kind is None:
            return NotUnderstood(f"The step type {quoted(spec['type'])} is not installed.")
        try:
            scope = NodeScope()
            made = kind.compile(registry.config_of(kind, spec.get("data") or {}), scope)
        except Exception as error:  # it must not keep every other workflow from running
            return NotUnderstood(_unreadable(error, spec["type"]))
        self.scope.reads |= scope.reads
        if isinstance(made, IfRoom):
            made = IfRoom(made.outcome, scope.guard(made.run), tags=made.tags, size=made.size)
        elif not isinstance(made, Outcome):
            made = scope.guard(made)
        if spec.get("retry") and isinstance(made, Done):  # its mail is tried as often as the step says
            for message in [effect for effect in made.effects if isinstance(effect, Message)]:
                message.payload["retry"] = retry_of(spec["retry"]).plain()
        if self.uncertain and isinstance(made, Done):
            for message in [effect for effect in made.effects if isinstance(effect, Message)]:
                message.payload[UNCERTAIN_RULE] = self.uncertain
        return made

    def _connect(self, edge: dict[str, Any]) -> None:
        target = self.nodes[edge["target"]]
        if edge["source"] == "trigger":
            self.start = self.entered.target = target
            return
        source, port = self.nodes[edge["source"]], edge.get("sourceHandle") or "next"
        if port not in source.edges:
            source.edges[port] = self._edge(source.id, port)
        source.edges[port].target = target
        if port == "error":
            source.awaits = True

    def _keep_what_is_read(self) -> None:
        reads = {path.removeprefix("steps.") for path in self.scope.reads if path.startswith("steps.")}
        for node in self.nodes.values():
            node.kept = "*" in reads or node.id in reads
        self.kept_vars = {path.removeprefix("vars.") for path in self.scope.reads if path.startswith("vars.")}
        """Variables that some step reads; `*`: any. A message's template may read whatever there is."""
        if any(node.sends for node in self.nodes.values()):
            self.kept_vars.add("*")


def _sets_vars(outcome: Outcome) -> bool:
    """Whether they fit is asked of each run, so such a step is not the same for everybody."""
    return any(isinstance(effect, SetVars) for effect in outcome.effects)


def _retry(spec: dict[str, Any], kind: type[NodeType] | None) -> Retry:
    """How often a step is tried: as it says, else as its type does."""
    own = spec.get("retry")
    return retry_of(own) if own else kind.default_retry if kind else ONCE


def _conditions(spec: dict[str, Any]) -> list[Condition]:
    return msgspec.convert(spec.get("conditions") or [], list[Condition])


def _unreadable(error: Exception, step: str) -> str:
    """Why a stored step does not compile."""
    if isinstance(error, msgspec.ValidationError):
        return f"This step cannot be understood: {complaint(str(error))['message']}"
    if isinstance(error, LiquidError | BadPattern):
        return f"This step cannot be understood: {str(error).rstrip('.')}."
    return fault_in_words(error, step)
