"""One plain sentence for each step of a run: what happened and why, in the words of the product.

What holds for every step is said here; the rest each step type says of itself (`NodeType.explain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Any

from app.flow.document import LATE, triggers_of
from app.flow.node_type import ERROR_PORT
from app.flow.node_words import explanation_of, jumps_of, port_of, title_of_plain
from app.flow.trigger_registry import typed
from app.flow.trigger_type import BY_HAND, BY_HAND_WORDS
from app.lib import clock
from app.lib.conversions import quoted
from app.lib.formats import moment_text
from app.lib.translation import gettext, of_stored, translatable
from app.messaging.schemas import DecisionView
from app.models.status import RunStatus
from app.runs.schemas import RunDetail, RunOut, StepMessageOut, StepOut


def sentences(
    run: RunDetail, graph: dict[str, Any], zone: tzinfo = UTC, titles: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """For the trigger and then for each step of `run`, in order; `zone` is the reader's, `titles` what steps are called."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    texts = [
        _trigger(run, graph),
        *(_step(step, nodes.get(step.node_id, {})) + _leads_to(step, nodes, titles) for step in run.steps),
    ]
    if run.held:
        texts[-1] = gettext("Held: %(reason)s", reason=_reason(run.steps[-1]))
    elif run.completed_at is None and (waits := waits_in_words(run, zone)):
        texts[-1] = f"{_reason(run.steps[-1])} {waits}" if run.error_message else waits
    return texts


def waits_in_short(run: RunOut, zone: tzinfo) -> str:
    """The same as `waits_in_words` for a line of a list: `“order” until Jun 4, 01:00 JST`, `Calling api.example.com`."""
    if run.waits_for is not None and run.waiting:
        return quoted(run.waits_for.event) + _end(run.waits_for.until, zone)
    if run.asks_person and run.waiting:
        return gettext("A person%(until)s", until=_end(run.resume_at, zone))
    if run.call is not None:
        words = gettext("Calling %(target)s") if run.call.under_way else gettext("Will call %(target)s")
        return words % {"target": run.call.target}
    return ""


def _end(until: datetime | None, zone: tzinfo) -> str:
    return gettext(" until %(time)s", time=moment_text(until, zone, clock.now(), "day")) if until else ""


def waits_in_words(run: RunOut, zone: tzinfo) -> str:
    """The event or the answer that a run waits for, as a sentence; empty when it waits for neither."""
    if run.waits_for is not None and run.waiting:
        end = _end(run.waits_for.until, zone)
        return gettext("Waits for the event %(event)s%(end)s.", event=quoted(run.waits_for.event), end=end)
    if run.asks_person and run.waiting:
        return gettext("Waits for a person to answer%(until)s.", until=_end(run.resume_at, zone))
    if run.call is not None:
        target = quoted(run.call.target)
        return (
            gettext("Calling %(target)s: the run continues with its answer.", target=target)
            if run.call.under_way
            else gettext("Waits for its turn to call %(target)s.", target=target)
        )
    return ""


def _trigger(run: RunDetail, graph: dict[str, Any]) -> str:
    trigger = next(trigger for trigger in triggers_of(graph) if trigger.id == run.trigger_id)
    kind, config = typed(trigger)
    if run.called_by is not None:
        return gettext("Called by a run of %(workflow_name)s.", workflow_name=quoted(run.called_by.workflow_name))
    if kind.subscribes(config) and run.trigger_event.name == BY_HAND:
        return f"{gettext(BY_HAND_WORDS)}."
    return kind.explain(config, run.trigger_event.properties)


def _step(step: StepOut, node: dict[str, Any]) -> str:
    if step.status == "failed":
        how = (
            gettext(" The run took the %(label)s branch.", label=gettext(ERROR_PORT.label))
            if step.port == ERROR_PORT.id
            else ""
        )
        if step.port not in (None, ERROR_PORT.id):
            how = gettext(" The run continued all the same.")
        return gettext("%(reason)s No further attempt is made.%(how)s", reason=_reason(step), how=how)
    if step.status == "retrying":
        return gettext("%(reason)s It is tried again.", reason=_reason(step))
    if step.status == "cancelled":
        return _moved(step) or gettext("The run was cancelled here.")
    if step.status == "skipped" and step.port is not None:
        return _passed_by(step, node)
    if step.message is not None:
        return _message(step, step.message)
    if step.status == "skipped":
        return _skipped(step)
    return explanation_of(step.node_type, node.get("data") or {}, step)


def _leads_to(step: StepOut, nodes: Mapping[str, dict[str, Any]], titles: Mapping[str, str]) -> str:
    """Where a step sent the run by its settings rather than by an edge."""
    jumps = dict(jumps_of(step.node_type, nodes.get(step.node_id, {}).get("data") or {}))
    target = nodes.get(jumps.get(step.port or "", ""))
    if target is None:
        return ""
    title = titles.get(target["id"]) or title_of_plain(target)
    return gettext(" It continued at %(title)s.", title=quoted(title))


def _reason(step: StepOut) -> str:
    return f"{of_stored(step.error_message or translatable('It failed and gave no reason.')).rstrip('.')}."


def _passed_by(step: StepOut, node: dict[str, Any]) -> str:
    """By a person, when the run was held here, or because the step is switched off."""
    if (step.port or "").startswith(LATE):
        return gettext(
            "The time of the loop around this step was over, so the run did not wait any longer and returned to "
            "the loop."
        )
    label = port_of(step.node_type, node.get("data") or {}, step.port).label
    if node.get("disabled"):
        return gettext("This step is switched off, so the run skipped it.")
    who = (step.output or {}).get("skippedBy") or gettext("Somebody")
    return gettext("%(who)s let the run continue by %(label)s instead of doing this step.", who=who, label=label)


def _moved(step: StepOut) -> str:
    """Where a person sent the run instead of letting it do the step; empty when it was cancelled."""
    who = (step.output or {}).get("movedBy")
    return (
        gettext("%(who)s moved the run to another step, where it continues as a run of its own.", who=who)
        if who
        else ""
    )


def _skipped(step: StepOut) -> str:
    """By a goal: the contact met it before the step, or its event came while the run stood here."""
    if "rules" in (step.output or {}):
        return gettext("Left out, because the contact meets the goal already.")
    return gettext("The goal was reached while the run stood here.")


def _message(step: StepOut, message: StepMessageOut) -> str:
    """The status of a step's message, and whether the run waits for it."""
    why = of_stored(message.error_message or translatable("no reason is known")).rstrip(".")
    words = {
        "queued": gettext("Not sent yet: %(why)s.", why=why)
        if message.error_message
        else gettext("The message is queued and leaves in a moment."),
        "sending": gettext("The message is on its way."),
        "sent": _sent(message),
        "suppressed": gettext("Not sent: %(why)s.", why=why),
        "failed": gettext("Could not be sent: %(why)s.", why=why),
        "uncertain": gettext("Nobody knows whether it left: %(why)s.", why=why)
        + gettext(_UNDECIDED.get(message.if_undecided or "", "")),
    }
    sentence = words.get(message.status) or f"{gettext(message.status.capitalize())}."
    if message.decision is not None:
        sentence = f"{sentence} {_decided(message.decision)}"
    if message.status == "sent":
        sentence = f"{sentence}{_since(step, message)}"
    if step.completed_at is None:
        waits = (
            gettext("The run waits until the provider reports that it arrived.")
            if message.status == "sent"
            else gettext("The run waits for its outcome.")
        )
        return f"{sentence} {waits}"
    return f"{sentence} {gettext('The run had continued.')}" if message.status in ("failed", "uncertain") else sentence


def _sent(message: StepMessageOut) -> str:
    """To whom, and by which connector when another stood in."""
    if message.stood_in:
        by = quoted(message.stood_in)
        return (
            gettext("Sent to %(recipient)s by %(connector)s.", recipient=message.recipient, connector=by)
            if message.recipient
            else gettext("Sent by %(connector)s.", connector=by)
        )
    return gettext("Sent to %(recipient)s.", recipient=message.recipient) if message.recipient else gettext("Sent.")


def _since(step: StepOut, message: StepMessageOut) -> str:
    """What the provider reported, and that a run went on without a report."""
    kinds = list(dict.fromkeys(report.kind for report in message.reports))
    text = gettext(" Reported: %(kinds)s.", kinds=", ".join(gettext(kind) for kind in kinds)) if kinds else ""
    if step.output.get("reason") == "not_reported":
        text += gettext(" Nobody reported in time that it arrived.")
    return text


_UNDECIDED = {
    "assume_sent": translatable(" Unless somebody says otherwise, it will count as sent."),
    "resend": translatable(" Unless somebody says otherwise, it will be sent again."),
    "error": translatable(" Unless somebody says otherwise, it will count as failed."),
}
"""What the rule of the workflow will do about an uncertain message."""


def _decided(decision: DecisionView) -> str:
    """Who decided about the message, and what it was before."""
    who = gettext("the workflow’s rule") if decision.by_kind == "rule" else decision.by
    if decision.act == "resent":
        return (
            gettext("It had failed, and %(who)s sent it again.", who=who)
            if decision.was == "failed"
            else gettext("It was uncertain, and %(who)s sent it again.", who=who)
        )
    return (
        gettext("Nobody knew whether it left, and %(who)s counted it as sent.", who=who)
        if decision.act == "sent"
        else gettext("Nobody knew whether it left, and %(who)s counted it as not sent.", who=who)
    )


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
