"""How the texts of a step come out: for the sample of the workflow. Asked while people write."""

from __future__ import annotations

from uuid import UUID

from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.flow.sample_texts import fill_in
from app.lib import held_connections, sandbox
from app.message_templates.service import share_of
from app.models.status import Role
from app.test_runs.samples import SampleService
from app.web.fragments import page
from app.workflows.service import WorkflowService


@post("/workflows/{workflow_id:uuid}/texts", role=Role.VIEWER, status_code=200)
async def show_texts(
    request: AppRequest,
    samples: NamedDependency[SampleService],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
) -> Template:
    """Every text of a form that has placeholders, filled in; fields are told by what stands in them, whatever they are called."""
    form: FormMultiDict = await request.form()
    written = [value for value in form.values() if isinstance(value, str)]
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    chosen = await samples.of(workflow, flow)
    await held_connections.release_connection(samples.session)
    try:
        texts = await sandbox.run(fill_in, written, chosen.step(request.user.timezone), share=share_of(request.user))
    except (sandbox.TooCostly, sandbox.Busy):
        texts = []
    return page(request, "builder/texts.html", texts=texts, who=chosen.name, event=chosen.event_name, sample=chosen)


ROUTES = [show_texts]
