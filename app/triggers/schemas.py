"""Bodies of `/api/v1/workflows/{id}/trigger`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType


class StartRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom to start, and with what. Steps read `properties` as `event.…`; `input` is another name for them.

    `contactId` is left out where the workflow has a trigger whose runs need no contact.
    """

    contact_id: UUID | None = None
    properties: dict[str, Any] | UnsetType = UNSET
    input: dict[str, Any] | UnsetType = UNSET


class StartedRun(msgspec.Struct, rename="camel", kw_only=True):
    """The run that will start in a moment; `GET /api/v1/runs/{runId}` answers 404 until it has. `contactId` is null without a contact."""

    run_id: UUID
    workflow_id: UUID
    contact_id: UUID | None
