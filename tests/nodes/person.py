"""A run as node functions see it, without the engine: like the engine, it shows a type only what the type has declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from uuid import UUID

from app.engine.state import RunState
from app.flow import registry
from app.flow.declared import NodeScope
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, DecidesAgain, Done, EachOf, Fail, IfRoom, Outcome
from app.flow.segment_membership import NOT_THERE, SegmentStanding
from app.lib.zones import zone_of
from app.values.contact_fields import attributes_size


@dataclass
class Contact:
    columns: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    id: bytes = bytes(16)
    consent: dict[str, Any] = field(default_factory=dict)

    @property
    def attributes_size(self) -> int:
        return attributes_size(self.attributes)


@dataclass
class Person:
    contact: Contact
    event: dict[str, Any]
    steps: dict[str, Any]
    vars: dict[str, Any]
    now: datetime = datetime(2026, 6, 1, 12, tzinfo=UTC)
    workspace: str = "UTC"
    country: str | None = None
    event_name: str = "manual"
    assigned: dict[str, str] = field(default_factory=dict)
    workflow_id: bytes = bytes(16)
    messages: list[tuple[str, int]] = field(default_factory=list)
    visit: int = 1
    depth: int = 0
    failure: dict[str, Any] | None = None
    loops: dict[str, Any] = field(default_factory=dict)
    late: str | None = None
    segments: dict[UUID, SegmentStanding] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.contact.columns.get("timezone"), self.workspace)

    @property
    def workspace_zone(self) -> tzinfo:
        return zone_of(self.workspace)

    @property
    def subject(self) -> bytes:
        return self.contact.id

    reported = RunState.reported

    def standing(self, segment_id: UUID) -> SegmentStanding:
        return self.segments.get(segment_id, NOT_THERE)

    def assignment(self, node_id: str) -> str | None:
        return self.assigned.get(node_id)

    @property
    def data(self) -> dict[str, Any]:
        contact = self.contact
        shown = {**contact.attributes, **contact.columns, "attributes": contact.attributes, "tags": contact.tags}
        shown = {**shown, "id": str(UUID(bytes=contact.id))} if contact.id else {}
        return {
            "contact": shown,
            "event": self.event,
            "steps": self.steps,
            "vars": self.vars,
            "workspace": {"timezone": self.workspace},
        }


def person(
    event: dict[str, Any] | None = None,
    steps: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    tags: list[str] | None = None,
    **columns: Any,
) -> Person:
    """A step of somebody; further keyword arguments are columns of the contact."""
    made = Contact({"email": "ada@example.com", **columns}, attributes or {}, tags or [])
    return Person(made, event or {}, steps or {}, variables or {})


def run_of(kind: type[NodeType], data: dict[str, Any]) -> Callable[[Person], Outcome]:
    """What a step with this config does, one person at a time. Raises UndeclaredRead like the engine."""
    scope = NodeScope()
    made = kind.compile(registry.config_of(kind, data), scope)
    if isinstance(made, Outcome):
        shared = made
        return lambda _step: shared
    if isinstance(made, EachOf):
        read = scope.guard(made.items)

        def first_round(step: Person) -> Outcome:
            items = read(step)
            return items if isinstance(items, Fail) else Done("body" if items else "done", {"count": len(items)})

        return first_round
    return scope.guard(made.run if isinstance(made, IfRoom | Asks | DecidesAgain) else made)
