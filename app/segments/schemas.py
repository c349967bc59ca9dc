"""Segments and their members as programs send and read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.models.segment import Segment
from app.models.status import SegmentState

SegmentName = Annotated[str, Meta(max_length=120)]
Description = Annotated[str, Meta(max_length=1_000)]
MOST_IN_A_REQUEST = 1_000
"""Contacts that one request puts in or takes out."""


Rule = Annotated[
    dict[str, Any],
    Meta(description="`{match, conditions}`: fields of the contact, events, workflows, segments, and groups of them."),
]


class NewSegment(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A static segment, without members, or a dynamic one with its `rule`, whose members come in while it is `building`."""

    name: SegmentName
    description: Description = ""
    kind: Literal["static", "dynamic"] = "static"
    rule: Rule | None = None


class SegmentPatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is absent stays."""

    name: SegmentName | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    rule: Rule | UnsetType = UNSET
    """Of a dynamic one: built beside the rule that counts; `…/apply` lets it count."""


class SegmentOut(msgspec.Struct, rename="camel", kw_only=True):
    id: UUID
    name: str
    description: str
    kind: str
    rule: dict[str, Any] | None
    sentence: str
    member_count: int
    state: str
    next_rule: dict[str, Any] | None
    """A changed rule that does not count yet."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Segment, members: int) -> SegmentOut:
        return cls(
            id=row.id,
            name=row.name,
            description=row.description,
            kind=row.kind,
            rule=row.rule,
            sentence=row.sentence,
            next_rule=row.next_rule,
            member_count=members,
            state=SegmentState(row.state).value,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class RuleToCount(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A rule that nobody has saved. `exact`: ask everybody, also where that takes seconds."""

    rule: Rule
    exact: bool = False


class CountedRule(msgspec.Struct, rename="camel", kw_only=True):
    """Whom a rule holds for now. `exact` false: `count` is an estimate, give or take `error`; with `fewer` it is fewer than that.

    `unknown`: of how many it cannot be said, because a value cannot be compared. `sample`: some of them. `conditions`: how many each
    condition and group of the rule matches alone.
    """

    count: int
    exact: bool
    error: int
    fewer: bool
    unknown: int
    sentence: str
    sample: list[SampledContact]
    conditions: list[CountedCondition]


class CountedCondition(msgspec.Struct, rename="camel", kw_only=True):
    """Whom a condition or group holds for, as if it were the whole rule. `path`: where it stands, as in `conditions[1].conditions[0]`."""

    path: str
    count: int
    exact: bool
    error: int
    fewer: bool
    unknown: int


class SampledContact(msgspec.Struct, rename="camel", kw_only=True):
    contact_id: UUID
    external_id: str | None
    email: str | None


Existing = Literal["ignore", "enter"]
"""Whether those who come in and leave by a changed rule are told, so that workflows start for them."""


class RuleChange(msgspec.Struct, rename="camel", kw_only=True):
    """A changed rule beside the one that counts: how far it is built (0 to 1), and, once it is, who would enter, leave and stay."""

    share: float
    enter: int | None
    leave: int | None
    stay: int | None


class Members(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom to put in or take out: contacts by any of what they are known by, 1,000 in all."""

    contact_ids: list[UUID] = []
    external_ids: list[str] = []
    emails: list[str] = []

    @property
    def count(self) -> int:
        return len(self.contact_ids) + len(self.external_ids) + len(self.emails)


class MembersMoved(msgspec.Struct, rename="camel", kw_only=True):
    """What became of it. `unchanged`: who was in already, or not in. `unknown`: what no contact of the workspace is known by, as sent."""

    moved: int
    unchanged: int
    unknown: Sequence[str]


class MemberOut(msgspec.Struct, rename="camel", kw_only=True):
    """A contact in a segment. `since`: when it came in."""

    contact_id: UUID
    external_id: str | None
    email: str | None
    since: datetime


class SegmentOfContact(msgspec.Struct, rename="camel", kw_only=True):
    """A segment that a contact is in, since when."""

    id: UUID
    name: str
    kind: str
    since: datetime


class Deleted(msgspec.Struct, rename="camel"):
    id: UUID


class GrowthDay(msgspec.Struct, frozen=True):
    """A day of UTC: how many entered and left, and how many there were at its end."""

    day: date
    entered: int
    left: int
    members: int
