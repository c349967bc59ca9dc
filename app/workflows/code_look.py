"""Before a draft is published, or what that would do is shown: has its code been looked at?"""

from __future__ import annotations

from uuid import UUID

from app.code_steps.checks import look_at_code
from app.workflows.service import WorkflowService


async def look_at_code_of(workflows: WorkflowService, workflow_id: UUID) -> None:
    """Of the draft. A request calls it before it changes anything; without code it costs nothing. Raises Busy."""
    workflow = await workflows.get(workflow_id)
    await look_at_code(workflows.session, workflow.tenant_id, workflows.draft(workflow).flow)
