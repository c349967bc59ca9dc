"""A contact and its run in the memory of one batch: what nodes, triggers and goals are handed to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from app.counters.report_counters import bits_of
from app.engine import rows
from app.engine.rooms import ContactRoom
from app.flow.effects import ContactChange, SegmentChange
from app.flow.segment_membership import NOT_THERE, SegmentStanding
from app.lib.zones import zone_of
from app.models.status import ReportKind, RunOrigin, RunStatus
from app.values import contact_fields
from app.values.contact_view import liquid_data

if TYPE_CHECKING:
    from app.engine.compiled import CompiledFlow, CompiledStart
    from app.engine.compiled_node import CompiledNode
    from app.engine.paths import SharedPath

COMPLETED = int(RunStatus.COMPLETED)
_REPORTS = {
    "opened": bits_of((ReportKind.OPENED, ReportKind.CLICKED)),
    "clicked": bits_of((ReportKind.CLICKED,)),
}
"""Any of these bits of `messages.reported` is enough: whoever clicks has opened it, also where pictures are not loaded."""


class KnownSegment(NamedTuple):
    """A segment that a version asks for, as it is now."""

    number: int
    name: str
    is_static: bool
    is_built: bool


NO_SEGMENTS: Mapping[UUID, KnownSegment] = {}
NOBODY = b""
"""The id of the contact of a run that has none."""


class ContactState:
    """The contact as steps see it: what is stored of it, plus the changes of this batch. Decoded only when a step looks.

    `names` says which fields were loaded (`COLUMNS`, `attributes`, `tags`), `raw` has them; the others read as nothing. A run
    without a contact has one whose id is NOBODY, in which all fields read as nothing.
    """

    __slots__ = (
        "_attributes", "_columns", "_names", "_raw", "_seen", "_tags", "assigned", "changed_by", "changes", "field", "id",
        "segment_changes", "segments",
    )  # fmt: skip

    def __init__(self, contact_id: bytes, names: tuple[str, ...] = (), raw: tuple[Any, ...] = ()) -> None:
        self.id, self._names, self._raw = contact_id, names, raw
        self.field = rows.UUID_HEAD + contact_id if contact_id else rows.NULL
        """Its id in the rows of its runs and messages."""
        self.changes: list[ContactChange] = []
        self.changed_by: RunState | None = None
        """The last run that changed it."""
        self.segment_changes: dict[UUID, tuple[bool, RunState]] | None = None
        """Into which static segments it is to be put (True) and out of which it is to be taken, and by which run; the last wish counts."""
        self.segments: frozenset[int] = frozenset()
        """Numbers of those that it is in; loaded only for versions that ask."""
        self.assigned: dict[tuple[bytes, str], str] | None = None
        """The variant that steps gave it, by workflow and node; loaded only for versions that ask."""
        self._columns: dict[str, Any] | None = None
        self._attributes: dict[str, Any] | None = None
        self._tags: list[str] | None = None
        self._seen = 0

    def change_segments(self, changes: Iterable[SegmentChange], run: RunState) -> None:
        """Note what a run wishes about its segments."""
        wishes = {change.segment_id: (change.enters, run) for change in changes}
        self.segment_changes = {**(self.segment_changes or {}), **wishes}

    def assign(self, workflow_id: bytes, variants: Iterable[tuple[str, str]]) -> None:
        """Remember variants, by node, so that later runs of the batch find them as those of later batches do."""
        if self.id:
            assigned_now = {(workflow_id, node_id): variant for node_id, variant in variants}
            self.assigned = {**(self.assigned or {}), **assigned_now}

    def load(self, names: tuple[str, ...], raw: tuple[Any, ...]) -> None:
        """Have other fields of what is stored; the changes of this batch stay."""
        self._names, self._raw = names, raw
        self._columns = self._attributes = self._tags = None

    def has(self, names: Iterable[str]) -> bool:
        """Were these fields loaded?"""
        return all(name in self._names for name in names)

    def stored(self, name: str) -> Any:
        """A field as it was before this batch; None when it is empty or was not loaded."""
        return self._raw[self._names.index(name)] if name in self._names else None

    def stored_attributes(self) -> dict[str, Any]:
        raw = self.stored("attributes")
        return rows.decode_exactly(raw) if raw else {}

    def stored_tags(self) -> list[str]:
        return list(self.stored("tags") or ())

    def _follow(self) -> None:
        """Take the changes since the last look into what was decoded already; what was not takes them from the start."""
        news = self.changes[self._seen :]
        self._seen = len(self.changes)
        columns, attributes, tags = self._columns, self._attributes, self._tags
        for change in news:
            change.change(
                {} if columns is None else columns,
                {} if attributes is None else attributes,
                [] if tags is None else tags,
            )

    @property
    def columns(self) -> dict[str, Any]:
        if self._columns is None:
            self._columns = dict(zip(self._names, self._raw, strict=True))
            for change in self.changes[: self._seen]:
                change.change(self._columns, {}, [])
        if self._seen < len(self.changes):
            self._follow()
        return self._columns

    @property
    def attributes(self) -> dict[str, Any]:
        if self._attributes is None:
            self._attributes = self.stored_attributes()
            for change in self.changes[: self._seen]:
                change.change({}, self._attributes, [])
        if self._seen < len(self.changes):
            self._follow()
        return self._attributes

    @property
    def consent(self) -> dict[str, Any]:
        """What the person allowed, by channel and topic. Steps do not change it."""
        raw = self.stored("consent")
        return rows.decode(raw) if raw else {}

    @property
    def attributes_size(self) -> int:
        """PostgreSQL prints blanks that our JSON has not, so what is stored is never taken for less than it is."""
        if self.changes:
            return contact_fields.attributes_size(self.attributes)
        raw = self.stored("attributes")
        return len(raw) if raw else 2

    def has_room(self, room: ContactRoom) -> bool:
        """Is there surely room? Known without decoding what is stored."""
        if self.changes:
            return False
        tags, attributes = self.stored("tags"), self.stored("attributes")
        if tags and (len(tags) + room.tags > contact_fields.MAX_TAGS or not room.without.isdisjoint(tags)):
            return False
        return (len(attributes) if attributes else 2) + room.size <= contact_fields.MAX_ATTRIBUTES_BYTES

    @property
    def tags(self) -> list[str]:
        if self._tags is None:
            self._tags = self.stored_tags()
            for change in self.changes[: self._seen]:
                change.change({}, {}, self._tags)
        if self._seen < len(self.changes):
            self._follow()
        return self._tags


class RunState:
    """One run in a batch, and the step that nodes are handed. `fence` None: it is new. Instants: microseconds since 2000.

    `path` says what came of it in this batch; a run without one stands as it is stored.
    """

    # Class defaults keep the creation of a run to the fields that differ.
    fence: int | None = None
    stored_status = int(RunStatus.RUNNING)
    seq = 0
    attempt = 1
    resume_port: str | None = None
    resume_output: Any = None
    step_started: int | None = None
    entry_key: str | None = None
    context: dict[str, Any] | None = None
    path: SharedPath | None = None
    visit = 1
    """Which visit to the node it is that the run stands before; told to nodes that ask how it came to them."""
    waits_for: str | None = None
    """The event that it waited for before this batch."""
    moved_at = 0
    """When what moved it last happened: the event that it began with or waited for, or the instant that it slept until."""
    messages: list[tuple[str, int]] | None = None
    """The node of each message that it asked for and what was reported about it (bits), in order; only for versions that ask."""
    late: str | None = None
    """The loop whose time was over while the run waited in its body, until it is there."""
    depth = 0
    """How many workflows lie between what happened outside and this run, when it was started by what another one changed."""
    lane = 0
    """Of the inbox: what it causes waits there. That of what began it, or of what woke one that was in everybody's."""
    origin = int(RunOrigin.EVENT)
    event_id: bytes | None = None
    """The event that it began with; None for changes that workflows made, and when it was started by hand."""
    _event: dict[str, Any] | None = None

    def __init__(
        self,
        run_id: bytes,
        flow: CompiledFlow,
        start: CompiledStart,
        contact: ContactState,
        raw_event: bytes | None,
        node: CompiledNode | None,
        started: int,
        occurred_at: int,
        now: int,
    ) -> None:
        self.id, self.flow, self.start, self.contact = run_id, flow, start, contact
        self.raw_event, self.node = raw_event, node
        self.started, self.occurred_at, self.clock = started, occurred_at, now
        self.moved_at = occurred_at

    def call(self, depth: int) -> None:
        """Another run has called this new one, which begins with what its trigger takes."""
        self.origin, self.depth = int(RunOrigin.CALLED), depth
        if self.start.input_schema is not None:
            self._event = self.start.input_schema.filled(self.event)
            self.raw_event = rows.encode(self._event)

    @property
    def status(self) -> int:
        """Where it stands now, a RunStatus."""
        return self.stored_status if self.path is None else self.path.end.status

    @property
    def awaited(self) -> str | None:
        """The event that it waits for now."""
        return self.waits_for if self.path is None else self.path.end.waits_for

    @property
    def active(self) -> bool:
        return self.status < COMPLETED

    @property
    def event(self) -> dict[str, Any]:
        if self._event is None:
            self._event = rows.decode(self.raw_event) if self.raw_event else {}
        return self._event

    @property
    def event_name(self) -> str:
        return self.start.event_name

    @property
    def steps(self) -> dict[str, Any]:
        return (self.context or {}).get("steps") or {}

    @property
    def vars(self) -> dict[str, Any]:
        return (self.context or {}).get("vars") or {}

    def keep(self, outputs: list[tuple[str, Any]], variables: dict[str, Any], loops: dict[str, Any]) -> None:
        """Keep for later steps what steps put out, by node, variables, and what loops note, by node (None: nothing any more)."""
        context = dict(self.context or {})
        if outputs:
            context["steps"] = {**self.steps, **dict(outputs)}
        if variables:
            context["vars"] = {**self.vars, **variables}
        if loops:
            context["loops"] = {name: state for name, state in {**self.loops, **loops}.items() if state is not None}
        self.context = context

    @property
    def loops(self) -> dict[str, Any]:
        """What loops keep of the lists that they go through, by node."""
        return (self.context or {}).get("loops") or {}

    @property
    def failure(self) -> dict[str, Any] | None:
        """The error that brought the run to the step that handles it."""
        return (self.context or {}).get("failure")

    @property
    def visits(self) -> dict[str, int]:
        """How often it was at nodes that it may come to again, before this batch."""
        return (self.context or {}).get("visits") or {}

    @property
    def now(self) -> datetime:
        return rows.instant(self.clock)

    @property
    def workflow_id(self) -> bytes:
        return self.flow.workflow_id

    @property
    def subject(self) -> bytes:
        """Whom it is about: the contact, or the run itself when there is none."""
        return self.contact.id or self.id

    def reported(self, kind: str, node_id: str | None = None) -> bool:
        """Was the last message of the run, or of a node, `opened` or `clicked`? Whoever clicks has opened it."""
        of_node = [reported for node, reported in self.messages or () if node_id is None or node == node_id]
        return bool(of_node) and bool(of_node[-1] & _REPORTS[kind])

    def assignment(self, node_id: str) -> str | None:
        """The variant that a node of this workflow gave the contact before."""
        return self.contact.assigned.get((self.flow.workflow_id, node_id)) if self.contact.assigned else None

    def standing(self, segment_id: UUID) -> SegmentStanding:
        """Where the contact stands with a segment that this version asks for, with what steps of this batch wish of it."""
        known = self.flow.known_segments.get(segment_id)
        if known is None:
            return NOT_THERE
        wish = (self.contact.segment_changes or {}).get(segment_id) if known.is_static else None
        is_in = known.number in self.contact.segments and known.is_built if wish is None else wish[0]
        return SegmentStanding(known.name, is_in, known.is_built)

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.contact.columns.get("timezone"), self.flow.timezone)

    @property
    def workspace_zone(self) -> tzinfo:
        return zone_of(self.flow.timezone)

    @property
    def country(self) -> str | None:
        return self.flow.country

    @property
    def data(self) -> dict[str, Any]:
        contact = self.contact
        who = UUID(bytes=contact.id) if contact.id else None
        return {
            "contact": liquid_data(who, contact.columns, contact.attributes, contact.tags, contact.consent)
            if who
            else {},
            "event": self.event,
            "steps": self.steps,
            "vars": self.vars,
            "workspace": {"timezone": self.flow.timezone},
        }


def carried(run: RunState, visits: dict[str, int]) -> dict[str, Any]:
    """The context that a run takes along where it waits: besides outputs and variables how often it was where, its depth and its lane."""
    more: dict[str, Any] = {"visits": visits} if visits else {}
    if run.depth:
        more["depth"] = run.depth
    if run.lane:
        more["lane"] = run.lane
    return {**(run.context or {}), **more}


class GoalView:
    """A run as its goals see it: the same contact, but the event is the one that happened now."""

    def __init__(self, run: RunState, event_name: str, event: dict[str, Any]) -> None:
        self._run, self.event_name, self.event = run, event_name, event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)
