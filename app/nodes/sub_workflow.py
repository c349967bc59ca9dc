"""Call another workflow: wait for what it comes to, or start it and go on; for the run's contact, for a segment, or for nobody."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.effects import CallWorkflow
from app.flow.node_type import NodeType, WorkflowCall
from app.flow.outcomes import Done, Outcome, Run, refused
from app.flow.policies import LONGEST_TIMEOUT_S
from app.flow.references import Ref
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.lib.formats import counted, word_inside
from app.lib.translation import gettext, translatable
from app.values import event_fields
from app.values.event_fields import BadEvent

MAX_FIELDS = 100
NOT_CALLED = translatable("The workflow was not called.")


class CalledSegment(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    segment_id: Annotated[UUID | None, Ref("segment")] = None


class SubWorkflowConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    workflow_id: Annotated[UUID | None, Ref("workflow")] = None
    mode: Literal["wait", "start"] = "wait"
    input: Annotated[dict[str, Any], Meta(title="input")] = {}
    audience: Annotated[Literal["contact", "company"] | CalledSegment, Meta(title="for whom")] = "contact"

    @property
    def segment_id(self) -> UUID | None:
        """Whose members it is for; None: a single run."""
        return self.audience.segment_id if isinstance(self.audience, CalledSegment) else None


def _called(workflow_id: UUID, config: SubWorkflowConfig, properties: dict[str, Any]) -> Outcome:
    """Raises BadEvent."""
    effect = CallWorkflow(
        workflow_id,
        event_fields.properties(properties),
        of_contact=config.audience == "contact",
        segment_id=config.segment_id,
        awaits=config.mode == "wait",
    )
    return Done(effects=(effect,))


@registry.node
class SubWorkflowStep(NodeType):
    type, label, category = "sub_workflow", translatable("Call workflow"), "logic"
    description = translatable("Starts another workflow and waits for its result, or continues at once.")
    timed, longest_timeout_s = True, LONGEST_TIMEOUT_S
    Config = SubWorkflowConfig

    @staticmethod
    def compile(config: SubWorkflowConfig, scope: CompileScope) -> Run | Outcome:
        workflow_id = config.workflow_id
        if workflow_id is None:
            return refused(gettext("No workflow is chosen in this step."))
        if isinstance(config.audience, CalledSegment) and config.segment_id is None:
            return refused(gettext("No segment is chosen in this step."))
        if is_constant(config.input):
            try:
                return _called(workflow_id, config, config.input)
            except BadEvent as error:
                return refused(f"{NOT_CALLED} {error}")
        properties = scope.value(config.input)

        def run(step: Any) -> Outcome:
            try:
                return _called(workflow_id, config, properties(step))
            except BadEvent as error:
                return refused(f"{NOT_CALLED} {error}")

        return run

    @classmethod
    def diagnostics(cls, config: SubWorkflowConfig) -> list[Diagnostic]:
        diagnostics = list[Diagnostic]()
        if config.workflow_id is None:
            diagnostics.append(incomplete("workflowId", gettext("Choose the workflow to call.")))
        if isinstance(config.audience, CalledSegment) and config.segment_id is None:
            diagnostics.append(
                incomplete("audience.segmentId", gettext("Choose the segment for whose contacts it is called."))
            )
        if len(config.input) > MAX_FIELDS:
            diagnostics.append(
                Diagnostic("input", gettext("At most %(max_fields)s values fit in one step.", max_fields=MAX_FIELDS))
            )
        elif any(not name.strip() for name in config.input):
            diagnostics.append(incomplete("input", gettext("Give each value of the input a name.")))
        return diagnostics

    @classmethod
    def calls(cls, config: SubWorkflowConfig) -> WorkflowCall | None:
        if config.workflow_id is None:
            return None
        return WorkflowCall(config.workflow_id, config.input, config.audience != "company")

    @classmethod
    def summary(cls, config: SubWorkflowConfig) -> str:
        if config.workflow_id is None:
            return ""
        return gettext("Call and wait") if config.mode == "wait" else gettext("Call and continue")

    @classmethod
    def explain(cls, config: SubWorkflowConfig | None, step: StepRecord) -> str:
        output = step.output if isinstance(step.output, dict) else {}
        if step.completed_at is None:
            return gettext("The run waits for what it called.")
        if isinstance(status := output.get("status"), str):
            outcome = output.get("outcome")
            ends = {
                "goal_reached": gettext("The called run reached its goal."),
                "exited": gettext("The called run was left early."),
                "completed": gettext("The called run was completed."),
                "failed": gettext("The called run failed."),
                "cancelled": gettext("The called run was cancelled."),
            }
            text = ends.get(status) or gettext("The called run is over: %(status)s.", status=word_inside(status))
            with_outcome = gettext("%(text)s, with the outcome “%(outcome)s”.", text=text.rstrip("."), outcome=outcome)
            return with_outcome if outcome else text
        if isinstance(count := output.get("asked"), int):
            return gettext(
                "%(count)s of the segment had their turn, and the run continued.", count=counted(count, "contact")
            )
        return gettext("The workflow was called, and the run continued at once.")
