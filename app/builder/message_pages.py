"""What a step that sends would send, in its panel: for the sample of the workflow."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template as Page

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.errors import AppError, Invalid, NotFound
from app.flow import registry
from app.flow.document import Node
from app.flow.effects import SendMessage
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, Fail, Outcome
from app.flow.sample_texts import SampleContact, SampleStep
from app.flow.scope import CompileScope
from app.flow.trigger_registry import typed
from app.lib.translation import gettext
from app.message_templates.mail_view import framed
from app.message_templates.schemas import PreviewRequest, PreviewView
from app.message_templates.service import TemplateService, parts_of
from app.messaging.channels import registry as channels
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.email.plain_text import opening
from app.models.status import Role
from app.values.contact_view import COLUMNS
from app.web.fragments import page
from app.web.wording import for_people
from app.workflows.service import WorkflowService

STEP = "/workflows/{workflow_id:uuid}/nodes/{node_id:str}"


class StepMessage(NamedTuple):
    """What a step would send to `who` after `event`. `problem`: why nothing can be shown; `nothing`: nothing is chosen or written yet."""

    who: str
    event: str
    problem: str = ""
    nothing: bool = False
    channel: type[ChannelType] | None = None
    shown: PreviewView | None = None
    sender: str = ""
    """Of a mail: who it comes from, where the step says so."""
    picture: str = ""

    @property
    def preheader(self) -> str:
        """What the list of a mail program shows beside the subject."""
        return opening(self.shown.html) if self.shown and self.shown.html else ""


class StepMessages:
    """Messages of steps of drafts, as they would be sent now."""

    def __init__(self, options: FormOptions, workflows: WorkflowService, templates: TemplateService) -> None:
        self._options, self._workflows, self._templates = options, workflows, templates

    async def of_step(self, workflow_id: UUID, node_id: str) -> StepMessage:
        """Raises NotFound for a step that is gone."""
        flow = self._workflows.draft(await self._workflows.get(workflow_id)).flow
        node = next((one for one in flow.nodes if one.id == node_id), None)
        kind = registry.find(node.type) if node is not None else None
        if node is None or kind is None:
            raise NotFound(gettext("This step is gone. Somebody may have removed it."))
        names = [
            name for trigger in flow.triggers for one, config in [typed(trigger)] for name in one.subscribes(config)
        ]
        who, sample = await self._options.sample(names, workflow_id=workflow_id)
        message = StepMessage(who, sample.event_name)
        try:
            return await self._drawn(message, kind, await asyncio.to_thread(_outcome, kind, node, sample), sample)
        except AppError as error:
            return message._replace(
                problem=error.errors[0]["message"] if error.errors else for_people(error.for_people)
            )

    async def _drawn(
        self, message: StepMessage, kind: type[NodeType], outcome: Outcome | None, sample: SampleStep
    ) -> StepMessage:
        if outcome is None:
            return message._replace(nothing=True)
        if isinstance(outcome, Fail):
            return message._replace(problem=outcome.error)
        asked_for = next((effect for effect in outcome.effects if isinstance(effect, SendMessage)), None)
        if asked_for is None:
            picture = kind.picture(outcome)
            return message._replace(picture=picture, nothing=not picture)
        if asked_for.template is None:
            return message._replace(nothing=True)
        return await self._filled(message, asked_for, sample)

    async def _filled(self, message: StepMessage, asked_for: SendMessage, sample: SampleStep) -> StepMessage:
        """A message of a channel, whose template is filled for the contact."""
        try:
            template = await self._templates.get(UUID(bytes=asked_for.template))
        except NotFound:
            return message._replace(problem=gettext("Its template was deleted"))
        channel, payload = channels.shown(template.channel), asked_for.payload
        request = PreviewRequest(event=dict(sample.event), subject=payload.get("subject") or msgspec.UNSET)
        shown = await self._templates.preview(parts_of(template), request, channel, sample_fields(sample.contact))
        sender = " ".join(part for part in (payload.get("fromName"), payload.get("fromEmail")) if part)
        return message._replace(
            channel=channel,
            shown=shown,
            sender=sender,
            who=message.who or shown.contact,
            picture=channel.picture(shown.parts),
        )


def sample_fields(contact: SampleContact) -> dict[str, Any] | None:
    """The sample's contact, stored or invented, as templates take it; None where there is nobody."""
    if contact.id == SampleContact().id:
        return None
    return {
        "id": UUID(bytes=contact.id),
        "attributes": contact.attributes,
        "tags": contact.tags,
        **{name: contact.columns.get(name) for name in COLUMNS},
    }


def _outcome(kind: type[NodeType], node: Node, sample: SampleStep) -> Outcome | None:
    """What a step comes to for somebody; None while its settings cannot be read. Raises Invalid."""
    config = registry.readable_config(kind, node.data)
    if config is None:
        return None
    try:
        compiled = kind.compile(config, CompileScope(node.id))
        if isinstance(compiled, Outcome):
            return compiled
        run = compiled.run if isinstance(compiled, Asks) else compiled
        outcome = run(sample) if callable(run) else None
    except (ValueError, msgspec.ValidationError) as error:
        raise Invalid(str(error)) from error
    return outcome if isinstance(outcome, Outcome) else None


@get(STEP + "/message", role=Role.VIEWER)
async def show_message(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    templates: NamedDependency[TemplateService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Page:
    """Who would get what: subject, sender and the frame with the rest; or what stands against it."""
    message = await StepMessages(form_options, workflows, templates).of_step(workflow_id, node_id)
    return page(request, "builder/message.html", message=message, workflow_id=workflow_id, node_id=node_id)


@get(STEP + "/message/frame", role=Role.VIEWER)
async def show_message_frame(
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    templates: NamedDependency[TemplateService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
    look: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Response[str]:
    """The message itself, as the document of a sandboxed frame. `look` changes with every look, so that no old frame stands there."""
    message = await StepMessages(form_options, workflows, templates).of_step(workflow_id, node_id)
    return framed(message.picture)


ROUTES = [show_message, show_message_frame]
