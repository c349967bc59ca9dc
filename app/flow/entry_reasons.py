"""Why somebody was not let into a workflow, as people read it: on a contact's page, on the results of a workflow, in the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.flow.field_names import field_name
from app.lib.conversions import quoted
from app.lib.formats import number
from app.lib.translation import gettext, long_moment, translatable
from app.lib.zones import zone_word

TEXTS = {
    "already_active": translatable("It was in this workflow already."),
    "already_waiting": translatable("It was waiting to enter this workflow already."),
    "not_open_yet": translatable("The workflow did not let anybody in yet."),
    "closed": translatable("The workflow did not let anybody in any more."),
    "entries_used_up": translatable("As many had entered as the workflow takes."),
    "entry_key_error": translatable("What tells its runs apart could not be worked out."),
    "entered_before": translatable("Each contact enters this workflow once, and this one has been in."),
    "cooling_down": translatable("It was in this workflow too short a time ago."),
    "goal_already_reached": translatable("It had reached the goal already."),
    "workflow_paused": translatable("The workflow was paused."),
    "workflow_not_active": translatable("The workflow was not active any more."),
    "event_too_old": translatable("The event came more than a week after it happened, and old events start nothing."),
    "conditions_not_met": translatable("It did not meet the trigger's conditions."),
    "condition_error": translatable("The trigger's conditions could not be checked."),
    "input_not_valid": translatable("What it was started with does not fit what the trigger takes."),
    "needs_contact": translatable("No trigger started runs without a contact any more."),
    "trigger_not_there": translatable("The trigger was switched off, or not part of the workflow any more."),
    "contact_erased": translatable("The contact was erased."),
    "set_aside": translatable("The start could not be handled, and was set aside."),
    "date_not_understood": translatable("What it has there is no date."),
    "firing_used_up": translatable("As many had entered for this date as the trigger takes."),
    "withdrawn": translatable("It was taken out of the line before its turn."),
    "takes_no_contact": translatable("No trigger started runs of contacts any more."),
}


def reason_text(reason: str, detail: Mapping[str, Any] | None) -> str:
    """The sentence about a refusal; `detail` is what the engine noted of it."""
    if reason == "goal_already_reached" and detail:
        return gettext("It had reached the goal %(value)s already.", value=detail.get("name") or detail.get("goal"))
    if reason == "date_not_understood" and detail:
        return gettext(
            "Its %(label_of)s is no date: %(get)s. Write one like 2026-12-24.",
            label_of=field_name(str(detail.get("field"))),
            get=quoted(str(detail.get("value"))),
        )
    if reason == "withdrawn" and detail and (by := detail.get("by")):
        return gettext("%(by)s took it out of the line before its turn.", by=by)
    if reason == "input_not_valid" and detail and (errors := detail.get("errors")):
        return gettext("What it was started with does not fit: %(errors)s", errors=errors[0]["message"])
    if reason == "not_open_yet" and detail and (date := _day(detail.get("from"), detail.get("zone"))):
        return gettext("The workflow lets nobody in before %(date)s.", date=date)
    if reason == "closed" and detail and (date := _day(detail.get("until"), detail.get("zone"))):
        return gettext("The workflow let nobody in after %(date)s.", date=date)
    if reason == "entries_used_up" and detail and (most := detail.get("most")):
        return gettext("As many had entered as the workflow takes: %(most)s.", most=number(most))
    known = TEXTS.get(reason)
    return gettext(known) if known else reason.replace("_", " ").capitalize() + "."


def _day(instant: Any, zone: Any) -> str:
    """`30 November 2026, 09:00 CET`: of an instant with the offset in which it was written, and what that is called."""
    try:
        moment = datetime.fromisoformat(str(instant))
    except ValueError:
        return ""
    return f"{long_moment(moment)} {zone or zone_word(moment)}"
