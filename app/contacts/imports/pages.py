"""`/contacts/import`: upload a file, map its columns, follow the progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.contacts.imports import mapping_form, repository
from app.contacts.imports.api import BODY_LIMIT, errors_download, uploaded
from app.contacts.imports.repository import ImportKey
from app.contacts.imports.schemas import StoredMapping
from app.contacts.imports.service import ImportService
from app.errors import AppError, Invalid
from app.lib.formats import number
from app.lib.translation import gettext, translated_choices
from app.models.contact_import import ContactImport
from app.models.status import ImportStatus, Role
from app.values import contact_fields
from app.web.flash import go
from app.web.form_errors import errors_by_path
from app.web.fragments import page
from app.web.wording import for_people

ONE = "/contacts/import/{import_id:uuid}"
EVENTS = ("contact.created", "contact.updated", "contact.attribute_changed")


async def _start_page(
    request: AppRequest, imports: ImportService, error: AppError | None = None, segment: UUID | None = None
) -> Template:
    newest = await imports.list(limit=20)
    return page(
        request,
        "contacts/import_upload.html",
        status_code=error.status_code if error else 200,
        imports=newest.items,
        into=_into(segment),
        error=(for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people))
        if error
        else "",
    )


@get("/contacts/import", role=Role.MARKETER)
async def import_start(
    request: AppRequest, imports: NamedDependency[ImportService], segment: FromQuery[UUID | None] = None
) -> Template:
    """Choose a file; the last imports. `segment`: what the contacts are to be put into, which the next page proposes."""
    return await _start_page(request, imports, segment=segment)


@post(
    "/contacts/import",
    role=Role.MARKETER,
    status_code=200,
    request_max_body_size=BODY_LIMIT,
    cost=50,
    deadline=120,
)
async def import_upload(
    request: AppRequest, imports: NamedDependency[ImportService], segment: FromQuery[UUID | None] = None
) -> Template | Response[bytes]:
    """Take the file and go on to its mapping."""
    try:
        name, stream = await uploaded(request, "contacts.csv")
        row = await imports.upload(name, stream)
    except Invalid as error:
        return await _start_page(request, imports, error, segment)
    return go(request, f"/contacts/import/{row.id}{_into(segment)}")


def _into(segment: UUID | None) -> str:
    """The end of an address that says which segment the contacts are to be put into."""
    return f"?segment={segment}" if segment is not None else ""


@get(ONE, role=Role.VIEWER)
async def import_page(
    request: AppRequest,
    imports: NamedDependency[ImportService],
    import_id: FromPath[UUID],
    segment: FromQuery[UUID | None] = None,
) -> Template:
    """The mapping of a file that waits for it, else how far the import is."""
    row = await imports.get(import_id)
    if row.status == ImportStatus.UPLOADED.value:
        return await _mapping_page(request, imports, row, segment=segment)
    return await _progress_page(request, imports, row)


async def _progress_page(request: AppRequest, imports: ImportService, row: ContactImport) -> Template:
    return page(
        request,
        "contacts/import_progress.html",
        block="progress",
        row=row,
        stored=StoredMapping.of(row),
        errors=await repository.errors(imports.session, ImportKey.of(row), limit=8),
        over=row.status in (ImportStatus.COMPLETED.value, ImportStatus.FAILED.value),
    )


async def _mapping_page(
    request: AppRequest,
    imports: ImportService,
    row: ContactImport,
    data: Mapping[str, Any] | None = None,
    error: AppError | None = None,
    columns: tuple[str, ...] | None = None,
    segment: UUID | None = None,
) -> Template:
    """`data` is a form that was sent; `columns` are those that it was about, when the file is read another way now."""
    stored = StoredMapping.of(row)
    places = {column: place for place, column in enumerate(columns or stored.format.columns)}
    field_errors = errors_by_path(error)
    form = mapping_form.filled(stored, request.user.country, data)
    form.segment = form.segment or (str(segment) if segment is not None else "")
    return page(
        request,
        "contacts/import_mapping.html",
        status_code=error.status_code if error else 200,
        row=row,
        stored=stored,
        form=form,
        segments=[(str(one.id), one.name) for one in await imports.segments.by_name()],
        rows=mapping_form.rows(stored, data, places),
        choices=translated_choices(mapping_form.CHOICES),
        kinds=translated_choices(mapping_form.KINDS),
        marks=mapping_form.MARKS,
        orders=translated_choices(mapping_form.ORDERS),
        header_choices=translated_choices(mapping_form.HEADERS),
        encodings=mapping_form.encodings(),
        delimiters=mapping_form.delimiters(),
        countries=contact_fields.countries(),
        listening=await imports.workflows.listening(EVENTS),
        field_errors=field_errors,
    )


@post(f"{ONE}/format", role=Role.MARKETER, cost=50, status_code=200)
async def import_reread(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Read the file as the form says, and keep what was said about columns that are still there."""
    row = await imports.get(import_id)
    data = await request.form()
    before = StoredMapping.of(row)
    try:
        row = await imports.reread(import_id, mapping_form.format_of(data, before))
    except Invalid as error:
        return await _mapping_page(request, imports, row, data, error)
    return await _mapping_page(request, imports, row, data, columns=before.format.columns)


@post(f"{ONE}/start", role=Role.MARKETER, status_code=200)
async def import_begin(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Start the import with the mapping of the form."""
    row = await imports.get(import_id)
    data = await request.form()
    try:
        await imports.start(import_id, mapping_form.start_of(data, StoredMapping.of(row)))
    except Invalid as error:
        return await _mapping_page(request, imports, row, data, error)
    return go(request, f"/contacts/import/{import_id}")


@post(f"{ONE}/stop", role=Role.MARKETER, status_code=200)
async def import_stop(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Response[bytes]:
    """End the import after the rows that are in."""
    row = await imports.stop(import_id)
    return go(
        request,
        f"/contacts/import/{import_id}",
        gettext("Stopped after %(rows_done)s rows.", rows_done=number(row.rows_done)),
    )


@get(f"{ONE}/errors.csv", role=Role.VIEWER)
async def import_errors_file(imports: NamedDependency[ImportService], import_id: FromPath[UUID]) -> Response[str]:
    """What is told about rows, as a file."""
    return await errors_download(imports, await imports.get(import_id))


ROUTES: list[Any] = [
    import_start,
    import_upload,
    import_page,
    import_reread,
    import_begin,
    import_stop,
    import_errors_file,
]
