"""What switching a workflow on would do: whom it listens for, how many came lately, who may come again, what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from app.flow.diagnostic import Diagnostic, DiagnosticView
from app.flow.document import Flow
from app.flow.settings import Settings
from app.lib import clock
from app.workflows.candidates import Candidate, admission, met_goal
from app.workflows.repository import Sender, WorkflowRepository

MONTH, WEEK = timedelta(days=30), timedelta(days=7)
CONDITIONS = re.compile(r"trigger\.conditions|goals\[\d+\]\.conditions")
MAX_SENDERS = 2_000
"""Contacts that are looked at one by one; beyond that the numbers are "at least"."""


class ActivationPreview(msgspec.Struct, rename="camel", kw_only=True):
    """`contacts30Days`/`contacts7Days`: different contacts whose last event of that time would let them in as they are now.

    `atLeast`: more events came than were looked at. `blocking` keeps the workflow from being activated, `warnings` do not.
    """

    trigger_type: str
    listens_to: str | None
    conditions: int
    contacts_30_days: int = msgspec.field(name="contacts30Days")
    contacts_7_days: int = msgspec.field(name="contacts7Days")
    sent_30_days: int = msgspec.field(name="sent30Days")
    at_least: bool
    reentry: str
    publishes_version: int | None
    in_flow: int
    blocking: list[DiagnosticView]
    warnings: list[DiagnosticView]


def entrants(flow: Flow, senders: Sequence[Sender], timezone: str = "UTC") -> list[Sender]:
    """Those of `senders` who would be let in now: they meet the trigger's conditions, and no goal yet.

    `timezone`: the workspace's, for contacts without one.
    """
    admitted, met = admission(flow.trigger), met_goal(flow.goals)
    candidates = ((sender, Candidate.of(sender.contact, timezone, sender.properties)) for sender in senders)
    return [sender for sender, candidate in candidates if admitted(candidate) and met(candidate) is None]


async def activation_preview(
    repository: WorkflowRepository,
    flow: Flow,
    *,
    diagnostics: Sequence[Diagnostic],
    publishes_version: int | None,
    in_flow: int,
    timezone: str,
) -> ActivationPreview:
    """Look at the last month of events and say what would happen now. Bounded queries only."""
    now = clock.now()
    trigger = flow.trigger
    senders: Sequence[Sender] = []
    at_least = False
    if trigger.type == "event" and trigger.event:
        senders, at_least = await repository.senders(trigger.event, since=now - MONTH, limit=MAX_SENDERS)
    broken = any(CONDITIONS.match(one.path) for one in diagnostics)
    inside = [] if broken else entrants(flow, senders, timezone)
    return ActivationPreview(
        trigger_type=trigger.type,
        listens_to=trigger.event if trigger.type == "event" else None,
        conditions=len(trigger.conditions),
        contacts_30_days=len(inside),
        contacts_7_days=sum(1 for sender in inside if sender.occurred_at >= now - WEEK),
        sent_30_days=len(senders),
        at_least=at_least,
        reentry=reentry_in_words(flow.settings),
        publishes_version=publishes_version,
        in_flow=in_flow,
        blocking=[one.view() for one in diagnostics if one.severity == "error"],
        warnings=[one.view() for one in diagnostics if one.severity != "error"],
    )


def reentry_in_words(settings: Settings) -> str:
    """Who may come in again, as one sentence for people."""
    each = f" for each {settings.entry_key.removeprefix('event.')}" if isinstance(settings.entry_key, str) else ""
    match settings.reentry:
        case "once":
            return f"Each contact enters once{each}."
        case "cooldown":
            seconds = settings.cooldown_seconds if isinstance(settings.cooldown_seconds, int) else 0
            return f"A contact may enter again{each} {_length(seconds)} after the last entry."
        case "always":
            return f"A contact enters at every event{each}, even while still inside."
        case _:
            return f"A contact may enter again{each} after leaving."


def _length(seconds: int) -> str:
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            number = seconds // unit
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds} seconds"
