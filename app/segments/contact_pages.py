"""What the page of a contact shows of segments: a part that is loaded with it, and its form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.service import ContactService
from app.lib.translation import gettext
from app.models.status import Role, SegmentKind
from app.segments.schemas import Members
from app.segments.service import SegmentService
from app.web.flash import go
from app.web.fragments import page


@get("/contacts/{contact_id:uuid}/segments", role=Role.VIEWER)
async def segments_of_contact(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
) -> Template:
    """The segments that a contact is in, a part of its page."""
    contact = await contacts.get(contact_id)
    inside = await segments.of_contact(contact.id)
    inside_ids = {row.id for row in inside}
    choices = [row for row in await segments.choosable() if row.id not in inside_ids]
    return page(
        request,
        "segments/of_contact.html",
        block="segments",
        contact_id=contact.id,
        inside=inside,
        choices=[(str(row.id), row.name) for row in choices],
        static=SegmentKind.STATIC.value,
    )


@post("/contacts/{contact_id:uuid}/segments", role=Role.MARKETER, status_code=200)
async def put_contact_in(
    request: AppRequest,
    segments: NamedDependency[SegmentService],
    contacts: NamedDependency[ContactService],
    contact_id: FromPath[UUID],
) -> Response[bytes]:
    """Put a contact into a static segment from its page."""
    await contacts.get(contact_id)
    chosen = str((await request.form()).get("segment", ""))
    try:
        segment_id = UUID(chosen)
    except ValueError:
        return go(request, f"/contacts/{contact_id}", gettext("Choose a segment."), "err")
    moved = await segments.add(segment_id, Members(contact_ids=[contact_id]))
    name = (await segments.get(segment_id)).segment.name
    return go(
        request,
        f"/contacts/{contact_id}",
        gettext("Put into %(name)s.", name=name) if moved.moved else gettext("It was in %(name)s already.", name=name),
    )


ROUTES: list[Any] = [segments_of_contact, put_contact_in]
