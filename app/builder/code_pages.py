"""Trying out the code of a step: data to try it on, what it returns, what is wrong with it. Nothing is stored and no run is touched."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from msgspec import Meta

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.code_steps import service as code_steps
from app.code_steps.checks import OFF, code_verdict
from app.code_steps.rule_repository import CodeRuleReader
from app.errors import Invalid, NotFound
from app.flow.document import Flow
from app.flow.node_type import SourceCode
from app.flow.trigger_registry import typed
from app.lib import held_connections, jsonlimits
from app.lib.code_runner import pool as code_runner
from app.lib.code_runner.limits import MOST_CODE, CodeAnswer
from app.lib.formats import number
from app.lib.translation import gettext
from app.models.status import Role
from app.runs.list_repository import RunFilter
from app.runs.service import RunService
from app.web.fragments import page
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}/code"
MOST_SAMPLE = 262_144
_rules = CodeRuleReader()


class TriedCode(msgspec.Struct):
    """Code and what to try it on: `data` is JSON text with `input`, `contact`, `steps` and `vars`."""

    language: Literal["javascript", "python"]
    code: str
    milliseconds: Annotated[int, Meta(ge=10, le=10_000)]
    data: str


class CodeSample(msgspec.Struct, rename="camel"):
    """Data to try code on, and whose it is, in words."""

    data: dict[str, Any]
    about: str


class CodeFault(msgspec.Struct, rename="camel"):
    """What is wrong with code; an empty error when nothing is."""

    error: str
    line: int | None = None
    column: int | None = None


@get(ONE + "/sample", role=Role.MARKETER)
async def show_code_sample(
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    runs: NamedDependency[RunService],
    workflow_id: FromPath[UUID],
    node: FromQuery[str] = "",
    source: FromQuery[str] = "newest",
    contact: FromQuery[str] = "",
) -> CodeSample:
    """Of the newest contact and event, of a `contact` (e-mail or external id), or of the last `run` that came to the step `node`."""
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    names = [name for trigger in flow.triggers for kind, config in [typed(trigger)] for name in kind.subscribes(config)]
    try:
        who, sample = await form_options.sample(names, contact.strip() if source == "contact" else "", workflow_id)
    except NotFound:
        return CodeSample({}, gettext("There is no contact %(strip)s.", strip=contact.strip()[:100]))
    data = {"input": sample.event, "contact": sample.data["contact"], "steps": _steps(flow, node), "vars": {}}
    about = " · ".join(part for part in (who, sample.event_name) if part)
    if source == "run":
        newest = await runs.list(RunFilter(workflow_id=workflow_id), 1)
        if not newest.items:
            return CodeSample({}, gettext("Nobody has come through this workflow yet."))
        run = await runs.detail(newest.items[0].id, workflow_id)
        outputs = {step.node_id: step.output for step in run.steps if step.node_id != node}
        data |= {
            "input": run.trigger_event.properties,
            "steps": {**data["steps"], **outputs},
            "vars": run.context.get("vars") or {},
        }
        if run.contact is not None:
            _, of_run = await form_options.sample((), str(run.contact_id))
            data["contact"] = of_run.data["contact"]
        about = gettext("The last run: %(subject)s", subject=run.subject)
    return CodeSample(msgspec.json.decode(jsonlimits.encode(data)), about)


def _steps(flow: Flow, node_id: str) -> dict[str, Any]:
    """The other steps of a document, without outputs: names to write code with."""
    return {node.id: {} for node in flow.nodes if node.id != node_id}


@post(ONE + "/run", role=Role.MARKETER, status_code=200)
async def run_code_once(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
) -> Template:
    """Run code on sample data: what it returns, what it writes, how long it elapsed_ms, or what went wrong."""
    tried = await _tried(request)
    await workflows.get(workflow_id)
    switch = await code_steps.code_switch(form_options.session, request.user.tenant_id)
    await held_connections.release_connection(form_options.session)
    began = time.monotonic()
    answer = await _answer(tried, request.user.tenant_id) if switch.allowed else CodeAnswer(error=OFF, kind="absent")
    elapsed_ms = round((time.monotonic() - began) * 1000)
    returned = "" if answer.error else _indented(answer.value)
    return page(request, "builder/code_result.html", answer=answer, returned=returned, elapsed_ms=elapsed_ms)


@post(ONE + "/check", role=Role.MARKETER, status_code=200)
async def check_code(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
) -> CodeFault:
    """What is wrong with the words and types of code, while somebody writes it; it is not run."""
    tried = await _tried(request)
    await workflows.get(workflow_id)
    await held_connections.release_connection(form_options.session)
    if len(tried.code) > MOST_CODE or not tried.code.strip():
        return CodeFault("")
    answer = await code_verdict(SourceCode(tried.language, tried.code, "code"), request.user.tenant_id)
    return CodeFault(answer.error if answer.kind in ("syntax", "types") else "", answer.line, answer.column)


async def _tried(request: AppRequest) -> TriedCode:
    """What a form sent; raises Invalid when that is no code to try."""
    form: FormMultiDict = await request.form()
    try:
        return msgspec.convert(
            {name: form.get(name, "") for name in TriedCode.__struct_fields__}, TriedCode, strict=False
        )
    except msgspec.ValidationError as error:
        raise Invalid(gettext("This could not be tried."), errors=[{"path": "", "message": str(error)}]) from error


async def _answer(tried: TriedCode, tenant_id: int) -> CodeAnswer:
    if len(tried.code) > MOST_CODE:
        return CodeAnswer(
            error=gettext(
                "The code has %(number)s characters; at most %(most_code)s fit.",
                number=number(len(tried.code)),
                most_code=number(MOST_CODE),
            ),
            kind="error",
        )
    try:
        data = msgspec.json.decode(tried.data or "{}", type=dict[str, Any])
        jsonlimits.storable_bytes(data, max_bytes=MOST_SAMPLE, max_depth=60)
    except (msgspec.DecodeError, RecursionError, jsonlimits.Unstorable) as error:
        return CodeAnswer(
            error=gettext("The sample data is no JSON object that fits: %(error)s", error=error), kind="sample"
        )
    rules = await _rules.of(tenant_id)
    seconds = tried.milliseconds / 1000
    return await code_runner.run(tried.language, tried.code, data, share=tenant_id, seconds=seconds, alone=rules.alone)


def _indented(value: str) -> str:
    """JSON as people read it."""
    return msgspec.json.format(value, indent=2)


ROUTES = [show_code_sample, run_code_once, check_code]
