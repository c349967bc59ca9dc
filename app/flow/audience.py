"""Many contacts at once: whom an enrolment lets into a workflow."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Audience(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The members of a segment, as they are when their turn comes; without one, every contact of the workspace."""

    segment_id: UUID | None = None
