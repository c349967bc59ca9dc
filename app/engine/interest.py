"""Who is interested in what came into the inbox: workflows that it starts, workflows whose goals it may reach, runs that wait for it.

Most items of a batch share a workspace and a name, so the answer is kept by both for the time of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from app.engine import claim
from app.engine.claim import Item
from app.engine.compiled import CompiledFlow
from app.engine.matcher import Key, Live, Matcher, Version
from app.inbox import InboxKind

HAPPENED = (InboxKind.EVENT, claim.PAST, InboxKind.DEFERRED)
_TOLD_TO_RUNS = (InboxKind.EVENT, InboxKind.DEFERRED, InboxKind.FOR_RUN)
_FOR_ONE_WORKFLOW = (InboxKind.DEFERRED, InboxKind.FOR_RUN)
_STARTED = (InboxKind.START, InboxKind.DEFERRED)
_ALWAYS_HANDLED = (InboxKind.START, InboxKind.ERASED, InboxKind.DEFERRED, InboxKind.FOR_RUN)
_NO_WORKFLOWS: frozenset[bytes] = frozenset()


class Arrival:
    """An item of the inbox and who is interested in it."""

    __slots__ = ("awaited", "goals", "item", "targets")

    def __init__(self, item: Item, targets: list[CompiledFlow], goals: Iterable[bytes], awaited: bool) -> None:
        self.item = item
        self.targets = targets
        """The workflows that it may start. Shared with other items: never changed."""
        self.goals = goals
        """Workflows with a goal that it may reach."""
        self.awaited = awaited
        """Some run may wait for it."""


class _Interest(NamedTuple):
    """In events of one workspace and name."""

    subscribed: list[Live]
    flows: list[CompiledFlow] | None
    """Those of `subscribed`, if all of them are understood here."""
    since: int
    """When the last of `subscribed` began to listen."""
    goals: Iterable[bytes]
    awaited: bool


class Interests:
    """Answers for the items of one batch. `left`: items, and workflows that only another process understands."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.left: list[tuple[Item, bytes]] = []
        self._known: dict[Key, _Interest] = {}

    def arrival(self, item: Item) -> Arrival | None:
        """The item and who is interested in it; None when nobody is."""
        known = self._known.get((item.tenant_id, item.name)) or self._learn(item)
        if item.kind == InboxKind.EVENT:
            if not (known.subscribed or known.goals or known.awaited):
                return None
            if known.flows is not None and item.workflow_id is None and item.at >= known.since:
                return Arrival(item, known.flows, known.goals, known.awaited)
        elif item.kind not in _ALWAYS_HANDLED:
            return None
        return Arrival(
            item, self._targets(item), self._goals(item, known), known.awaited and item.kind in _TOLD_TO_RUNS
        )

    def past(self, item: Item) -> Arrival:
        """An item that was handled before: it starts nothing and wakes nobody."""
        known = self._known.get((item.tenant_id, item.name)) or self._learn(item)
        return Arrival(item, [], known.goals, False)

    def _learn(self, item: Item) -> _Interest:
        matcher, key = self.matcher, (item.tenant_id, item.name)
        subscribed = matcher.triggers.get(key, [])
        understood = not any(live[:2] in matcher.unreadable for live in subscribed)
        flows = [matcher.flow(*live[:2]) for live in subscribed] if understood else None
        awaited = key in matcher.waits or item.tenant_id in matcher.partly
        since = max((live.since for live in subscribed), default=0)
        known = self._known[key] = _Interest(subscribed, flows, since, matcher.goals.get(key, _NO_WORKFLOWS), awaited)
        return known

    def _targets(self, item: Item) -> list[CompiledFlow]:
        targets = []
        for live in listeners(self.matcher, item):
            if live[:2] in self.matcher.unreadable:
                self.left.append((item, live.workflow_id))
            else:
                targets.append(self.matcher.flow(*live[:2]))
        return targets

    def _goals(self, item: Item, known: _Interest) -> Iterable[bytes]:
        if item.kind in _FOR_ONE_WORKFLOW:
            return [workflow_id for workflow_id in known.goals if workflow_id == item.workflow_id]
        return known.goals if item.kind in HAPPENED else _NO_WORKFLOWS


def listeners(matcher: Matcher, item: Item) -> list[Live]:
    """The workflows that this item may start."""
    if item.kind == InboxKind.EVENT:
        subscribed = matcher.triggers.get((item.tenant_id, item.name), ())
        return [live for live in subscribed if item.at >= live.since and live.workflow_id != item.workflow_id]
    live = matcher.live.get(item.workflow_id or b"") if item.kind in _STARTED else None
    if live is None or live.tenant_id != item.tenant_id:
        return []
    if item.kind == InboxKind.DEFERRED:
        listens = live in matcher.triggers.get((item.tenant_id, item.name), ()) and item.at >= live.since
        return [live] if listens else []
    return [live]


class Behind(Exception):
    """The workflows have changed, or versions are needed that are not compiled: to be looked at while nobody waits, then taken anew."""

    def __init__(self, epoch: int, versions: list[Version]) -> None:
        super().__init__("look at the workflows first")
        self.epoch, self.versions = epoch, versions


def require_compiled(matcher: Matcher, items: list[Item]) -> None:
    """Raises Behind unless this process has compiled all versions that these items may start."""
    epoch = max(item.epoch for item in items)
    if epoch != matcher.epoch:
        raise Behind(epoch, [])
    # One item a subscription: when it came in matters little here, a version too many is compiled at worst.
    alike = {(item.kind, item.tenant_id, item.name, item.workflow_id): item for item in items}
    latest = max(item.at for item in items)
    flow_versions = (live[:2] for item in alike.values() for live in listeners(matcher, item._replace(at=latest)))
    if needed := matcher.needed(flow_versions):
        raise Behind(epoch, needed)
