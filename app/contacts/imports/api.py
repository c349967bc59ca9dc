"""`/api/v1/contacts/import`: upload a CSV file, start it, follow it, fetch the rows that did not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.deps import AppRequest
from app.contacts.imports.schemas import FormatIn, ImportOut, PreviewOut, StartIn
from app.contacts.imports.service import MAX_BYTES, PIECE, ImportService
from app.errors import Invalid
from app.models.contact_import import ContactImport
from app.models.scope import Scope
from app.models.status import Role
from app.web.bodies import body_of
from app.web.envelope import Envelope, ok
from app.web.pagination import clamp_limit

TAGS = ["Contact imports"]
ONE = "/api/v1/contacts/import/{import_id:uuid}"
BODY_LIMIT = MAX_BYTES + 1_000_000
"""The file and the multipart lines around it."""


@dataclass
class _UploadOperation(Operation):
    def __post_init__(self) -> None:
        file = Schema(type=OpenAPIType.STRING, content_media_type="text/csv")
        form = Schema(type=OpenAPIType.OBJECT, properties={"file": file}, required=["file"])
        self.request_body = RequestBody(
            content={"multipart/form-data": OpenAPIMediaType(schema=form), "text/csv": OpenAPIMediaType(schema=file)},
            required=True,
        )


async def uploaded(request: AppRequest, filename: str) -> tuple[str, Callable[[], AsyncIterator[bytes]]]:
    """The name and the bytes of the file in the request, as often as asked for: a form's field `file`, or the body itself."""
    kind = request.content_type[0]
    if kind != "multipart/form-data":
        return filename, body_of(request.scope).pieces
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise Invalid(errors=[{"path": "file", "message": "Send the CSV file in the form field `file`."}])
    return file.filename or filename, partial(_read, file)


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    await file.seek(0)
    while piece := await file.read(PIECE):
        yield piece


@post(
    "/api/v1/contacts/import",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    request_max_body_size=BODY_LIMIT,
    cost=50,
    deadline=120,
    takes=("multipart/form-data", "text/csv"),
    operation_class=_UploadOperation,
    tags=TAGS,
    summary="Upload a CSV file of contacts",
)
async def upload_import(
    request: AppRequest,
    imports: NamedDependency[ImportService],
    filename: FromQuery[str] = "contacts.csv",
) -> Envelope[PreviewOut]:
    """Up to 64 MB. Nothing is imported yet: the answer shows the columns, the first rows and a guessed mapping."""
    name, stream = await uploaded(request, filename)
    return ok(PreviewOut.of(await imports.upload(name, stream)))


@get(
    "/api/v1/contacts/import",
    role=Role.VIEWER,
    scope=Scope.CONTACTS_READ,
    tags=TAGS,
    summary="List imports, newest first",
)
async def list_imports(
    request: AppRequest,
    imports: NamedDependency[ImportService],
    limit: FromQuery[int | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Envelope[list[ImportOut]]:
    page = await imports.list(limit=limit, cursor=cursor)
    return ok([ImportOut.of(row) for row in page.items], nextCursor=page.next_cursor, limit=clamp_limit(limit))


@get(ONE, role=Role.VIEWER, scope=Scope.CONTACTS_READ, tags=TAGS, summary="How far an import is")
async def get_import(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Envelope[ImportOut]:
    return ok(ImportOut.of(await imports.get(import_id)))


@post(
    f"{ONE}/format",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    status_code=200,
    cost=50,
    tags=TAGS,
    summary="Read an uploaded file another way",
)
async def format_import(
    request: AppRequest,
    imports: NamedDependency[ImportService],
    import_id: FromPath[UUID],
    data: JSONBody[FormatIn],
) -> Envelope[PreviewOut]:
    """Says the encoding, the delimiter or whether there is a header row; the answer is the preview read that way."""
    return ok(PreviewOut.of(await imports.reread(import_id, data)))


@post(
    f"{ONE}/start",
    role=Role.MARKETER,
    scope=Scope.CONTACTS_WRITE,
    status_code=202,
    tags=TAGS,
    summary="Start an uploaded import",
)
async def start_import(
    request: AppRequest,
    imports: NamedDependency[ImportService],
    import_id: FromPath[UUID],
    data: JSONBody[StartIn],
) -> Envelope[ImportOut]:
    """Runs in the background. A row updates the contact with its externalId or email, else it makes one.

    422 while a column that seems to say who opted out is not mapped to consent and not named in `acknowledgeOptOuts`.
    """
    return ok(ImportOut.of(await imports.start(import_id, data)))


@post(
    f"{ONE}/stop", role=Role.MARKETER, scope=Scope.CONTACTS_WRITE, status_code=200, tags=TAGS, summary="Stop an import"
)
async def stop_import(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Envelope[ImportOut]:
    """What was imported stays."""
    return ok(ImportOut.of(await imports.stop(import_id)))


@get(
    f"{ONE}/errors.csv",
    role=Role.VIEWER,
    scope=Scope.CONTACTS_READ,
    tags=TAGS,
    media_type="text/csv",
    summary="Rows that were refused or came in without a cell",
)
async def import_errors(
    request: AppRequest, imports: NamedDependency[ImportService], import_id: FromPath[UUID]
) -> Response[str]:
    """The first 10,000 of them with their line number and the reason."""
    return await errors_download(imports, await imports.get(import_id))


async def errors_download(service: ImportService, row: ContactImport) -> Response[str]:
    """What is told about rows, as a file that the browser saves."""
    return Response(
        "".join([line async for line in service.errors_csv(row)]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="import-errors-{str(row.id)[:8]}.csv"'},
    )


ROUTES: list[Any] = [upload_import, list_imports, get_import, format_import, start_import, stop_import, import_errors]
