"""Fill a workspace with the demo: templates, three workflows that run, 200 contacts and what they did.

Everything goes through the services that people and programs use, so the demo is real: once the workers run, mails land in the
mailbox, delays wait and runs can be looked at. Deterministic, and safe to call twice: what is there is left alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.service import ensure_local_connectors
from app.contacts.schemas import ContactIn
from app.contacts.service import ContactService
from app.demo import flows
from app.demo.mails import TEMPLATES
from app.events.record import NewEvent, record
from app.flow.document import Flow
from app.lib import clock
from app.lib.ids import uuid7
from app.message_templates.schemas import NewTemplate
from app.message_templates.service import TemplateService
from app.models.status import Role
from app.workflows.service import WorkflowService

CONTACTS = 200
FIRST_NAMES = (
    *(
        "Ada",
        "Amir",
        "Anna",
        "Ben",
        "Carla",
        "Chen",
        "Dana",
        "Elif",
        "Emil",
        "Eva",
        "Farah",
        "Finn",
        "Grace",
        "Hana",
        "Ines",
    ),
    *(
        "Ivan",
        "Jana",
        "Jonas",
        "Kai",
        "Lara",
        "Leo",
        "Lina",
        "Luis",
        "Maya",
        "Mila",
        "Nils",
        "Nora",
        "Omar",
        "Paul",
        "Priya",
    ),
    *("Rosa", "Sam", "Sara", "Tara", "Theo", "Uma", "Vera", "Yara", "Yuki", "Zoe"),
)
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "America/Sao_Paulo")


async def seed(session: AsyncSession, tenant_id: int) -> None:
    """Fill workspace `tenant_id`; does nothing when it has workflows already."""
    principal = Principal(kind="product", id=uuid7(), tenant_id=tenant_id, role=Role.OWNER, name="Demo")
    workflows = WorkflowService(session, principal)
    if (await workflows.lists.page(limit=1)).items:
        return
    await ensure_local_connectors(session, tenant_id)
    templates = await _templates(session, principal)
    for name, description, graph in (
        ("Segmented welcome", "A welcome for each product, then the same follow-ups.", flows.segmented_welcome),
        ("Newsletter welcome", "Welcomes a new reader, once.", flows.newsletter_welcome),
        ("Onboarding", "Helps new sign-ups to start; a purchase ends it.", flows.onboarding),
    ):
        workflow = await workflows.create(name=name, description=description, flow=Flow.load(graph(templates)))
        await workflows.activate(workflow.id)
    await _people(session, principal)


async def _templates(session: AsyncSession, principal: Principal) -> dict[str, str]:
    """The six mails; answers the id of each by the name that the workflows use."""
    service = TemplateService(session, principal)
    ids_by_key = {}
    for template in TEMPLATES:
        stored = await service.create(
            NewTemplate(
                name=template.name, channel="email", subject=template.subject, html=template.html, text=template.text
            )
        )
        ids_by_key[template.key] = str(stored.id)
    return ids_by_key


async def _people(session: AsyncSession, principal: Principal) -> None:
    """Contacts, and the events that start the workflows."""
    service, chance, events = ContactService(session, principal), random.Random(7), list[NewEvent]()  # noqa: S311
    for number in range(1, CONTACTS + 1):
        contact, _ = await service.upsert(_person(number, chance))
        events += _deeds(contact.id, chance)
    await record(session, principal.tenant_id, events)


def _person(number: int, chance: random.Random) -> ContactIn:
    name = chance.choice(FIRST_NAMES)
    return ContactIn(
        external_id=f"demo-{number:03}",
        email=f"{name.lower()}.{number:03}@example.com",
        source=chance.choices(("website_signup", "import", "event"), (5, 3, 2))[0],
        timezone=chance.choice(ZONES),
        locale=chance.choice(("en", "en-GB", "de", "pt-BR", "ja")),
        attributes={
            "first_name": name,
            "plan": chance.choices(("free", "pro", "team"), (6, 3, 1))[0],
            "started": chance.random() < 0.4,
            "orders": chance.randrange(6),
        },
        tags=["vip"] if chance.random() < 0.1 else [],
        consent={} if chance.random() < 0.95 else {"email": False},
    )


def _deeds(contact_id: UUID, chance: random.Random) -> Iterator[NewEvent]:
    """What this person did in the last hour."""
    now = clock.now()
    at = now - timedelta(minutes=chance.randrange(2, 60))
    if chance.random() < 0.45:
        product = chance.choices(("united", "podcast", "magazine"), (4, 3, 3))[0]
        yield NewEvent(
            name="subscription.created", contact_id=contact_id, properties={"product": product}, occurred_at=at
        )
    if chance.random() < 0.3:
        yield NewEvent(
            name="newsletter.subscribed", contact_id=contact_id, properties={"topics": ["weekly"]}, occurred_at=at
        )
