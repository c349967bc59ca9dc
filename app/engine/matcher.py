"""Which workflows an event starts and which goals it may reach: in memory, workspace by workspace, each read when it has work.

A workspace is looked at anew when its epoch has moved, by one query. Versions are compiled when somebody comes to them, those of a
batch together. What was not needed for long is let go: compiled versions above a number of steps, workspaces after ten minutes.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import structlog

from app.engine.compiled import CompiledFlow, read_document
from app.engine.subscriptions import UNKNOWN, Listening, Live, Version, WorkspaceListeners, listening_of, waiting_types
from app.flow import registry
from app.live_moves import watched_until
from app.membership.state_repository import load_book

log = structlog.get_logger()
monotonic = time.monotonic
MOST_STEPS = 20_000
"""Steps of compiled versions that a process keeps; one takes some 3 kB, so 60 MB at most beside those of the batch."""
IDLE_S = 600.0
"""Seconds after which what is known of a workspace goes, unless something happened there."""
SWEEP_S = 30.0

# Runs are pinned, so goals of old versions count as long as somebody may stand on them. What a version waits for never changes, so
# it is not read again of those that are known.
_WORKSPACE = """
select uuid_send(v.workflow_id), v.version, w.live_version, w.status = 'active',
  (extract(epoch from coalesce(w.listens_since, 'epoch')) * 1000000)::bigint - 946684800000000,
  s.timezone, s.settings->>'country', known.id is not null,
  case when known.id is null then
    jsonb_strip_nulls(jsonb_build_object('trigger', v.graph->'trigger', 'triggers', v.graph->'triggers')) end,
  case when known.id is null then coalesce(nullif(v.graph->'goals', 'null'), '[]') end,
  case when known.id is null then
    array(select node from jsonb_array_elements(v.graph->'nodes') node where node->>'type' = any(%(waiting)s)) end,
  known.id is null and exists (select from jsonb_array_elements(v.graph->'nodes') node where node->>'type' <> all(%(types)s)), w.priority
from workflows w join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id
join workspaces s on s.id = w.tenant_id
left join unnest(%(ids)s::uuid[], %(versions)s::int[]) as known(id, version) on known.id = v.workflow_id and known.version = v.version
where w.tenant_id = %(tenant)s and w.status in ('active', 'paused') and w.deleted_at is null
order by v.workflow_id, v.version
"""
_DOCUMENTS = """
select uuid_send(v.workflow_id), v.version, v.tenant_id, v.graph, w.timezone, w.settings->>'country', f.priority
from workflow_versions v join workspaces w on w.id = v.tenant_id join workflows f on f.tenant_id = v.tenant_id and f.id = v.workflow_id
join unnest(%s::uuid[], %s::int[]) as u(id, version) on v.workflow_id = u.id and v.version = u.version
"""

_WANTED = """
select distinct unnest(types) from webhook_endpoints where tenant_id = %(tenant)s and enabled
union select unnest(types) from event_sinks where tenant_ids is null or %(tenant)s = any(tenant_ids)
"""


class VersionNotUnderstood(Exception):
    """A version that this process cannot understand: a newer one published it. The text says what."""


class Unreadable(msgspec.Struct, frozen=True):
    """A version of a workspace that does not compile here, and why."""

    tenant_id: int
    why: str


class Matcher:
    """What one engine knows of the workflows. It keeps `most_steps` compiled steps."""

    def __init__(self, connection: psycopg.Connection[Any], *, most_steps: int = MOST_STEPS) -> None:
        self.connection, self._most_steps = connection, most_steps
        self.workspaces: dict[int, WorkspaceListeners] = {}
        self.flows: OrderedDict[Version, CompiledFlow] = OrderedDict()
        """Compiled versions, those last that were asked for last."""
        self.unreadable: dict[Version, Unreadable] = {}
        self._steps = 0
        self.keeps_segments = False
        """Has a workspace that is known here dynamic segments?"""
        self.keeps_dates = False
        """Does a workflow of a workspace that is known here watch a date of contacts?"""
        self.wanted_types: dict[int, frozenset[str]] = {}
        """Types of domain events that endpoints of a workspace or buses want; only of workspaces of which somebody hears."""
        self.watched: dict[int, float] = {}
        """Workspaces that somebody watches, each until when, in seconds since 1970."""
        self._swept = monotonic()
        self._newer: tuple[list[bytes], list[bytes]] | None = None

    def workspace(self, tenant_id: int) -> WorkspaceListeners:
        """Who listens in a workspace; nobody in one that was not looked at."""
        return self.workspaces.get(tenant_id, UNKNOWN)

    def stale(self, epochs: Mapping[int, int]) -> dict[int, int]:
        """Those of these workspaces, by epoch, that have to be looked at again; the others are in use now."""
        now, stale = monotonic(), dict[int, int]()
        for tenant_id, epoch in epochs.items():
            known = self.workspaces.get(tenant_id)
            if known is None or known.epoch != epoch:
                stale[tenant_id] = epoch
            else:
                known.used = now
        return stale

    def refresh(self, epochs: Mapping[int, int]) -> None:
        """Look again at those of these workspaces whose epoch has moved. What is read is as new as that, or newer."""
        for tenant_id, epoch in self.stale(epochs).items():
            self._load(tenant_id, epoch)

    def _load(self, tenant_id: int, epoch: int) -> None:
        before = self.workspace(tenant_id).listening
        arguments = {
            "tenant": tenant_id,
            "waiting": list(waiting_types()),
            "types": list(registry.types()),
            "ids": [UUID(bytes=workflow_id) for workflow_id, _ in before],
            "versions": [version for _, version in before],
        }
        listening: dict[Version, Listening] = {}
        live: dict[bytes, Live] = {}
        place: tuple[str, str | None] | None = None
        priorities: dict[bytes, int] = {}
        for row in self.connection.execute(_WORKSPACE, arguments):
            raw_id, version, live_version, active, since, timezone, country, known, *document, priority = row
            workflow_id, place = bytes(raw_id), (timezone, country)
            priorities[workflow_id] = priority
            key = workflow_id, version
            listening[key] = before[key] if known else listening_of(*document)
            if version == live_version:
                live[workflow_id] = Live(workflow_id, version, tenant_id, not active, since)
        self.workspaces[tenant_id] = WorkspaceListeners(
            epoch, listening, live, monotonic(), load_book(self.connection, tenant_id), place and place[0]
        )
        self._note_what_is_kept()
        self._note_endpoints(tenant_id)
        self._replace(tenant_id, listening, place)
        for flow in self.flows.values():
            flow.priority = priorities.get(flow.workflow_id, flow.priority)
        self._newer = None

    def _note_endpoints(self, tenant_id: int) -> None:
        wanted = frozenset(row[0] for row in self.connection.execute(_WANTED, {"tenant": tenant_id}))
        if wanted:
            self.wanted_types[tenant_id] = wanted
        else:
            self.wanted_types.pop(tenant_id, None)
        if until := watched_until(self.connection, tenant_id):
            self.watched[tenant_id] = until
        else:
            self.watched.pop(tenant_id, None)

    def _note_what_is_kept(self) -> None:
        self.keeps_segments = any(known.book is not None for known in self.workspaces.values())
        self.keeps_dates = any(known.dates for known in self.workspaces.values())

    def _replace(
        self, tenant_id: int, listening: Mapping[Version, Listening], place: tuple[str, str | None] | None
    ) -> None:
        """Compiled versions of a workspace get its zone and country; what is no longer there goes."""
        for flow in [flow for flow in self.flows.values() if flow.tenant_id == tenant_id]:
            if place is None:
                self._forget(flow)
            else:
                flow.timezone, flow.country = place
        obsolete = [key for key, one in self.unreadable.items() if one.tenant_id == tenant_id and key not in listening]
        for key in obsolete:
            del self.unreadable[key]

    def _forget(self, flow: CompiledFlow) -> None:
        del self.flows[flow.workflow_id, flow.version]
        self._steps -= len(flow.nodes)

    def needed(self, versions: Iterable[Version]) -> list[Version]:
        """Those of `versions` that are still to be compiled."""
        return [v for v in dict.fromkeys(versions) if v not in self.flows and v not in self.unreadable]

    def compile_missing(self, versions: Iterable[Version]) -> None:
        """Compile those of `versions` that are not compiled yet: one query, however many."""
        needed = self.needed(versions)
        if not needed:
            return
        ids = [UUID(bytes=workflow_id) for workflow_id, _ in needed]
        rows = self.connection.execute(_DOCUMENTS, (ids, [version for _, version in needed])).fetchall()
        for workflow_id, version, tenant_id, document, timezone, country, priority in rows:
            key = bytes(workflow_id), version
            try:
                parsed, unreadable = read_document(document)
                flow = CompiledFlow(*key, tenant_id, parsed, timezone, country, unreadable=unreadable)
                flow.priority = priority
                self.flows[key] = flow
                self._steps += len(flow.nodes)
            except Exception as error:  # one that cannot be understood must not keep the others from starting
                self.unreadable[key] = Unreadable(tenant_id, repr(error)[:200])
                self._newer = None
                log.error(
                    "workflow.unreadable", workflow_id=key[0].hex(), version=version, error=self.unreadable[key].why
                )

    def flow(self, workflow_id: bytes, version: int) -> CompiledFlow:
        """A version, compiled at first sight. Raises VersionNotUnderstood, and LookupError when there is none."""
        key = workflow_id, version
        known = self.flows.get(key)
        if known is None:
            self.compile_missing([key])
            known = self.flows.get(key)
            if known is None and key in self.unreadable:
                raise VersionNotUnderstood(self.unreadable[key].why)
            if known is None:
                raise LookupError(f"workflow {UUID(bytes=workflow_id)} has no version {version}")
        self.flows.move_to_end(key)
        return known

    def trim(self) -> None:
        """Let go of what was not asked for for long. Between batches: within one, a version is one object."""
        while self._steps > self._most_steps:
            self._forget(next(iter(self.flows.values())))
        for known in self.workspaces.values():
            known.forget_events()
        now = monotonic()
        if now - self._swept < SWEEP_S:
            return
        self._swept = now
        idle = {tenant_id for tenant_id, known in self.workspaces.items() if now - known.used > IDLE_S}
        for tenant_id in idle:
            del self.workspaces[tenant_id]
            self.wanted_types.pop(tenant_id, None)
            self.watched.pop(tenant_id, None)
            self._newer = None
        self._note_what_is_kept()
        for flow in [flow for flow in self.flows.values() if flow.tenant_id in idle]:
            self._forget(flow)
        for key in [key for key, one in self.unreadable.items() if one.tenant_id in idle]:
            del self.unreadable[key]

    def fields_of(self, flows: Iterable[CompiledFlow]) -> frozenset[str]:
        """Fields of contacts that runs of these versions look at, or that say whom changes concern where they run."""
        flows = list(flows)
        known = [self.workspace(tenant_id) for tenant_id in {flow.tenant_id for flow in flows}]
        of_changes = [one.change_fields for one in known if one.hears_changes]
        return frozenset().union(*of_changes, *(flow.reads for flow in flows))

    def partly_understood(self) -> list[bytes]:
        """Workflows with steps or versions that another process understands: what was put back for their runs stays in the inbox."""
        return self._of_newer()[0]

    def foreign(self) -> list[bytes]:
        """Live workflows that only a newer process understands: what is for them alone stays in the inbox."""
        return self._of_newer()[1]

    def _of_newer(self) -> tuple[list[bytes], list[bytes]]:
        if self._newer is None:
            partly = {workflow_id for known in self.workspaces.values() for workflow_id in known.partly_understood}
            partly |= {workflow_id for workflow_id, _ in self.unreadable}
            foreign = [
                workflow_id
                for (workflow_id, version), one in self.unreadable.items()
                if (live := self.workspace(one.tenant_id).live.get(workflow_id)) and live.version == version
            ]
            self._newer = list(partly), foreign
        return self._newer
