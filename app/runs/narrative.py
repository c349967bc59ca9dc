"""One plain sentence for each step of a run: what happened and why, in the words of the product.

What holds for every step is said here; the rest each step type says of itself (`NodeType.explain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from app.flow.document import LATE, triggers_of
from app.flow.node_type import ERROR_PORT
from app.flow.node_words import explanation_of, jumps_of, port_of, title_of_plain
from app.flow.trigger_registry import typed
from app.flow.trigger_type import BY_HAND, BY_HAND_WORDS
from app.lib import clock
from app.lib.conversions import quoted
from app.lib.formats import moment_text
from app.messaging.schemas import DecisionView
from app.models.status import RunStatus
from app.runs.schemas import RunDetail, RunOut, StepMessageOut, StepOut


def sentences(run: RunDetail, graph: dict[str, Any], zone: tzinfo = UTC) -> list[str]:
    """For the trigger and then for each step of `run`, in order; `zone` is the reader's."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    texts = [
        _trigger(run, graph),
        *(_step(step, nodes.get(step.node_id, {})) + _leads_to(step, nodes) for step in run.steps),
    ]
    if run.held:
        texts[-1] = f"Held: {_reason(run.steps[-1])}"
    elif run.completed_at is None and (waits := waits_in_words(run, zone)):
        texts[-1] = f"{_reason(run.steps[-1])} {waits}" if run.error_message else waits
    return texts


def waits_in_short(run: RunOut, zone: tzinfo) -> str:
    """The same as `waits_in_words` for a line of a list: `“order” until Jun 4, 01:00 JST`, `Calling api.example.com`."""
    if run.waits_for is not None and run.waiting:
        until = run.waits_for.until
        return quoted(run.waits_for.event) + (f" until {moment_text(until, zone, clock.now(), 'day')}" if until else "")
    if run.asks_person and run.waiting:
        return f"A person{_until(run, zone)}"
    if run.call is not None:
        return f"Calling {run.call.target}" if run.call.under_way else f"Will call {run.call.target}"
    return ""


def _until(run: RunOut, zone: tzinfo) -> str:
    return f" until {moment_text(run.resume_at, zone, clock.now(), 'day')}" if run.resume_at else ""


def waits_in_words(run: RunOut, zone: tzinfo) -> str:
    """The event or the answer that a run waits for, as a sentence; empty when it waits for neither."""
    if run.waits_for is not None and run.waiting:
        until = run.waits_for.until
        end = f" until {moment_text(until, zone, clock.now(), 'day')}" if until else ""
        return f"Waits for the event {quoted(run.waits_for.event)}{end}."
    if run.asks_person and run.waiting:
        return f"Waits for a person to answer{_until(run, zone)}."
    if run.call is not None:
        target = quoted(run.call.target)
        return (
            f"Calling {target}: the run goes on with its answer."
            if run.call.under_way
            else f"Waits for its turn to call {target}."
        )
    return ""


def _trigger(run: RunDetail, graph: dict[str, Any]) -> str:
    trigger = next(trigger for trigger in triggers_of(graph) if trigger.id == run.trigger_id)
    kind, config = typed(trigger)
    if run.called_by is not None:
        return f"Called by a run of {quoted(run.called_by.workflow_name)}."
    if kind.subscribes(config) and run.trigger_event.name == BY_HAND:
        return f"{BY_HAND_WORDS}."
    return kind.explain(config, run.trigger_event.properties)


def _step(step: StepOut, node: dict[str, Any]) -> str:
    if step.status == "failed":
        how = f" The run left by {ERROR_PORT.label}." if step.port == ERROR_PORT.id else ""
        if step.port not in (None, ERROR_PORT.id):
            how = " The run went on all the same."
        return f"{_reason(step)} No further attempt is made.{how}"
    if step.status == "retrying":
        return f"{_reason(step)} It is tried again."
    if step.status == "cancelled":
        return _moved(step) or "The run was cancelled here."
    if step.status == "skipped" and step.port is not None:
        return _passed_by(step, node)
    if step.message is not None:
        return _message(step, step.message)
    if step.status == "skipped":
        return _skipped(step)
    return explanation_of(step.node_type, node.get("data") or {}, step)


def _leads_to(step: StepOut, nodes: Mapping[str, dict[str, Any]]) -> str:
    """Where a step sent the run by its settings rather than by an edge."""
    jumps = dict(jumps_of(step.node_type, nodes.get(step.node_id, {}).get("data") or {}))
    target = nodes.get(jumps.get(step.port or "", ""))
    return f" It went on at {quoted(title_of_plain(target))}." if target is not None else ""


def _reason(step: StepOut) -> str:
    return f"{(step.error_message or 'It failed and gave no reason').rstrip('.')}."


def _passed_by(step: StepOut, node: dict[str, Any]) -> str:
    """By a person, when the run was held here, or because the step is switched off."""
    if (step.port or "").startswith(LATE):
        return "The time of the loop around this step was over, so the run did not wait any longer and went back to the loop."
    label = port_of(step.node_type, node.get("data") or {}, step.port).label
    if node.get("disabled"):
        return "This step is switched off, so the run passed it by."
    who = (step.output or {}).get("skippedBy") or "Somebody"
    return f"{who} let the run go on by {label} instead of doing this step."


def _moved(step: StepOut) -> str:
    """Where a person sent the run instead of letting it do the step; empty when it was cancelled."""
    who = (step.output or {}).get("movedBy")
    return f"{who} moved the run to another step, where it goes on as a run of its own." if who else ""


def _skipped(step: StepOut) -> str:
    """By a goal: the contact met it before the step, or its event came while the run stood here."""
    if "rules" in (step.output or {}):
        return "Left out, because the contact meets the goal already."
    return "The goal was reached while the run stood here."


def _message(step: StepOut, message: StepMessageOut) -> str:
    """The status of a step's message, and whether the run waits for it."""
    to = f" to {message.recipient}" if message.recipient else ""
    why = (message.error_message or "no reason is known").rstrip(".")
    words = {
        "queued": f"Not sent yet: {why}." if message.error_message else "The message is queued and leaves in a moment.",
        "sending": "The message is on its way.",
        "sent": f"Sent{to}{f' by {quoted(message.stood_in)}' if message.stood_in else ''}.",
        "suppressed": f"Not sent: {why}.",
        "failed": f"Could not be sent: {why}.",
        "uncertain": f"Nobody knows whether it left: {why}.{_UNDECIDED.get(message.if_undecided or '', '')}",
    }
    sentence = words.get(message.status, f"{message.status.capitalize()}{to}.")
    if message.decision is not None:
        sentence = f"{sentence} {_decided(message.decision)}"
    if message.status == "sent":
        sentence = f"{sentence}{_since(step, message)}"
    if step.completed_at is None:
        waits = "until the provider reports that it arrived" if message.status == "sent" else "for its outcome"
        return f"{sentence} The run waits {waits}."
    return f"{sentence} The run had gone on." if message.status in ("failed", "uncertain") else sentence


def _since(step: StepOut, message: StepMessageOut) -> str:
    """What the provider reported, and that a run went on without a report."""
    kinds = list(dict.fromkeys(report.kind for report in message.reports))
    text = f" Reported: {', '.join(kinds)}." if kinds else ""
    if step.output.get("reason") == "not_reported":
        text += " Nobody reported in time that it arrived."
    return text


_UNDECIDED = {
    "assume_sent": " Unless somebody says otherwise, it will count as sent.",
    "resend": " Unless somebody says otherwise, it will be sent again.",
    "error": " Unless somebody says otherwise, it will count as failed.",
}
"""What the rule of the workflow will do about an uncertain message."""


def _decided(decision: DecisionView) -> str:
    """Who decided about the message, and what it was before."""
    who = "the workflow’s rule" if decision.by_kind == "rule" else decision.by
    if decision.act == "resent":
        return f"It {'had failed' if decision.was == 'failed' else 'was uncertain'}, and {who} sent it again."
    return f"Nobody knew whether it left, and {who} counted it as {'sent' if decision.act == 'sent' else 'not sent'}."


def shown_status(step: StepOut) -> str:
    """The status that pages show of a step: of one that asked for a message and did not fail itself, the message's."""
    if step.message is not None and step.status in ("completed", "running"):
        return step.message.status
    return step.status


def shown_statuses(run: RunDetail) -> list[str]:
    """Of all steps of a run; the one that it is held at is held."""
    statuses = [shown_status(step) for step in run.steps]
    return [*statuses[:-1], RunStatus.HELD.word] if run.held and statuses else statuses


def needs_look(step: StepOut) -> bool:
    """Did something go wrong at this step, or may it have?"""
    return shown_status(step) in ("failed", "retrying", "uncertain")
