"""Many contacts at once: whom an enrolment lets into a workflow."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class RuleReplacement(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who moved when a changed rule of a segment began to count: version `before` gave way to `after` at that instant. Those who came in,
    or those who left. Both versions' members stay stored while an enrolment asks for them."""

    before: int
    after: int
    at: datetime
    left: bool = False


class Audience(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The members of a segment, as they are when their turn comes; without one, every contact of the workspace. With `moved` only who moved
    in that segment by a change of its rule, unless they have moved again."""

    segment_id: UUID | None = None
    moved: RuleReplacement | None = None
