"""Hold the run until a moment: a fixed one, one that Liquid makes, or a date of the contact, which may move meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, time, tzinfo
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.flow import paths, registry
from app.flow.contact_goals import UPDATED
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.field_names import field_name
from app.flow.local_time import (
    CONTACT,
    NO_OFFSET,
    Offset,
    Zone,
    date_instant,
    end_in_words,
    end_of,
    ends_at,
    time_of,
    zone_diagnostics,
    zone_reader,
)
from app.flow.node_type import NEXT_PORT, NodeType, Port
from app.flow.outcomes import DecidesAgain, Done, Fail, Outcome, Read, Run, Wait, WaitFor, refused
from app.flow.scope import CompileScope, is_constant
from app.flow.step_view import StepRecord
from app.flow.verbatim import Verbatim
from app.lib.conversions import as_date, is_blank, printed, quoted
from app.lib.translation import gettext, translatable

IN_TIME, PASSED = Port("next", translatable("Waited")), Port("passed", translatable("Passed"))
MAX_TEXT = 500


class WaitUntilConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    at: Annotated[str, Meta(max_length=MAX_TEXT, title="At")] = ""
    field: Annotated[str, Verbatim("a path"), Meta(max_length=paths.MAX_PATH, title="Date")] = ""
    offset: Annotated[Offset | UnsetType | None, Meta(title="Offset")] = UNSET
    zone: Annotated[Zone, Meta(title="Time zone")] = CONTACT
    past: Annotated[Literal["continue", "port"], Meta(title="If it has passed")] = "continue"


class _Moment:
    """The instant that a config means, for each run."""

    def __init__(self, config: WaitUntilConfig, scope: CompileScope) -> None:
        self.zone: Callable[[Any], tzinfo] = zone_reader(config.zone, scope)
        self.of_field = bool(config.field)
        self._read: Read = scope.field(config.field) if config.field else scope.text(config.at)
        self._offset = config.offset if self.of_field and isinstance(config.offset, Offset) else NO_OFFSET
        self._at: time | None = time_of(config.at) if self.of_field and config.at else None
        self._label = field_name(config.field) if config.field else ""

    def instant(self, step: Any) -> datetime | Fail:
        """When it is; a failure in words when the value is no date."""
        value = self._read(step)
        try:
            instant = date_instant(value, self.zone(step), self._offset, self._at)
        except OverflowError:
            return refused(gettext("The date lies too far away to wait for."))
        if instant is not None:
            return instant
        if self.of_field and is_blank(value):
            return refused(gettext("There is no date to wait for: %(label)s is empty.", label=self._label))
        shown = quoted(printed(value))
        if not self.of_field:
            text = translatable(
                "There is no date to wait for: %(value)s. Write one like 2026-12-24 or 2026-12-24T09:00."
            )
            return refused(gettext(text, value=shown))
        text = translatable(
            "There is no date to wait for: %(label)s is %(value)s. Write one like 2026-12-24 or 2026-12-24T09:00."
        )
        return refused(gettext(text, label=self._label, value=shown))


@registry.node
class WaitUntil(NodeType):
    type, label, category = "wait_until", translatable("Wait until"), "timing"
    description = translatable(
        "Holds each run until a date and time: a fixed one, or a date of the contact, such as three days before a renewal."
    )
    outputs = (IN_TIME, PASSED)
    Config = WaitUntilConfig

    @staticmethod
    def compile(config: WaitUntilConfig, scope: CompileScope) -> Run | DecidesAgain:
        moment, port_if_past = _Moment(config, scope), "passed" if config.past == "port" else "next"
        names = _watched(config)

        def decide(step: Any, port: str) -> Outcome:
            instant = moment.instant(step)
            if isinstance(instant, Fail):
                return instant
            end = ends_at(instant, moment.zone(step))
            if instant <= step.now:
                return Done(port, end)
            return WaitFor(UPDATED, until=instant, output=end) if names else Wait(until=instant, output=end)

        def at_first(step: Any) -> Outcome:
            return decide(step, port_if_past)

        def woken(step: Any, noted: Any) -> Outcome:
            """Its time has come, or the contact was changed: a date that was moved into the past has passed."""
            instant = moment.instant(step)
            moved = isinstance(instant, datetime) and isinstance(noted, dict) and end_of(noted) != instant
            return decide(step, port_if_past if moved else "next")

        if not names:
            return at_first
        return DecidesAgain(at_first, woken, lambda event: not names.isdisjoint(event.get("changed") or ()))

    @classmethod
    def ports(cls, config: WaitUntilConfig) -> tuple[Port, ...]:
        return cls.outputs if config.past == "port" else (NEXT_PORT,)

    @classmethod
    def events(cls, config: WaitUntilConfig) -> Iterable[str]:
        return (UPDATED,) if _watched(config) else ()

    @classmethod
    def diagnostics(cls, config: WaitUntilConfig) -> list[Diagnostic]:
        wrong = zone_diagnostics(config.zone)
        if isinstance(config.offset, Offset):
            wrong += config.offset.diagnostics()
        if config.field:
            if (problem := paths.problem(config.field)) is not None:
                wrong.append(Diagnostic("field", problem))
            if config.at and _time_of_day(config.at) is None:
                wrong.append(
                    Diagnostic("at", gettext("Beside a date of the contact write a time of day, such as 09:00."))
                )
        elif not config.at.strip():
            wrong.append(incomplete("at", gettext("Say until when: a date and time, or a date of the contact.")))
        elif is_constant(config.at) and as_date(config.at) is None:
            wrong.append(
                Diagnostic(
                    "at",
                    gettext("This is no date. Write one like 2026-12-24T09:00, or a text in {{ … }} that gives one."),
                )
            )
        return wrong

    @classmethod
    def summary(cls, config: WaitUntilConfig) -> str:
        if config.field:
            offset = config.offset if isinstance(config.offset, Offset) else NO_OFFSET
            when = offset.beside(field_name(config.field))
            when = gettext("%(date)s at %(time)s", date=when, time=config.at) if config.at else when
        else:
            when = " ".join(config.at.replace("T", " ", is_constant(config.at)).split()) if config.at.strip() else ""
        return gettext("Wait until %(time)s", time=when) if when else ""

    @classmethod
    def due_at(cls, config: WaitUntilConfig, step: StepRecord) -> datetime | None:
        return end_of(step.output)

    @classmethod
    def explain(cls, config: WaitUntilConfig | None, step: StepRecord) -> str:
        when = end_in_words(step.output)
        if step.completed_at is None:
            moves = gettext(" It moves with the contact’s date.") if config is not None and _watched(config) else ""
            return gettext("Waits until %(time)s.", time=when) + moves if when else gettext("The run waits here.")
        if step.port == PASSED.id:
            return (
                gettext("The moment had passed already: %(when)s.", when=when)
                if when
                else gettext("The moment had passed already.")
            )
        return gettext("Waited until %(when)s.", when=when) if when else gettext("Waited.")


def _time_of_day(text: str) -> time | None:
    try:
        return time_of(text) if len(text) == 5 else None
    except ValueError:
        return None


def _watched(config: WaitUntilConfig) -> frozenset[str]:
    """What of the contact moves the moment, as changes of contacts name it; nothing when it stays."""
    root, *names = paths.names_of(config.field) if config.field else [""]
    if not config.field or root in ("event", "steps", "vars"):
        return frozenset()
    names = names if root == "contact" else [root, *names]
    name = names[1] if len(names) > 1 and names[0] == "attributes" else names[0] if names else ""
    return frozenset((name, f"attributes.{name}", *(["timezone"] if config.zone == CONTACT else [])))
