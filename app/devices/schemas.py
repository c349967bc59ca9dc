"""Devices as programs send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.lib import single_line
from app.messaging.channels.devices import Platform
from app.models import ContactDevice

DeviceToken = Annotated[str, Meta(min_length=8, max_length=2_000, pattern=r"^[\x21-\x7e]+\Z")]
BrowserKey = Annotated[str, Meta(min_length=16, max_length=200, pattern=r"^[A-Za-z0-9_=-]+\Z")]
AppName = Annotated[str, Meta(max_length=80, pattern=single_line.PATTERN)]


class BrowserKeys(msgspec.Struct, forbid_unknown_fields=True):
    """`p256dh` and `auth` of a browser's subscription, in base64url."""

    p256dh: BrowserKey
    auth: BrowserKey


class NewDevice(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`token`: the registration token of Firebase, or with `keys` the endpoint of a browser's subscription.

    `connectorId`: by which it is reached; left out, the first connector of its service is taken.
    """

    token: DeviceToken
    platform: Platform
    keys: BrowserKeys | None = None
    app: AppName = ""
    connector_id: UUID | None = None


class DeviceView(msgspec.Struct, rename="camel"):
    id: UUID
    contact_id: UUID
    token: str
    platform: str
    """web, android or ios"""
    app: str
    connector_id: UUID | None
    created_at: datetime
    last_seen_at: datetime


class ContactToken(msgspec.Struct, rename="camel"):
    """What a page hands to `throughlinePush.subscribe`, so that its browser is registered for this contact."""

    token: str
    expires_at: datetime


def device_view(row: ContactDevice) -> DeviceView:
    return DeviceView(
        id=row.id,
        contact_id=row.contact_id,
        token=row.token,
        platform=row.platform,
        app=row.app,
        connector_id=row.connector_id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
    )
