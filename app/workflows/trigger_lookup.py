"""The trigger that a person means by its id: that of the draft, else the one that is live."""

from __future__ import annotations

from uuid import UUID

from app.flow.document import Trigger
from app.workflows.service import WorkflowService


async def draft_or_live_trigger(workflows: WorkflowService, workflow_id: UUID, trigger_id: str) -> Trigger | None:
    """None when neither has it. Raises WorkflowNotFound."""
    workflow = await workflows.get(workflow_id)
    trigger = workflows.draft(workflow).flow.trigger_of(trigger_id)
    if trigger is None and workflow.live_version is not None:
        version = await workflows.version(workflow, workflow.live_version)
        trigger = workflows.published(version).flow.trigger_of(trigger_id)
    return trigger
