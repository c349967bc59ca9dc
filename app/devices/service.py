"""Rules of devices: a token belongs to one contact, and to the one who was named last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.repository import ConnectorRepository
from app.contacts.service import ContactService
from app.devices import contact_token
from app.devices.repository import DeviceRepository
from app.devices.schemas import ContactToken, NewDevice
from app.errors import FieldError, Invalid, NotFound
from app.lib import clock, crypto
from app.lib.http_url import BadUrl
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.devices import PushDevice
from app.messaging.channels.push.web_push import decoded_key, push_endpoint
from app.models import Connector, ContactDevice

TOKEN_LASTS = timedelta(days=30)
POINT, SECRET = 65, 16
"""Bytes of the keys of a subscription (RFC 8291)."""


class NoDevice(NotFound):
    """This contact has no such device. It may have been removed, or belong to another contact by now."""

    code = "device_not_found"


class DeviceService:
    """The devices of the workspace's contacts."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = DeviceRepository(session, principal.tenant_id)
        self.connectors = ConnectorRepository(session, principal.tenant_id)
        self.contacts = ContactService(session, principal)

    async def of_contact(self, contact_id: UUID) -> Sequence[ContactDevice]:
        """Those that were seen last first. Raises NoContact."""
        await self.contacts.get(contact_id)
        return await self.rows.of_contact(contact_id)

    async def put(self, contact_id: UUID, new: NewDevice) -> tuple[ContactDevice, bool]:
        """Register a device, or say that it was seen; True when it is new. One of another contact moves here. Raises Invalid, NoContact."""
        device = checked_device(new)
        if new.connector_id is not None:
            connector = await self.connectors.get_one_or_none(Connector.id == new.connector_id)
            channel = registry.known(connector.channel) if connector is not None else None
            if channel is None or not channel.to_devices:
                message = gettext("There is no connector with this id that sends to devices.")
                raise Invalid(errors=[FieldError(path="connectorId", message=message)])
        if await self.contacts.rows.lock(contact_id) is None:
            await self.contacts.get(contact_id)
        return await self.rows.put(contact_id, device)

    async def remove(self, contact_id: UUID, device_id: UUID) -> None:
        """Raises NoDevice."""
        if not await self.rows.remove(contact_id, device_id):
            raise NoDevice

    async def token_for(self, contact_id: UUID) -> ContactToken:
        """What a page of this contact proves its identity with when its browser registers. Raises NoContact."""
        contact = await self.contacts.get(contact_id)
        until = clock.now() + TOKEN_LASTS
        claim = contact_token.ContactClaim(self.tenant_id, contact.id, int(until.timestamp()))
        return ContactToken(crypto.sign(contact_token.PURPOSE, claim), until)


def checked_device(new: NewDevice) -> PushDevice:
    """Raises Invalid."""
    keys = None
    if new.keys is not None:
        keys = {"p256dh": new.keys.p256dh, "auth": new.keys.auth}
        if not _are_keys(new.keys.p256dh, new.keys.auth):
            raise Invalid(
                errors=[FieldError(path="keys", message=gettext("These are no keys of a browser’s subscription."))]
            )
        if new.platform != "web":
            raise Invalid(errors=[FieldError(path="platform", message=gettext("Only a browser, web, has keys."))])
        try:
            push_endpoint(new.token)
        except BadUrl as error:
            raise Invalid(errors=[FieldError(path="token", message=str(error))]) from error
    connector = str(new.connector_id) if new.connector_id else None
    return PushDevice(
        id="", token=new.token, platform=new.platform, app=new.app.strip(), keys=keys, connector_id=connector
    )


def _are_keys(p256dh: str, auth: str) -> bool:
    try:
        point, secret = decoded_key(p256dh.rstrip("=")), decoded_key(auth.rstrip("="))
    except ValueError:
        return False
    return len(point) == POINT and point[0] == 4 and len(secret) == SECRET
