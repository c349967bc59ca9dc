"""What the forms of the builder offer: templates, connectors, and names that were met before.

Names are read from the newest rows only, so that a form opens as fast in a workspace of a million contacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.builder.option_repository import OptionRepository
from app.flow.node_words import channel_number
from app.flow.sample_texts import SampleContact, SampleStep
from app.messaging.channels import registry as channels
from app.values.contact_view import COLUMNS, name_of
from app.values.field_kinds import CONTACT_KINDS, kind_of

NEWEST = 500
OWN_EVENTS = ("contact.created", "contact.updated", "contact.attribute_changed")
CONTACT_FIELDS = ("email", "phone", "external_id", "source", "tags", "timezone", "locale", "created_at")
_KINDS = {f"contact.{name}": kind for name, kind in CONTACT_KINDS.items()}


@dataclass(frozen=True)
class Choices:
    """What a form can offer. `events`, `fields`, `attributes` and `tags` are suggestions."""

    references: dict[str, dict[str, dict[str, str]]]
    """Rows that a config can name: kind (`template`, `connector`, `segment`) → id → name, and what there is of channel (its word), subject
    and kind (of segments: `static`, `dynamic`)."""
    events: list[str]
    attributes: list[str]
    tags: list[str]
    properties: list[str]
    kinds: dict[str, str] = field(default_factory=lambda: dict(_KINDS))
    """What each field holds (`text`, `number` …), by its path; a field whose values do not agree is not in it."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    """The other steps of the workflow, each with what it is called."""

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

    @property
    def fields(self) -> list[str]:
        """What a condition can be about."""
        return [
            *(f"contact.{name}" for name in CONTACT_FIELDS),
            *(f"contact.attributes.{name}" for name in self.attributes),
            *(f"event.{name}" for name in self.properties),
        ]


class FormOptions:
    """What the forms of the principal's workspace offer."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session = session
        self._rows = OptionRepository(session, principal.tenant_id)
        self._timezone = principal.timezone

    async def sample(self, event_names: Sequence[str]) -> tuple[str, SampleStep]:
        """Whom texts are tried on, and as what: the newest contact, and the newest of these events, if there are any."""
        contact = await self._rows.newest_contact()
        event = await self._rows.newest_event_of(event_names)
        someone, who = SampleContact(), ""
        if contact is not None:
            columns = {name: getattr(contact, name) for name in COLUMNS}
            someone = SampleContact(contact.id.bytes, columns, contact.attributes or {}, list(contact.tags or ()))
            who = name_of(contact)
        properties = (event.properties or {}) if event is not None else {}
        return who, SampleStep(someone, properties, event.name if event is not None else "", self._timezone)

    async def titles(self) -> Choices:
        """Only what cards need: how the rows are called that steps can name; one query a kind."""
        return Choices(await self._rows.references(), [], [], [], [])

    async def everything(self) -> Choices:
        """All that the forms offer."""
        attributes: dict[str, list[Any]] = {}
        tags: set[str] = set()
        for contact in await self._rows.newest_contacts(NEWEST):
            for name, value in contact.attributes.items():
                attributes.setdefault(name, []).append(value)
            tags.update(contact.tags)
        events: dict[str, Any] = dict.fromkeys(OWN_EVENTS)
        properties: dict[str, list[Any]] = {}
        for event in await self._rows.newest_events(NEWEST):
            events.setdefault(event.name)
            if event.name not in OWN_EVENTS:
                for name, value in (event.properties or {}).items():
                    properties.setdefault(name, []).append(value)
        kinds = {f"contact.attributes.{name}": kind_of(values) for name, values in attributes.items()}
        kinds |= {f"event.{name}": kind_of(values) for name, values in properties.items()}
        return Choices(
            references=await self._rows.references(),
            events=list(events),
            attributes=sorted(attributes),
            tags=sorted(tags),
            properties=sorted(properties),
            kinds=_KINDS | {path: kind for path, kind in kinds.items() if kind},
        )
