"""Cards of the draft as they stand now, and what the sample of the workflow makes of those that write to people."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder import canvas
from app.builder.card_texts import texts_on_cards, writing_steps
from app.builder.form_options import FormOptions
from app.message_templates.service import TemplateService
from app.models.status import Role
from app.test_runs.samples import SampleService
from app.web.fragments import page
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}"


@get(ONE + "/cards", role=Role.VIEWER)
async def show_cards(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    templates: NamedDependency[TemplateService],
    workflow_id: FromPath[UUID],
) -> Template:
    """All cards of the draft, each to be morphed in place."""
    workflow = await workflows.get(workflow_id)
    draft = workflows.draft(workflow)
    sample, choices = await samples.of(workflow, draft.flow), await form_options.titles()
    texts = await texts_on_cards(templates, writing_steps(draft.document), sample)
    cards = canvas.cards(draft.document)
    return page(request, "builder/reply.html", reply={}, cards=cards, choices=choices, sample_texts=texts)


@get(ONE + "/sample-texts", role=Role.VIEWER)
async def show_sample_texts(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    templates: NamedDependency[TemplateService],
    workflow_id: FromPath[UUID],
    only: FromQuery[list[str] | None] = None,
) -> Template:
    """Who the sample is, for the top bar, and the line of each card that says something to them. Asked once the page is painted.

    `only`: of these steps, which have just been saved.
    """
    workflow = await workflows.get(workflow_id)
    draft = workflows.draft(workflow)
    steps = {id_: text for id_, text in writing_steps(draft.document).items() if only is None or id_ in only}
    sample, choices = await samples.of(workflow, draft.flow), await form_options.titles()
    texts = await texts_on_cards(templates, steps, sample)
    cards = canvas.cards(draft.document, set(steps))
    return page(request, "builder/sample_texts.html", cards=cards, choices=choices, sample_texts=texts, sample=sample)


@get(ONE + "/sample-moves", role=Role.VIEWER)
async def look_at_sample(
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    workflow_id: FromPath[UUID],
    seen: FromQuery[str] = "",
) -> Response[None]:
    """Is the sample still what the top bar shows of it? Else what hangs on it is told to ask anew."""
    workflow = await workflows.get(workflow_id)
    sample = await samples.of(workflow, workflows.draft(workflow).flow)
    return Response(None, status_code=204, headers={} if sample.mark == seen else {"HX-Trigger": "wf:sample"})


ROUTES = [show_cards, show_sample_texts, look_at_sample]
