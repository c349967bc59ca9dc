"""What the author of a trigger type sees.

A trigger type is a `Config` (a msgspec struct: the form and its checks) and pure functions of one config: which events it listens
for, whom it lets in, and what people read about it. No code outside the type's module compares names of types.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec

from app.flow import conditions
from app.flow.audience import Audience
from app.flow.conditions import Match
from app.flow.contact_date import ContactDate
from app.flow.diagnostic import Diagnostic
from app.flow.document import NEXT, Conditions
from app.flow.input_schema import InputSchema
from app.flow.phrases import sentence
from app.flow.reception import Reception
from app.flow.row_poll import RowPoll
from app.flow.timetable import Timetable
from app.lib.translation import translatable

BY_HAND = "manual"
"""The event of a run that a person or a program started where the workflow listens for events."""
BY_HAND_WORDS = translatable("Started manually or by the API")
CATEGORY = "trigger"
"""The colour and the group of all trigger types."""


class ContactRule(StrEnum):
    """Are the runs of a trigger about a contact?"""

    REQUIRED = "required"
    OPTIONAL = "optional"
    """Both kinds of runs start by it: with a contact, and without one, which have an input only."""
    NONE = "none"

    @property
    def lets_nobody_in(self) -> bool:
        """May a run without a contact start?"""
        return self is not ContactRule.REQUIRED

    @property
    def takes(self) -> frozenset[bool]:
        """Kinds of runs that it may start: True with a contact, False without."""
        return frozenset({self is not ContactRule.NONE, not self.lets_nobody_in})


class AwaitedMove(NamedTuple):
    """Contacts come into a segment, or leave it."""

    segment_id: UUID
    leaves: bool


class Admission(msgspec.Struct, frozen=True):
    """The conditions on which a trigger lets a contact in; none let everybody in."""

    conditions: Conditions = []
    match: Match = "all"
    about: Conditions = []
    """What the event itself must be to be about this trigger, such as a move of one segment and no other. Not shown: the type says it."""
    define_audience: bool = False
    """The conditions say for whom the trigger is: nobody else was meant, so that no refusal of an enrolment is kept of them."""

    @property
    def rules(self) -> Conditions:
        """All that must hold, to be joined by `joined`."""
        if not self.about or not self.conditions:
            return self.about or self.conditions
        group = {"match": self.match, "conditions": self.conditions}
        return [*self.about, *(self.conditions if self.match == "all" else [group])]

    @property
    def joined(self) -> Match:
        """How `rules` are joined."""
        return "all" if self.about else self.match

    @property
    def words(self) -> str:
        """The conditions as a clause: `plan is pro and country is FI`; empty without conditions."""
        return sentence(self.conditions, self.match).strip()


class TriggerPreview(msgspec.Struct, frozen=True):
    """What activating a workflow with this trigger would do, as a line and what is to know about it."""

    title: str
    text: str


class TriggerType:
    """Base of all trigger types. Subclass it with `@trigger_registry.trigger`."""

    type: ClassVar[str]
    """The name in workflow documents and of the folder in `frontend-nodes/triggers/`."""
    label: ClassVar[str]
    description: ClassVar[str]
    ports: ClassVar[tuple[str, ...]] = (NEXT,)
    polls_rows: ClassVar[bool] = False
    """It asks another program for rows: `row_poll` says for which, once its config is complete."""
    by_hand: ClassVar[bool] = False
    """Made for runs that a person or a program starts; such a start goes by the first one that is switched on and takes who starts."""
    for_programs: ClassVar[bool] = False
    """Of several that are `by_hand`, a start by a program goes by one of these first, and a person's by one of the others."""
    Config: ClassVar[builtins.type[msgspec.Struct]]

    @classmethod
    def subscribes(cls, config: Any) -> tuple[str, ...]:
        """Names of the events that start runs; none: they are started from outside."""
        return ()

    @classmethod
    def event_name(cls, config: Any) -> str:
        """The event that its runs begin with, as steps and the run's page call it."""
        return cls.type

    @classmethod
    def admission(cls, config: Any) -> Admission:
        """Whom it lets in."""
        return Admission()

    @classmethod
    def enrols(cls, config: Any) -> Audience | None:
        """Who enters at once when a trigger with this config goes live; None: nobody, it waits for what comes. See `app.enrolments`."""
        return None

    @classmethod
    def awaited_move(cls, config: Any) -> AwaitedMove | None:
        """The segment which contacts enter or leave by whose move it starts; None: it waits for something else."""
        return None

    @classmethod
    def contact_rule(cls, config: Any) -> ContactRule:
        """Are its runs about a contact? Only a trigger that is `by_hand`, has a `timetable` or is called by programs may start runs
        without one: an event always has a contact."""
        return ContactRule.REQUIRED

    @classmethod
    def input_schema(cls, config: Any) -> InputSchema | None:
        """What a start by it must hand over; None: anything. Who starts runs asks it before, and the engine when they begin."""
        return None

    @classmethod
    def brings(cls, config: Any) -> Mapping[str, str]:
        """What its runs read as `event.<name>`, as far as its config or its kind says: names, each with its kind as conditions know it
        (`app.values.field_kinds`), empty where that is open."""
        schema = cls.input_schema(config)
        return {} if schema is None else schema.kinds

    @classmethod
    def reception(cls, config: Any) -> Reception | None:
        """What it makes of JSON that other programs send to an address of its own; None: it has no address."""
        return None

    @classmethod
    def timetable(cls, config: Any) -> Timetable | None:
        """When it starts runs by the clock; None: it does not. A trigger with one may start runs without a contact."""
        return None

    @classmethod
    def row_poll(cls, config: Any) -> RowPoll | None:
        """What it asks another program for, again and again; None: nothing. `app.polls` asks, and starts a run for each new row."""
        return None

    @classmethod
    def contact_date(cls, config: Any) -> ContactDate | None:
        """The date of contacts at which it starts runs; None: it watches none. `app.dates` keeps when that is for each contact."""
        return None

    @classmethod
    def most_by_firing(cls, config: Any) -> int | None:
        """How many contacts enter each time that its date comes; None: all of them. Of a timetable its `most` says it."""
        return None

    @classmethod
    def title(cls, config: Any) -> str:
        """What it is called where there is little room: in drawings of a workflow, in lists of differences."""
        raise NotImplementedError

    @classmethod
    def summary(cls, config: Any) -> str:
        """What starts the workflow, as the list of workflows says it."""
        raise NotImplementedError

    @classmethod
    def explain(cls, config: Any, event: Mapping[str, Any]) -> str:
        """How a run began, as its page says it: one sentence. `event`: the properties of what began it."""
        raise NotImplementedError

    @classmethod
    def preview(cls, config: Any) -> TriggerPreview:
        """What activating would do."""
        raise NotImplementedError

    @classmethod
    def diagnostics(cls, config: Any) -> list[Diagnostic]:
        """What the types of the fields cannot say. Paths begin below `data`; an extending type adds to those of its conditions."""
        return conditions.diagnostics_of_json(cls.admission(config).conditions)
