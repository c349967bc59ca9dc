"""Ways of stored versions that no edge draws, for the check of the database: types tell them, not SQL."""

from __future__ import annotations

from typing import Any

import psycopg

from app.engine.compiled import read_document
from app.flow.ways import hidden_ways, leading_types

NAMES = ("tenants", "workflows", "versions", "sources", "ports", "targets")


def ways_without_edge(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """Of all versions that have some: `hidden_tenants`, `hidden_workflows` …, arrays of one length."""
    versions = connection.execute(
        """
        select v.tenant_id, v.workflow_id, v.version, v.graph from workflow_versions v
        where exists (select from jsonb_array_elements(v.graph->'nodes') n where n->>'type' = any(%s))
        """,
        (leading_types(),),
    )
    ways = [
        (tenant_id, workflow_id, version, edge.source, edge.source_handle, edge.target)
        for tenant_id, workflow_id, version, graph in versions
        for edge in hidden_ways(read_document(graph)[0])
    ]
    columns = list(zip(*ways, strict=True)) or [()] * len(NAMES)
    return {f"hidden_{name}": list(column) for name, column in zip(NAMES, columns, strict=True)}
