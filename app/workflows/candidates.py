"""Contacts who might enter, as conditions see them: judged by the trigger and by the goals on the contact, without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

import msgspec

from app.flow import contact_goals as contact_goals
from app.flow.conditions import Condition, Evaluation
from app.flow.document import Flow, Goal, Trigger
from app.flow.judging import compile_list
from app.flow.operators import ConditionError
from app.flow.segment_membership import NOT_THERE, SegmentStanding, segments_named
from app.flow.trigger_registry import typed
from app.lib import clock
from app.lib.zones import zone_of
from app.models import Contact
from app.values.contact_view import liquid_data


@dataclass(frozen=True)
class _View:
    """A contact as conditions see one."""

    columns: dict[str, Any]
    attributes: dict[str, Any]
    tags: list[str]
    id: bytes


@dataclass(frozen=True)
class Candidate:
    """A stand-in for a step, enough for conditions that are evaluated before the first step."""

    contact: _View
    event: dict[str, Any]
    now: datetime
    zone: tzinfo
    steps: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    segments: Mapping[UUID, SegmentStanding] = field(default_factory=dict)
    event_name: str = ""

    @classmethod
    def of(
        cls,
        contact: Contact,
        timezone: str,
        event: dict[str, Any] | None = None,
        segments: Mapping[UUID, SegmentStanding] | None = None,
    ) -> Candidate:
        """`timezone`: the workspace's, for a contact without one. `event`: the properties of what happened. `segments`: where the
        contact stands with those that `segments_asked` names."""
        columns = {
            name: getattr(contact, name)
            for name in ("email", "phone", "external_id", "source", "timezone", "locale", "created_at")
        }
        view = _View(columns, contact.attributes, contact.tags, contact.id.bytes)
        zone = zone_of(contact.timezone, timezone)
        return cls(view, event or {}, clock.now(), zone, segments=segments or {})

    @classmethod
    def nobody(cls, timezone: str, event: dict[str, Any]) -> Candidate:
        """Who starts a run without a contact, with `event` as its input."""
        return cls(_View({}, {}, [], b""), event, clock.now(), zone_of(timezone))

    def standing(self, segment_id: UUID) -> SegmentStanding:
        """As the engine has it, without what the run itself changes."""
        return self.segments.get(segment_id, NOT_THERE)

    @property
    def data(self) -> dict[str, Any]:
        """As Liquid reads it."""
        view = self.contact
        contact = liquid_data(UUID(bytes=view.id), view.columns, view.attributes, view.tags) if view.id else {}
        return {"contact": contact, "event": self.event, "steps": {}, "vars": {}}


def segments_asked(flow: Flow) -> set[UUID]:
    """The segments that conditions of triggers and goals ask for: look up where candidates stand with them."""
    asking = [*(trigger.data for trigger in flow.triggers), *(goal.conditions for goal in flow.goals)]
    return {reference.id for reference in segments_named(asking)}


def admission(trigger: Trigger) -> Callable[[Candidate], bool]:
    """Do the trigger's conditions let a candidate in? One that cannot be judged would not come in."""
    kind, config = typed(trigger)
    required = kind.admission(config)
    return _held(required.rules, required.joined)


def met_goal(goals: Iterable[Goal]) -> Callable[[Candidate], Goal | None]:
    """The first goal on the contact that a candidate meets already, so that it would not be let in."""
    goals_on_contact = [
        (goal, _held(goal.conditions, goal.match))
        for goal in goals
        if goal.check_contact is True and contact_goals.on_contact(_conditions(goal.conditions))
    ]

    def find(candidate: Candidate) -> Goal | None:
        alone = replace(candidate, event={})  # bare names read the contact
        return next((goal for goal, met in goals_on_contact if met(alone)), None)

    return find


def goals_by_event(goals: Iterable[Goal]) -> Callable[[str, Candidate], Goal | None]:
    """The first goal that an event of this name reaches, whose properties the candidate has as its event."""
    judged = [(goal, _held(goal.conditions, goal.match)) for goal in goals if goal.event]

    def find(name: str, candidate: Candidate) -> Goal | None:
        with_name = replace(candidate, event_name=name)
        return next((goal for goal, met in judged if goal.event == name and met(with_name)), None)

    return find


def _conditions(raw: list[dict[str, Any]]) -> list[Condition]:
    return msgspec.convert(raw, list[Condition])


def _held(raw: list[dict[str, Any]], match: str) -> Callable[[Candidate], bool]:
    judge: Callable[[Any], Evaluation] = compile_list(_conditions(raw), match, set())

    def held(candidate: Candidate) -> bool:
        try:
            return judge(candidate).held
        except ConditionError:
            return False

    return held
