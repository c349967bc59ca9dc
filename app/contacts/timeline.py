"""What happened to a contact and what comes next, in sentences for a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Row

from app.contacts.history_repository import CHANGES, ContactHistory
from app.flow import node_words, registry
from app.flow.entry_reasons import reason_text
from app.flow.segment_membership import ADDED, REMOVED
from app.lib import formats
from app.lib.formats import counted, duration, readable
from app.lib.translation import gettext, of_stored, translatable
from app.messaging.channels import registry as channels
from app.models.event import Event
from app.models.message import Message
from app.models.message_job import MessageDecision
from app.models.pacing import WaitingStart
from app.models.run import ActiveRun, EntryRefusal, Run
from app.models.status import MessageStatus, RunStatus
from app.subscriptions.permission import LABELS

PAGE = 40
_MOVES = {
    ADDED: ("user-check", translatable("Entered the segment %(segment)s")),
    REMOVED: ("user-minus", translatable("Left the segment %(segment)s")),
}
Show = Literal["all", "messages", "runs", "events", "changes"]
_ENDS = {
    RunStatus.COMPLETED: (translatable("Completed %(workflow)s"), "circle-check"),
    RunStatus.FAILED: (translatable("Failed in %(workflow)s"), "circle-x"),
    RunStatus.GOAL_REACHED: (translatable("Reached the goal of %(workflow)s"), "target"),
    RunStatus.EXITED: (translatable("Left %(workflow)s"), "log-out"),
    RunStatus.CANCELLED: (translatable("Cancelled in %(workflow)s"), "ban"),
}
Pinned = tuple[UUID, int]
"""A workflow and its version."""
TitlesOf = Callable[
    [Mapping[Pinned, dict[str, Any]], Mapping[Pinned, Set[str]]], Awaitable[dict[Pinned, dict[str, str]]]
]


class TimelineEntry(msgspec.Struct, kw_only=True):
    """One line of the timeline. `category` and `icon` make its tile."""

    at: datetime
    icon: str
    title: str
    category: str = "n"
    note: str = ""
    text: str = ""
    tag: str = ""
    url: str = ""
    subject: str = ""
    status: str = ""
    error: str = ""


class Coming(msgspec.Struct, kw_only=True):
    """Something that will happen by itself."""

    at: datetime
    icon: str
    category: str
    title: str
    text: str
    url: str


class Underway(msgspec.Struct, kw_only=True):
    """A run that is under way. `at_step` None: a start that its workflow has taken and that waits for its turn."""

    workflow: str
    status: str
    at_step: str | None
    since: datetime | None
    until: datetime | None
    url: str
    withdraw: str = ""
    """Where a start that waits is withdrawn."""


class TimelinePage(msgspec.Struct):
    entries: list[TimelineEntry]
    before: datetime | None
    """Where the next page begins; None at the end."""


async def read_timeline(
    history: ContactHistory, show: str = "all", before: datetime | None = None, labels: Mapping[str, str] | None = None
) -> TimelinePage:
    """The last entries before a moment, newest first. `labels`: what people call attributes."""
    entries: list[TimelineEntry] = []
    if show in ("all", "events", "changes"):
        changes = None if show == "all" else show == "changes"
        entries += [_event(row, labels or {}) for row in await history.events(before, PAGE + 1, changes=changes)]
    if show in ("all", "runs"):
        entries += [_ended(run, name) for run, name in await history.runs(Run.completed_at, before, PAGE + 1)]
        entries += [_entered(run, name) for run, name in await history.runs(Run.started_at, before, PAGE + 1)]
        entries += [_refused(refusal, name) for refusal, name in await history.refusals(before, PAGE + 1)]
    if show in ("all", "messages"):
        messages = await history.messages(before, PAGE + 1)
        decided = await history.decisions([row[0] for row in messages])
        entries += [_message(*row, decided.get((row[0].run_id, row[0].seq))) for row in messages]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    end = PAGE
    while end < len(entries) and entries[end].at == entries[end - 1].at:
        end += 1
    return TimelinePage(entries[:end], entries[end - 1].at if end < len(entries) else None)


def silent_beginning(at: datetime) -> TimelineEntry:
    """The beginning of a contact that came in without an event of its own."""
    return TimelineEntry(
        at=at, icon="user-plus", title=gettext("Contact created"), text=gettext("Without starting anything.")
    )


_CHOICES = {
    "contact.unsubscribed": (translatable("Unsubscribed"), translatable("Unsubscribed from %(topic)s"), "bell-off"),
    "contact.resubscribed": (translatable("Re-subscribed"), translatable("Re-subscribed to %(topic)s"), "mail-check"),
}


def _choice(row: Event, properties: dict[str, Any]) -> TimelineEntry:
    """Saying no, and coming back: about what, by which door and why."""
    title, of_topic, icon = _CHOICES[row.name]
    topic, by, reason = (properties.get(name) for name in ("topic", "by", "reason"))
    door = {"contact": gettext("By the link in an email"), "admin": gettext("By hand"), "api": gettext("By API")}.get(
        str(by), ""
    )
    text = (
        f"{door}: {gettext(LABELS[str(reason)]) if str(reason) in LABELS else reason}"
        if by != "contact" and reason
        else door
    )
    return TimelineEntry(
        at=row.occurred_at, icon=icon, title=gettext(of_topic, topic=topic) if topic else gettext(title), text=text
    )


def _event(row: Event, labels: Mapping[str, str]) -> TimelineEntry:
    properties = row.properties or {}
    if row.name in _CHOICES and "by" in properties:
        return _choice(row, properties)
    if row.name in _MOVES and "segmentName" in properties:
        icon, verb = _MOVES[row.name]
        return TimelineEntry(
            at=row.occurred_at,
            icon=icon,
            title=gettext(verb, segment=properties["segmentName"]),
            note=gettext("segment"),
        )
    if row.name not in CHANGES:
        return TimelineEntry(
            at=row.occurred_at,
            icon="zap",
            category="trigger",
            title=row.name,
            note=gettext("event"),
            text=_brief(properties),
        )
    entry = TimelineEntry(at=row.occurred_at, icon="pencil", title=gettext("Contact changed"))
    if row.name == "contact.created":
        entry.icon, entry.title = "user-plus", gettext("Contact created")
        doors = {
            "api": gettext("By API"),
            "import": gettext("By an import"),
            "event": gettext("By its first event"),
            "page": gettext("By hand"),
        }
        entry.text = doors.get(str(properties.get("via")), "")
        if properties.get("source"):
            source = gettext("source %(source)s", source=properties["source"])
            entry.text = f"{entry.text}, {source}" if entry.text else gettext("From %(source)s", source=source)
        return entry
    changes = _changes(properties, labels)
    if len(changes) == 1:
        entry.title, entry.note = changes[0]
    else:
        entry.text = " · ".join(f"{name} {what}" for name, what in changes)
    return entry


def _changes(properties: dict[str, Any], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, `old → new`) of each changed field."""
    current, previous = properties.get("current") or {}, properties.get("previous") or {}
    lines = []
    for path in properties.get("changed") or []:
        group, _, name = str(path).partition(".")
        old, new = previous.get(group), current.get(group)
        if name:
            old = old.get(name) if isinstance(old, dict) else None
            new = new.get(name) if isinstance(new, dict) else None
        label = gettext("Consent for %(topic)s", topic=name) if group == "consent" else labels.get(name, name) or group
        lines.append((label, f"{_value(old)} → {_value(new)}"))
    return lines


def _value(value: Any) -> str:
    text = readable(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _brief(properties: dict[str, Any]) -> str:
    shown = [f"{name} {_value(value)}" for name, value in list(properties.items())[:6]]
    return ", ".join(shown) + (
        f" {gettext('and %(number)s more', number=len(properties) - 6)}" if len(properties) > 6 else ""
    )


def _entered(run: Run, workflow: str) -> TimelineEntry:
    return TimelineEntry(
        at=run.started_at,
        icon="route",
        category="logic",
        title=gettext("Entered %(workflow)s", workflow=workflow),
        tag=f"v{run.workflow_version}",
        text=_brief(run.trigger_event or {}),
        url=f"/runs/{run.id}",
    )


def _ended(run: Run, workflow: str) -> TimelineEntry:
    status = RunStatus(run.status)
    verb, icon = _ENDS.get(status, (translatable("Ended %(workflow)s"), "circle"))
    elapsed = duration(run.completed_at - run.started_at) if run.completed_at else ""
    return TimelineEntry(
        at=run.completed_at or run.started_at,
        icon=icon,
        category="exit",
        title=gettext(verb, workflow=workflow),
        text=gettext("After %(elapsed)s.", elapsed=elapsed),
        error=of_stored(run.error_message or ""),
        url=f"/runs/{run.id}",
    )


def _refused(row: EntryRefusal, workflow: str) -> TimelineEntry:
    return TimelineEntry(
        at=row.last_at or row.at,
        icon="circle-slash",
        title=gettext("Did not enter %(workflow)s", workflow=workflow),
        note=counted(row.times, "time") if row.times > 1 else "",
        text=reason_text(row.reason, row.detail),
        url=f"/workflows/{row.workflow_id}",
    )


def _channel(message: Message) -> str:
    channel = channels.known(message.channel)
    return gettext(channel.label) if channel else channels.word_of(message.channel).capitalize()


def _icon(message: Message) -> str:
    channel = channels.known(message.channel)
    return channel.icon if channel else "message-square"


def _message(message: Message, workflow: str, template: str | None, decision: MessageDecision | None) -> TimelineEntry:
    status = MessageStatus(message.status)
    return TimelineEntry(
        at=message.sent_at or message.settled_at or message.created_at,
        icon=_icon(message),
        category="message",
        title=gettext(
            "%(channel)s %(status)s", channel=_channel(message), status=formats.inline(formats.words(status.word))
        ),
        note=workflow,
        subject=message.subject or template or gettext("No subject yet"),
        status=status.word,
        error=of_stored(message.error_message or ""),
        text=f"{decision.in_words[0].upper()}{decision.in_words[1:]}." if decision else "",
        url=f"/runs/{message.run_id}",
    )


def _title(graph: dict[str, Any], node_id: str | None, titles: Mapping[str, str]) -> tuple[str, str, str]:
    """Title, category and label of a step; what a contact without a step shows."""
    for node in graph.get("nodes", []):
        if node["id"] == node_id:
            installed = registry.find(node["type"]) is not None
            category = node_words.category_of(node["type"]) if installed else "n"
            return (
                titles.get(node["id"]) or node_words.title_of_plain(node),
                category,
                node_words.kind_word(node["type"]),
            )
    return gettext("the beginning"), "trigger", gettext("Trigger")


def _next(graph: dict[str, Any], node_id: str | None) -> str | None:
    for edge in graph.get("edges", []):
        if edge["source"] == node_id and edge.get("sourceHandle", "next") == "next":
            target: str = edge["target"]
            return target
    return None


def _steps_shown(
    active: Sequence[Row[ActiveRun, str, dict[str, Any]]],
) -> tuple[dict[Pinned, dict[str, Any]], dict[Pinned, set[str]]]:
    """The documents of runs, each version once, and those of its steps where a run stands or goes next: a card of each is rendered."""
    graphs, steps = dict[Pinned, dict[str, Any]](), dict[Pinned, set[str]]()
    for run, _, graph in active:
        key = run.workflow_id, run.workflow_version
        graphs[key] = graph
        places = (run.current_node_id, _next(graph, run.current_node_id))
        steps.setdefault(key, set()).update(place for place in places if place)
    return graphs, steps


def _waiting(start: WaitingStart, workflow: str) -> Underway:
    url = f"/workflows/{start.workflow_id}/runs"
    withdraw = f"/contacts/{start.contact_id}/waiting/{start.workflow_id}/withdraw"
    return Underway(
        workflow=workflow, status="waiting", at_step=None, since=start.since, until=None, url=url, withdraw=withdraw
    )


def _queued(message: Message, workflow: str, template: str | None, now: datetime) -> Coming:
    why = of_stored(message.error_message or "")
    text = gettext("%(message)s of %(workflow)s, queued.", message=_channel(message), workflow=workflow)
    return Coming(
        at=message.due_at or now,
        icon=_icon(message),
        category="message",
        title=message.subject or template or _channel(message),
        text=f"{text} {why}".rstrip(),
        url=f"/runs/{message.run_id}",
    )


async def future(
    history: ContactHistory, now: datetime, titles_of: TitlesOf | None = None
) -> tuple[list[Coming], list[Underway]]:
    """What will happen by itself, soonest first, and the runs that are under way or wait to begin.

    `titles_of`: what some steps of documents are called; else what can be known of them alone.
    """
    coming: list[Coming] = []
    underway: list[Underway] = []
    active = await history.active_runs()
    titles = await titles_of(*_steps_shown(active)) if titles_of else {}
    for run, workflow, graph in active:
        called = titles.get((run.workflow_id, run.workflow_version), {})
        title, _, _ = _title(graph, run.current_node_id, called)
        url = f"/runs/{run.id}"
        underway.append(
            Underway(
                workflow=workflow,
                status=RunStatus(run.status).word,
                at_step=title,
                since=run.step_started_at,
                until=run.resume_at,
                url=url,
            )
        )
        if run.resume_at is not None and run.resume_at > now:
            following = _next(graph, run.current_node_id)
            then, category, label = (
                _title(graph, following, called) if following else (gettext("The run ends"), "exit", gettext("End"))
            )
            text = gettext("%(step)s in %(workflow)s", step=label, workflow=workflow) if then != label else workflow
            coming.append(
                Coming(
                    at=run.resume_at,
                    icon="hourglass",
                    category=category,
                    title=then,
                    text=gettext("%(text)s, when the wait ends.", text=text),
                    url=url,
                )
            )
    underway += [_waiting(start, workflow) for start, workflow in await history.waiting_starts()]
    coming += [
        _queued(message, workflow, template, now) for message, workflow, template in await history.queued_messages()
    ]
    return sorted(coming, key=lambda item: item.at), underway


def days(entries: Sequence[TimelineEntry], zone: Any) -> list[tuple[datetime, list[TimelineEntry]]]:
    """Entries grouped by the reader's calendar day."""
    groups: list[tuple[datetime, list[TimelineEntry]]] = []
    for entry in entries:
        local = entry.at.astimezone(zone)
        if not groups or groups[-1][0].date() != local.date():
            groups.append((local, []))
        groups[-1][1].append(entry)
    return groups
