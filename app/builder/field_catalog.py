"""What a condition can look at, as forms offer it: fields in groups, with what they hold and the values that were met."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from app.flow import node_words
from app.flow.paths import label_of
from app.lib.conversions import is_blank, printed
from app.lib.translation import gettext, translatable
from app.values.field_kinds import CONTACT_KINDS, kind_of

CONTACT_LABELS = {
    "email": translatable("email"),
    "phone": translatable("phone"),
    "external_id": translatable("external id"),
    "source": translatable("source"),
    "timezone": translatable("time zone"),
    "locale": translatable("language"),
    "created_at": translatable("created at"),
}
"""Fields of a contact, as people call them."""
CONTACT_FIELDS = tuple(CONTACT_LABELS)
OF_FEW_VALUES = ("source", "timezone", "locale")
"""Fields of a contact that many share: their values are offered."""
MOST_VALUES = 30
EARLIER_STEPS = translatable("Earlier steps")
"""Pages say it in the reader's language; scripts know the group by it."""
LONGEST = 60
LEAST_SEEN = 20
"""Contacts, or events, from which on *all have it* says something of the next one: one test contact has everything."""


class FieldEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to choose. `row`: the row that it becomes, where it is no field with an operator and a value (`row-event` …)."""

    value: str
    label: str
    group: str
    kind: str = ""
    values: Sequence[str] = ()
    """Values that were met, the most frequent first; empty where nearly everybody has another one."""
    row: str = ""
    events: Sequence[str] = ()
    """Of a property: the events that have it."""
    is_everywhere: bool = False
    """Do all have it of those that were looked at? A text needs no fallback for it."""


class Met(msgspec.Struct):
    """What the newest rows hold, by name."""

    attributes: dict[str, list[Any]] = {}
    columns: dict[str, list[Any]] = {}
    tags: Counter[str] = msgspec.field(default_factory=Counter)
    consents: set[str] = set()
    events: dict[str, dict[str, list[Any]]] = {}
    """Properties of each event."""
    contacts: int = 0
    """How many contacts were looked at."""
    filled: Counter[str] = msgspec.field(default_factory=Counter)
    """How many of them have each field, by its path."""
    happened: Counter[str] = msgspec.field(default_factory=Counter)
    """How often each event was met."""

    def everybody_has(self, path: str) -> bool:
        """Has each contact that was looked at a value at this path, and were they enough to say so?"""
        return LEAST_SEEN <= self.contacts == self.filled[path]

    def each_brings(self, name: str) -> bool:
        """Has each event with this property a value in it, whenever it happened, and were they enough to say so?"""
        having = {event: values[name] for event, values in self.events.items() if name in values}
        return all(
            LEAST_SEEN <= sum(not is_blank(one) for one in met) == self.happened[event] for event, met in having.items()
        )

    def properties(self) -> dict[str, list[Any]]:
        """Values of each property, whatever the event."""
        merged: dict[str, list[Any]] = {}
        for properties in self.events.values():
            for name, values in properties.items():
                merged.setdefault(name, []).extend(values)
        return merged


def contact_entries(met: Met) -> list[FieldEntry]:
    """Fields of a contact: columns, attributes, tags and consent."""
    columns = [
        FieldEntry(
            value=f"contact.{name}",
            label=gettext(CONTACT_LABELS[name]),
            group="Contact",
            kind=CONTACT_KINDS[name],
            values=frequent(met.columns.get(name, ())),
            is_everywhere=met.everybody_has(f"contact.{name}"),
        )
        for name in CONTACT_FIELDS
    ]
    attributes = [
        FieldEntry(
            value=f"contact.attributes.{name}",
            label=name,
            group="Attributes",
            kind=kind_of(values),
            values=frequent(values),
            is_everywhere=met.everybody_has(f"contact.attributes.{name}"),
        )
        for name, values in sorted(met.attributes.items())
    ]
    tags = [tag for tag, _ in met.tags.most_common(MOST_VALUES)]
    tag_entry = FieldEntry(value="contact.tags", label=gettext("tags"), group="Tags", kind="list", values=tags)
    consents = [
        FieldEntry(
            value=f"consent.{name}", label=gettext("consent to %(name)s", name=name), group="Consent", kind="boolean"
        )
        for name in sorted(met.consents)
    ]
    return [*columns, *attributes, tag_entry, *consents]


def property_entries(met: Met) -> list[FieldEntry]:
    """Properties of events, each with the events that have it."""
    of: dict[str, list[str]] = {}
    for event, properties in met.events.items():
        for name in properties:
            of.setdefault(name, []).append(event)
    return [
        FieldEntry(
            value=f"event.{name}",
            label=label_of(f"event.{name}"),
            group="Event",
            kind=kind_of(values),
            values=frequent(values),
            events=of[name],
            is_everywhere=met.each_brings(name),
        )
        for name, values in sorted(met.properties().items())
    ]


def event_entries(names: Iterable[str], row: str = "") -> list[FieldEntry]:
    """Events by name."""
    return [FieldEntry(value=name, label=name, group="Events", row=row) for name in names]


def row_entries(rows: Mapping[str, Mapping[str, str]], group: str, row: str) -> list[FieldEntry]:
    """Workflows or segments, by their ids."""
    return [FieldEntry(value=id_, label=one["name"], group=group, row=row) for id_, one in rows.items()]


def earlier_entries(document: Mapping[str, Any], node_id: str) -> list[FieldEntry]:
    """What the steps before one put out and remember, nearest first: its form alone offers it."""
    entries: list[FieldEntry] = []
    variables: dict[str, FieldEntry] = {}
    for node in steps_before(document, node_id):
        title, data = node_words.title_of_plain(node), node.get("data") or {}
        for name, kind in node_words.results_of(node["type"], data).items():
            value = f"steps.{node['id']}.{name}"
            entries.append(FieldEntry(value=value, label=f"{title}: {name}", group=EARLIER_STEPS, kind=kind))
        for name, kind in node_words.variables_of(node["type"], data).items():
            value = f"vars.{name}"
            variables.setdefault(name, FieldEntry(value=value, label=name, group="Variables", kind=kind))
    return [*entries, *variables.values()]


def steps_before(document: Mapping[str, Any], node_id: str) -> list[dict[str, Any]]:
    """The steps from which a run can come to one, nearest first; in a circle that is the step itself too."""
    nodes = {node["id"]: node for node in document["nodes"]}
    sources: dict[str, list[str]] = {}
    for edge in document["edges"]:
        sources.setdefault(edge["target"], []).append(edge["source"])
    for node in nodes.values():
        for _, target in node_words.jumps_of(node["type"], node.get("data") or {}):
            sources.setdefault(target, []).append(node["id"])
    before = dict.fromkeys(sources.get(node_id, ()))
    waiting = list(before)
    for at in waiting:
        fresh = [source for source in sources.get(at, ()) if source not in before]
        before |= dict.fromkeys(fresh)
        waiting += fresh
    return [nodes[one] for one in before if one in nodes]


def frequent(values: Iterable[Any]) -> list[str]:
    """Texts, numbers and items of lists that several have, the most frequent first; nothing where most are different, as names and
    addresses are."""
    items = itertools.chain.from_iterable(value if isinstance(value, list) else (value,) for value in values)
    counts = Counter(printed(one) for one in items if _is_offered(one))
    if not counts or len(counts) > MOST_VALUES or any(len(text) > LONGEST for text in counts):
        return []
    return [] if len(counts) > 3 and len(counts) * 2 > counts.total() else [text for text, _ in counts.most_common()]


def _is_offered(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and not is_blank(value)
