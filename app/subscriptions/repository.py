"""SQL of the contacts behind subscriptions: what they consented to, and the message whose link they followed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB

from app.messaging.channels.message_ids import MessageKey
from app.models import Contact, Message
from app.models.tenant_repository import TenantRepository


class SubscriberRepository(TenantRepository[Contact]):
    """The contacts of a workspace as receivers of messages."""

    model = Contact

    async def get(self, contact_id: UUID) -> Contact | None:
        """The contact as it is in the database now."""
        return await self.get_one_or_none(Contact.id == contact_id, fresh=True)

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
