"""What the versions of one workspace wait for: triggers, goals and waits by the name of the event, each asked by an index."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from app.engine import rows
from app.engine.covers import Rules
from app.engine.due_dates import WatchedDate
from app.engine.index_places import KnownContact
from app.engine.listeners import NO_LISTENERS, EventMatch, Index
from app.flow import registry
from app.flow.contact_date import ContactDate
from app.flow.contact_goals import CONTACT_CHANGES, waits_for_segments
from app.flow.document import triggers_of
from app.flow.node_type import NodeType
from app.flow.segment_membership import MOVES
from app.flow.trigger_registry import typed
from app.membership.book import Book
from app.values.contact_view import COLUMNS

Version = tuple[bytes, int]
Listener = TypeVar("Listener")


class Live(NamedTuple):
    """What new runs of an active or paused workflow start on. `since`: when it began to listen; earlier events start nothing."""

    workflow_id: bytes
    version: int
    tenant_id: int
    paused: bool
    since: int


class Waiter(NamedTuple):
    """An event that a version waits for, and conditions on it, joined by `match`."""

    event: str
    conditions: Rules
    match: str


class Listening(NamedTuple):
    """What a version waits for: never changes, so it is read once."""

    triggers: tuple[Waiter, ...]
    goals: tuple[Waiter, ...]
    waits: tuple[str, ...] = ()
    """Events that its steps may wait for."""
    partly: bool = False
    """It has steps that this process does not understand: what they wait for, only runs that stand there can say."""
    dates: tuple[tuple[str, ContactDate], ...] = ()
    """Dates of contacts that its triggers watch, with the triggers' ids."""


def listening_of(
    document: dict[str, Any], goals: list[dict[str, Any]], nodes: list[dict[str, Any]], unknown: bool
) -> Listening:
    """What a version waits for, by its triggers, its goals and those of its nodes that wait. `unknown`: it has others besides."""
    triggers, dates = list[Waiter](), list[tuple[str, ContactDate]]()
    for trigger in triggers_of(document):
        kind, config = typed(trigger)
        admission = kind.admission(config)
        if trigger.enabled:
            triggers += [Waiter(event, admission.rules, admission.joined) for event in kind.subscribes(config)]
            date = kind.contact_date(config)
            dates += [] if date is None else [(trigger.id, date)]
    waits, readable = _awaited(nodes)
    readable_goals = [goal for goal in goals if isinstance(goal, dict) and isinstance(goal.get("event"), str)]
    reached = [
        Waiter(goal["event"], goal.get("conditions") or [], goal.get("match") or "all") for goal in readable_goals
    ]
    for goal in readable_goals:
        if segments := [str(one) for one in waits_for_segments(goal)]:
            moved = [{"field": "event.segmentId", "operator": "in", "value": segments}]
            reached += [Waiter(event, moved, "all") for event in MOVES]
    return Listening(tuple(triggers), tuple(reached), waits, unknown or not readable, tuple(dates))


class ReachedWorkflows:
    """Workflows one of whose goals an event may reach: some that any of its name may, whatever it has, and some that this one may."""

    __slots__ = ("_of_event", "_whoever")

    def __init__(self, whoever: frozenset[bytes], of_event: frozenset[bytes]) -> None:
        self._whoever, self._of_event = whoever, of_event

    def __bool__(self) -> bool:
        return bool(self._whoever or self._of_event)

    def __contains__(self, workflow_id: object) -> bool:
        return workflow_id in self._whoever or workflow_id in self._of_event


class WorkspaceListeners:
    """Who listens in one workspace, as of an epoch. Indexes are made when the first event of a name comes."""

    def __init__(
        self,
        epoch: int,
        listening: Mapping[Version, Listening],
        live: Mapping[bytes, Live],
        used: float,
        book: Book | None = None,
        timezone: str | None = None,
    ) -> None:
        self.epoch, self.listening, self.live, self.used, self.timezone = epoch, listening, live, used, timezone
        self.book = book
        """The dynamic segments of the workspace; None when it has none."""
        self.dates = [
            WatchedDate(one.workflow_id, trigger_id, date)
            for one in live.values()
            if (heard := listening.get((one.workflow_id, one.version))) is not None
            for trigger_id, date in heard.dates
        ]
        """Dates of contacts that triggers of live versions watch."""
        self.watched = frozenset().union(*(one.date.watched for one in self.dates))
        """What of contacts moves them, as changes of contacts name it, and as effects of steps do."""
        self.waits = frozenset(event for heard in listening.values() for event in heard.waits)
        """Events that some step of some version waits for."""
        self.partly_understood = frozenset(key[0] for key, heard in listening.items() if heard.partly)
        """Workflows of which this process does not understand every step: their runs may wait for any event."""
        self.paused = frozenset(one.workflow_id for one in live.values() if one.paused)
        """Workflows whose runs stand still."""
        self._triggers = _by_event(
            (one, heard.triggers) for (workflow_id, version), heard in listening.items()
            if (one := live.get(workflow_id)) and one.version == version
        )  # fmt: skip
        self._goals = _by_event((workflow_id, heard.goals) for (workflow_id, _), heard in listening.items())
        self.hears_changes = any(
            name in listened for name in CONTACT_CHANGES for listened in (self.waits, self._triggers, self._goals)
        )
        """Does anybody wait for changes of contacts?"""
        self._starts: dict[str, Index[Live]] = {}
        self._reaches: dict[str, Index[bytes]] = {}
        self._of_event: dict[tuple[str, bytes | None], EventMatch[Live]] = {}

    def awaited(self, name: str) -> bool:
        """May some run wait for an event of this name?"""
        return name in self.waits or bool(self.partly_understood)

    def listens(self, live: Live, name: str) -> bool:
        """Is this what its workflow starts new runs on now, and may such an event start them?"""
        heard = self.listening.get((live.workflow_id, live.version))
        return heard is not None and any(trigger.event == name for trigger in heard.triggers)

    def starts(self, name: str) -> Index[Live]:
        """The workflows that events of this name start."""
        return self._index(self._starts, self._triggers, name)

    def reaches(self, name: str) -> Index[bytes]:
        """The workflows whose goals events of this name reach."""
        return self._index(self._reaches, self._goals, name)

    def by_properties(self, name: str) -> bool:
        """Do the properties of an event of this name decide which workflows it may start, or whose goals it may reach?"""
        return self.starts(name).by_event or self.reaches(name).by_event

    def starting(self, name: str, payload: bytes | None) -> EventMatch[Live]:
        """The workflows that an event with these properties (JSON) may start whoever its contact is. Within a batch equal events are
        asked once."""
        index = self.starts(name)
        key = name, payload if index.by_event else None
        match = self._of_event.get(key)
        if match is None:
            match = self._of_event[key] = index.of_event(_properties(payload) if index.by_event else {})
        return match

    def reached(self, name: str, payload: bytes | None) -> ReachedWorkflows:
        """The workflows one of whose goals an event with these properties (JSON) may reach."""
        index = self.reaches(name)
        return ReachedWorkflows(index.whoever, index.hung(_properties(payload)) if index.by_event else frozenset())

    def reached_by_any(self, name: str) -> ReachedWorkflows:
        """The workflows one of whose goals some event of this name may reach."""
        return ReachedWorkflows(frozenset(self.reaches(name).everybody), frozenset())

    def told_of(self, name: str, changed: Iterable[str], contact: KnownContact) -> bool:
        """Does it concern somebody that these fields of a contact have changed, which is like this now? `name`: which event tells it."""
        return (
            name in self.waits
            or self.starts(name).may_concern(changed, contact)
            or self.reaches(name).may_concern(changed, contact)
        )

    @functools.cached_property
    def undecided_changes(self) -> bool:
        """Does it depend on the contact whom its changes concern? It may be another one by the time at which they are handled."""
        return any(index(name).by_contact for name in CONTACT_CHANGES for index in (self.starts, self.reaches))

    @functools.cached_property
    def change_fields(self) -> frozenset[str]:
        """Fields of contacts that say whom their changes concern; all of them where every change concerns somebody."""
        indexes = [index(name) for name in CONTACT_CHANGES for index in (self.starts, self.reaches)]
        if not self.waits.isdisjoint(CONTACT_CHANGES) or any(one.attributes is None for one in indexes):
            return frozenset((*COLUMNS, "attributes", "tags"))
        return frozenset().union(*(one.fields for one in indexes))

    def forget_events(self) -> None:
        """A batch is over."""
        self._of_event.clear()

    @staticmethod
    def _index(
        indexes: dict[str, Index[Listener]], listeners: Mapping[str, list[tuple[Listener, Rules, str]]], name: str
    ) -> Index[Listener]:
        index = indexes.get(name)
        if index is None:
            if name not in listeners:  # names that nobody waits for are without end
                return NO_LISTENERS
            index = indexes[name] = Index(listeners[name])
        return index


def _by_event(
    listeners: Iterable[tuple[Listener, Iterable[Waiter]]],
) -> dict[str, list[tuple[Listener, Rules, str]]]:
    by_event: dict[str, list[tuple[Listener, Rules, str]]] = {}
    for listener, waiters in listeners:
        for event, conditions, match in waiters:
            by_event.setdefault(event, []).append((listener, conditions, match))
    return by_event


def _properties(payload: bytes | None) -> dict[str, Any]:
    properties: dict[str, Any] = rows.decode(payload) if payload else {}
    return properties


def waiting_types() -> dict[str, type[NodeType]]:
    """Types whose steps may wait for events."""
    plain = NodeType.events.__qualname__
    return {name: kind for name, kind in registry.types().items() if kind.events.__qualname__ != plain}


def _awaited(nodes: list[dict[str, Any]]) -> tuple[tuple[str, ...], bool]:
    """The events that these nodes may wait for, and whether all of them are understood."""
    if not nodes:
        return (), True
    types, events, readable = waiting_types(), list[str](), True
    for node in nodes:
        kind = types[node["type"]]
        try:
            events += kind.events(registry.config_of(kind, node.get("data") or {}))
        except Exception:
            readable = False
    return tuple(events), readable


UNKNOWN = WorkspaceListeners(-1, {}, {}, 0.0)
"""Of a workspace that was not looked at."""
