"""Why somebody was not let into a workflow, as people read it: on a contact's page, on the results of a workflow, in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.flow.paths import label_of
from app.lib.conversions import quoted

TEXTS = {
    "already_active": "It was in this workflow already.",
    "entered_before": "Each contact enters this workflow once, and this one has been in.",
    "cooling_down": "It was in this workflow too short a time ago.",
    "goal_already_reached": "It had reached the goal already.",
    "workflow_paused": "The workflow was paused.",
    "workflow_not_active": "The workflow was not active any more.",
    "event_too_old": "The event came more than a week after it happened, and old events start nothing.",
    "conditions_not_met": "It did not meet the trigger's conditions.",
    "condition_error": "The trigger's conditions could not be checked.",
    "input_not_valid": "What it was started with does not fit what the trigger takes.",
    "needs_contact": "No trigger started runs without a contact any more.",
    "trigger_not_there": "The trigger was switched off, or not part of the workflow any more.",
    "contact_erased": "The contact was erased.",
    "set_aside": "The start could not be handled, and was set aside.",
    "date_not_understood": "What it has there is no date.",
    "takes_no_contact": "No trigger started runs of contacts any more.",
}


def reason_text(reason: str, detail: Mapping[str, Any] | None) -> str:
    """The sentence about a refusal; `detail` is what the engine noted of it."""
    if reason == "goal_already_reached" and detail:
        return f"It had reached the goal {detail.get('name') or detail.get('goal')} already."
    if reason == "date_not_understood" and detail:
        return f"Its {label_of(str(detail.get('field')))} is no date: {quoted(str(detail.get('value')))}. Write one like 2026-12-24."
    if reason == "input_not_valid" and detail and (errors := detail.get("errors")):
        return f"What it was started with does not fit: {errors[0]['message']}"
    return TEXTS.get(reason) or reason.replace("_", " ").capitalize() + "."
