"""One plain sentence for each step of a run: what happened and why, in the words of the product."""

from __future__ import annotations

from typing import Any

from app.lib.formats import duration
from app.runs.schemas import RunDetail, StepOut
from app.workflows.picture import trigger_title

PORT_WORDS = {"true": "Yes", "false": "No", "error": "Error", "timeout": "Time-out"}


def port_word(port: str | None) -> str:
    """How a way out is called on the canvas."""
    return PORT_WORDS.get(port or "next", (port or "next").capitalize())


def sentences(run: RunDetail, graph: dict[str, Any]) -> list[str]:
    """For the trigger and then for each step of `run`, in order."""
    return [_trigger(run, graph), *(_step(step) for step in run.steps)]


def _trigger(run: RunDetail, graph: dict[str, Any]) -> str:
    title = trigger_title(graph["trigger"])
    if graph["trigger"].get("type") == "event":
        return f"{title} was received and met the entry conditions."
    return "Started by hand or by a program."


def _step(step: StepOut) -> str:
    if step.status == "failed":
        return f"{_reason(step)} No further attempt is made." + (
            " The run left by Error." if step.port == "error" else ""
        )
    if step.status == "retrying":
        return f"{_reason(step)} It is tried again."
    if step.status == "cancelled":
        return "The run was cancelled here."
    teller = _TELLERS.get(step.node_type)
    return teller(step) if teller else ("Done." if step.completed_at else "Under way.")


def _reason(step: StepOut) -> str:
    return f"{(step.error_message or 'It failed and gave no reason').rstrip('.')}."


def _delay(step: StepOut) -> str:
    if step.completed_at is None:
        return "The contact waits here."
    if step.started_at is None:
        return "Waited."
    return f"Waited {duration(step.completed_at - step.started_at)}."


def _condition(step: StepOut) -> str:
    return f"The run left by {port_word(step.port)}."


def _email(step: StepOut) -> str:
    message = step.message
    if message is None:
        return "No message was made."
    to = f" to {message.recipient}" if message.recipient else ""
    words = {
        "queued": "The message is queued and leaves in a moment.",
        "sending": "The message is on its way.",
        "sent": f"Sent{to}.",
        "suppressed": f"Not sent: {message.error_message}.",
        "failed": f"Could not be sent: {message.error_message}.",
        "uncertain": "Nobody can say whether it arrived: the connection broke while the server took it. It is not sent twice.",
    }
    return words.get(message.status, f"{message.status.capitalize()}{to}.")


def _update(step: StepOut) -> str:
    changed = [*(step.output or {}).get("set", {}), *(step.output or {}).get("increment", {})]
    return f"Changed {', '.join(changed)}." if changed else "Nothing to change."


def _tag(verb: str) -> Any:
    return lambda step: f"{verb} the tag {(step.output or {}).get('tag', '')}."


_TELLERS: dict[str, Any] = {
    "delay": _delay,
    "condition": _condition,
    "send_email": _email,
    "update_contact": _update,
    "add_tag": _tag("Added"),
    "remove_tag": _tag("Removed"),
    "end": lambda _step: "The workflow is complete.",
}
