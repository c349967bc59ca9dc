"""The builder's dialog and buttons about status: what activating would do; activate, pause, resume. The rest is in `pages`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder import canvas
from app.errors import AppError
from app.flow import presentation
from app.flow.diff import trigger_title
from app.flow.document import Flow, triggers_of
from app.flow.node_words import channel_number
from app.flow.trigger_registry import typed
from app.lib.translation import gettext
from app.messaging.channels import words
from app.models.status import Role
from app.test_runs.samples import heard_names
from app.web.flash import go
from app.web.fragments import page
from app.workflows.code_look import look_at_code_of
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}"
NEWEST_VERSIONS = 8


@get(ONE + "/activation", role=Role.VIEWER)
async def show_activation(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Template:
    """The dialog before activating: what it listens to, who will enter, what is still missing."""
    await look_at_code_of(workflows, workflow_id)
    workflow = await workflows.get(workflow_id)
    document = workflows.draft(workflow).document
    return page(
        request,
        "builder/activation.html",
        workflow=workflow,
        preview=await workflows.activation_preview(workflow),
        starts=[
            (presentation.trigger(trigger.type), kind.preview(config), trigger.id if kind.polls_rows else "")
            for trigger in triggers_of(document)
            if trigger.enabled
            for kind, config in [typed(trigger)]
        ],
        goals=document["goals"],
        steps=len(document["nodes"]),
        messages=_messages(document),
        names=_names(document),
    )


def _messages(document: dict[str, Any]) -> str:
    """How many messages a run can send: `2 emails`."""
    sent = [number for node in document["nodes"] if (number := channel_number(node["type"])) is not None]
    return words.counted_messages(len(sent), sent or None)


def _names(document: dict[str, Any]) -> dict[str, str]:
    """What steps are called in a list of errors and warnings."""
    triggers = triggers_of(document)
    names = {
        one.id: "Trigger" if len(triggers) == 1 else gettext("Trigger %(one)s", one=trigger_title(one))
        for one in triggers
    }
    for card in canvas.cards(document)[len(triggers) :]:
        names[card["node"]["id"]] = card["node"].get("name") or card["presentation"].label
    return names


@get(ONE + "/version-menu", role=Role.VIEWER)
async def show_version_menu(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Template:
    """The newest versions, for the menu behind the version in the top bar."""
    workflow = await workflows.get(workflow_id)
    return page(
        request,
        "builder/version_menu.html",
        workflow=workflow,
        versions=(await workflows.versions(workflow, limit=NEWEST_VERSIONS)).items,
        unpublished=await workflows.has_unpublished_changes(workflow),
        may_edit=canvas.may_edit(request.user, workflow),
    )


@post(ONE + "/activate", role=Role.ADMIN)
async def activate(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes] | Template:
    """Publish what changed and let contacts in."""
    form = await request.form()
    try:
        await look_at_code_of(workflows, workflow_id)
        workflow = await workflows.activate(workflow_id, str(form.get("changelog", "")) or None)
    except AppError as refused:
        return page(request, "builder/refused.html", status_code=refused.status_code, error=refused)
    live = gettext("Version %(live_version)s is live.", live_version=workflow.live_version)
    return go(request, _builder(workflow_id), live, acts=_next(workflow_id, workflows.draft(workflow).flow))


def _next(workflow_id: UUID, flow: Flow) -> list[tuple[str, str]]:
    """What one may want to do once a version is live: bring the first one in, and watch."""
    heard = next((one for one in flow.triggers if heard_names([one])), None)
    event = (
        [(gettext("Send a test event"), f"{_builder(workflow_id)}?{urlencode({'step': heard.id})}")] if heard else []
    )
    return [*event, (gettext("Open results"), f"{_builder(workflow_id)}?mode=results")]


@post(ONE + "/pause", role=Role.ADMIN)
async def pause(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Pause: no entries, and runs stop where they are."""
    await workflows.pause(workflow_id)
    return go(request, _builder(workflow_id), gettext("Paused. Nobody moves on, and no timer is lost."))


@post(ONE + "/resume", role=Role.ADMIN)
async def resume(
    request: AppRequest, workflows: NamedDependency[WorkflowService], workflow_id: FromPath[UUID]
) -> Response[bytes]:
    """Go on after a pause."""
    await workflows.resume(workflow_id)
    return go(request, _builder(workflow_id), gettext("Running again."))


def _builder(workflow_id: UUID) -> str:
    return f"/workflows/{workflow_id}"


ROUTES = [show_activation, show_version_menu, activate, pause, resume]
