"""`/api/v1/contacts/{id}/devices`: where a contact is shown notifications."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from app.accounts.deps import AppRequest
from app.devices import opt_in
from app.devices.schemas import ContactToken, DeviceView, NewDevice, device_view
from app.devices.service import DeviceService
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok

ALL, TAGS = "/api/v1/contacts/{contact_id:uuid}/devices", ["Contacts"]


@get(ALL, role=Role.VIEWER, scope=Scope.CONTACTS_READ, tags=TAGS, summary="The devices of a contact")
async def list_devices(
    devices: NamedDependency[DeviceService], contact_id: FromPath[UUID]
) -> Envelope[list[DeviceView]]:
    """At most 20, those that were seen last first."""
    return ok([device_view(row) for row in await devices.of_contact(contact_id)])


@post(
    ALL,
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    tags=TAGS,
    summary="Register a device, or say that it was seen",
    secret_answer=("token",),
    responses={200: ResponseSpec(Envelope[DeviceView], description="The device was there and has been updated")},
)
async def put_device(
    request: AppRequest, devices: NamedDependency[DeviceService], contact_id: FromPath[UUID], data: JSONBody[NewDevice]
) -> Response[Envelope[DeviceView]]:
    """A token belongs to one contact: one that is another contact's moves here. Send it whenever the app starts.

    201 for a new device, 200 for one that was there. Above 20 the one that was seen longest ago goes.
    """
    row, created = await devices.put(contact_id, data)
    return Response(ok(device_view(row), created=created), status_code=201 if created else 200)


@post(
    ALL + "/token",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    tags=TAGS,
    status_code=200,
    secret_answer=("token",),
    summary="A token with which a page registers the contact's browser",
)
async def make_contact_token(
    devices: NamedDependency[DeviceService], contact_id: FromPath[UUID]
) -> Envelope[ContactToken]:
    """For `throughlinePush.subscribe({token})`. It holds for 30 days and registers browsers for this contact, nothing else."""
    return ok(await devices.token_for(contact_id))


@delete(
    ALL + "/{device_id:uuid}",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    tags=TAGS,
    summary="Remove a device",
)
async def remove_device(
    devices: NamedDependency[DeviceService], contact_id: FromPath[UUID], device_id: FromPath[UUID]
) -> None:
    """Nothing is shown there any more, until it is registered again."""
    await devices.remove(contact_id, device_id)


ROUTES: list[Any] = [list_devices, put_device, make_contact_token, remove_device, *opt_in.ROUTES]
SERVICES = {"devices": DeviceService}
