"""Preview of an activation: triggers, recent entries, re-entry and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from app.flow.diagnostic import Diagnostic, DiagnosticView
from app.flow.document import Flow, Trigger
from app.flow.durations import UNITS
from app.flow.entry_words import limit_sentences
from app.flow.local_time import amount_in_words
from app.flow.segment_membership import SegmentStanding
from app.flow.settings import FlowSettings
from app.flow.trigger_registry import contact_rule, subscriptions, typed
from app.flow.trigger_type import ContactRule
from app.lib import clock
from app.lib.translation import gettext, translatable
from app.segment_member_repository import SegmentMemberRepository
from app.workflows.candidates import Candidate, admission, met_goal, segments_asked
from app.workflows.existing import Expected
from app.workflows.repository import RecentContact, WorkflowRepository

MONTH, WEEK = timedelta(days=30), timedelta(days=7)
Standings = Mapping[UUID, Mapping[UUID, SegmentStanding]]
"""By contact, then by segment."""
CONDITIONS = re.compile(r"(trigger|triggers\[\d+\]\.data|goals\[\d+\])\.conditions")
EACH_START = translatable("Each start is a run of its own, without a contact.")
MAX_SENDERS = 2_000
"""Contacts that are looked at one by one; beyond that the numbers are "at least"."""


class ListeningTrigger(msgspec.Struct, rename="camel", kw_only=True):
    """One trigger that is switched on: the events that it listens for, and how many conditions it lets contacts in on."""

    id: str
    type: str
    listens_to: list[str]
    conditions: int


class EnteringAtOnce(msgspec.Struct, rename="camel", kw_only=True):
    """An audience that a trigger lets in as soon as the workflow is active. `contacts` is null where nobody counted, and an estimate where
    `exact` is false. `byDate`: those whose date has come already; then `name` is what the trigger is called."""

    trigger_id: str
    segment_id: UUID | None
    name: str
    contacts: int | None
    exact: bool = True
    by_date: bool = False


class ActivationPreview(msgspec.Struct, rename="camel", kw_only=True):
    """`contacts30Days`/`contacts7Days`: different contacts whose last event of that time would let them in as they are now.

    `triggers`: those that are switched on; `triggerType`, `listensTo` and `conditions` are of the first one of all.
    `enterAtOnce`: who is let in besides, before anything happens. `limits`: a sentence for each limit and date of the settings.
    `atLeast`: more events came than were looked at. `blocking` keeps the workflow from being activated, `warnings` do not.
    """

    trigger_type: str
    listens_to: str | None
    conditions: int
    triggers: list[ListeningTrigger]
    contacts_30_days: int = msgspec.field(name="contacts30Days")
    contacts_7_days: int = msgspec.field(name="contacts7Days")
    sent_30_days: int = msgspec.field(name="sent30Days")
    at_least: bool
    enter_at_once: list[EnteringAtOnce]
    reentry: str
    limits: list[str]
    publishes_version: int | None
    in_flow: int
    blocking: list[DiagnosticView]
    warnings: list[DiagnosticView]


def entrants(
    flow: Flow, senders: Sequence[RecentContact], timezone: str = "UTC", standings: Standings | None = None
) -> list[RecentContact]:
    """Those of `senders` who would be let in now, each contact once, with its last such event.

    They meet the conditions of a trigger that listens for the event, and no goal yet. `timezone`: the workspace's, for contacts
    without one. `standings`: where they stand with the segments that conditions ask for.
    """
    met, admissions = (
        met_goal(flow.goals),
        [(subscriptions([trigger]), admission(trigger)) for trigger in flow.triggers if trigger.enabled],
    )
    inside: dict[UUID, RecentContact] = {}
    for sender in sorted(senders, key=lambda sender: sender.occurred_at):
        candidate = Candidate.of(sender.contact, timezone, sender.properties, (standings or {}).get(sender.contact.id))
        admitted = any(sender.event in events and passes(candidate) for events, passes in admissions)
        if admitted and met(candidate) is None:
            inside[sender.contact.id] = sender
    return list(inside.values())


async def activation_preview(
    repository: WorkflowRepository,
    flow: Flow,
    *,
    diagnostics: Sequence[Diagnostic],
    publishes_version: int | None,
    in_flow: int,
    timezone: str,
    entering: Sequence[Expected] = (),
) -> ActivationPreview:
    """Estimate the effect of an activation from the events of the last month. Bounded queries only."""
    now = clock.now()
    senders: Sequence[RecentContact] = []
    at_least = False
    if events := subscriptions(flow.triggers):
        senders, at_least = await repository.senders(events, since=now - MONTH, limit=MAX_SENDERS)
    broken = any(CONDITIONS.match(one.path) for one in diagnostics)
    inside: list[RecentContact] = []
    if not broken:
        members = SegmentMemberRepository(repository.session, repository.tenant_id)
        standings = await members.standings(segments_asked(flow), {sender.contact.id for sender in senders})
        inside = entrants(flow, senders, timezone, standings)
    first = _listening(flow.triggers[0])
    on = [trigger for trigger in flow.triggers if trigger.enabled]
    nobody = bool(on) and all(contact_rule(trigger) is ContactRule.NONE for trigger in on)
    return ActivationPreview(
        trigger_type=first.type,
        listens_to=next(iter(first.listens_to), None),
        conditions=first.conditions,
        triggers=[_listening(trigger) for trigger in on],
        contacts_30_days=len(inside),
        contacts_7_days=sum(1 for sender in inside if sender.occurred_at >= now - WEEK),
        sent_30_days=len({sender.contact.id for sender in senders}),
        at_least=at_least,
        enter_at_once=[EnteringAtOnce(**one._asdict()) for one in entering],
        reentry=EACH_START if nobody else reentry_in_words(flow.settings),
        limits=limit_sentences(flow.settings, timezone),
        publishes_version=publishes_version,
        in_flow=in_flow,
        blocking=[one.view() for one in diagnostics if one.severity == "error"],
        warnings=[one.view() for one in diagnostics if one.severity != "error"],
    )


def _listening(trigger: Trigger) -> ListeningTrigger:
    kind, config = typed(trigger)
    return ListeningTrigger(
        id=trigger.id,
        type=trigger.type,
        listens_to=list(kind.subscribes(config)),
        conditions=len(kind.admission(config).conditions),
    )


def reentry_in_words(settings: FlowSettings) -> str:
    """Who may come in again, as one sentence for people."""
    key = settings.entry_key.removeprefix("event.") if isinstance(settings.entry_key, str) else ""
    sentence = gettext(_REENTRY[settings.reentry])
    if settings.reentry == "cooldown":
        seconds = settings.cooldown_seconds if isinstance(settings.cooldown_seconds, int) else 0
        since = gettext("the last run ended") if settings.cooldown_from == "end" else gettext("the last entry")
        sentence = gettext(_REENTRY["cooldown"], time=_length(seconds), since=since)
    return gettext("%(sentence)s Counted for each %(key)s.", sentence=sentence, key=key) if key else sentence


_REENTRY = {
    "once": translatable("Each contact enters once."),
    "after_exit": translatable("A contact may enter again after leaving."),
    "cooldown": translatable("A contact may enter again %(time)s after %(since)s."),
    "always": translatable("A contact enters at every event, even while still inside."),
}


def _length(seconds: int) -> str:
    for unit in ("days", "hours", "minutes"):
        if seconds >= UNITS[unit] and seconds % UNITS[unit] == 0:
            return amount_in_words(seconds // UNITS[unit], unit)
    return amount_in_words(seconds, "seconds")
