"""Who is interested in what came into the inbox: workflows that it starts, workflows whose goals it may reach, runs that wait for it.

Most items of a batch share a workspace and a name, so the answer is kept by both for the time of a batch; by their properties too
where those decide whom an event starts or whose goals it reaches. Whom its contact lets in is answered at the moment of acting, as
the contact is then.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from app.engine.compiled import CompiledFlow
from app.engine.index_places import KnownContact
from app.engine.listeners import EventMatch, Index
from app.engine.matcher import Matcher
from app.engine.stored_rows import PACED, PAST, Item
from app.engine.subscriptions import Live, ReachedWorkflows, Version
from app.inbox import InboxKind

HAPPENED = (InboxKind.EVENT, PAST, InboxKind.DEFERRED)
_TOLD_TO_RUNS = (InboxKind.EVENT, InboxKind.DEFERRED, InboxKind.FOR_RUN)
_FOR_ONE_WORKFLOW = (InboxKind.DEFERRED, InboxKind.FOR_RUN)
_STARTED = (InboxKind.START, InboxKind.AT_TRIGGER, InboxKind.CALLED, InboxKind.DEFERRED, PACED)
_ALWAYS_HANDLED = (*_STARTED, InboxKind.ERASED, InboxKind.FOR_RUN)
_NO_WORKFLOWS: frozenset[bytes] = frozenset()
_Key = tuple[int, str, bytes | None]
"""Workspace, name of the event and, where they matter, its properties."""


class Interest(NamedTuple):
    """In events of one workspace and name, and of the same properties where those matter."""

    starts: Index[Live]
    match: EventMatch[Live]
    """Whom they may start whoever the contact is."""
    flows: list[CompiledFlow] | None
    """The workflows of `match`, if all of them are understood here."""
    since: int
    """When the last of `match` began to listen."""
    goals: ReachedWorkflows
    awaited: bool
    by_properties: bool
    """The properties of an event decide whom it starts, or whose goals it may reach."""


class Arrival:
    """An item of the inbox and who is interested in it."""

    __slots__ = ("_changes", "_starting", "awaited", "by_contact", "goals", "item", "targets")

    def __init__(
        self,
        item: Item,
        targets: list[CompiledFlow],
        goals: Container[bytes],
        awaited: bool,
        by_contact: Interest | None = None,
    ) -> None:
        self.item = item
        self.targets = targets
        """The workflows that it may start whoever its contact is. Shared with other items: never changed."""
        self.goals = goals
        """Workflows with a goal that it may reach; false when there are none."""
        self.awaited = awaited
        """Some run may wait for it."""
        self.by_contact = by_contact
        """Its contact says whom else it may start: ask `starting`."""
        self._changes, self._starting = -1, list[Live]()

    def starting(self, contact: KnownContact, changes: int) -> list[Live]:
        """The workflows that it may start when its contact is like this, in order; `changes`: how often that has changed by now."""
        if self._changes != changes:
            self._changes = changes
            interest = self.by_contact
            assert interest is not None
            live = interest.starts.of_contact(interest.match, contact)
            self._starting = [one for one in live if _may_start(self.item, one)]
        return self._starting


class Interests:
    """Answers for the items of one batch. `left`: items, and workflows that only another process understands."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.left: list[tuple[Item, bytes]] = []
        self.fields: set[str] = set()
        """Fields of contacts that decide whom these items may start."""
        self._known: dict[_Key, Interest] = {}

    def arrival(self, item: Item) -> Arrival | None:
        """The item and who is interested in it; None when nobody is."""
        known = self._interest(item)
        by_contact = known if item.kind == InboxKind.EVENT and known.starts.by_contact else None
        if item.kind == InboxKind.EVENT:
            if not (known.match.listeners or by_contact or known.goals or known.awaited):
                return None
            if known.flows is not None and item.workflow_id is None and item.at >= known.since:
                return Arrival(item, known.flows, known.goals, known.awaited, by_contact)
        elif item.kind not in _ALWAYS_HANDLED:
            return None
        awaited = known.awaited and item.kind in _TOLD_TO_RUNS
        return Arrival(item, self._targets(item), self._goals(item, known), awaited, by_contact)

    def past(self, item: Item) -> Arrival:
        """An item that was handled before: it starts nothing and wakes nobody."""
        return Arrival(item, [], self._interest(item).goals, False)

    def _interest(self, item: Item) -> Interest:
        known = self._known.get((item.tenant_id, item.name, None)) or self._learn(item, None)
        if not known.by_properties or item.kind != InboxKind.EVENT:
            return known
        properties = item.payload or b""
        return self._known.get((item.tenant_id, item.name, properties)) or self._learn(item, properties)

    def _learn(self, item: Item, properties: bytes | None) -> Interest:
        """Without `properties`: of all events of the name, whom they may start only if that is the same for all; all goals."""
        matcher, workspace, name = self.matcher, self.matcher.workspace(item.tenant_id), item.name
        by_properties, index = workspace.by_properties(name), workspace.starts(name)
        known_properties = properties is not None or not by_properties
        match = workspace.starting(name, properties) if known_properties else index.whatever
        understood = known_properties and not any(live[:2] in matcher.unreadable for live in match.listeners)
        known = Interest(
            index,
            match,
            [matcher.flow(*live[:2]) for live in match.listeners] if understood else None,
            max((live.since for live in match.listeners), default=0),
            workspace.reached(name, properties) if known_properties else workspace.reached_by_any(name),
            workspace.awaited(name),
            by_properties,
        )
        self.fields |= index.fields
        self._known[item.tenant_id, name, properties] = known
        return known

    def _targets(self, item: Item) -> list[CompiledFlow]:
        targets = []
        for live in listeners(self.matcher, item):
            if live[:2] in self.matcher.unreadable:
                self.left.append((item, live.workflow_id))
            else:
                targets.append(self.matcher.flow(*live[:2]))
        return targets

    def _goals(self, item: Item, known: Interest) -> Container[bytes]:
        if item.kind in _FOR_ONE_WORKFLOW:
            workflow_id = item.workflow_id
            return [workflow_id] if workflow_id is not None and workflow_id in known.goals else []
        return known.goals if item.kind in HAPPENED else _NO_WORKFLOWS


def _may_start(item: Item, live: Live) -> bool:
    """Was this listened for when the event came in, and does no workflow start itself?"""
    return item.at >= live.since and live.workflow_id != item.workflow_id


def listeners(matcher: Matcher, item: Item) -> list[Live]:
    """The workflows that this item may start whoever its contact is."""
    workspace = matcher.workspace(item.tenant_id)
    if item.kind == InboxKind.EVENT:
        return [live for live in workspace.starting(item.name, item.payload).listeners if _may_start(item, live)]
    live = workspace.live.get(item.workflow_id or b"") if item.kind in _STARTED else None
    if live is None:
        return []
    if item.kind == InboxKind.DEFERRED:
        return [live] if workspace.listens(live, item.name) and item.at >= live.since else []
    return [live]


class Behind(Exception):
    """Workflows of some workspaces have changed, or versions are needed that are not compiled.

    To be looked at while nobody waits, then the batch is taken anew. `workspaces`: the epochs of those to look at.
    """

    def __init__(self, workspaces: Mapping[int, int], versions: list[Version]) -> None:
        super().__init__("look at the workflows first")
        self.workspaces, self.versions = workspaces, versions


def epochs_of(items: Iterable[Item]) -> dict[int, int]:
    """The epoch of each workspace of a claim: the highest, when the claim was of several statements."""
    epochs: dict[int, int] = {}
    for item in items:
        epochs[item.tenant_id] = max(item.epoch, epochs.get(item.tenant_id, 0))
    return epochs


def require_compiled(matcher: Matcher, items: list[Item]) -> None:
    """Raises Behind unless this process knows who listens to these items, and has compiled all versions that they may start."""
    if stale := matcher.stale(epochs_of(items)):
        raise Behind(stale, [])
    # One item a subscription: when it came in matters little here, a version too many is compiled at worst.
    by_properties = {
        (tenant_id, name): matcher.workspace(tenant_id).by_properties(name)
        for tenant_id, name in {(item.tenant_id, item.name) for item in items}
    }
    alike = {
        (item.kind, item.tenant_id, item.name, item.workflow_id)
        + ((item.payload,) if by_properties[item.tenant_id, item.name] else ()): item
        for item in items
    }
    latest = max(item.at for item in items)
    flow_versions = (live[:2] for item in alike.values() for live in listeners(matcher, item._replace(at=latest)))
    if needed := matcher.needed(flow_versions):
        raise Behind({}, needed)
