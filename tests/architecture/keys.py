"""Rules about keys and indexes: rows of one workspace lie beside each other, whatever the number of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import MetaData, UniqueConstraint

WORKSPACE = "tenant_id"


class StoredIndex(NamedTuple):
    """An index as the database has it. `columns` are their definitions, without direction; `where` its predicate."""

    table: str
    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    where: str | None


_INDEXES = """
select t.relname, c.relname, array(select pg_get_indexdef(i.indexrelid, n, true) from generate_series(1, i.indnkeyatts) n),
  i.indisunique, i.indisprimary, pg_get_expr(i.indpred, i.indrelid)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
where t.relnamespace = current_schema()::regnamespace and not t.relispartition order by t.relname, c.relname
"""


def stored(connection: psycopg.Connection[Any]) -> list[StoredIndex]:
    """All indexes of the database but those of parts of tables, which have what the whole has."""
    rows = connection.execute(_INDEXES).fetchall()
    return [StoredIndex(table, name, tuple(columns), *rest) for table, name, columns, *rest in rows]


def keys_of_models(metadata: MetaData) -> dict[str, tuple[str, ...]]:
    """The columns of each table's primary key, in order."""
    return {table.name: tuple(column.name for column in table.primary_key) for table in metadata.sorted_tables}


def unique_of_models(metadata: MetaData, shared: Mapping[str, str]) -> Iterator[str]:
    """Unique keys of models that do not lead with the workspace. `shared`: tables that stand above workspaces, and why."""
    for table in metadata.sorted_tables:
        if table.name in shared:
            continue
        keys = [("primary key", list(table.primary_key))]
        keys += [(str(c.name), list(c.columns)) for c in table.constraints if isinstance(c, UniqueConstraint)]
        keys += [(str(i.name), list(i.expressions)) for i in table.indexes if i.unique]
        for name, columns in keys:
            if not columns or getattr(columns[0], "name", None) != WORKSPACE:
                yield f"{table.name}: {name} does not lead with {WORKSPACE}"


def not_led(indexes: Iterable[StoredIndex], shared: Mapping[str, str], across: Mapping[str, str]) -> Iterator[str]:
    """Indexes that do not lead with the workspace. `across`: plain ones of work that is looked for in all workspaces, and why."""
    for index in indexes:
        if index.table in shared or index.columns[0] == WORKSPACE or (index.name in across and not index.unique):
            continue
        yield f"{index.table}: {index.name} does not lead with {WORKSPACE}"


def repeated(indexes: Iterable[StoredIndex]) -> Iterator[str]:
    """Indexes whose columns another one of the same rows begins with."""
    listed = list(indexes)
    for index in listed:
        for other in listed:
            if index is other or index.table != other.table or index.where != other.where or index.unique:
                continue
            same = index.columns == other.columns[: len(index.columns)]
            if same and (index.columns != other.columns or other.unique or index.name > other.name):
                yield f"{index.table}: {index.name} repeats {other.name}"


def unlike(models: Mapping[str, tuple[str, ...]], indexes: Iterable[StoredIndex]) -> Iterator[str]:
    """Primary keys that the database has otherwise than the models say."""
    in_database = {index.table: index.columns for index in indexes if index.primary}
    for table, columns in models.items():
        if in_database.get(table) != columns:
            yield f"{table}: the model's key is {columns}, the database's {in_database.get(table)}"
