"""The graph document of a draft or version: what the canvas shows, the API speaks and the engine compiles.

Every document in the database was written by `Graph.document`, so it always has all six parts, every edge has an id and a
`sourceHandle`, and every node a position. Absent optional fields (`name`, `retry`, …) are left out, never null.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow.contact_goals import CONTACT_CHANGES
from app.flow.editor_fields import EdgeLooks, NodeLooks

TRIGGER = "trigger"
"""The id of the trigger in edges; no node may have it."""
NEXT, ERROR = "next", "error"
MAX_NODES, MAX_GOALS, MAX_NOTES, MAX_EDGES = 100, 20, 100, 1_000

# No dots: `steps.<nodeId>.<field>` is a path in conditions and templates.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,100}\Z", description="Letters, digits, `-` and `_`; up to 100.")]
EdgeId = Annotated[str, Meta(min_length=1, max_length=250)]
Port = Annotated[str, Meta(min_length=1, max_length=100)]
Coordinate = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] | Annotated[float, Meta(ge=-1_000_000.0, le=1_000_000.0)]
Conditions = list[dict[str, Any]]
Match = Literal["all", "any"]
EventName = Annotated[str, Meta(max_length=200)]
BackoffType = Literal["fixed", "exponential"]
Attempts = Annotated[int, Meta(ge=1, le=20)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]


class _Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A piece of the document; unknown fields are refused so that a typing error is noticed."""


class Position(_Part, frozen=True):
    x: Coordinate = 0
    y: Coordinate = 0


class Backoff(_Part, frozen=True):
    """How long a step waits before its next try, in milliseconds; `exponential` doubles `delay` each time, up to `maxDelay`."""

    type: BackoffType = "exponential"
    delay: Milliseconds = 60_000
    max_delay: Milliseconds = 86_400_000
    jitter: bool = True


class Retry(_Part, frozen=True):
    """How often a step is tried when it fails in a way that may pass (the first try counts), and how long it waits between.

    `{maxAttempts, backoff: "fixed", delaySeconds, jitter}` says the same and is read too; it is stored in this form.
    """

    attempts: Attempts = 3
    backoff: Backoff | BackoffType = Backoff()
    max_attempts: Attempts | UnsetType = UNSET
    delay_seconds: Annotated[int, Meta(ge=1, le=86_400)] | UnsetType = UNSET
    jitter: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        flat: dict[str, Any] = {"type": self.backoff} if isinstance(self.backoff, str) else {}
        if isinstance(self.delay_seconds, int):
            flat["delay"] = self.delay_seconds * 1_000
        if isinstance(self.jitter, bool):
            flat["jitter"] = self.jitter
        if flat and isinstance(self.backoff, Backoff) and self.backoff != Backoff():
            raise ValueError("Say the wait either as backoff: {type, delay} or as delaySeconds, not both ways.")
        if flat:
            msgspec.structs.force_setattr(self, "backoff", Backoff(**flat))
        if isinstance(self.max_attempts, int):
            if self.attempts not in (3, self.max_attempts):
                raise ValueError("Send the number of tries once: attempts, or maxAttempts.")
            msgspec.structs.force_setattr(self, "attempts", self.max_attempts)
        for name in ("max_attempts", "delay_seconds", "jitter"):
            msgspec.structs.force_setattr(self, name, UNSET)

    @property
    def waits(self) -> Backoff:
        """The backoff in its one form."""
        return self.backoff if isinstance(self.backoff, Backoff) else Backoff(type=self.backoff)


class Trigger(_Part, frozen=True):
    """What starts runs. `event` waits for events of that name that meet the conditions; `manual` for people and programs."""

    type: str = "event"
    event: EventName | None = None
    conditions: Conditions = msgspec.field(default_factory=list)
    match: Match = "all"
    position: Position = Position()

    @property
    def data(self) -> dict[str, Any]:
        """The configuration of its type."""
        given = {"event": self.event, "conditions": self.conditions, "match": self.match}
        return {name: value for name, value in given.items() if value is not None}


class Node(NodeLooks, _Part, frozen=True):
    """One step. `data` is the configuration that its type's JSON Schema (`GET /api/v1/node-types`) describes."""

    id: Id
    type: Annotated[str, Meta(max_length=50)]
    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    position: Position = Position()
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    retry: Retry | UnsetType | None = UNSET


class Edge(EdgeLooks, _Part, frozen=True):
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


class Goal(_Part, frozen=True):
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

    def settled(self) -> Goal:
        """With `checkContact` said where it is true by itself. Documents from before there was the setting do not say it."""
        given: Goal = without_nulls(self)
        asks = given.check_contact is UNSET and given.event in CONTACT_CHANGES
        return msgspec.structs.replace(given, check_contact=True) if asks else given


UNIT_SECONDS = {"minutes": 60, "hours": 3_600, "days": 86_400}


class Span(_Part, frozen=True):
    """A length of time."""

    duration: Annotated[int, Meta(ge=1, le=10_000)]
    unit: Literal["minutes", "hours", "days"] = "hours"


class UncertainRule(_Part, frozen=True):
    """What becomes of an email of which nobody knows whether it left, when nobody has decided `after` that time.

    `hold`: it stays for a person. `assume_sent`, `error`: it counts as sent or failed, and a run that waits for it goes on by `next` or
    `error`. `resend`: it is sent again, once. The rule is that of the version that the run is on.
    """

    then: Literal["hold", "assume_sent", "resend", "error"] = "hold"
    after: Span | UnsetType | None = UNSET


class Settings(_Part, frozen=True):
    """Who may enter again, and what becomes of uncertain emails.

    `entryKey` (`event.order_id`) allows one active run for each value instead of one a contact.
    """

    reentry: Literal["once", "after_exit", "cooldown", "always"] = "after_exit"
    cooldown_seconds: Annotated[int, Meta(ge=1, le=31536000)] | UnsetType | None = UNSET
    entry_key: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    uncertain: UncertainRule | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if isinstance(self.uncertain, UncertainRule) and self.uncertain.then == "hold":
            msgspec.structs.force_setattr(self, "uncertain", UNSET)


class Note(_Part, frozen=True):
    """A sticky note on the canvas. Runs do not see it."""

    id: Id
    text: Annotated[str, Meta(max_length=5_000)] = ""
    position: Position = Position()
    width: Annotated[int, Meta(ge=80, le=2_000)] = 200
    height: Annotated[int, Meta(ge=40, le=2_000)] = 72


@functools.cache
def _optional(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.default is UNSET)


def without_nulls(part: Any) -> Any:
    """The same part with `null` for an optional field read as "not there"."""
    nulls = {name: UNSET for name in _optional(part.__class__) if getattr(part, name) is None}
    return msgspec.structs.replace(part, **nulls) if nulls else part


class Graph(_Part, frozen=True):
    """The whole document. Immutable: edits make a new one."""

    trigger: Trigger = Trigger()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    goals: tuple[Goal, ...] = ()
    settings: Settings = Settings()
    notes: tuple[Note, ...] = ()

    @classmethod
    def load(cls, document: dict[str, Any]) -> Graph:
        """Read a stored document. ValidationError of msgspec when it is not one."""
        graph = msgspec.convert(document, cls)
        goals = tuple(
            msgspec.structs.replace(goal, check_contact=False)
            if goal.check_contact is UNSET and goal.event in CONTACT_CHANGES
            else goal
            for goal in graph.goals
        )
        return msgspec.structs.replace(graph, goals=goals).normal()

    def normal(self) -> Graph:
        """The same graph in the one form that is stored: edges with ids, no nulls."""
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

    def node(self, node_id: str) -> Node | None:
        """The node called `node_id`, None when there is none."""
        return next((node for node in self.nodes if node.id == node_id), None)

    def leaving(self, source: str) -> Iterator[Edge]:
        """The edges that leave `source`, in document order."""
        return (edge for edge in self.edges if edge.source == source)

    def reachable(self) -> set[str]:
        """Ids of the nodes that a run can come to from the trigger."""
        ways: dict[str, list[str]] = {}
        for edge in self.edges:
            ways.setdefault(edge.source, []).append(edge.target)
        seen: set[str] = set()
        open_ids = [TRIGGER]
        while open_ids:
            for target in ways.get(open_ids.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    open_ids.append(target)
        return seen

    def content_hash(self) -> bytes:
        """SHA-256 of what people would notice: everything but where things lie on the canvas.

        A draft that was only tidied up is not "changed since published" and makes no new version.
        """
        document = self.document()
        for part in (document["trigger"], *document["nodes"], *document["notes"]):
            for place in ("position", "width", "height"):
                part.pop(place, None)
        for goal in document["goals"]:
            if goal.get("checkContact") is False:  # as if it were left out, which older documents do
                del goal["checkContact"]
        for name, key in (("nodes", "id"), ("edges", "id"), ("notes", "id")):
            document[name].sort(key=lambda part, key=key: part[key])
        return hashlib.sha256(msgspec.json.encode(document, order="sorted")).digest()
