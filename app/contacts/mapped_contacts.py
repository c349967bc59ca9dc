"""The contact that a mapped body names, with the attributes that it brings: found, changed, or added."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.body_mapping import Mapped
from app.contacts.schemas import ContactIn
from app.contacts.service import ContactService
from app.errors import FieldError, Invalid
from app.lib.translation import gettext
from app.values import contact_fields


class NotMapped(Invalid):
    """The JSON does not say what the trigger reads from it. `errors` says what is missing; nothing was started."""

    code = "not_mapped"


class MappedContacts:
    """Contacts of what comes from outside by a trigger. `create`: those who are not known are added. `via`: what their history says."""

    def __init__(self, session: AsyncSession, principal: Principal, *, create: bool, via: str) -> None:
        self._contacts, self._create, self._via = ContactService(session, principal), create, via
        self._country = principal.country

    async def contact(self, outcome: Mapped) -> UUID:
        """Whom it is about. Raises AppError, NotMapped among them, for what fits nobody."""
        sent = outcome.contact
        if sent is None:
            raise LookupError("a body about nobody")
        if not (sent.external_id or sent.email):
            return (await self._contacts.patch(await self._of_phone(sent), sent)).id
        if not self._create:
            await self._require_known(outcome)
        return (await self._contacts.upsert(sent, via=self._via))[0].id

    async def _require_known(self, outcome: Mapped) -> None:
        owners = await self._contacts.rows.owners(
            outcome.identity.get("externalId"), outcome.identity.get("email", "").lower() or None
        )
        if not owners:
            message = gettext("No contact is called so, and this trigger makes none.")
            raise NotMapped(message, errors=[FieldError(path="identity", message=message)])

    async def _of_phone(self, sent: ContactIn) -> UUID:
        phone = contact_fields.text("phone", str(sent.phone), self._country)
        known = await self._contacts.rows.phones(phone or "")
        if len(known) == 1:
            return known[0]
        message = (
            gettext("Several contacts have this phone number. Map an email or an external id too.")
            if known
            else gettext("No contact has this phone number, and a new one needs an email or an external id.")
        )
        raise NotMapped(message, errors=[FieldError(path="identity.phone", message=message)])
