"""What is wrong with the settings of a workflow. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.entry_limits import Opening, entry_key_reader, is_liquid, moment_of
from app.flow.local_time import WORKSPACE
from app.flow.scope import CompileScope
from app.flow.settings import FlowSettings, Span, UncertainRule
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.lib.zones import known_zone, zone_of
from app.liquid.templates import LiquidError

LONGEST_UNCERTAIN_DAYS = 30
"""How long an email may stay uncertain before the rule of its workflow decides."""


def check_settings(settings: FlowSettings) -> Iterator[Diagnostic]:
    """All of it; paths begin with `settings`."""
    if settings.reentry == "cooldown" and not isinstance(settings.cooldown_seconds, int):
        yield incomplete("settings.cooldownSeconds", gettext("Say how long a contact must stay away, in seconds."))
    yield from _check_uncertain(settings.uncertain)
    yield from _check_entry_key(settings)
    yield from _check_dates(settings)


def _check_entry_key(settings: FlowSettings) -> Iterator[Diagnostic]:
    key, path = settings.entry_key, "settings.entryKey"
    if not isinstance(key, str) or not key:
        return
    if not is_liquid(key):
        if not key.startswith("event."):
            message = gettext(
                "The key comes from the event that starts the run. Write it as event.order_id, or as a text"
                " with fields of the event: type {{ to insert one."
            )
            yield Diagnostic(path, message)
        return
    scope = CompileScope()
    try:
        entry_key_reader(key, scope)
    except LiquidError as error:
        yield incomplete(path, gettext("This text cannot be filled in: %(why)s.", why=str(error).rstrip(".")))
        return
    if any(read.startswith(("steps.", "vars.")) for read in scope.reads):
        message = gettext(
            "The key is worked out before the first step, so no step has put anything out yet. Use the event or the contact."
        )
        yield incomplete(path, message)
    elif not scope.reads:
        yield incomplete(
            path, gettext("This is the same for everybody. Name something of the event or of the contact.")
        )


def _check_dates(settings: FlowSettings) -> Iterator[Diagnostic]:
    name = settings.timezone
    if isinstance(name, str) and name and name != WORKSPACE and known_zone(name) is None:
        yield Diagnostic(
            "settings.timezone",
            gettext("There is no time zone %(name)s. Write it as Europe/Berlin.", name=quoted(name)),
        )
    fields = {"activeFrom": settings.active_from, "activeUntil": settings.active_until}
    zone = zone_of(name)
    for field, value in fields.items():
        if isinstance(value, str) and value and moment_of(value, zone) is None:
            message = gettext(
                "%(value)s is no date. Write it as 2026-11-30, or with a time as 2026-11-30T09:00.", value=quoted(value)
            )
            yield Diagnostic(f"settings.{field}", message)
    opening = Opening.of(settings, "UTC")
    if opening.opens is not None and opening.closes is not None and opening.closes <= opening.opens:
        message = gettext(
            "The workflow would let nobody in: this is before the date from which it lets contacts in. Choose a later one."
        )
        yield incomplete("settings.activeUntil", message)


def _check_uncertain(rule: UncertainRule | UnsetType | None) -> Iterator[Diagnostic]:
    """The rule for uncertain emails: it needs a time, which must not exceed what mail servers keep their logs for."""
    if not isinstance(rule, UncertainRule):
        return
    if not isinstance(rule.after, Span):
        message = gettext("Say after how long nobody has to decide any more, such as 2 hours.")
        yield incomplete("settings.uncertain.after", message)
    elif rule.after.seconds > LONGEST_UNCERTAIN_DAYS * 86_400:
        yield Diagnostic(
            "settings.uncertain.after.duration",
            gettext("Wait %(longest_uncertain_days)s days at most.", longest_uncertain_days=LONGEST_UNCERTAIN_DAYS),
        )
