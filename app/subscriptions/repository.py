"""SQL of the contacts behind subscriptions: what they consented to, and the message whose link they followed."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from sqlalchemy import or_, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.addresses import comparable
from app.messaging.channels.devices import Platform, PushDevice
from app.messaging.channels.message_ids import MessageKey
from app.models import Contact, ContactDevice, Message
from app.models.tenant_repository import TenantRepository


class SubscriberRepository(TenantRepository[Contact]):
    """The contacts of a workspace as receivers of messages."""

    model = Contact

    async def get(self, contact_id: UUID) -> Contact | None:
        """The contact as it is in the database now."""
        return await self.get_one_or_none(Contact.id == contact_id, fresh=True)

    async def has_device(self, contact_id: UUID) -> bool:
        """Does the contact have a device that takes notifications?"""
        query = select(ContactDevice.id).where(
            ContactDevice.tenant_id == self.tenant_id, ContactDevice.contact_id == contact_id
        )
        return (await self.session.execute(query.limit(1))).first() is not None

    async def merge_consent(self, contact_id: UUID, wanted: dict[str, bool]) -> bool:
        """Merge `wanted` into the consent of a contact, in SQL so that no other change is lost. Did it change anything?"""
        patch = type_coerce(wanted, JSONB)
        done = await self.session.execute(
            update(Contact)
            .where(self.own, Contact.id == contact_id, ~Contact.consent.contains(patch))
            .values(consent=Contact.consent.op("||")(patch))
            .returning(Contact.id)
            .execution_options(synchronize_session=False)
        )
        return done.first() is not None

    async def sent_to(self, message: MessageKey, contact_id: UUID) -> tuple[int, str | None] | None:
        """The number of the channel and the address by which a message went to this contact; None when it did not."""
        query = select(Message.channel, Message.recipient).where(
            Message.tenant_id == self.tenant_id,
            Message.run_id == message[0],
            Message.seq == message[1],
            Message.contact_id == contact_id,
        )
        row = (await self.session.execute(query)).first()
        return (row[0], row[1]) if row else None


async def devices_at(session: AsyncSession, tenant_id: int, address: str) -> list[PushDevice]:
    """The devices of the contact with this external id or email."""
    contact = select(Contact.id).where(
        Contact.tenant_id == tenant_id, or_(Contact.external_id == address, Contact.email == comparable(address))
    )
    query = (
        select(ContactDevice)
        .where(ContactDevice.tenant_id == tenant_id, ContactDevice.contact_id.in_(contact))
        .order_by(ContactDevice.last_seen_at.desc())
    )
    return [
        PushDevice(
            id=str(row.id),
            token=row.token,
            platform=cast("Platform", row.platform),
            app=row.app,
            keys=row.keys,
            connector_id=str(row.connector_id) if row.connector_id else None,
        )
        for row in (await session.scalars(query)).all()
    ]
