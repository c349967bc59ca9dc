"""What a batch changes on contacts, merged in SQL so that no concurrent change is lost, grouped so that it costs little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.contacts.tag_repository import CHANGED_EACH, changed_sql
from app.engine import rows
from app.engine.claim import Place
from app.engine.rows import Int4s, Jsons, Uuids
from app.engine.walk import Batch
from app.flow.effects import CONTACT_COLUMNS, AddTag, ContactChange, Increment, RemoveTag, SetFields
from app.values.increments import together

Statement = tuple[str, tuple[Any, ...]]
MANY = 8
"""Groups of contacts with other values above which one statement carries a value per contact; shapes, above which it carries the shape."""


class Patch(NamedTuple):
    """A contact's changes folded in order; the parts do not overlap."""

    put: dict[str, Any]
    removed: tuple[str, ...]
    up: tuple[tuple[str, float | Decimal], ...]
    add: tuple[str, ...]
    drop: tuple[str, ...]
    columns: tuple[tuple[str, Any], ...]

    @property
    def shape(self) -> tuple[Any, ...]:
        """All but the attribute values: patches of one shape share a statement."""
        return self.removed, self.up, self.add, self.drop, self.columns


def fold(changes: Sequence[ContactChange]) -> Patch:
    """Fold changes in the order they happened."""
    attributes: dict[str, Any] = {}
    up: dict[str, float | Decimal] = {}
    add: dict[str, None] = {}
    drop: dict[str, None] = {}
    columns: dict[str, Any] = {}
    for change in changes:
        if isinstance(change, SetFields):
            attributes |= change.attributes
            columns |= change.columns
            for name in change.attributes:
                up.pop(name, None)
        elif isinstance(change, Increment):
            counts = attributes if change.field in attributes else up
            before = counts.get(change.field)
            counts[change.field] = change.by if before is None else together(before, change.by)
        elif isinstance(change, AddTag):
            drop.pop(change.tag, None)
            add[change.tag] = None
        elif isinstance(change, RemoveTag):
            add.pop(change.tag, None)
            drop[change.tag] = None
    removed = tuple(name for name, value in attributes.items() if value is None)
    values = {name: value for name, value in attributes.items() if value is not None}
    return Patch(values, removed, tuple(up.items()), tuple(add), tuple(drop), tuple(columns.items()))


def contact_updates(batch: Batch) -> Iterator[Statement]:
    """One statement per group of equal changes; groups that differ only in attribute values share one when they are many."""
    at = rows.instant(batch.now)
    groups: dict[tuple[ContactChange, ...], list[Place]] = {}
    for contact in batch.contacts.values():
        if contact.changes and (run := contact.changed_by) is not None:
            groups.setdefault(tuple(contact.changes), []).append((run.flow.tenant_id, contact.id))
    folded = [(fold(changes), places) for changes, places in groups.items()]
    if len(folded) <= MANY:
        for patch, places in folded:
            yield _update(patch, places, at, None)
        return
    shapes: dict[tuple[Any, ...], list[tuple[Patch, Place]]] = {}
    for patch, places in folded:
        shapes.setdefault(patch.shape, []).extend((patch, place) for place in places)
    if len(shapes) > MANY:
        yield _update_each([one for same in shapes.values() for one in same], at)
        return
    for same in shapes.values():
        values = Jsons([rows.json(patch.put) for patch, _ in same])
        yield _update(same[0][0], [place for _, place in same], at, values)


def _update(patch: Patch, places: Sequence[Place], at: datetime, values: Jsons | None) -> Statement:
    """`at`: the instant of the batch. `values`: the attributes of each contact; None when they are the same for all."""
    attributes, arguments = "c.attributes", list[Any]()
    if patch.removed:
        attributes += " - %s::text[]"
        arguments.append(list(patch.removed))
    if values is not None:
        attributes += " || u.put"
    elif patch.put:
        attributes += " || %s::jsonb"
        arguments.append(rows.encode(patch.put).decode())
    for name, by in patch.up:
        # Steps add only to numbers and to what is not there; text that is a number they put, under the contact's lock.
        attributes += (
            " || jsonb_build_object(%s::text, case when jsonb_typeof(c.attributes->%s) = 'number'"
            " then (c.attributes->>%s)::numeric else 0 end + %s::numeric)"
        )
        arguments += [name, name, name, _digits(by)]
    sets = [f"attributes = {attributes}"] if arguments or values is not None else []
    tags_sql, tag_arguments = "c.tags", list[Any]()
    for tag in patch.drop:
        tags_sql = f"array_remove({tags_sql}, %s::text)"
        tag_arguments.append(tag)
    for tag in patch.add:
        tags_sql = f"case when c.tags @> array[%s::text] then {tags_sql} else {tags_sql} || %s::text end"
        tag_arguments = [tag, *tag_arguments, *tag_arguments, tag]
    if tag_arguments:
        sets.append(f"tags = {tags_sql}")
        arguments += tag_arguments
    for column, value in patch.columns:
        if column in CONTACT_COLUMNS:
            sets.append(f"{column} = %s")
            arguments.append(value)
    source = "unnest(%s::int[], %s::uuid[]) as u(tenant_id, id)"
    tenants = Int4s([rows.int4(tenant_id) for tenant_id, _ in places])
    arguments += [at, tenants, Uuids([contact_id for _, contact_id in places])]
    if values is not None:
        source = "unnest(%s::int[], %s::uuid[], %s::jsonb[]) as u(tenant_id, id, put)"
        arguments.append(values)
    changed = ", ".join([*sets, "updated_at = %s"])
    sql = f"update contacts c set {changed} from {source} where c.tenant_id = u.tenant_id and c.id = u.id"
    if tag_arguments:
        sql = changed_sql(sql, drops=bool(patch.drop), adds=bool(patch.add))
        arguments += [list(tags) for tags in (patch.drop, patch.add) if tags]
    return sql, tuple(arguments)


def _digits(number: float | Decimal) -> str:
    """A number as `numeric` reads it, digit by digit."""
    return str(number) if isinstance(number, Decimal) else repr(number)


_NUMBER = "case when jsonb_typeof(c.attributes->name) = 'number' then (c.attributes->>name)::numeric else 0 end"
_TEXTS = "array(select jsonb_array_elements_text(u.patch->'{}'))"
_COLUMNS = ", ".join(
    f"{name} = case when u.patch->'columns' ? '{name}' then u.patch->'columns'->>'{name}' else c.{name} end"
    for name in CONTACT_COLUMNS
)
_EACH = f"""
update contacts c set
  attributes = c.attributes - {_TEXTS.format("removed")} || (u.patch->'put') || (
    select coalesce(jsonb_object_agg(name, {_NUMBER} + by::numeric), '{{}}') from jsonb_each_text(u.patch->'up') as counted(name, by)),
  tags = array(select tag from unnest(c.tags) with ordinality as old(tag, place) where not (u.patch->'drop') ? tag order by place)
    || array(select tag from jsonb_array_elements_text(u.patch->'add') as new(tag) where tag <> all(c.tags)),
  {_COLUMNS},
  updated_at = %s
from unnest(%s::int[], %s::uuid[], %s::jsonb[]) as u(tenant_id, id, patch)
where c.tenant_id = u.tenant_id and c.id = u.id
"""


def _update_each(folded: Sequence[tuple[Patch, Place]], at: datetime) -> Statement:
    """One statement for contacts each of which gets something else: it costs more for each, and one round for all."""
    patches = [
        {
            "put": patch.put,
            "removed": patch.removed,
            "up": {name: _digits(by) for name, by in patch.up},
            "add": patch.add,
            "drop": patch.drop,
            "columns": {name: value for name, value in patch.columns if name in CONTACT_COLUMNS},
        }
        for patch, _ in folded
    ]
    tenants = Int4s([rows.int4(tenant_id) for _, (tenant_id, _) in folded])
    ids = Uuids([contact_id for _, (_, contact_id) in folded])
    sql = _EACH
    if any(patch.add or patch.drop for patch, _ in folded):
        sql = CHANGED_EACH.format(update=_EACH)
    return sql, (at, tenants, ids, Jsons([rows.json(patch) for patch in patches]))
