"""Which workflows an event starts and which goals it may reach: in memory, by (workspace, event name).

Looked at anew when the epoch of the workflows table has moved. Versions are compiled when somebody comes to them, those of a batch
together, and those that were not needed for long are let go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog

from app.engine.compiled import CompiledFlow, read_document
from app.flow import registry
from app.flow.contact_goals import CONTACT_CHANGES
from app.flow.document import triggers_of
from app.flow.node_type import NodeType
from app.flow.trigger_registry import subscriptions
from app.values.contact_view import COLUMNS

log = structlog.get_logger()
MOST_STEPS = 20_000
"""Steps of compiled versions that are kept; one takes some 3 kB, so 60 MB at most beside those of the batch."""

_WORKFLOWS = """
select uuid_send(id), live_version, status = 'active',
  (extract(epoch from coalesce(listens_since, 'epoch')) * 1000000)::bigint - 946684800000000
from workflows
where status in ('active', 'paused') and deleted_at is null and live_version is not null
"""
# Runs are pinned, so goals of old versions count as long as somebody may stand on them.
_VERSIONS = """
select uuid_send(v.workflow_id), v.version from workflow_versions v join workflows w on w.id = v.workflow_id
where w.status in ('active', 'paused') and w.deleted_at is null
"""
_LISTENING = """
select uuid_send(v.workflow_id), v.version, v.tenant_id,
  jsonb_strip_nulls(jsonb_build_object('trigger', v.graph->'trigger', 'triggers', v.graph->'triggers')),
  array(select goal->>'event' from jsonb_array_elements(coalesce(nullif(v.graph->'goals', 'null'), '[]')) goal),
  array(select node from jsonb_array_elements(v.graph->'nodes') node where node->>'type' = any(%s)),
  exists (select from jsonb_array_elements(v.graph->'nodes') node where node->>'type' <> all(%s))
from workflow_versions v join unnest(%s::uuid[], %s::int[]) as u(id, version) on v.workflow_id = u.id and v.version = u.version
"""
_DOCUMENTS = """
select uuid_send(v.workflow_id), v.version, v.tenant_id, v.graph, w.timezone, w.settings->>'country'
from workflow_versions v join workspaces w on w.id = v.tenant_id
join unnest(%s::uuid[], %s::int[]) as u(id, version) on v.workflow_id = u.id and v.version = u.version
"""
_PLACES = "select id, timezone, settings->>'country' from workspaces where id = any(%s)"

Key = tuple[int, str]
Version = tuple[bytes, int]


class Live(NamedTuple):
    """What new runs of an active or paused workflow start on. `since`: when it began to listen; earlier events start nothing."""

    workflow_id: bytes
    version: int
    tenant_id: int
    paused: bool
    since: int


class Listening(NamedTuple):
    """What a version waits for: never changes, so it is read once."""

    tenant_id: int
    triggers: tuple[str, ...]
    goals: tuple[str, ...]
    waits: tuple[str, ...] = ()
    """Events that its steps may wait for."""
    partly: bool = False
    """It has steps that this process does not understand: what they wait for, only runs that stand there can say."""


class VersionNotUnderstood(Exception):
    """A version that this process cannot understand: a newer one published it. The text says what."""


class Matcher:
    """What this process knows of the workflows."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.epoch = -1
        self.flows: OrderedDict[Version, CompiledFlow] = OrderedDict()
        """Compiled versions, those last that were asked for last."""
        self.unreadable: dict[Version, str] = {}
        """Versions that do not compile here, and why."""
        self.live: dict[bytes, Live] = {}
        self.triggers: dict[Key, list[Live]] = {}
        self.goals: dict[Key, set[bytes]] = {}
        self.waits: set[Key] = set()
        """Events that some step of some version waits for."""
        self.partly: frozenset[int] = frozenset()
        """Workspaces with versions of which this process does not understand every step: their runs may wait for any event."""
        self.paused: frozenset[bytes] = frozenset()
        """Workflows whose runs stand still."""
        self.listened: set[Key] = set()
        """Changes of contacts that somebody waits for."""
        self.reads: frozenset[str] = frozenset()
        """Fields of contacts that any of the compiled versions looks at, or that changes are told of."""
        self._listening: dict[Version, Listening] = {}
        self._steps = 0

    def refresh(self, epoch: int) -> None:
        """Look again when the workflows have changed since the last look. What is read is as new as `epoch`, or newer."""
        if epoch == self.epoch:
            return
        self._refresh_places()
        workflows = self.connection.execute(_WORKFLOWS, binary=True).fetchall()
        self._listen()
        live: dict[bytes, Live] = {}
        triggers: dict[Key, list[Live]] = {}
        for workflow_id, version, active, since in workflows:
            heard = self._listening.get((workflow_id, version))
            if heard is not None:
                workflow = live[workflow_id] = Live(workflow_id, version, heard.tenant_id, not active, since)
                for event in heard.triggers:
                    triggers.setdefault((heard.tenant_id, event), []).append(workflow)
        goals: dict[Key, set[bytes]] = {}
        for (workflow_id, _), heard in self._listening.items():
            for event in heard.goals:
                goals.setdefault((heard.tenant_id, event), set()).add(workflow_id)
        self.live, self.triggers, self.goals, self.epoch = live, triggers, goals, epoch
        self.waits = {(heard.tenant_id, event) for heard in self._listening.values() for event in heard.waits}
        self.partly = frozenset(heard.tenant_id for heard in self._listening.values() if heard.partly)
        self.paused = frozenset(workflow.workflow_id for workflow in live.values() if workflow.paused)
        self.listened = {key for key in (*triggers, *goals, *self.waits) if key[1] in CONTACT_CHANGES}
        self.unreadable = {version: why for version, why in self.unreadable.items() if version in self._listening}
        self._look_at()

    def _listen(self) -> None:
        """Read what versions wait for that were not there at the last look; forget those that are gone."""
        versions: list[Version] = self.connection.execute(_VERSIONS, binary=True).fetchall()
        listening = {version: self._listening[version] for version in versions if version in self._listening}
        if fresh := [version for version in versions if version not in listening]:
            arguments = list(waiting_types()), list(registry.types()), *_ids(fresh)
            for workflow_id, version, tenant_id, document, goals, nodes, unknown in self.connection.execute(
                _LISTENING, arguments
            ):
                events, (awaited, readable) = subscriptions(triggers_of(document)), _awaited(nodes)
                partly = unknown or not readable
                listening[bytes(workflow_id), version] = Listening(tenant_id, events, tuple(goals), awaited, partly)
        self._listening = listening

    def _refresh_places(self) -> None:
        tenants = list({flow.tenant_id for flow in self.flows.values()})
        tenant_rows = self.connection.execute(_PLACES, (tenants,)).fetchall() if tenants else []
        places = {tenant_id: (timezone, country) for tenant_id, timezone, country in tenant_rows}
        for flow in self.flows.values():
            flow.timezone, flow.country = places.get(flow.tenant_id, (flow.timezone, flow.country))

    def needed(self, versions: Iterable[Version]) -> list[Version]:
        """Those of `versions` that are still to be compiled."""
        return [v for v in dict.fromkeys(versions) if v not in self.flows and v not in self.unreadable]

    def compile_missing(self, versions: Iterable[Version]) -> None:
        """Compile those of `versions` that are not compiled yet: one query, however many."""
        needed = self.needed(versions)
        if not needed:
            return
        rows = self.connection.execute(_DOCUMENTS, _ids(needed)).fetchall()
        for workflow_id, version, tenant_id, document, timezone, country in rows:
            key = bytes(workflow_id), version
            try:
                parsed, unreadable = read_document(document)
                flow = CompiledFlow(*key, tenant_id, parsed, timezone, country, unreadable=unreadable)
                self.flows[key] = flow
                self._steps += len(flow.nodes)
            except Exception as error:  # one that cannot be understood must not keep the others from starting
                self.unreadable[key] = repr(error)[:200]
                log.error("workflow.unreadable", workflow_id=key[0].hex(), version=version, error=self.unreadable[key])
        self._look_at()

    def flow(self, workflow_id: bytes, version: int) -> CompiledFlow:
        """A version, compiled at first sight. Raises VersionNotUnderstood, and LookupError when there is none."""
        key = workflow_id, version
        compiled = self.flows.get(key)
        if compiled is None:
            self.compile_missing([key])
            compiled = self.flows.get(key)
            if compiled is None and key in self.unreadable:
                raise VersionNotUnderstood(self.unreadable[key])
            if compiled is None:
                raise LookupError(f"workflow {UUID(bytes=workflow_id)} has no version {version}")
        self.flows.move_to_end(key)
        return compiled

    def trim(self) -> None:
        """Let go of the versions that were not asked for for the longest time. Between batches: within one, a version is one object."""
        if self._steps > MOST_STEPS:
            while self._steps > MOST_STEPS:
                _, flow = self.flows.popitem(last=False)
                self._steps -= len(flow.nodes)
            self._look_at()

    def _look_at(self) -> None:
        listened_fields = {*COLUMNS, "attributes", "tags"} if self.listened else set()
        self.reads = frozenset(listened_fields.union(*(flow.reads for flow in self.flows.values())))

    def fields_of(self, flows: Iterable[CompiledFlow]) -> frozenset[str]:
        """Fields of contacts that a batch of runs of these versions looks at."""
        flows = list(flows)
        heard = {tenant_id for tenant_id, _ in self.listened}
        listened_fields = {*COLUMNS, "attributes", "tags"} if any(flow.tenant_id in heard for flow in flows) else set()
        return frozenset(listened_fields.union(*(flow.reads for flow in flows)))

    def partly_understood(self) -> list[bytes]:
        """Workflows with steps or versions that another process understands: what was put back for their runs stays in the inbox."""
        versions = {version for version, heard in self._listening.items() if heard.partly} | self.unreadable.keys()
        return list({workflow_id for workflow_id, _ in versions})

    def foreign(self) -> list[bytes]:
        """Live workflows that only a newer process understands: what is for them alone stays in the inbox."""
        return [
            live.workflow_id for key in self.unreadable if (live := self.live.get(key[0])) and live.version == key[1]
        ]


def _ids(versions: list[Version]) -> tuple[list[UUID], list[int]]:
    return [UUID(bytes=workflow_id) for workflow_id, _ in versions], [version for _, version in versions]


def waiting_types() -> dict[str, type[NodeType]]:
    """Types whose steps may wait for events."""
    plain = NodeType.events.__qualname__
    return {name: kind for name, kind in registry.types().items() if kind.events.__qualname__ != plain}


def _awaited(nodes: list[dict[str, Any]]) -> tuple[tuple[str, ...], bool]:
    """The events that these nodes may wait for, and whether all of them are understood."""
    types, events, readable = waiting_types(), list[str](), True
    for node in nodes:
        kind = types[node["type"]]
        try:
            events += kind.events(registry.config_of(kind, node.get("data") or {}))
        except Exception:
            readable = False
    return tuple(events), readable
