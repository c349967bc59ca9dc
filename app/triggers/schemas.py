"""Bodies of `/api/v1/workflows/{id}/trigger`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class StartRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom to start. Steps read `properties` as `event.…`."""

    contact_id: UUID
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


class StartedRun(msgspec.Struct, rename="camel", kw_only=True):
    """The run that will start in a moment; `GET /api/v1/runs/{runId}` answers 404 until it has."""

    run_id: UUID
    workflow_id: UUID
    contact_id: UUID
