"""SQL of devices: kept by token, so that one that another contact signs in on moves to that contact."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.lib import jsonlimits
from app.lib.crypto import fingerprint
from app.lib.database import execute
from app.lib.ids import uuid7
from app.messaging.channels.devices import PushDevice
from app.models import ContactDevice
from app.models.tenant_repository import TenantRepository

MOST_OF_CONTACT = 20
"""Devices of one contact; a further one takes the place of that which was seen longest ago."""
_PUT = """
insert into contact_devices as d (tenant_id, id, contact_id, digest, token, platform, app, keys, connector_id, created_at, last_seen_at)
values (%(tenant)s, %(id)s, %(contact)s, %(digest)s, %(token)s, %(platform)s, %(app)s, %(keys)s::jsonb, %(connector)s,
  (select clock_now()), (select clock_now()))
on conflict (tenant_id, digest) do update set contact_id = excluded.contact_id, platform = excluded.platform,
  app = coalesce(nullif(excluded.app, ''), d.app), keys = excluded.keys, connector_id = coalesce(excluded.connector_id, d.connector_id),
  last_seen_at = excluded.last_seen_at
returning id, created_at = last_seen_at and id = %(id)s as created
"""
_TRIM = f"""
delete from contact_devices where tenant_id = %(tenant)s and id in (
  select id from contact_devices where tenant_id = %(tenant)s and contact_id = %(contact)s
  order by last_seen_at desc, id desc offset {MOST_OF_CONTACT})
"""  # noqa: S608  a constant


class DeviceRepository(TenantRepository[ContactDevice]):
    """The devices of a workspace's contacts."""

    model = ContactDevice

    async def put(self, contact_id: UUID, device: PushDevice) -> tuple[ContactDevice, bool]:
        """Keep a device, or take it over by its token; True when it is new. The least recently seen beyond the limit go."""
        rows = await execute(
            self.session,
            _PUT,
            tenant=self.tenant_id,
            id=uuid7(),
            contact=contact_id,
            digest=fingerprint(device.token),
            token=device.token,
            platform=device.platform,
            app=device.app,
            keys=jsonlimits.encode(dict(device.keys)).decode() if device.keys else None,
            connector=UUID(device.connector_id) if device.connector_id else None,
        )
        await execute(self.session, _TRIM, tenant=self.tenant_id, contact=contact_id)
        row = await self.get_one_or_none(ContactDevice.id == rows[0].id, fresh=True)
        if row is None:
            raise LookupError("the device that was kept just now")
        return row, bool(rows[0].created)

    async def of_contact(self, contact_id: UUID) -> Sequence[ContactDevice]:
        """All of one contact, those that were seen last first."""
        newest = (ContactDevice.last_seen_at.desc(), ContactDevice.id)
        return await self.list(ContactDevice.contact_id == contact_id, order_by=newest, limit=MOST_OF_CONTACT)

    async def remove(self, contact_id: UUID, device_id: UUID) -> bool:
        """Remove one; False when the contact has no such device."""
        return bool(await self.delete_where(ContactDevice.contact_id == contact_id, ContactDevice.id == device_id))

    async def remove_token(self, token: str, connector_id: UUID) -> bool:
        """Remove the device with this token, if it was registered by this connector."""
        same = ContactDevice.digest == fingerprint(token)
        return bool(await self.delete_where(same, ContactDevice.connector_id == connector_id))
