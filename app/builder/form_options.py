"""What the forms of the builder offer: templates, connectors, and names that were met before.

Names are read from the newest rows only, so that a form opens as fast in a workspace of a million contacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.builder.field_catalog import (
    CONTACT_FIELDS,
    OF_FEW_VALUES,
    FieldEntry,
    Met,
    contact_entries,
    event_entries,
    property_entries,
    row_entries,
)
from app.builder.option_repository import OptionRepository
from app.errors import NotFound
from app.flow.document import Trigger
from app.flow.node_words import channel_number
from app.flow.references import ReferencedRow
from app.flow.sample_texts import SampleContact, SampleStep
from app.lib.translation import gettext
from app.messaging.channels import registry as channels
from app.segment_member_repository import SegmentMemberRepository
from app.test_runs.samples import SampleService
from app.values.contact_view import COLUMNS, name_of
from app.workflows.existing import audience_size
from app.workflows.repository import WorkflowRepository

NEWEST = 500
MOST_DRAFTS = 200
"""Drafts that are looked through for the names of topics."""
OWN_EVENTS = ("contact.created", "contact.updated", "contact.attribute_changed")


@dataclass(frozen=True)
class Choices:
    """What a form can offer. `events`, `fields`, `attributes` and `tags` are suggestions."""

    references: dict[str, dict[str, dict[str, str]]]
    """Rows that a config can name: kind (`template`, `connector`, `segment`, `workflow`) → id → name, and what there is of channel (its
    word), subject, kind (of segments: `static`, `dynamic`) and status."""
    events: list[str]
    attributes: list[str]
    tags: list[str]
    entries: list[FieldEntry] = field(default_factory=list)
    """What a condition can look at."""
    property_entries: list[FieldEntry] = field(default_factory=list)
    """What a condition inside an event can look at."""
    event_entries: list[FieldEntry] = field(default_factory=list)
    for_segment: bool = False
    """For the rule of a segment: without comparisons that cannot be asked of many people at once."""
    own_segment: str = ""
    """The segment whose rule is edited, which its rule cannot ask for."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    """The other steps of the workflow, each with what it is called."""

    @property
    def paths(self) -> Set[str]:
        """The fields among `entries`."""
        return {one.value for one in self.entries if not one.row}

    def for_step(self, type_: str, steps: Sequence[tuple[str, str]] = ()) -> Choices:
        """What the form of a step of this type offers: of a type that sends, only rows of its channel. `steps`: the others."""
        number = channel_number(type_)
        if number is None:
            return replace(self, steps=list(steps))
        word = channels.word_of(number)
        own = {
            kind: {row_id: row for row_id, row in rows.items() if row.get("channel", word) == word}
            for kind, rows in self.references.items()
        }
        return replace(self, references=own, steps=list(steps))


class FormOptions:
    """What the forms of the principal's workspace offer."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session = session
        self._rows = OptionRepository(session, principal.tenant_id)
        self._timezone, self._tenant_id = principal.timezone, principal.tenant_id
        self._samples = SampleService(session, principal)

    async def sample(
        self, event_names: Sequence[str], address: str = "", workflow_id: UUID | None = None
    ) -> tuple[str, SampleStep]:
        """Whom texts are tried on, and as what: the sample of the workflow; without one the newest contact and the newest of these events.

        `address`: the contact with this email address, external id or id instead. Raises NotFound.
        """
        if workflow_id is not None and not address:
            known = await self._samples.of_names(workflow_id, event_names)
            return known.name, known.step(self._timezone)
        contact = await (self._rows.contact_of(address) if address else self._rows.newest_contact())
        if address and contact is None:
            raise NotFound(gettext("There is no contact with the address %(address)s.", address=address[:200]))
        event = await self._rows.newest_event_of(event_names)
        someone, who = SampleContact(), ""
        if contact is not None:
            columns = {name: getattr(contact, name) for name in COLUMNS}
            someone = SampleContact(
                contact.id.bytes, columns, contact.attributes or {}, list(contact.tags or ()), contact.consent or {}
            )
            who = name_of(contact)
        properties = (event.properties or {}) if event is not None else {}
        return who, SampleStep(someone, properties, event.name if event is not None else "", self._timezone)

    async def segments_of(self, sample: SampleStep) -> list[str]:
        """The ids of the segments in which the contact of a sample is; of one that was invented, none."""
        rows = SegmentMemberRepository(self.session, self._tenant_id)
        numbers = await rows.of_contact(UUID(bytes=sample.contact.id)) if any(sample.contact.id) else {}
        return [str(one) for one in await self._rows.segment_ids(numbers)] if numbers else []

    async def audience(self, triggers: Sequence[Trigger]) -> int | None:
        """How many contacts these triggers let in at once; None where nobody counted them."""
        return await audience_size(self.session, self._tenant_id, triggers)

    async def nameable(self) -> dict[str, dict[str, dict[str, str]]]:
        """Every row that a config can name, workflows too: kind → id → what is shown of it."""
        return {**await self._rows.references(), "workflow": await self._rows.workflows()}

    async def known_rows(self, wanted: Mapping[str, Set[UUID]]) -> dict[str, dict[UUID, ReferencedRow]]:
        """Which of these rows (kind → ids) the workspace has; one query a kind."""
        return await WorkflowRepository(self.session, self._tenant_id).referenced_rows(wanted) if wanted else {}

    async def topics(self, fields: Set[str]) -> list[str]:
        """Topics of consent that the newest contacts answered, or steps of the workflows changed last name in these fields of theirs."""
        names = {name for row in await self._rows.newest_contacts(NEWEST) for name in row.consent or {}}
        names |= await self._rows.topics_of_drafts(fields, MOST_DRAFTS)
        return sorted(names - set(channels.words()), key=str.casefold)

    async def titles(self) -> Choices:
        """Only what cards need: how the rows are called that steps can name; one query a kind."""
        return Choices(await self._rows.references(), [], [], [])

    async def everything(self) -> Choices:
        """All that the forms of steps and triggers offer."""
        met, references = await self._met(), await self._rows.references()
        segments = row_entries(references.get("segment", {}), "Segments", "row-segment")
        return self._choices(met, references, [*contact_entries(met), *property_entries(met), *segments])

    async def of_segments(self, own_segment: UUID | None = None) -> Choices:
        """All that the rule of a segment can look at: events, workflows and other segments too."""
        met = await self._met()
        references = await self._rows.references()
        references["workflow"] = await self._rows.workflows()
        others = {id_: row for id_, row in references.get("segment", {}).items() if id_ != str(own_segment)}
        entries = [
            *contact_entries(met),
            *event_entries(_names(met), "row-event"),
            *row_entries(references["workflow"], "Workflows", "row-workflow"),
            *row_entries(others, "Segments", "row-segment"),
        ]
        choices = self._choices(met, references, entries)
        return replace(choices, for_segment=True, own_segment=str(own_segment or ""))

    def _choices(
        self, met: Met, references: dict[str, dict[str, dict[str, str]]], entries: list[FieldEntry]
    ) -> Choices:
        events = _names(met)
        return Choices(
            references=references,
            events=events,
            attributes=sorted(met.attributes),
            tags=sorted(met.tags),
            entries=entries,
            property_entries=property_entries(met),
            event_entries=event_entries(events),
        )

    async def _met(self) -> Met:
        """What the newest contacts and events hold."""
        met = Met(consents=set(channels.words()))
        for contact in await self._rows.newest_contacts(NEWEST):
            met.contacts += 1
            for name, value in contact.attributes.items():
                met.attributes.setdefault(name, []).append(value)
            for name in CONTACT_FIELDS:
                met.filled[f"contact.{name}"] += getattr(contact, name) is not None
            for name in OF_FEW_VALUES:
                met.columns.setdefault(name, []).append(getattr(contact, name))
            met.tags.update(contact.tags)
            met.consents.update(contact.consent)
        for event in await self._rows.newest_events(NEWEST):
            of_event = met.events.setdefault(event.name, {})
            met.happened[event.name] += 1
            if event.name not in OWN_EVENTS:
                for name, value in (event.properties or {}).items():
                    of_event.setdefault(name, []).append(value)
        return met


def _names(met: Met) -> list[str]:
    return list(dict.fromkeys((*OWN_EVENTS, *met.events)))
