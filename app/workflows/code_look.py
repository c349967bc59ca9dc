"""Before a draft is published, or what that would do is shown: has its code been looked at?"""

from __future__ import annotations

from uuid import UUID

from app.code_steps.checks import look_at_code
from app.flow import registry
from app.workflows.service import WorkflowService


async def look_at_code_of(workflows: WorkflowService, workflow_id: UUID) -> None:
    """Of the draft. A request calls it before it changes anything; without code it costs nothing. Raises Busy."""
    workflow = await workflows.get(workflow_id)
    types = {node.get("type", "") for node in workflow.draft.get("nodes", ())}
    if not any(registry.may_hold_code(own_name) for own_name in map(registry.own_name, types)):
        return  # before the document is decoded, which publishing does itself
    await look_at_code(workflows.session, workflow.tenant_id, workflows.draft(workflow).flow)
