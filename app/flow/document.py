"""The flow document of a draft or version: what the canvas shows, the API speaks and the engine compiles.

Every document in the database was written by `Flow.document`, so it always has all six parts, every edge has an id and a
`sourceHandle`, and every node a position. Absent optional fields (`name`, `retry`, …) are left out, never null. Those from before a
workflow could have several triggers have a single `trigger` instead of `triggers`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import registry
from app.flow.conditions import Match
from app.flow.contact_goals import CONTACT_CHANGES
from app.flow.editor_fields import EdgeLooks, NodeLooks
from app.flow.part import Part, without_nulls
from app.flow.policies import OnError, StepTimeout
from app.flow.retry import Retry
from app.flow.settings import FlowSettings
from app.settings import settings
from app.values.event_names import take_recorded_name

TRIGGER = "trigger"
"""The id of a workflow's only trigger in edges; no node may have it."""
NEXT, ERROR = "next", "error"
LATE = "late."
"""Begins the port by which a wait in the body of a loop is left when the time of the loop, whose id follows, is over. No edge has it."""
MAX_TRIGGERS, MAX_GOALS, MAX_NOTES, MAX_EDGES = 20, 20, 100, 1_000

# No dots: `steps.<nodeId>.<field>` is a path in conditions and templates.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,100}\Z", description="Letters, digits, `-` and `_`; up to 100.")]
EdgeId = Annotated[str, Meta(min_length=1, max_length=250)]
Port = Annotated[str, Meta(min_length=1, max_length=100)]
MAX_COORDINATE = 1_000_000
Coordinate = (
    Annotated[int, Meta(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
    | Annotated[float, Meta(ge=-float(MAX_COORDINATE), le=float(MAX_COORDINATE))]
)
Conditions = list[dict[str, Any]]
EventName = Annotated[str, Meta(max_length=200)]


def most_steps() -> int:
    """How many steps a workflow may have: what the operator set, for the canvas and for every door."""
    return settings().ceilings.steps_a_workflow


def begun_by(trigger_id: str | None) -> str:
    """The trigger that a stored run says it began by; behind a dot is the step at which a run began that was moved there by a person."""
    return (trigger_id or TRIGGER).partition(".")[0]


class Position(Part, frozen=True):
    x: Coordinate = 0
    y: Coordinate = 0


UNPLACED = Position()
"""Of a card that says no place: this very object, so that a place at the origin is one. `app.flow.layout` gives it one."""


class Trigger(NodeLooks, Part, frozen=True):
    """What starts runs. `data` is the configuration that its type's JSON Schema (`GET /api/v1/trigger-types`) describes.

    Edges leave it by its `id`. One that is switched off (`enabled: false`) starts nothing.
    """

    id: Id = TRIGGER
    type: str = "event"
    enabled: bool = True
    data: dict[str, Any] = {}
    position: Position = UNPLACED


class SingleTrigger(Part, frozen=True):
    """The first trigger, written as in a workflow that has one: what an event or manual trigger is set to stands beside its type."""

    type: str = "event"
    event: EventName | None = None
    conditions: Conditions = []
    match: Match = "all"
    data: dict[str, Any] | UnsetType = UNSET
    position: Position = UNPLACED

    @classmethod
    def of(cls, trigger: Trigger) -> SingleTrigger:
        """The same in this form; `data` holds what has no field of its own here."""
        own = {name: trigger.data[name] for name in _SINGLE_FIELDS if name in trigger.data}
        more = {name: value for name, value in trigger.data.items() if name not in own}
        return cls(type=trigger.type, position=trigger.position, data=more or UNSET, **own)

    def trigger(self, id_: str = TRIGGER, enabled: bool = True) -> Trigger:
        """The same as one of several."""
        fields = {name: getattr(self, name) for name in _SINGLE_FIELDS}
        if isinstance(self.data, dict):  # a type that need not have these fields
            defaults = SingleTrigger()
            data = self.data | {name: value for name, value in fields.items() if value != getattr(defaults, name)}
        else:
            data = {name: value for name, value in fields.items() if value is not None}
        return Trigger(id=id_, type=self.type, enabled=enabled, data=data, position=self.position)

    def says_as(self, trigger: Trigger) -> bool:
        """Does it say the same, wherever either lies on the canvas?"""
        return msgspec.structs.replace(SingleTrigger.of(trigger), position=self.position) == self


_SINGLE_FIELDS = ("event", "conditions", "match")


def one_of(single: SingleTrigger | UnsetType, several: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    """The triggers of a document that names them in one of two ways, or in both alike. Raises ValueError when they differ."""
    if isinstance(single, UnsetType):
        return several
    if several and not single.says_as(several[0]):
        raise ValueError("`trigger` and the first of `triggers` say different things. Send one of the two.")
    return several or (single.trigger(),)


class Node(NodeLooks, Part, frozen=True):
    """One step. `data` is the configuration that its type's JSON Schema (`GET /api/v1/node-types`) describes.

    `onError`: what becomes of a run whose step failed for good and whose `error` port leads nowhere. It fails (`fail`), goes on as if
    the step were done (`continue`), or is held until somebody decides (`hold`). `timeout`: how many seconds a try of the step may
    take; then it fails. `disabled`: runs pass the step by, by `next` or its first port.
    """

    id: Id
    type: Annotated[str, Meta(max_length=50)]
    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    position: Position = UNPLACED
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    retry: Retry | UnsetType | None = UNSET
    on_error: OnError | UnsetType | None = UNSET
    timeout: StepTimeout | UnsetType | None = UNSET
    disabled: bool | UnsetType | None = UNSET

    @property
    def is_off(self) -> bool:
        """Is it switched off, so that runs pass it by?"""
        return self.disabled is True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.disabled is False:
            msgspec.structs.force_setattr(self, "disabled", UNSET)
        if (name := registry.own_name(self.type)) != self.type:
            msgspec.structs.force_setattr(self, "type", name)
        if (data := registry.with_own_fields(self.type, self.data)) is not self.data:
            msgspec.structs.force_setattr(self, "data", data)


class Edge(EdgeLooks, Part, frozen=True):
    """From a port of `source` (a node id, or `trigger`) to `target`. Without `sourceHandle`, or with null, the port is `next`."""

    source: Id
    target: Id
    handle: Port | None = msgspec.field(default=NEXT, name="sourceHandle")
    id: EdgeId | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.handle is None:
            msgspec.structs.force_setattr(self, "handle", NEXT)

    @property
    def source_handle(self) -> str:
        """The port of `source` that it leaves by."""
        return self.handle or NEXT

    @property
    def key(self) -> str:
        """The id; filled in for every edge of a document."""
        return self.id if isinstance(self.id, str) else f"e-{self.source}-{self.source_handle}"


class Goal(Part, frozen=True):
    """An event that ends a run early, as a success.

    `checkContact`: contacts who meet the conditions are not let in, and get no more messages, without waiting for the event. It needs
    conditions that read the contact alone. Left out, it is true for `contact.updated` and `contact.attribute_changed`.
    """

    id: Id
    name: Annotated[str, Meta(max_length=200)] = ""
    event: EventName | None = None
    conditions: Conditions = msgspec.field(default_factory=list)
    match: Match = "all"
    check_contact: bool | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        take_recorded_name(self)

    def settled(self) -> Goal:
        """With `checkContact` said where it is true by itself. Documents from before there was the setting do not say it."""
        goal: Goal = without_nulls(self)
        asks = goal.check_contact is UNSET and goal.event in CONTACT_CHANGES
        return msgspec.structs.replace(goal, check_contact=True) if asks else goal


class Note(Part, frozen=True):
    """A sticky note on the canvas. Runs do not see it."""

    id: Id
    text: Annotated[str, Meta(max_length=5_000)] = ""
    position: Position = UNPLACED
    width: Annotated[int, Meta(ge=80, le=2_000)] = 200
    height: Annotated[int, Meta(ge=40, le=2_000)] = 72


class Flow(Part, frozen=True):
    """The whole document. Immutable: edits make a new one. `trigger` is read and becomes the only one of `triggers`."""

    triggers: tuple[Trigger, ...] = ()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    goals: tuple[Goal, ...] = ()
    settings: FlowSettings = FlowSettings()
    notes: tuple[Note, ...] = ()
    trigger: SingleTrigger | UnsetType = UNSET

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "triggers", one_of(self.trigger, self.triggers) or (Trigger(),))
        msgspec.structs.force_setattr(self, "trigger", UNSET)

    @classmethod
    def load(cls, document: dict[str, Any]) -> Flow:
        """Read a stored document. ValidationError of msgspec when it is not one."""
        flow = msgspec.convert(document, cls)
        goals = tuple(
            msgspec.structs.replace(goal, check_contact=False)
            if goal.check_contact is UNSET and goal.event in CONTACT_CHANGES
            else goal
            for goal in flow.goals
        )
        return msgspec.structs.replace(flow, goals=goals).normal()

    def normal(self) -> Flow:
        """The same flow in the one form that is stored: edges with ids, no nulls."""
        return msgspec.structs.replace(
            self,
            nodes=tuple(without_nulls(node) for node in self.nodes),
            edges=tuple(
                edge if isinstance(edge.id, str) else msgspec.structs.replace(edge, id=edge.key) for edge in self.edges
            ),
            goals=tuple(goal.settled() for goal in self.goals),
            settings=without_nulls(self.settings),
        )

    def document(self) -> dict[str, Any]:
        """Plain JSON values, ready to be stored or answered."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain

    def plain(self) -> dict[str, Any]:
        """Plain values with a `trigger` in place of `triggers` where that says all of it, as documents did before there were several."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        if (single := self.single) is not None:
            del document["triggers"]
            document["trigger"] = msgspec.to_builtins(single)
        return document

    def node(self, node_id: str) -> Node | None:
        """The node with this id, or None."""
        return next((node for node in self.nodes if node.id == node_id), None)

    @property
    def cards(self) -> tuple[Trigger | Node, ...]:
        """All that lies on the canvas and edges may leave: triggers, then steps."""
        return (*self.triggers, *self.nodes)

    def trigger_of(self, trigger_id: str) -> Trigger | None:
        """The trigger with this id, or None."""
        return next((trigger for trigger in self.triggers if trigger.id == trigger_id), None)

    @property
    def single(self) -> SingleTrigger | None:
        """Its trigger in the form of workflows that have one; None when that form cannot say all of it."""
        first, *more = self.triggers
        plain = first.id == TRIGGER and first.enabled and set(first.data) <= set(_SINGLE_FIELDS)
        return SingleTrigger.of(first) if plain and not more else None

    def trigger_path(self, index: int) -> str:
        """Where the configuration of a trigger stands, for who reads what is wrong with it."""
        return "trigger" if self.single is not None else f"triggers[{index}].data"

    def leaving(self, source: str) -> Iterator[Edge]:
        """The edges that leave `source`, in document order."""
        return (edge for edge in self.edges if edge.source == source)

    def reachable(self, triggers: Iterable[Trigger] | None = None, ways: Iterable[Edge] = ()) -> set[str]:
        """Ids of the nodes reachable from any trigger, or from the given ones; `ways`: what leads on besides the edges."""
        following: dict[str, list[str]] = {}
        for edge in (*self.edges, *ways):
            following.setdefault(edge.source, []).append(edge.target)
        reached: set[str] = set()
        open_ids = [trigger.id for trigger in (self.triggers if triggers is None else triggers)]
        while open_ids:
            for target in following.get(open_ids.pop(), ()):
                if target not in reached:
                    reached.add(target)
                    open_ids.append(target)
        return reached

    def content_hash(self) -> bytes:
        """SHA-256 of what people would notice: everything but where things lie on the canvas.

        A draft that was only tidied up is not "changed since published" and makes no new version.
        """
        document = self.plain()
        for part in (
            document.get("trigger", {}),
            *document.get("triggers", ()),
            *document["nodes"],
            *document["notes"],
        ):
            for place in ("position", "width", "height"):
                part.pop(place, None)
        for goal in document["goals"]:
            if goal.get("checkContact") is False:  # as if it were left out, which older documents do
                del goal["checkContact"]
        for name, key in (("nodes", "id"), ("edges", "id"), ("notes", "id")):
            document[name] = sorted(document[name], key=itemgetter(key))
        return hashlib.sha256(msgspec.json.encode(document, order="sorted")).digest()


def triggers_of(stored: Mapping[str, Any]) -> tuple[Trigger, ...]:
    """The triggers of a stored document, or of as much of one as names them in either way. ValidationError when it is not one."""
    trigger_fields = {name: stored[name] for name in ("trigger", "triggers") if stored.get(name) is not None}
    return msgspec.convert(trigger_fields, Flow).triggers
