"""Which fields a configuration reads, and whether the data of a workspace has them. Pure.

A misspelt field name is no error at run time: it reads as missing in every run. So names that no data has get a warning with the
most similar known name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from app.flow import paths
from app.flow.diagnostic import Fix
from app.flow.field_names import field_name
from app.flow.segment_membership import wanted_ids
from app.lib.field_errors import joined
from app.lib.nearest import nearest
from app.lib.translation import gettext, translatable
from app.liquid.templates import LiquidError, compile_text
from app.values.contact_view import FIELD_COLUMNS

SEGMENTS = "segments"
"""What a condition reads that asks for membership."""
OF_CONTACT = frozenset({*FIELD_COLUMNS, "id", "tags", "attributes", "consent", SEGMENTS})
"""What every contact has."""
UNREPORTED = {
    "opened": translatable("Nothing reports opens yet, so this is no for everybody."),
    "clicked": translatable("Nothing reports clicks yet, so this is no for everybody."),
}
"""What is said of a kind of report that no connector of the workspace makes."""


class NameDoubt(NamedTuple):
    """A sentence about a name that no data has, and how to write the most similar one that data has instead."""

    message: str
    fix: Fix | None = None


class FieldRead(NamedTuple):
    """A field that is read: where in the configuration, its names one after the other, and whether a template reads it.

    A template knows no bare names: `{{ plan }}` is empty in a mail, where a step finds the attribute.
    """

    path: str
    names: list[str]
    of_template: bool = False


def fields_read(value: Any, path: str = "") -> Iterator[FieldRead]:
    """All fields that a JSON value reads, in conditions and in texts with Liquid."""
    if isinstance(value, str):
        yield from (read._replace(of_template=False) for read in fields_in_text(value, path))
    elif isinstance(value, dict):
        if wanted_ids(value.get("field"), value.get("operator"), value.get("value")) is not None:
            yield FieldRead(joined(path, "field"), ["contact", SEGMENTS])
            return
        field_path = value.get("field")
        if isinstance(field_path, str) and "operator" in value and paths.problem(field_path) is None:
            yield FieldRead(joined(path, "field"), paths.names_of(field_path))
        for name, inner in value.items():
            yield from fields_read(inner, joined(path, str(name)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from fields_read(inner, f"{path}[{number}]")


def fields_in_text(text: str, path: str, *, html: bool = False) -> Iterator[FieldRead]:
    """The fields that a text with Liquid reads; none when it is no Liquid, which is told elsewhere."""
    if "{{" not in text and "{%" not in text:
        return
    try:
        field_paths = compile_text(text, html=html).paths
    except LiquidError:
        return
    for name in sorted(field_paths):
        yield FieldRead(path, paths.names_of(name), of_template=True)


@dataclass(frozen=True)
class KnownNames:
    """Names that data has: attributes of contacts, and properties by event name. None, or no entry: there is no data to ask.

    `everywhere`: attributes that each contact has of those that were looked at. `events`: names of recent events, and of those that were
    asked for all that ever came in.
    """

    attributes: frozenset[str] | None = None
    properties: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reported: frozenset[str] = frozenset()
    """What connectors of the workspace report of people: `opened`, `clicked`."""
    everywhere: frozenset[str] = frozenset()
    events: frozenset[str] | None = None

    def with_attributes(self, names: Iterable[str]) -> KnownNames:
        """The same, with attributes that will be there, such as those that a step writes."""
        return self if self.attributes is None else replace(self, attributes=self.attributes | frozenset(names))

    def of_any_event(self, event_fields: Iterable[str] = ()) -> KnownNames:
        """For what is not tied to one event, such as a template: the properties of all of them, and `given`, as event ''."""
        every = frozenset(event_fields).union(*self.properties.values())
        return replace(self, properties={"": every} if every else {})

    def doubt(self, read: FieldRead, event: str | None) -> NameDoubt | None:
        """What is odd when no data has this field; `event` is the one that is read, None when it is not known."""
        root, *names = read.names
        if root == "contact":
            at = 2 if names[:1] == ["attributes"] and names[1:] else 1
            return self._of_contact(read, at) if names and names != ["attributes"] else None
        if root == "event":
            return self._of_event(read, event) if names else None
        if (kind := paths.REPORTED.get(read.names[-1])) and root in ("steps", *paths.REPORTED):
            return None if kind in self.reported else _unreported(kind)
        if root in paths.CONDITION_ROOTS or root == "workspace":
            return None
        if read.of_template:
            return self._bare_in_text(root, event)
        return self._of_either(read, 1 if root == "attributes" and names else 0, event)

    def _bare_in_text(self, name: str, event: str | None) -> NameDoubt | None:
        of_event = self.properties.get(event or "", frozenset())
        where = "contact" if name in (self.attributes or ()) else "event" if name in of_event else None
        if where is None:
            return None
        message = (
            gettext("A text does not find “%(name)s” by itself. Did you mean “%(name)s” of the contact?", name=name)
            if where == "contact"
            else gettext("A text does not find “%(name)s” by itself. Did you mean “%(name)s” of the event?", name=name)
        )
        return NameDoubt(message, _put(name, f"{where}.{name}"))

    def _of_contact(self, read: FieldRead, at: int) -> NameDoubt | None:
        name = read.names[at]
        if self.attributes is None or name in OF_CONTACT or name in self.attributes:
            return None
        return _doubt(gettext("No contact has “%(name)s”.", name=name), read, at, self.attributes | OF_CONTACT)

    def _of_event(self, read: FieldRead, event: str | None) -> NameDoubt | None:
        name = read.names[1]
        event_fields = self.properties.get(event) if event is not None else None
        if event_fields is None or name == "name" or name in event_fields:
            return None
        message = (
            gettext("No recent event “%(event)s” has “%(name)s”.", event=event, name=name)
            if event
            else gettext("No recent event has “%(name)s”.", name=name)
        )
        return _doubt(message, read, 1, event_fields)

    def _of_either(self, read: FieldRead, at: int, event: str | None) -> NameDoubt | None:
        """A bare name is looked up in the event, then in the contact."""
        name = read.names[at]
        event_fields = self.properties.get(event) if event is not None else None
        if event_fields is None or self.attributes is None:
            return None
        known = event_fields | self.attributes | OF_CONTACT
        if name in known:
            return None
        return _doubt(gettext("Neither contacts nor recent events have “%(name)s”.", name=name), read, at, known)


def _unreported(kind: str) -> NameDoubt:
    return NameDoubt(gettext(UNREPORTED[kind]))


def _doubt(message: str, read: FieldRead, at: int, known: frozenset[str]) -> NameDoubt:
    near = nearest(read.names[at], sorted(known))
    if not near:
        return NameDoubt(message)
    names = [*read.names[:at], near, *read.names[at + 1 :]]
    called = near if read.names[0] == "event" else field_name(f"contact.{near}")
    return NameDoubt(
        message + gettext(" Did you mean “%(near)s”?", near=called), _put(".".join(read.names), ".".join(names))
    )


def _put(find: str, put: str) -> Fix:
    return Fix(gettext("Use “%(name)s”", name=field_name(put)), find, put)
