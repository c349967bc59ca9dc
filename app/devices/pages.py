"""What the page of a contact shows of its devices, and that of a connector of what a site includes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.connectors.service import ConnectorService
from app.devices.repository import MOST_OF_CONTACT
from app.devices.service import DeviceService
from app.devices.site_address import site_url
from app.lib.translation import gettext
from app.messaging.channels.devices import PLATFORM_WORDS
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page


@get("/contacts/{contact_id:uuid}/devices", role=Role.VIEWER)
async def devices_of_contact(
    request: AppRequest, devices: NamedDependency[DeviceService], contact_id: FromPath[UUID]
) -> Template:
    """The devices of a contact, a part of its page."""
    rows = await devices.of_contact(contact_id)
    return page(
        request,
        "devices/of_contact.html",
        contact_id=contact_id,
        devices=rows,
        words=PLATFORM_WORDS,
        most=MOST_OF_CONTACT,
    )


@post("/contacts/{contact_id:uuid}/devices/{device_id:uuid}/remove", role=Role.MARKETER, status_code=200)
async def remove_device_page(
    request: AppRequest,
    devices: NamedDependency[DeviceService],
    contact_id: FromPath[UUID],
    device_id: FromPath[UUID],
) -> Response[bytes]:
    """Remove a device from the page of its contact."""
    await devices.remove(contact_id, device_id)
    return go(request, f"/contacts/{contact_id}", gettext("Device removed."))


@get("/connectors/{connector_id:uuid}/push-snippet", role=Role.VIEWER)
async def push_snippet(
    request: AppRequest, connectors: NamedDependency[ConnectorService], connector_id: FromPath[UUID]
) -> Template:
    """What a site includes, a part of the page of its connector."""
    connector = await connectors.get(connector_id)
    public_key = str(connector.config.get("publicKey", ""))
    return page(
        request,
        "devices/snippet.html",
        site=site_url(connector.tenant_id, connector.id),
        public_key=public_key,
        has_identity_key=connector.callback_secret is not None,
    )


ROUTES: list[Any] = [devices_of_contact, remove_device_page, push_snippet]
