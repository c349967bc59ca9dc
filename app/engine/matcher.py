"""Which workflows an event starts and which goals it may reach: in memory, by (workspace, event name).

Made anew when the epoch of the workflows table has moved; compiled versions are kept.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import structlog

from app.engine.graph import Graph
from app.engine.people import COLUMNS
from app.nodes.goals import CONTACT_CHANGES

log = structlog.get_logger()

_WORKFLOWS = """
select uuid_send(id), live_version, status = 'active',
  (extract(epoch from coalesce(listens_since, 'epoch')) * 1000000)::bigint - 946684800000000
from workflows
where status in ('active', 'paused') and deleted_at is null and live_version is not null
"""
# Runs are pinned, so goals of old versions count as long as somebody may stand on them.
_GOALS = """
select distinct uuid_send(w.id), w.tenant_id, goal->>'event' from workflows w
join workflow_versions v on v.workflow_id = w.id, jsonb_array_elements(coalesce(nullif(v.graph->'goals', 'null'), '[]')) goal
where w.status in ('active', 'paused') and w.deleted_at is null
"""
_VERSION = """
select v.tenant_id, v.graph, w.timezone, w.settings->>'country' from workflow_versions v join workspaces w on w.id = v.tenant_id
where v.workflow_id = %s and v.version = %s
"""
_PLACES = "select id, timezone, settings->>'country' from workspaces where id = any(%s)"

Key = tuple[int, str]


class Matcher:
    """What this process knows of the workflows."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.epoch = -1
        self.graphs: dict[tuple[bytes, int], Graph] = {}
        self.live: dict[bytes, Graph] = {}
        """What new runs of active and paused workflows start on."""
        self.paused: set[bytes] = set()
        self.since: dict[bytes, int] = {}
        """When each began to listen; events that arrived earlier start nothing."""
        self.triggers: dict[Key, list[Graph]] = {}
        self.goals: dict[Key, set[bytes]] = {}
        self.listened: set[Key] = set()
        """Changes of contacts that somebody waits for."""
        self.reads: frozenset[str] = frozenset()
        """Fields of contacts that any version known here looks at."""

    def follow(self, epoch: int) -> None:
        """Look again when the workflows have changed since the last look."""
        if epoch == self.epoch:
            return
        self._follow_places()
        live: dict[bytes, Graph] = {}
        paused: set[bytes] = set()
        since: dict[bytes, int] = {}
        triggers: dict[Key, list[Graph]] = {}
        for workflow_id, version, active, listens in self.connection.execute(_WORKFLOWS, binary=True).fetchall():
            try:
                graph = live[workflow_id] = self.graph(workflow_id, version)
            except Exception as error:  # one that cannot be understood must not keep the others from starting
                log.error(
                    "workflow.unreadable", workflow_id=workflow_id.hex(), version=version, error=repr(error)[:200]
                )
                continue
            since[workflow_id] = listens
            if not active:
                paused.add(workflow_id)
            if graph.trigger_event:
                triggers.setdefault((graph.tenant_id, graph.trigger_event), []).append(graph)
        goals: dict[Key, set[bytes]] = {}
        for workflow_id, tenant_id, event in self.connection.execute(_GOALS, binary=True).fetchall():
            goals.setdefault((tenant_id, event), set()).add(workflow_id)
        self.live, self.paused, self.since = live, paused, since
        self.triggers, self.goals, self.epoch = triggers, goals, epoch
        self.listened = {key for key in (*triggers, *goals) if key[1] in CONTACT_CHANGES}
        if self.listened:
            self.reads |= {*COLUMNS, "attributes", "tags"}

    def _follow_places(self) -> None:
        tenants = list({graph.tenant_id for graph in self.graphs.values()})
        found = self.connection.execute(_PLACES, (tenants,)).fetchall() if tenants else []
        places = {tenant_id: (timezone, country) for tenant_id, timezone, country in found}
        for graph in self.graphs.values():
            graph.timezone, graph.country = places.get(graph.tenant_id, (graph.timezone, graph.country))

    def graph(self, workflow_id: bytes, version: int) -> Graph:
        """A version, compiled at first sight."""
        known = self.graphs.get((workflow_id, version))
        if known is None:
            row = self.connection.execute(_VERSION, (UUID(bytes=workflow_id), version)).fetchone()
            if row is None:
                raise LookupError(f"workflow {UUID(bytes=workflow_id)} has no version {version}")
            known = self.graphs[workflow_id, version] = Graph(workflow_id, version, *row)
            self.reads |= known.reads
        return known
