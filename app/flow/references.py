"""Which rows of the workspace a document names: templates, connectors, segments. Config fields are marked, not guessed by name.

class SendConfig(msgspec.Struct):
    template_id: Annotated[UUID | None, Ref("template")] = None
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from app.flow import reference_words

ReferencedNames = Mapping[str, Mapping[UUID, str]]
"""Kind → id → what people call it, of those rows that are there."""


class ReferencedRow(NamedTuple):
    """A row that a document names. `channel` is the number of the channel that it belongs to, None for one that is not installed and for
    kinds that belong to none; `channel_label` is what people call that. `variety`: which sort of its kind, where there are several."""

    name: str
    channel: int | None
    channel_label: str
    variety: str = ""
    facts: frozenset[str] = frozenset()
    """What else a step that names it wants to know (`flow.going_on`)."""
    prints: frozenset[str] = frozenset()
    """Of a template: attributes of the contact that it prints as they are."""


ReferencedRows = Mapping[str, Mapping[UUID, ReferencedRow]]
"""Kind → id → row, of those that are there."""


class CalledRow(NamedTuple):
    """What a row is called that settings name by its id. `is_gone`: it is not there, and the name says that."""

    name: str
    is_gone: bool = False


CalledRows = Mapping[str, CalledRow]
"""By id, as settings have it."""


@dataclass(frozen=True)
class Ref:
    """Marks a Config field as the id of a row. `kind` is what people call such a row: `template`, `connector`, `segment`.

    `variety`: the only sort of it that fits, as people say it before the kind (`static`); empty when every one does.
    """

    kind: str
    variety: str = ""


class TopicName:
    """Marks a Config field as the name of a topic of consent: another workspace may call its topics differently."""


class Reference(NamedTuple):
    """One id in a config: of what, and where below `data` (`templateId`, `arms[0].templateId`)."""

    kind: str
    path: str
    id: UUID
    variety: str = ""
    """The only sort of its kind that fits."""


class MarkedField(NamedTuple):
    """A field of a config that is a reference, by the names that lead to it: `("arms", "templateId")`."""

    kind: str
    names: tuple[str, ...]
    variety: str = ""


def _parts(hint: Any) -> tuple[Ref | None, type[msgspec.Struct] | None]:
    """What a type hint holds anywhere inside: a mark, a struct."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        mark = next((note for note in notes if isinstance(note, Ref)), None)
        return (mark, None) if mark else _parts(inner)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return None, hint
    for part in get_args(hint):
        mark, struct = _parts(part)
        if mark or struct:
            return mark, struct
    return None, None


@functools.cache
def topic_fields(config: type[msgspec.Struct]) -> tuple[str, ...]:
    """The names of the fields of a config that name a topic."""
    hints = get_type_hints(config, include_extras=True)
    fields = msgspec.structs.fields(config)
    return tuple(one.encode_name for one in fields if TopicName in get_args(hints[one.name]))


@functools.cache
def marked_fields(config: type[msgspec.Struct]) -> tuple[MarkedField, ...]:
    """The references that a config may hold, in nested structs too (a struct inside itself is looked into once)."""
    return tuple(_marked(config, ()))


def _marked(config: type[msgspec.Struct], above: tuple[type, ...]) -> Iterator[MarkedField]:
    if config in above:
        return
    hints = get_type_hints(config, include_extras=True)
    for field in msgspec.structs.fields(config):
        mark, struct = _parts(hints[field.name])
        if mark:
            yield MarkedField(mark.kind, (field.encode_name,), mark.variety)
        elif struct:
            for inner in _marked(struct, (*above, config)):
                yield MarkedField(inner.kind, (field.encode_name, *inner.names), inner.variety)


def references_in(config: type[msgspec.Struct], data: Any) -> Iterator[Reference]:
    """The ids in `data`; invalid ones are skipped, since the type of their field refuses them."""
    for field in marked_fields(config):
        for path, value in _values(data, field.names, ""):
            try:
                yield Reference(field.kind, path, UUID(str(value)), field.variety)
            except ValueError:
                continue


def called_rows(wanted: Mapping[str, Iterable[UUID]], names: ReferencedNames) -> dict[str, CalledRow]:
    """What rows (kind → ids) are called: by their `names`, or as what is gone."""
    rows: dict[str, CalledRow] = {}
    for kind, ids in wanted.items():
        of_kind, without_name = names.get(kind, {}), CalledRow(reference_words.deleted_row(kind), is_gone=True)
        rows |= {str(id_): CalledRow(of_kind[id_]) if id_ in of_kind else without_name for id_ in ids}
    return rows


def reference_fault(reference: Reference, row: ReferencedRow | None) -> str | None:
    """Why a row does not fit where it is named, as a sentence; None when it does. `row` None: it is not there."""
    if row is None:
        return reference_words.missing_row(reference.kind)
    if reference.variety and row.variety != reference.variety:
        return reference_words.row_of_other_variety(row.name, reference.variety)
    return None


def _values(value: Any, names: tuple[str, ...], path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _values(item, names, f"{path}[{number}]")
    elif not names:
        yield path, value
    elif isinstance(value, dict) and names[0] in value:
        yield from _values(value[names[0]], names[1:], f"{path}.{names[0]}".lstrip("."))
