"""A walk as the page of a run tells it: the same steps, and for each the same sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.flow.document import Flow
from app.flow.entry_reasons import reason_text
from app.flow.node_words import due_at, port_of, title_of_plain
from app.flow.trigger_registry import typed
from app.flow.trigger_type import BY_HAND
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.models import Step
from app.models.status import RunStatus, StepStatus
from app.runs.narrative import sentences
from app.runs.schemas import AttemptOut, LogLineOut, RunDetail, StepOut, TriggerEventOut
from app.runs.step_views import rules_of
from app.test_runs import rests, walk
from app.test_runs.entry_words import goal_words, in_line_words
from app.test_runs.real_answers import visit_place
from app.test_runs.samples import Sample
from app.test_runs.schemas import EntryOut, WalkedMessageOut, WalkedStepOut, WalkOut, WayOut
from app.test_runs.spec import Walk, WalkedStep

_NOBODY = UUID(int=0)
OF_TRIGGER = ("input_not_valid", "conditions_not_met", "condition_error")
"""Reasons that are the trigger's; others are those of the workflow's rules."""
MOST_SHOWN = 1_000_000
"""Bytes of JSON that a walk shows of what came into its steps and went out: 500 visits may each have 64 kB of variables."""


def story_of(
    flow: Flow,
    trigger_id: str,
    sample: Sample,
    began: datetime,
    walked: Walk,
    messages: Mapping[int, WalkedMessageOut],
) -> WalkOut:
    """The walk in the words of the API."""
    document = flow.document()
    nodes = {node["id"]: node for node in document["nodes"]}
    previous: dict[str, Any] = {"event": sample.event}
    steps, left = list[StepOut](), MOST_SHOWN
    for step in walked.steps:
        left -= len(msgspec.json.encode((step.vars, step.output, previous)))
        if left < 0:
            too_large = {gettext("Too large to be shown"): True}
            step, previous = step._replace(vars={}, output=too_large), too_large
        steps.append(_step(step, nodes.get(step.node_id, {}), previous, walked))
        previous = {"nodeId": step.node_id, "output": step.output}
    run = _run(flow, trigger_id, sample, began, walked, steps)
    first, *others = sentences(run, document)
    views = [
        _view(step, shown, sentence, nodes.get(step.node_id, {}), messages.get(step.seq))
        for step, shown, sentence in zip(walked.steps, steps, others, strict=True)
    ]
    entry = _entry(trigger_id, first, walked)
    columns = {name: value for name, value in walked.columns.items() if name != "created_at"}
    return WalkOut(
        contact=sample.person.view if sample.person else None,
        event=sample.event_view,
        entry=entry,
        status=RunStatus(walked.status).word
        if walked.status >= RunStatus.COMPLETED and not walked.stopped
        else "running",
        stopped=_stopped(walked, nodes),
        error_message=walked.error,
        goal=walked.goal,
        goal_explanation=goal_words(flow, walked, nodes),
        steps=views,
        started_at=began,
        ended_at=walked.at or began,
        contact_after={**columns, "attributes": walked.attributes, "tags": walked.tags},
    )


def _entry(trigger_id: str, sentence: str, walked: Walk) -> EntryOut:
    return EntryOut(
        trigger_id=trigger_id,
        explanation=sentence,
        admitted=not walked.refused,
        reason=reason_text(walked.refused, walked.refused_detail) if walked.refused else None,
        refused_by=("trigger" if walked.refused in OF_TRIGGER else "rules") if walked.refused else None,
        waits=in_line_words(walked.waits),
        rules=rules_of(Step(output={"rules": walked.rules})),
    )


def _step(step: WalkedStep, node: dict[str, Any], previous: dict[str, Any], walked: Walk) -> StepOut:
    type_ = str(node.get("type", "unknown"))
    row = Step(output=step.output, port=step.port, started_at=step.started_at, completed_at=step.completed_at)
    rules = rules_of(row) if isinstance(step.output, dict) else []
    return StepOut(
        id=str(step.seq),
        run_id=_NOBODY,
        seq=step.seq,
        node_id=step.node_id,
        node_type=type_,
        name=title_of_plain(node),
        status=StepStatus(step.status).word,
        input={"config": node.get("data", {}), "previous": previous, "vars": step.vars},
        output=step.output or {},
        port=step.port,
        error_message=step.error,
        attempt=step.attempt,
        attempts=[
            AttemptOut(attempt=one.attempt, error_message=one.error, at=one.at, next_at=one.next_at)
            for one in step.attempts
        ],
        occurrence=step.occurrence,
        started_at=step.started_at,
        completed_at=step.completed_at,
        scheduled_at=due_at(type_, node.get("data") or {}, row),
        rules=rules,
        logs=[
            LogLineOut(level=line.level, message=line.message, metadata=dict(line.metadata), at=step.started_at)
            for line in step.logs
        ],
    )


def _run(flow: Flow, trigger_id: str, sample: Sample, began: datetime, walked: Walk, steps: list[StepOut]) -> RunDetail:
    """What the sentences of a run are made from."""
    trigger = next((one for one in flow.triggers if one.id == trigger_id), flow.triggers[0])
    kind, config = typed(trigger)
    name = kind.event_name(config) if kind.subscribes(config) else BY_HAND
    ended = walked.at if walked.status >= RunStatus.COMPLETED else None
    return RunDetail(
        id=_NOBODY,
        tenant_id="",
        workflow_id=_NOBODY,
        workflow_version=0,
        contact_id=sample.person.id if sample.person else None,
        status=RunStatus(walked.status).word,
        waiting=False,
        held=False,
        current_node_id=None,
        trigger_id=trigger.id,
        trigger_event=TriggerEventOut(name=name, id=None, occurred_at=began, properties=sample.event),
        context={},
        goal_reached_id=walked.goal,
        error_message=None,
        started_at=began,
        completed_at=ended,
        resume_at=None,
        workflow_name="",
        steps=steps,
    )


def _view(
    step: WalkedStep, shown: StepOut, sentence: str, node: dict[str, Any], message: WalkedMessageOut | None
) -> WalkedStepOut:
    type_, data = shown.node_type, node.get("data") or {}
    ways = [WayOut(port=port, label=port_of(type_, data, port).label or port) for port in step.ways]
    return WalkedStepOut(
        seq=shown.seq,
        node_id=shown.node_id,
        node_type=type_,
        name=shown.name,
        status=shown.status,
        port=shown.port,
        port_label=port_of(type_, data, shown.port).label if shown.port else "",
        occurrence=shown.occurrence,
        input={"previous": shown.input["previous"], "vars": step.vars},
        output=step.output,
        error_message=shown.error_message,
        explanation=_fate(message) if message is not None and shown.status == "completed" else sentence,
        attempt=shown.attempt,
        attempts=shown.attempts,
        started_at=step.started_at,
        completed_at=step.completed_at,
        rules=shown.rules,
        assumed=step.assumed or None,
        ways=ways,
        message=message,
        logs=shown.logs,
    )


def _fate(message: WalkedMessageOut) -> str:
    """What would become of a message."""
    if message.error:
        return gettext("The message could not be made: %(error)s", error=message.error)
    if not message.allowed:
        return gettext("Would not be sent: %(reason)s", reason=message.why_not or "")
    what = quoted(message.subject) if message.subject else gettext("the message")
    return gettext("Would send %(what)s to %(recipient)s.", what=what, recipient=message.recipient or "")


def assumption(step: WalkedStepOut) -> str:
    """What the test took for granted at a step, as a sentence; empty where nothing was."""
    words = {
        rests.EVENT: gettext("The test lets the event come, as it did before."),
        rests.NO_EVENT: gettext("The test lets the time go by without the event."),
        rests.PERSON_ANSWERS: gettext("The test answers for you."),
        rests.SENT: gettext("The test counts the message as sent."),
        rests.CALLED: gettext("The test counts the called workflow as completed."),
        rests.ANSWER: gettext("Nobody was called. The test takes the last answer, or one like it."),
        rests.CHOSEN: gettext("You chose this way."),
        rests.REAL: gettext("The service was really called in a test, and this is its answer."),
    }
    return words.get(step.assumed or "", "")


def callable_place(step: WalkedStepOut) -> str:
    """The visit of a step whose service can be called for real; empty where nobody would be called."""
    return visit_place(step.node_id, step.occurrence) if step.assumed in (rests.ANSWER, rests.REAL) else ""


def _stopped(walked: Walk, nodes: Mapping[str, dict[str, Any]]) -> str | None:
    """Why the test ended before the run would."""
    if walked.stopped == walk.STANDS:
        why = (walked.error or "").rstrip(".")
        return gettext("The run would stand here until somebody acts: %(why)s.", why=why or gettext("it is held"))
    words = {
        walk.STEPS_OVER: gettext("A test ends after %(number)s steps.", number=walk.MOST_STEPS),
        walk.TIME_OVER: gettext("The test was ended, because it needed too much time."),
        walk.UNTIL: gettext("The test ended behind this step, as you asked."),
        walk.CALL: gettext("The test ended here: it runs code %(number)s times at most.", number=walk.MOST_CALLS),
    }
    return words.get(walked.stopped)
