"""The builder: the page with the canvas, its saving, its forms. Activating and pausing is in `status_pages`.

Answers of saving are `<hx-partial>`s: cards that changed, and one JSON tag that the canvas reads. Nothing here replaces the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Template

from app.accounts.deps import AppRequest, Database
from app.builder import (
    call_pages,
    canvas,
    card_pages,
    code_pages,
    entry_pages,
    mail_pages,
    message_pages,
    paste_pages,
    request_pages,
    result_pages,
    run_pages,
    sample_match_pages,
    sample_value_pages,
    status_pages,
    text_pages,
    walk_pages,
)
from app.builder.card_texts import sample_texts_url, writing_steps
from app.builder.conflicts import both_values, clashing_ops
from app.builder.field_catalog import earlier_entries, trigger_entries
from app.builder.form_options import FormOptions
from app.builder.last_change import last_change, own_change
from app.builder.starter_templates import starting_flows
from app.errors import AppError, Invalid, NotFound
from app.flow import presentation
from app.flow.contact_goals import CONTACT_CHANGES
from app.flow.document import Flow
from app.flow.ops import AnyOp
from app.insights.service import InsightService
from app.lib.field_errors import all_field_errors, field_error
from app.lib.translation import gettext, translatable
from app.models import Workflow
from app.models.status import Role, WorkflowStatus
from app.outside.trials import RequestTrials
from app.schedules.service import ScheduleService
from app.test_runs.samples import SampleService
from app.troubles.call_repository import away_at_step
from app.web.flash import go
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows.api import revision
from app.workflows.drafts import DraftConflict, RevisionMissing
from app.workflows.schemas import DraftPatch
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}"
MAX_SHOWN = 200
"""Characters of what the address of the builder says."""


@get(ONE, role=Role.VIEWER)
async def show_builder(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    schedules: NamedDependency[ScheduleService],
    samples: NamedDependency[SampleService],
    workflow_id: FromPath[UUID],
    mode: Annotated[str, QueryParameter(name="mode", max_length=MAX_SHOWN)] = "",
    step: Annotated[str, QueryParameter(name="step", max_length=MAX_SHOWN)] = "",
    version: Annotated[str, QueryParameter(name="version", max_length=MAX_SHOWN)] = "",
    run: Annotated[str, QueryParameter(name="run", max_length=MAX_SHOWN)] = "",
    debug: Annotated[str, QueryParameter(name="debug", max_length=MAX_SHOWN)] = "",
) -> Template:
    """The builder of one workflow. What its address says of mode, step, version and run is read by the canvas (`address.js`).

    `debug`: its scripts come file by file, as they are written."""
    workflow = await workflows.get(workflow_id)
    draft = workflows.draft(workflow)
    document = draft.document
    diagnostics = await workflows.diagnostics(workflow)
    return page(
        request,
        "builder/page.html",
        workflow=workflow,
        may_edit=canvas.may_edit(request.user, workflow),
        data=canvas.canvas_data(request.user, workflow, document, diagnostics),
        cards=canvas.cards(document),
        shown_at_once=canvas.SHOWN_AT_ONCE,
        blanks=canvas.blank_cards(),
        groups=presentation.groups(),
        refusals=sorted(presentation.refusals().items()) if request.user.may(Role.ADMIN) else [],
        symbols=[*presentation.steps().values(), *presentation.triggers().values()],
        triggers=list(presentation.triggers().values()),
        debug=debug,
        empty=canvas.nothing_decided(document),
        sample=await samples.of(workflow, draft.flow),
        writes=bool(writing_steps(document)),
        flows=starting_flows(),
        choices=await form_options.everything(),
        unpublished=await workflows.has_unpublished_changes(workflow),
        totals=await workflows.totals(workflow),
        missed=await schedules.missed_in_words(workflow_id) if workflow.status == WorkflowStatus.PAUSED else "",
    )


async def _reply(
    request: AppRequest,
    form_options: FormOptions,
    reply: dict[str, Any],
    *,
    cards: list[dict[str, Any]] | None = None,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Template:
    return page(
        request,
        "builder/reply.html",
        status_code=status_code,
        headers=headers,
        reply=reply,
        cards=cards or [],
        choices=await form_options.titles(),
        **context,
    )


def _patch_of(body: bytes) -> DraftPatch:
    try:
        return msgspec.json.decode(body, type=DraftPatch)
    except msgspec.ValidationError as error:
        faults = all_field_errors(msgspec.json.decode(body), DraftPatch)
        raise Invalid(gettext("This change is not valid."), errors=faults) from error


@patch(ONE + "/draft", role=Role.MARKETER)
async def save_draft(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    if_match: Annotated[str | None, HeaderParameter(name="If-Match")] = None,
) -> Template:
    """Apply a batch of ops. The answer holds the new revision, diagnostics, refusals, or a conflict and its author."""
    base = revision(if_match)
    try:
        if base is None:
            raise RevisionMissing
        sent = _patch_of(await request.body())
        result = await workflows.apply_ops(workflow_id, base, sent.client, sent.ops)
    except DraftConflict as conflict:
        workflow = await workflows.get(workflow_id)
        return await _in_conflict(request, form_options, workflows, workflow, conflict, sent.ops)
    except AppError as refused:
        errors = [one | {"message": for_people(one["message"])} for one in refused.errors]
        refusal = {
            "message": for_people(refused.for_people),
            "errors": errors,
            "code": refused.code,
        }
        return await _reply(request, form_options, refusal, status_code=refused.status_code)
    document = result.document
    diagnostics = canvas.as_json(result.diagnostics)
    reply: dict[str, Any] = {"rev": result.rev, "applied": result.applied, "diagnostics": diagnostics}
    if result.rev > base + 1:  # merged with changes of others: the canvas shows theirs too
        reply |= {"document": canvas.shared(result.workflow, document), "by": ""}
    reply["unpublished"] = await workflows.has_unpublished_changes(result.workflow)
    cards = canvas.cards(document, set(result.changed), naming=True)
    headers = {"HX-Trigger": msgspec.json.encode({"wf:stored": {"rev": result.rev}}).decode()}
    written = writing_steps({"nodes": [item["node"] for item in cards]})
    news: dict[str, Any] = {
        "changed": result.changed,
        "change": own_change(),
        "written": sample_texts_url(workflow_id, written),
    }
    return await _reply(request, form_options, reply, cards=cards, headers=headers, **news)


async def _in_conflict(
    request: AppRequest,
    form_options: FormOptions,
    service: WorkflowService,
    workflow: Workflow,
    conflict: DraftConflict,
    own: Sequence[AnyOp],
) -> Template:
    details = conflict.extra["conflict"]
    clashing = clashing_ops(own, details["ops"])
    references = (await form_options.titles()).references
    names = {kind: {UUID(id_): row["name"] for id_, row in rows.items()} for kind, rows in references.items()}
    document = service.draft(workflow).document
    reply = {
        "conflict": True,
        "rev": workflow.draft_rev,
        "by": details["by"] or "Somebody",
        "document": canvas.shared(workflow, document),
        "diagnostics": canvas.as_json(await service.diagnostics(workflow)),
    }
    touched_parts = _touched(document, clashing)
    return await _reply(
        request,
        form_options,
        reply,
        status_code=409,
        dialog=True,
        by=reply["by"],
        at=details["at"],
        theirs=touched_parts,
        values=both_values(own, clashing, service.draft(workflow).flow, names),
    )


_TOUCHED = {
    "set_goals": translatable("the goals"),
    "set_settings": translatable("who may enter"),
    "set_priority": translatable("the priority"),
    "rename": translatable("the name"),
}
_CONNECTIONS = translatable("connections")


def _touched(document: dict[str, Any], ops: list[Any]) -> list[str]:
    """What others changed, in words: the names of steps, or what else it was."""
    names = {
        node["id"]: node.get("name") or gettext(presentation.step(node["type"]).label) for node in document["nodes"]
    }
    names |= {trigger["id"]: gettext("the trigger") for trigger in document["triggers"]}
    names_of_changes: dict[str, None] = {}
    for op in msgspec.to_builtins(ops):
        node_id = op.get("nodeId") or (op.get("node") or op.get("trigger") or {}).get("id")
        if op["kind"] == "remove_trigger":
            names_of_changes[gettext("a trigger that is gone now")] = None
        elif op["kind"] == "remove_node":
            names_of_changes[gettext("a step that is gone now")] = None
        elif op["kind"] == "replace":
            names_of_changes[gettext("the whole draft")] = None
        elif op["kind"] == "update_trigger":
            names_of_changes[gettext("the trigger")] = None
        elif node_id:
            names_of_changes[names.get(node_id, gettext("a step"))] = None
        else:
            names_of_changes[gettext(_TOUCHED.get(op["kind"], _CONNECTIONS))] = None
    return list(names_of_changes)[:6]


@get(ONE + "/draft", role=Role.VIEWER)
async def look_at_draft(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    rev: Annotated[int, QueryParameter()] = 0,
) -> Template:
    """Has the draft moved on since `rev`? Then the whole of it, else nothing."""
    workflow = await workflows.get(workflow_id)
    if workflow.draft_rev == rev:
        return await _reply(request, form_options, {"rev": rev})
    reply = {
        "rev": workflow.draft_rev,
        "document": canvas.shared(workflow, workflows.draft(workflow).document),
        "diagnostics": canvas.as_json(await workflows.diagnostics(workflow)),
        "by": workflow.draft_by,
    }
    return await _reply(request, form_options, reply)


@get(ONE + "/nodes/{node_id:str}/panel", role=Role.VIEWER)
async def show_step_panel(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    insights: NamedDependency[InsightService],
    db_session: Database,
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Template:
    """The form of one step, or of the trigger; with how many wait there, whom a switch would let pass."""
    workflow = await workflows.get(workflow_id)
    numbers = (await insights.of_workflow(workflow_id)).node_stats.get(node_id) if workflow.live_version else None
    document = workflows.draft(workflow).document
    shown = canvas.cards(document, {node_id})
    if not shown:
        raise NotFound(gettext("This step is gone. Somebody may have removed it."))
    offered = await form_options.everything()
    return page(
        request,
        "builder/panel.html",
        workflow=workflow,
        may_edit=canvas.may_edit(request.user, workflow),
        choices=offered.for_step(shown[0]["node"]["type"], canvas.other_steps(document, node_id)),
        triggers=list(presentation.triggers().values()),
        several=len(document["triggers"]) > 1,
        without_rule=canvas.without_rule(document, shown[0]["node"]),
        on_error=canvas.on_error_of_workflow(document),
        waiting=numbers.waiting if numbers else 0,
        away=await away_at_step(db_session, request.user.tenant_id, workflow_id, node_id)
        if workflow.live_version
        else (),
        earlier=[*trigger_entries(document, offered.paths), *earlier_entries(document, node_id)],
        plain_fields=canvas.plain_fields(shown[0]["node"]["type"]),
        changed_last=await last_change(request, db_session, workflow_id, node_id),
        **shown[0],
    )


@get(ONE + "/panel", role=Role.VIEWER)
async def show_workflow_panel(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    version: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Template:
    """The form of the workflow itself: name, goals, who may enter, how many and when. Of a version that is looked at, it is to read."""
    workflow = await workflows.get(workflow_id)
    loaded = workflows.published(await workflows.version(workflow, version)) if version else workflows.draft(workflow)
    return page(
        request,
        "builder/workflow_panel.html",
        workflow=workflow,
        may_edit=canvas.may_edit(request.user, workflow) and not version,
        version=version,
        goals=loaded.document["goals"],
        choices=await form_options.titles(),
        contact_changes=CONTACT_CHANGES,
        settings=loaded.document["settings"],
        moments=entry_pages.moments(loaded.flow.settings, request.user.timezone),
    )


@post(ONE + "/copies", role=Role.MARKETER)
async def save_as_copy(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Keep one's own side of a conflict as a new workflow."""
    workflow = await workflows.get(workflow_id)
    form: FormMultiDict = await request.form()
    try:
        flow = msgspec.json.decode(str(form.get("graph", "")).encode(), type=Flow)
    except msgspec.DecodeError as error:
        raise Invalid(gettext("The copy could not be read."), errors=[field_error(str(error))]) from error
    copy = await workflows.create(
        name=f"{workflow.name[:240]} (copy)",
        description=workflow.description,
        flow=flow,
        priority=workflow.priority_word,
    )
    return go(request, f"/workflows/{copy.id}", gettext("Saved your side as a copy."))


@get("/workflows/step-types/{type_:str}/form.js", role=Role.VIEWER)
async def show_form_script(type_: FromPath[str]) -> Response[str]:
    """The script that improves the form of a type, for the few that bring one."""
    presented = presentation.steps().get(type_)
    if presented is None or presented.script is None:
        raise NotFound(gettext("This step type has no script."))
    return Response(
        presented.script.read_text(), media_type="text/javascript", headers={"Cache-Control": "private, max-age=300"}
    )


ROUTES = [
    show_builder,
    save_draft,
    look_at_draft,
    show_step_panel,
    show_workflow_panel,
    save_as_copy,
    show_form_script,
    *card_pages.ROUTES,
    *status_pages.ROUTES,
    *result_pages.ROUTES,
    *run_pages.ROUTES,
    *walk_pages.ROUTES,
    *call_pages.ROUTES,
    *mail_pages.ROUTES,
    *code_pages.ROUTES,
    *text_pages.ROUTES,
    *sample_value_pages.ROUTES,
    *sample_match_pages.ROUTES,
    *message_pages.ROUTES,
    *request_pages.ROUTES,
    *entry_pages.ROUTES,
    *paste_pages.ROUTES,
]
SERVICES = {"form_options": FormOptions, "request_trials": RequestTrials}
