"""The differences of two flow documents, as sentences. Pure.

Positions on the canvas are ignored. Steps are matched by id, edges by their source and port.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.flow import form_labels, node_words, trigger_registry
from app.flow.document import NEXT, TRIGGER, Edge, Flow, Node, Position, Trigger
from app.flow.local_time import amount_in_words
from app.flow.phrases import sentence
from app.flow.policies import ON_ERROR_WORDS, OnError
from app.flow.references import CalledRows, Reference, ReferencedNames, called_rows
from app.flow.retry import Backoff, Retry
from app.flow.settings import FlowSettings, Span, UncertainRule
from app.flow.trigger_registry import typed
from app.lib.formats import counted
from app.lib.translation import gettext

Card = TypeVar("Card", Node, Trigger)
Kind = Literal["added", "removed", "changed"]
CARD_WIDTH, CARD_HEIGHT, ASIDE = 240, 80, 280
"""Pixels on the canvas: a removed step that would lie under a card is drawn this far to its left."""


class Detail(msgspec.Struct, frozen=True):
    """One value: what it is called, what it was and what it is; empty text for "not there"."""

    label: str
    before: str
    after: str


class FlowDifference(msgspec.Struct, frozen=True):
    """One step, trigger, goal or setting that was added, removed or changed."""

    kind: Kind
    node_id: str
    title: str
    type: str
    details: list[Detail] = []


def value_text(value: Any, segments: Mapping[str, str] | None = None) -> str:
    """A value on one line. `segments`: what those are called that conditions ask for."""
    if value is None or value is UNSET or value == "":
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and value and all(_is_condition(item) and "label" not in item for item in value):
        return ", ".join(
            sentence([item], names=segments) for item in value
        )  # how they are joined is a detail of its own
    if isinstance(value, list) and value and all(isinstance(item, dict) and "label" in item for item in value):
        return ", ".join(_labelled(item, segments) for item in value)
    plain = msgspec.to_builtins(value)
    return _span(plain) if _is_span(plain) else json.dumps(plain, ensure_ascii=False)


def _is_span(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"duration", "unit"} and isinstance(value["unit"], str)


def _span(value: dict[str, Any]) -> str:
    amount = value["duration"]
    return amount_in_words(amount if isinstance(amount, int | float) else str(amount), value["unit"])


def _labelled(item: dict[str, Any], segments: Mapping[str, str] | None) -> str:
    """A way out that a config makes: its label, and what else it says."""
    more = {
        name: value
        for name, value in item.items()
        if name not in ("id", "label", "match", "conditions") and value != ""
    }
    words = [sentence(item.get("conditions"), item.get("match"), segments), *map(value_text, more.values())]
    more_words = ", ".join(filter(None, words))
    return f"{item['label'] or item.get('id')} ({more_words})" if more_words else str(item["label"] or item.get("id"))


def _is_condition(value: Any) -> bool:
    return isinstance(value, dict) and not value.keys().isdisjoint(("field", "conditions"))


def compare(before: Flow, after: Flow, names: ReferencedNames = MappingProxyType({})) -> list[FlowDifference]:
    """All differences: triggers first, then steps in the order of the new flow, then removed ones, goals and settings.

    `names`: what the rows are called that steps of both refer to.
    """
    return [
        *_triggers(before, after, names),
        *_nodes(before, after, names),
        *_goals(before, after, names),
        *_rest(before, after),
    ]


def union(before: Flow, after: Flow) -> Flow:
    """`after` with what `before` had and it has not: what a picture of the difference shows."""
    ways = {(edge.source, edge.source_handle, edge.target) for edge in after.edges}
    triggers = tuple(_aside(one, after) for one in before.triggers if after.trigger_of(one.id) is None)
    removed = tuple(_aside(node, after) for node in before.nodes if after.node(node.id) is None)
    dropped = tuple(edge for edge in before.edges if (edge.source, edge.source_handle, edge.target) not in ways)
    return msgspec.structs.replace(
        after, triggers=after.triggers + triggers, nodes=after.nodes + removed, edges=after.edges + dropped
    )


def _aside(node: Card, flow: Flow) -> Card:
    """The removed card, moved to the left when a new one took its place on the canvas."""
    x, y = node.position.x, node.position.y
    for other in flow.cards:
        if abs(other.position.x - x) < CARD_WIDTH and abs(other.position.y - y) < CARD_HEIGHT:
            return msgspec.structs.replace(node, position=Position(x=other.position.x - ASIDE, y=y))
    return node


def edge_marks(before: Flow, after: Flow) -> dict[tuple[str, str], Kind]:
    """Edges, as (source, target), that were added or removed."""
    old, new = ({(edge.source, edge.target) for edge in flow.edges} for flow in (before, after))
    return {**dict.fromkeys(new - old, "added"), **dict.fromkeys(old - new, "removed")}


def _details(
    before: dict[str, Any], after: dict[str, Any], names: ReferencedNames = MappingProxyType({})
) -> list[Detail]:
    details = []
    segments = {str(id_): name for id_, name in names["segment"].items()} if "segment" in names else None
    for key in [*after, *(key for key in before if key not in after)]:
        was, now = value_text(before.get(key), segments), value_text(after.get(key), segments)
        if was != now:
            details.append(Detail(key, was, now))
    return details


def _triggers(before: Flow, after: Flow, names: ReferencedNames) -> Iterator[FlowDifference]:
    old = {trigger.id: trigger for trigger in before.triggers}
    for trigger in after.triggers:
        was = _trigger_facts(old[trigger.id], names) if trigger.id in old else {}
        details = _details(was, _trigger_facts(trigger, names), names)
        if trigger.id not in old:
            yield FlowDifference("added", trigger.id, trigger_title(trigger), TRIGGER, details)
        elif details := [*details, *_ways(before, after, trigger.id)]:
            yield FlowDifference("changed", trigger.id, trigger_title(trigger), TRIGGER, details)
    for trigger in before.triggers:
        if after.trigger_of(trigger.id) is None:
            yield FlowDifference("removed", trigger.id, trigger_title(trigger), TRIGGER)


def trigger_title(trigger: Trigger) -> str:
    """What a trigger is called: the event that it listens for, or what its type calls it."""
    kind, config = typed(trigger)
    return kind.title(config)


def _trigger_facts(trigger: Trigger, names: ReferencedNames) -> dict[str, Any]:
    kind, config = typed(trigger)
    admission, labels = kind.admission(config), form_labels.labels_of_trigger(trigger.type)
    data = _named(trigger.data, trigger_registry.references(trigger.type, trigger.data), names)
    own = {name: value for name, value in data.items() if name not in ("conditions", "match")}
    return {
        gettext("starts by"): gettext(kind.label),
        **{form_labels.label_of(name, labels): value for name, value in own.items()},
        gettext("only if"): admission.conditions,
        gettext("match"): admission.match if len(admission.conditions) > 1 else None,
        gettext("switched off"): None if trigger.enabled else True,
    }


def title_of(flow: Flow, node_id: str) -> str:
    """What a step is called on its card: its name, else what its type is called."""
    node = flow.node(node_id)
    if node is None:
        trigger = flow.trigger_of(node_id)
        if trigger is None:
            return node_id
        if len(flow.triggers) == 1:
            return gettext("the trigger")
        return gettext("the trigger %(title)s", title=trigger_title(trigger))
    return node_words.title_of(node.type, node.name, node.data)


def _nodes(before: Flow, after: Flow, names: ReferencedNames) -> Iterator[FlowDifference]:
    for node in after.nodes:
        old = before.node(node.id)
        title = title_of(after, node.id)
        if old is None:
            yield FlowDifference("added", node.id, title, node.type, _details({}, _spoken(node, names), names))
        elif details := [*_node(old, node, names), *_ways(before, after, node.id)]:
            yield FlowDifference("changed", node.id, title, node.type, details)
    for node in before.nodes:
        if after.node(node.id) is None:
            yield FlowDifference("removed", node.id, title_of(before, node.id), node.type)


def _spoken(node: Node, names: ReferencedNames) -> dict[str, Any]:
    """The configuration with the labels of its form, and with names in place of ids."""
    titles, data = form_labels.labels_of(node.type), _named(node.data, node_words.references_of(node), names)
    if _is_span({key: data.get(key) for key in ("duration", "unit")}):
        data = {key: _span(data) if key == "duration" else value for key, value in data.items() if key != "unit"}
    return {form_labels.label_of(key, titles): value for key, value in data.items()}


def _named(data: dict[str, Any], references: Iterable[Reference], names: ReferencedNames) -> dict[str, Any]:
    """A configuration with names in place of the ids of rows, wherever they stand in it."""
    wanted: dict[str, set[UUID]] = {}
    for reference in references:
        wanted.setdefault(reference.kind, set()).add(reference.id)
    called: dict[str, Any] = _with_names(data, called_rows(wanted, names))
    return called


def _with_names(value: Any, called: CalledRows) -> Any:
    """Conditions stay as they are: their sentences name segments themselves."""
    if isinstance(value, str):
        return called[value].name if value in called else value
    if isinstance(value, list):
        return [_with_names(one, called) for one in value]
    if isinstance(value, dict) and "field" not in value:
        return {key: part if key == "conditions" else _with_names(part, called) for key, part in value.items()}
    return value


def _node(old: Node, new: Node, names: ReferencedNames) -> list[Detail]:
    name, kind = gettext("Name"), gettext("Type")
    own = _details(
        {name: old.name, kind: node_words.kind_word(old.type)}, {name: new.name, kind: node_words.kind_word(new.type)}
    )
    return [*own, *_details(_spoken(old, names), _spoken(new, names), names), *_details(_policies(old), _policies(new))]


def _policies(node: Node) -> dict[str, Any]:
    return {
        gettext("attempts"): _retry(node.retry),
        gettext("if it fails"): _on_error(node.on_error),
        gettext("gives up after, s"): node.timeout,
        gettext("switched off"): node.is_off or None,
    }


def _on_error(policy: OnError | UnsetType | None) -> str:
    return gettext(ON_ERROR_WORDS[policy]) if isinstance(policy, str) else ""


def _retry(rule: Retry | UnsetType | None) -> str:
    """`3 attempts, 60 s, exponential, jitter`."""
    if not isinstance(rule, Retry):
        return ""
    waits = rule.waits
    attempts = counted(rule.attempts, "attempt")
    words = f"{attempts}, {waits.delay / 1_000:g} s, {waits.type}{', jitter' if waits.jitter else ''}"
    most = gettext("at most %(number)s s", number=f"{waits.max_delay / 1_000:g}")
    return words if waits.max_delay == Backoff().max_delay else f"{words}, {most}"


def _ways(before: Flow, after: Flow, source: str) -> Iterator[Detail]:
    old, new = ({edge.source_handle: edge for edge in flow.leaving(source)} for flow in (before, after))
    for port in [*new, *(port for port in old if port not in new)]:
        was, now = _target(before, old.get(port)), _target(after, new.get(port))
        moved = old.get(port) is None or new.get(port) is None or old[port].target != new[port].target
        if moved:
            leads = gettext("%(port)s leads to", port=_port_word(after, before, source, port))
            yield Detail(gettext("continues to") if port == NEXT else leads, was, now)


def _port_word(after: Flow, before: Flow, source: str, port: str) -> str:
    node = after.node(source) or before.node(source)
    return node_words.port_of(node.type, node.data, port).label if node else port


def _target(flow: Flow, edge: Edge | None) -> str:
    return title_of(flow, edge.target) if edge else ""


def _goals(before: Flow, after: Flow, names: ReferencedNames) -> Iterator[FlowDifference]:
    old, new = ({goal.id: goal for goal in flow.goals} for flow in (before, after))
    for goal_id in [*new, *(goal_id for goal_id in old if goal_id not in new)]:
        was, now = (
            {
                gettext("event"): goal.event,
                gettext("only if"): goal.conditions,
                gettext("match"): goal.match,
                gettext("name"): goal.name,
                gettext("checked on the contact too"): goal.check_contact is True or None,
            }
            if goal
            else {}
            for goal in (old.get(goal_id), new.get(goal_id))
        )
        details = _details(was, now, names)
        kind: Kind = "added" if goal_id not in old else "removed" if goal_id not in new else "changed"
        if details:
            name = (new.get(goal_id) or old[goal_id]).name or goal_id
            yield FlowDifference(
                kind, goal_id, gettext("Goal %(name)s", name=name), "goal", [] if kind == "removed" else details
            )


def _rest(before: Flow, after: Flow) -> Iterator[FlowDifference]:
    old, new = (
        {
            gettext("may enter again"): flow.settings.reentry.replace("_", " "),
            gettext("cool-down, s"): flow.settings.cooldown_seconds,
            gettext("cool-down counts from the"): flow.settings.cooldown_from,
            gettext("one run for each"): flow.settings.entry_key,
            gettext("lets contacts in from"): flow.settings.active_from,
            gettext("lets contacts in until"): flow.settings.active_until,
            gettext("time zone of these dates"): flow.settings.timezone,
            gettext("entries in all"): flow.settings.max_entries,
            gettext("entries a minute"): flow.settings.rate_limit_per_minute,
            gettext("inside at the same time"): flow.settings.rate_limit_max_concurrent,
            gettext("uncertain messages"): uncertain_in_words(flow.settings),
            gettext("attempts of steps that say nothing"): _retry(flow.settings.retry),
            gettext("if a step fails that says nothing"): _on_error(flow.settings.on_error),
        }
        for flow in (before, after)
    )
    if details := _details(old, new):
        yield FlowDifference("changed", "", gettext("Entry and delivery rules"), "settings", details)
    if [note.text for note in before.notes] != [note.text for note in after.notes]:
        texts = {note.id: note.text for note in before.notes}, {note.id: note.text for note in after.notes}
        yield FlowDifference("changed", "", gettext("Notes"), "note", [Detail("", *pair) for pair in _pairs(*texts)])


def uncertain_in_words(settings: FlowSettings) -> str:
    """The rule for uncertain messages, as a clause."""
    rule = settings.uncertain
    if not isinstance(rule, UncertainRule) or not isinstance(rule.after, Span):
        return gettext("stay for a person")
    acts = {
        "assume_sent": gettext("count as sent"),
        "resend": gettext("are sent again once"),
        "error": gettext("count as failed"),
    }
    act = acts.get(rule.then, gettext("stay for a person"))
    return gettext("%(act)s after %(time)s", act=act, time=rule.after.words)


def _pairs(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str]]:
    return [(old.get(key, ""), new.get(key, "")) for key in {**new, **old} if old.get(key) != new.get(key)]
