"""Hold the contact until something happens to them, or for some time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.flow import registry
from app.flow.conditions import Condition, Match, diagnostics_of
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.document import EventName
from app.flow.local_time import MAX_DAYS, amount_in_words
from app.flow.node_type import NodeType, Port
from app.flow.operators import UNITS
from app.flow.outcomes import Outcome, WaitFor, refused
from app.flow.phrases import sentence
from app.flow.policies import LONGEST_TIMEOUT_S
from app.flow.scope import CompileScope
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import quoted
from app.lib.formats import duration
from app.lib.translation import gettext, translatable
from app.values.event_names import take_recorded_name

TIMEOUT = Port("timeout", translatable("Timeout"), "no")


class EventTimeout(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How long the event is waited for."""

    duration: float = 3
    unit: Literal["seconds", "minutes", "hours", "days", "weeks"] = "days"

    @property
    def seconds(self) -> float:
        return self.duration * UNITS[self.unit]


class WaitForEventConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    event: Annotated[EventName | None, Verbatim("the name of an event"), Meta(title="Event")] = None
    conditions: list[Condition] = []
    match: Match = "all"
    timeout: Annotated[EventTimeout, Meta(title="For at most")] = EventTimeout()
    since: Annotated[Literal["now", "run_start"], Meta(title="Counts from")] = "now"

    def __post_init__(self) -> None:
        take_recorded_name(self)


@registry.node
class WaitForEvent(NodeType):
    type, label, category = "wait_for_event", translatable("Wait for event"), "timing"
    description = translatable(
        "Holds each contact until something happens to them, such as a payment, or until the time is over."
    )
    outputs = (Port("next", translatable("Happened"), "yes"), TIMEOUT)
    needs_contact = timed = True
    longest_timeout_s = LONGEST_TIMEOUT_S
    Config = WaitForEventConfig

    @staticmethod
    def compile(config: WaitForEventConfig, scope: CompileScope) -> Outcome:
        if not config.event:
            return refused(gettext("No event is chosen to wait for."))
        judge = scope.conditions(config.conditions, config.match) if config.conditions else None
        return WaitFor(config.event, judge, seconds=config.timeout.seconds, since=config.since)

    @classmethod
    def events(cls, config: WaitForEventConfig) -> Iterable[str]:
        return (config.event,) if config.event else ()

    @classmethod
    def diagnostics(cls, config: WaitForEventConfig) -> list[Diagnostic]:
        wrong = diagnostics_of(config.conditions)
        if not (config.event or "").strip():
            wrong.append(incomplete("event", gettext("Choose the event to wait for.")))
        if not config.timeout.duration > 0:
            wrong.append(Diagnostic("timeout.duration", gettext("Say how long to wait at most: a number above 0.")))
        elif config.timeout.seconds > MAX_DAYS * UNITS["days"]:
            wrong.append(
                Diagnostic(
                    "timeout.duration",
                    gettext("A wait may last %(max_days)s days at most. Use a shorter one.", max_days=MAX_DAYS),
                )
            )
        return wrong

    @classmethod
    def results(cls, config: WaitForEventConfig) -> Mapping[str, str]:
        return {"name": "text", "occurredAt": "date", "properties": ""}

    @classmethod
    def summary(cls, config: WaitForEventConfig) -> str:
        if not config.event:
            return ""
        words = sentence(msgspec.to_builtins(config.conditions), config.match).strip()
        how_long = amount_in_words(config.timeout.duration, config.timeout.unit)
        return gettext(
            "Wait up to %(how_long)s for %(event)s%(where)s",
            how_long=how_long,
            event=config.event,
            where=gettext(" where %(conditions)s", conditions=words) if words else "",
        )

    @classmethod
    def due_at(cls, config: WaitForEventConfig, step: StepRecord) -> datetime | None:
        return step.started_at + timedelta(seconds=config.timeout.seconds) if step.started_at else None

    @classmethod
    def explain(cls, config: WaitForEventConfig | None, step: StepRecord) -> str:
        if step.completed_at is None:
            return gettext("The run waits here for an event.")
        if step.port == TIMEOUT.id:
            what = _event((config.event or "") if config is not None else "")
            if not step.started_at:
                return gettext("%(event)s did not come in time.", event=what)
            length = duration(step.completed_at - step.started_at)
            return gettext("%(event)s did not come in time: %(length)s went by.", event=what, length=length)
        name = (step.output or {}).get("name")
        what = _event(name if isinstance(name, str) else "")
        return _happened(what, step)


def _event(name: str) -> str:
    return gettext("The event %(name)s", name=quoted(name)) if name else gettext("The event")


def _happened(event: str, step: StepRecord) -> str:
    """How long the run had waited for it; or that it was there before the run came."""
    at: Any = (step.output or {}).get("occurredAt")
    if not isinstance(at, str) or step.started_at is None:
        return gettext("%(event)s happened.", event=event)
    waited = datetime.fromisoformat(at) - step.started_at
    if waited.total_seconds() < 0:
        return gettext("%(event)s happened %(length)s before the run came here.", event=event, length=duration(-waited))
    if waited.total_seconds() < 1:
        return gettext("%(event)s happened at once.", event=event)
    return gettext("%(event)s happened after %(length)s.", event=event, length=duration(waited))
