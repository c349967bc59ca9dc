"""The sample of a workflow: the contact and the event that its previews, conditions and tests are tried with.

One for each workflow, so that all who edit it see the same person. Where nobody chose one, it is the newest event that the workflow's
triggers listen for, with the contact that it happened to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import FieldError, Invalid
from app.flow.document import Flow, Trigger
from app.flow.sample_texts import SampleContact, SampleStep
from app.flow.trigger_registry import typed
from app.lib import clock, jsonlimits
from app.lib.translation import gettext
from app.models import Contact, Event, Workflow
from app.test_runs.real_answers import RealAnswer
from app.test_runs.sample_repository import LATELY, ReceivedEvent, SampleRepository
from app.test_runs.schemas import MOST_JSON, InventedContact, SampleContactOut, SampleEventOut, SampleIn, SampleOut
from app.values.contact_view import COLUMNS, name_of

_INVENTED = UUID("5d6e12a8-5f54-4f2d-9f7a-4f3b1a0c7d11")
"""The namespace of the ids of invented contacts: the same each time, so that they draw the same variant."""


OF_TRIGGER = 10
"""Events that a trigger's panel shows."""


@dataclass(frozen=True)
class SamplePerson:
    """A contact of the workspace, or one that somebody invented (`stored` is None)."""

    id: UUID
    stored: Contact | None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    timezone: str | None = None
    locale: str | None = None
    source: str | None = None
    created_at: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    consent: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, contact: Contact) -> SamplePerson:
        names = ("email", "phone", "external_id", "timezone", "locale", "source", "created_at", "consent")
        columns = {name: getattr(contact, name) for name in names}
        return cls(contact.id, contact, **columns, attributes=contact.attributes or {}, tags=tuple(contact.tags or ()))

    @classmethod
    def invented(cls, workflow_id: UUID, contact: InventedContact) -> SamplePerson:
        """Somebody who may be written to: an invented contact said nothing else."""
        names = ("email", "phone", "external_id", "timezone", "locale", "attributes")
        columns = {name: getattr(contact, name) for name in names}
        return cls(
            uuid5(_INVENTED, str(workflow_id)), None, **columns, created_at=clock.now(), tags=tuple(contact.tags)
        )

    @property
    def name(self) -> str:
        return name_of(self)

    @property
    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def view(self) -> SampleContactOut:
        names = ("email", "phone", "external_id", "timezone", "locale", "attributes", "name")
        fields = {name: getattr(self, name) for name in names}
        return SampleContactOut(id=self.id if self.stored else None, tags=list(self.tags), **fields)


@dataclass(frozen=True)
class Sample:
    """Whom and what a workflow is tried with. `person` is None while the workspace has no contacts."""

    person: SamplePerson | None
    event_name: str = ""
    event: dict[str, Any] = field(default_factory=dict)
    event_id: UUID | None = None
    occurred_at: datetime | None = None
    pinned: bool = False
    chosen_at: datetime | None = None
    """When it was chosen: an answer that a service gave to one sample is none of another."""

    def is_kept(self, wanted: SampleIn) -> bool:
        """Is a test with these wishes one of the sample as it is kept, with the answers that belong to it?"""
        return not (wanted.contact_id or wanted.contact or wanted.event_id or wanted.event)

    def is_same(self, other: Sample) -> bool:
        """Is it the same person with the same event? One that was invented anew has the same id, and may be somebody else."""
        if self.chosen_at != other.chosen_at and other.chosen_at is not None:
            return False
        return self._content == other._content

    @property
    def _content(self) -> tuple[Any, ...]:
        person = self.person
        invented = person.view if person and not person.stored else None
        return person and person.id, invented, self.event_name, self.event, self.event_id

    @property
    def name(self) -> str:
        return self.person.name if self.person else ""

    @property
    def mark(self) -> str:
        """Changes with the person and the event, as far as those are stored."""
        return f"{self.person.id if self.person else ''}.{self.event_id or ''}"

    @property
    def event_view(self) -> SampleEventOut:
        return SampleEventOut(
            id=self.event_id, name=self.event_name, properties=self.event, occurred_at=self.occurred_at
        )

    @property
    def view(self) -> SampleOut:
        return SampleOut(pinned=self.pinned, contact=self.person.view if self.person else None, event=self.event_view)

    def step(self, timezone: str) -> SampleStep:
        """The same as texts are tried on it."""
        one = self.person
        who = (
            SampleContact(one.id.bytes, one.columns, one.attributes, list(one.tags), one.consent)
            if one
            else SampleContact()
        )
        return SampleStep(who, self.event, self.event_name, timezone)


def heard_names(triggers: Sequence[Trigger]) -> list[str]:
    """The events that triggers listen for."""
    return list(
        dict.fromkeys(name for one in triggers for kind, config in [typed(one)] for name in kind.subscribes(config))
    )


class SampleService:
    """The samples of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.rows = SampleRepository(session, principal.tenant_id)

    async def of(self, workflow: Workflow, flow: Flow) -> Sample:
        """The sample of a workflow. What was chosen and is not there any more counts as not chosen."""
        return await self.of_names(workflow.id, heard_names(flow.triggers))

    async def of_names(self, workflow_id: UUID, names: Sequence[str]) -> Sample:
        """The same, of a workflow whose triggers listen for the events `names`."""
        row = await self.rows.of(workflow_id)
        if row is None:
            return await self._newest(names)
        invented = msgspec.convert(row.contact, InventedContact) if row.contact is not None else None
        person = await self._person(workflow_id, row.contact_id, invented)
        newest = await self._newest(names, person) if person is None or not row.event_name else None
        if person is None:
            person = newest.person if newest else None
        if not row.event_name and newest is not None:
            return replace(newest, person=person, pinned=True, chosen_at=row.updated_at)
        event = await self.rows.event(row.event_id) if row.event_id else None
        occurred_at = event.occurred_at if event is not None else None
        return Sample(
            person, row.event_name, row.event, row.event_id, occurred_at, pinned=True, chosen_at=row.updated_at
        )

    async def with_changes(self, workflow: Workflow, flow: Flow, wanted: SampleIn) -> Sample:
        """The sample with what `wanted` names instead. Raises Invalid."""
        known = await self.of(workflow, flow)
        person = await self._chosen_person(workflow.id, wanted) or known.person
        event = await self._chosen_event(wanted)
        if event is not None:
            return Sample(person, *event, pinned=True)
        return replace(known, person=person)

    async def put(self, workflow: Workflow, flow: Flow, wanted: SampleIn, *, most_bytes: int = MOST_JSON) -> Sample:
        """Choose the sample for all who edit the workflow. `most_bytes`: of an invented event. Raises Invalid."""
        if wanted == SampleIn():
            if (row := await self.rows.of(workflow.id)) is not None:
                await self.rows.delete(row)
            return await self.of(workflow, flow)
        await self._chosen_person(workflow.id, wanted)
        event = await self._chosen_event(wanted, most_bytes)
        row = await self.rows.get_or_add(workflow.id, lock=True)
        row.contact_id = wanted.contact_id
        row.contact = msgspec.to_builtins(wanted.contact) if wanted.contact is not None else None
        row.event_name, row.event, row.event_id, _ = event or ("", {}, None, None)
        row.updated_at = clock.now()
        await self.session.flush()
        await self.rows.forget_answers(workflow.id)  # also one that came since the row was read
        return await self.of(workflow, flow)

    async def keep_answer(self, workflow: Workflow, flow: Flow, sample: Sample, place: str, answer: RealAnswer) -> None:
        """Keep what a service really answered in a test of `sample`, which is pinned by that; nothing when it was changed since."""
        row = await self.rows.get_or_add(workflow.id, lock=True)
        known = await self.of(workflow, flow)
        is_free = not row.contact and row.contact_id is None and not row.event_name and sample.chosen_at is None
        if is_free and sample.person and sample.person.stored:
            row.contact_id = sample.person.id
            row.event_name, row.event, row.event_id = sample.event_name, sample.event, sample.event_id
        elif not known.is_same(sample):
            return
        await self.session.flush()
        await self.rows.keep_answer(workflow.id, place, answer)

    async def answers(self, workflow_id: UUID) -> dict[str, RealAnswer]:
        """What services really answered in tests of the sample, by the visit of a step; what they said is read by `answer`."""
        return await self.rows.answers(workflow_id)

    async def answer(self, workflow_id: UUID, place: str, request: str) -> dict[str, Any] | None:
        """What one of them said to this question; None when the sample was changed since."""
        return await self.rows.answer(workflow_id, place, request)

    async def choices(self, flow: Flow) -> list[ReceivedEvent]:
        """The last events that the workflow's triggers received, each with its contact."""
        return await self.rows.received(heard_names(flow.triggers), LATELY)

    async def of_trigger(self, trigger: Trigger) -> list[ReceivedEvent]:
        """The same of one trigger, fewer."""
        return await self.rows.received(heard_names([trigger]), OF_TRIGGER)

    async def _newest(self, names: Sequence[str], person: SamplePerson | None = None) -> Sample:
        """What came in last: of the person, when one is chosen and it happened to them."""
        if person is not None and person.stored is not None:
            events = [event for name in names if (event := await self.rows.last_of(name, person.id)) is not None]
            if events:
                event = max(events, key=lambda one: one.occurred_at)
                return Sample(person, event.name, event.properties or {}, event.id, event.occurred_at)
        received = [event for name in names if (event := await self.rows.last_of(name, None)) is not None]
        event = max(received, key=lambda one: one.id, default=None)
        contact = await self.rows.contact(event.contact_id) if event is not None and event.contact_id else None
        if event is not None and contact is not None:
            someone = person or SamplePerson.of(contact)
            return Sample(someone, event.name, event.properties or {}, event.id, event.occurred_at)
        contact_row = None if person is not None else await self.rows.newest_contact()
        anybody = person if contact_row is None else SamplePerson.of(contact_row)
        return Sample(anybody, names[0] if names else "")

    async def _person(
        self, workflow_id: UUID, contact_id: UUID | None, invented: InventedContact | None
    ) -> SamplePerson | None:
        if invented is not None:
            return SamplePerson.invented(workflow_id, invented)
        contact = await self.rows.contact(contact_id) if contact_id else None
        return SamplePerson.of(contact) if contact is not None else None

    async def _chosen_person(self, workflow_id: UUID, wanted: SampleIn) -> SamplePerson | None:
        if wanted.contact is not None and wanted.contact_id is not None:
            raise _refused("contact", gettext("Name a contact or invent one, not both."))
        if wanted.contact is not None:
            _check_size("contact.attributes", wanted.contact.attributes)
        person = await self._person(workflow_id, wanted.contact_id, wanted.contact)
        if person is None and wanted.contact_id is not None:
            raise _refused("contactId", gettext("There is no such contact."))
        return person

    async def _chosen_event(
        self, wanted: SampleIn, most_bytes: int = MOST_JSON
    ) -> tuple[str, dict[str, Any], UUID | None, datetime | None] | None:
        if wanted.event is not None and wanted.event_id is not None:
            raise _refused("event", gettext("Name an event or invent one, not both."))
        if wanted.event is not None:
            _check_size("event.properties", wanted.event.properties, most_bytes)
            return wanted.event.name, wanted.event.properties, None, None
        if wanted.event_id is None:
            return None
        event: Event | None = await self.rows.event(wanted.event_id)
        if event is None:
            raise _refused("eventId", gettext("There is no such event."))
        return event.name, event.properties or {}, event.id, event.occurred_at


def _check_size(path: str, value: dict[str, Any], most_bytes: int = MOST_JSON) -> None:
    try:
        jsonlimits.storable_bytes(value, max_bytes=most_bytes, max_depth=20)
    except jsonlimits.Unstorable as error:
        raise _refused(path, str(error)) from error


def _refused(path: str, message: str) -> Invalid:
    return Invalid(errors=[FieldError(path=path, message=message)])
