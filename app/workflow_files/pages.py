"""`/workflows/import`: a file becomes a draft, which opens in the builder; and the file of a workflow, to be kept."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.missing_rows import KINDS, asked_at_once
from app.errors import FieldError, Invalid
from app.lib.field_errors import all_field_errors
from app.lib.translation import gettext, translatable
from app.models.status import Role
from app.web.flash import go
from app.web.fragments import page
from app.web.wording import for_people
from app.workflow_files.api import FILE_BODY_LIMIT, IMPORT_COST, IMPORT_DEADLINE
from app.workflow_files.place_words import place_in_words
from app.workflow_files.schemas import ImportedWorkflow, WorkflowFile
from app.workflow_files.service import WorkflowFileService

NO_FILE = translatable("Choose a file that was exported from a workflow, or paste what is in it.")
ROW = "row."
"""Begins the name of a field that says what stands for something of the file."""
NO_WORKFLOW = translatable("This is no file of a workflow.")


@get("/workflows/import", role=Role.MARKETER)
async def show_import(request: AppRequest) -> Template:
    """Choose a file or paste one."""
    return page(request, "workflow_files/import.html", text="", errors=[])


@post(
    "/workflows/import",
    role=Role.MARKETER,
    status_code=200,
    takes=("multipart/form-data",),
    request_max_body_size=FILE_BODY_LIMIT,
    cost=IMPORT_COST,
    deadline=IMPORT_DEADLINE,
)
async def load_file(
    request: AppRequest, workflow_files: NamedDependency[WorkflowFileService]
) -> Template | Response[bytes]:
    """Make the draft and open it; what is wrong in the file is said beside it, and nothing was made.

    What the file names and is not here is asked for first. Field `do`: `import` behind that question, `leave` goes back to the file.
    """
    form = await request.form()
    file, text, verb = form.get("file"), str(form.get("text", "")), form.get("do")
    content, decoded = await file.read() if isinstance(file, UploadFile) else b"", None
    if verb == "leave":
        return page(request, "workflow_files/import.html", text=text, errors=[])
    chosen = {name.removeprefix(ROW): str(value) for name, value in form.items() if name.startswith(ROW)}
    try:
        decoded = _decoded(content or text.encode())
        imported = await workflow_files.load(decoded, chosen, ask=verb != "import")
    except Invalid as error:
        errors = [
            FieldError(path=place_in_words(one["path"], decoded), message=one["message"])
            for one in error.errors or [FieldError(path="", message=for_people(error.for_people))]
        ]
        return page(request, "workflow_files/import.html", status_code=422, text=text, errors=errors)
    if not isinstance(imported, ImportedWorkflow):
        text = text if not content else content.decode("utf-8-sig")
        missing, name = asked_at_once(imported), str(decoded.workflow.get("name", ""))
        return page(request, "workflow_files/mapping.html", text=text, missing=missing, kinds=KINDS, name=name)
    return go(request, f"/workflows/{imported.id}", _in_words(imported))


@get("/workflows/{workflow_id:uuid}/export", role=Role.MARKETER)
async def keep_file(
    workflow_files: NamedDependency[WorkflowFileService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """The file of the draft, named after the workflow."""
    file = await workflow_files.export(workflow_id)
    name = re.sub(r"[^a-z0-9]+", "-", str(file.workflow["name"]).lower()).strip("-") or "workflow"
    return Response(
        msgspec.json.format(msgspec.json.encode(file), indent=2),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name[:80]}.json"', "Cache-Control": "no-store"},
    )


def _decoded(content: bytes) -> WorkflowFile:
    try:
        content = content.decode("utf-8-sig").strip().encode()
    except UnicodeDecodeError as error:
        raise Invalid(
            errors=[FieldError(path="", message=gettext("This is no text in UTF-8. %(no_file)s", no_file=NO_FILE))]
        ) from error
    if not content:
        raise Invalid(errors=[FieldError(path="", message=NO_FILE)])
    try:
        read = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(
            errors=[FieldError(path="", message=gettext("This is no JSON. %(no_file)s", no_file=NO_FILE))]
        ) from error
    try:
        return msgspec.convert(read, WorkflowFile)
    except msgspec.ValidationError as error:
        wrong = [one for one in all_field_errors(read, WorkflowFile) if "." in one["path"]]
        no_file = FieldError(path="", message=f"{gettext(NO_WORKFLOW)} {gettext(NO_FILE)}")
        raise Invalid(errors=wrong or [no_file]) from error


def _in_words(imported: ImportedWorkflow) -> str:
    sentences = [gettext("%(name)s is here as a draft.", name=imported.name)]
    if imported.created:
        sentences.append(gettext("With it came %(created)s.", created=", ".join(imported.created)))
    return " ".join([*sentences, *dict.fromkeys(one.message for one in imported.to_choose)])


ROUTES = [show_import, load_file, keep_file]
