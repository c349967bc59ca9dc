"""Beside the form of a step that calls a service: a pasted curl command becomes its settings, and its request is tried with a contact."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.errors import AppError, Invalid, NotFound
from app.flow import registry
from app.flow.outcomes import Asks, Call, Fail
from app.flow.sample_texts import SampleStep
from app.flow.scope import CompileScope
from app.flow.trigger_registry import typed
from app.lib.curl_command import CurlUnreadable, read_curl
from app.lib.translation import gettext
from app.models.status import Role
from app.outside import trials
from app.outside.trials import RequestTrials
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows.service import WorkflowService

STEP = "/workflows/{workflow_id:uuid}/nodes/{node_id:str}"


@post("/workflows/{workflow_id:uuid}/curl", role=Role.MARKETER, status_code=200)
async def read_command(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Template:
    """What a pasted command asks for, to be taken over by a press."""
    await workflows.get(workflow_id)
    try:
        curl, problem = read_curl(str((await request.form()).get("curl", ""))), ""
    except CurlUnreadable as error:
        curl, problem = None, str(error)
    return page(request, "builder/curl.html", curl=curl, problem=problem)


@post(STEP + "/request", role=Role.MARKETER, status_code=200)
async def show_request(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Template:
    """The request of a step as it would be sent for a contact. Nothing is called."""
    return await _page(request, form_options, workflows, request_trials, workflow_id, node_id, send=False)


@post(STEP + "/trial", role=Role.ADMIN, deadline=60, status_code=200)
async def try_request(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    request_trials: NamedDependency[RequestTrials],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Template:
    """Make the request of a step once, for real. Admins only, as it bears the connector's credentials and may change things outside."""
    return await _page(request, form_options, workflows, request_trials, workflow_id, node_id, send=True)


async def _page(
    request: AppRequest,
    form_options: FormOptions,
    workflows: WorkflowService,
    request_trials: RequestTrials,
    workflow_id: UUID,
    node_id: str,
    *,
    send: bool,
) -> Template:
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    node = next((one for one in flow.nodes if one.id == node_id), None)
    if node is None:
        raise NotFound(gettext("This step is gone. Somebody may have removed it."))
    names = [name for trigger in flow.triggers for kind, config in [typed(trigger)] for name in kind.subscribes(config)]
    address = str((await request.form()).get("contact", "")).strip()
    exchange, problem, who = None, "", ""
    try:
        who, sample = await form_options.sample(names, address, workflow_id)
        call = await asyncio.to_thread(_call, node.type, node.data, node_id, sample)
        if send:
            exchange = await request_trials.send(call, workflow_id, node_id)
        else:
            exchange = await request_trials.look(call)
    except AppError as error:
        problem = for_people(error.errors[0]["message"]) if error.errors else for_people(error.for_people)
    may_send = request.user.may(Role.ADMIN)
    safe = exchange is not None and exchange.request.get("method") in trials.SAFE
    context: dict[str, Any] = {"exchange": exchange, "problem": problem, "who": who, "address": address, "safe": safe}
    return page(
        request, "builder/tried.html", workflow_id=workflow_id, node_id=node_id, sent=send, may_send=may_send, **context
    )


def _call(type_: str, data: dict[str, Any], node_id: str, sample: SampleStep) -> Call:
    """The call that a step comes to for somebody. Raises Invalid."""
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    if kind is None or config is None:
        raise Invalid(gettext("Fix the settings of this step first."))
    try:
        asks = kind.compile(config, CompileScope(node_id))
        outcome = asks.run(sample) if isinstance(asks, Asks) else None
    except (ValueError, msgspec.ValidationError) as error:
        raise Invalid(str(error)) from error
    if isinstance(outcome, Fail):
        raise Invalid(outcome.error)
    if not isinstance(outcome, Call) or outcome.kind != trials.KIND:
        raise Invalid(gettext("This step makes no request that can be tried."))
    return outcome


ROUTES = [read_command, show_request, try_request]
