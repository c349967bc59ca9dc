"""The messages of a walk as they would leave: whether they may, and what they would say. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import held_connections
from app.lib.sandbox_errors import Broken, Busy, TooCostly
from app.lib.translation import gettext
from app.message_templates.repository import TemplateRepository
from app.message_templates.service import TemplateService, parts_of
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.filling import PartError
from app.messaging.channels.parts import Parts
from app.models import Template
from app.subscriptions import suppression_repository
from app.subscriptions.permission import ContactFacts, permission
from app.test_runs.samples import SamplePerson
from app.test_runs.schemas import WalkedMessageOut
from app.test_runs.spec import WalkedStep

MOST_RENDERED = 30
"""Messages of one walk that are filled in: a loop may ask for hundreds."""


async def rendered(
    session: AsyncSession, principal: Principal, steps: Sequence[WalkedStep], person: SamplePerson | None
) -> dict[int, WalkedMessageOut]:
    """By the step's number what each message would be. Ends the transaction."""
    asking = [step for step in steps if step.message is not None][:MOST_RENDERED]
    templates = TemplateRepository(session, principal.tenant_id)
    messages: dict[int, WalkedMessageOut] = {}
    sources: dict[int, tuple[type[ChannelType], Parts]] = {}
    for step in asking:
        if step.message is None:
            continue
        effect = step.message.effect
        channel = registry.known(effect.channel)
        if channel is None:
            continue
        messages[step.seq] = await _addressed(session, principal, channel, step, person)
        template_id = UUID(bytes=effect.template) if effect.template else None
        template: Template | None = (
            await templates.get_one_or_none(Template.id == template_id) if template_id is not None else None
        )
        if template is None:
            messages[step.seq].error = gettext("No template is chosen.")
        else:
            subject = str(effect.payload.get("subject") or template.subject)
            sources[step.seq] = channel, msgspec.structs.replace(parts_of(template), subject=subject)
    await held_connections.release_connection(session)
    service = TemplateService(session, principal)
    for step in asking:
        if step.message is not None and step.seq in sources:
            await _fill(service, *sources[step.seq], step.message.data, messages[step.seq])
    return messages


async def _addressed(
    session: AsyncSession,
    principal: Principal,
    channel: type[ChannelType],
    step: WalkedStep,
    person: SamplePerson | None,
) -> WalkedMessageOut:
    """Whom it would go to, and whether it may: by the contact as the step found it, and what the lists say today."""
    contact: Mapping[str, Any] = step.message.data.get("contact") or {} if step.message else {}
    payload = step.message.effect.payload if step.message else {}
    address = channel.address_of(contact)
    listed = await suppression_repository.listed(session, principal.tenant_id, [address], channel.number)
    facts = ContactFacts(
        address=address,
        consent=person.consent if person else {},
        listed=listed.get(channel.comparable(address)) if address else None,
        transactional=payload.get("class") == "transactional",
    )
    answer = permission(facts, channel.type, payload.get("topic"))
    return WalkedMessageOut(
        channel=channel.type,
        recipient=address,
        allowed=answer.allowed,
        why_not=None if answer.allowed else answer.sentence,
        options={name: value for name, value in payload.items() if value and name != "subject"},
    )


async def _fill(
    service: TemplateService, channel: type[ChannelType], parts: Parts, data: dict[str, Any], message: WalkedMessageOut
) -> None:
    readable = {**data, "unsubscribe_url": "#unsubscribe", "unsubscribeUrl": "#unsubscribe"}
    try:
        filled = await service.filled(channel, parts, readable)
    except PartError as error:
        message.error = str(error)
    except (TooCostly, Busy, Broken):
        message.error = gettext("The message could not be filled in just now.")
    else:
        message.subject, message.html, message.text = filled.subject, filled.html, filled.text
