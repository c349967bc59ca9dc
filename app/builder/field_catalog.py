"""What a condition can look at, as forms offer it: fields in groups, with what they hold and the values that were met."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from app.flow import node_words, paths
from app.flow.document import triggers_of
from app.flow.field_names import field_name, output_name
from app.flow.trigger_registry import typed
from app.lib.conversions import is_blank, printed
from app.lib.translation import gettext, translatable
from app.values.field_kinds import CONTACT_KINDS, kind_of

CONTACT_FIELDS = ("email", "phone", "external_id", "source", "timezone", "locale", "created_at")
OF_FEW_VALUES = ("source", "timezone", "locale")
"""Fields of a contact that many share: their values are offered."""
TAGS = "contact.tags"
MOST_DEEP = 3
"""Levels of objects inside an attribute or a property that are offered by themselves."""
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

    def all_have(self, values: Sequence[Any]) -> bool:
        """The same of the values themselves, one of each contact that has the attribute."""
        return LEAST_SEEN <= self.contacts == sum(not is_blank(value) for value in values)

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
            label=field_name(f"contact.{name}"),
            group="Contact",
            kind=CONTACT_KINDS[name],
            values=frequent(met.columns.get(name, ())),
            is_everywhere=met.everybody_has(f"contact.{name}"),
        )
        for name in CONTACT_FIELDS
    ]
    attributes = [
        FieldEntry(
            value=path,
            label=field_name(path),
            group="Attributes",
            kind=kind_of(values),
            values=frequent(values),
            is_everywhere=met.all_have(values),
        )
        for name, of_name in sorted(met.attributes.items())
        for path, values in inner_fields(f"contact.attributes.{name}", of_name)
    ]
    own_id = FieldEntry(
        value="contact.id", label=field_name("contact.id"), group="Contact", kind="text", is_everywhere=True
    )
    return [*columns, own_id, *attributes, *_tag_entries(met), *_consent_entries(met)]


def _tag_entries(met: Met) -> Iterator[FieldEntry]:
    """The list of tags, and each tag as a condition that is whole at once."""
    tags = [tag for tag, _ in met.tags.most_common(MOST_VALUES)]
    yield FieldEntry(value=TAGS, label=field_name(TAGS), group="Tags", kind="list", values=tags)
    yield from (
        FieldEntry(value=tag, label=gettext("has the tag “%(tag)s”", tag=tag), group="Tags", row="row-tag")
        for tag in tags
    )


def _consent_entries(met: Met) -> Iterator[FieldEntry]:
    """What contacts allowed: each channel, and each topic that somebody was asked about."""
    for name in sorted(met.consents):
        path = f"consent.{name}"
        yield FieldEntry(value=path, label=field_name(path), group="Consent", kind="boolean")


def inner_fields(path: str, values: Iterable[Any], depth: int = MOST_DEEP) -> Iterator[tuple[str, list[Any]]]:
    """What values that are objects hold, by path: `address.city` of an address. Others are one leaf, as objects whose names are no path."""
    met = [value for value in values if value is not None]
    names = dict.fromkeys(name for value in met if isinstance(value, dict) for name in value)
    whole = not names or not depth or not all(isinstance(value, dict) for value in met)
    if whole or any(paths.problem(name) for name in names) or len(names) > MOST_VALUES:
        yield path, list(values)
        return
    for name in names:
        yield from inner_fields(
            f"{path}.{name}", [value.get(name) if isinstance(value, dict) else None for value in values], depth - 1
        )


def property_entries(met: Met) -> list[FieldEntry]:
    """Properties of events, each with the events that have it."""
    of: dict[str, list[str]] = {}
    for event, properties in met.events.items():
        for name in properties:
            of.setdefault(name, []).append(event)
    return [
        FieldEntry(
            value=path,
            label=field_name(path),
            group="Event",
            kind=kind_of(values),
            values=frequent(values),
            events=of[name],
            is_everywhere=met.each_brings(name) and not any(map(is_blank, values)),
        )
        for name, of_name in sorted(met.properties().items())
        for path, values in inner_fields(f"event.{name}", of_name)
    ]


def event_entries(names: Iterable[str], row: str = "") -> list[FieldEntry]:
    """Events by name."""
    return [FieldEntry(value=name, label=name, group="Events", row=row) for name in names]


def row_entries(rows: Mapping[str, Mapping[str, str]], group: str, row: str) -> list[FieldEntry]:
    """Workflows or segments, by their ids."""
    return [FieldEntry(value=id_, label=one["name"], group=group, row=row) for id_, one in rows.items()]


def trigger_entries(document: Mapping[str, Any], known: Collection[str] = ()) -> list[FieldEntry]:
    """What the triggers of a document say that they bring, but for `known` paths: also where none of it came in yet."""
    entries: dict[str, FieldEntry] = {}
    for trigger in triggers_of(document):
        kind, config = typed(trigger)
        for name, sort in kind.brings(config).items():
            path = f"event.{name}"
            if path not in known:
                entries.setdefault(path, FieldEntry(value=path, label=field_name(path), group="Event", kind=sort))
    return list(entries.values())


def earlier_entries(document: Mapping[str, Any], node_id: str) -> list[FieldEntry]:
    """What the steps before one put out and remember, nearest first: its form alone offers it."""
    entries: list[FieldEntry] = []
    variables: dict[str, FieldEntry] = {}
    for node in steps_before(document, node_id):
        title, data = node_words.title_of_plain(node), node.get("data") or {}
        for name, kind in node_words.results_of(node["type"], data).items():
            value = f"steps.{node['id']}.{name}"
            entries.append(FieldEntry(value=value, label=output_name(title, name), group=EARLIER_STEPS, kind=kind))
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
