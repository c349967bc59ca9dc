"""Marks of what is personal about a contact. Erasing a contact follows them: `app.contacts.erasure_repository` makes its statements from
here.

A table whose rows go with the contact has `ROWS_GO` in its `info`; a column that is emptied in rows that stay has `personal()`.
A text, document or bytes column of any table is marked, or stands in the list of `tests/contacts/test_erasing.py` with the reason
why it holds nothing of a contact.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Column, Table

MARK = "personal"


class About(StrEnum):
    """How the rows about a contact are found, as SQL over the row's table, in the order in which they must be looked for.

    Parameters: `id` and `tenant`, its `tags`, `created_at` and `email`, the `comparable` form of that, and `traces`, patterns for `like`
    over text in small letters that match whatever names the contact.
    """

    SELF = "id = %(id)s and tenant_id = %(tenant)s"
    RECIPIENTS = (
        "tenant_id = %(tenant)s and (%(email)s = any(recipients) or recipients && array(select m.recipient from messages m"
        " where m.contact_id = %(id)s and m.tenant_id = %(tenant)s and m.recipient is not null))"
    )
    """A mail went to it; before what is known of its messages is gone."""
    EVENT = (
        "tenant_id = %(tenant)s and event_id in"
        " (select e.id from events e where e.contact_id = %(id)s and e.tenant_id = %(tenant)s)"
    )
    """By its events, before those are gone."""
    CONTACT = "contact_id = %(id)s and tenant_id = %(tenant)s"
    MEMBER = (
        "tenant_id = %(tenant)s and contact_id = %(id)s and segment = any(array(select number from segments where tenant_id = %(tenant)s"
        " union select number from segment_builds where tenant_id = %(tenant)s))"
    )
    """In a segment, by its number: there is no index by contact."""
    RUN = (
        "tenant_id = %(tenant)s"
        " and run_id in (select r.id from runs r where r.contact_id = %(id)s and r.tenant_id = %(tenant)s)"
    )
    TAGS = "tenant_id = %(tenant)s and tag = any(%(tags)s::text[]) and created_at = %(created_at)s::timestamptz and contact_id = %(id)s"
    """By its tags and when it was made, which its row said."""
    ADDRESS = "tenant_id = %(tenant)s and address = %(comparable)s"
    NAMED = "tenant_id = %(tenant)s and contact_id is null"
    """Without a contact; the text of the row is looked through besides."""
    STEP_OF_NOBODY = (
        "tenant_id = %(tenant)s"
        " and run_id in (select r.id from runs r where r.contact_id is null and r.tenant_id = %(tenant)s)"
    )
    """Of a run without a contact, likewise."""
    IMPORTED_ROW = "tenant_id = %(tenant)s and lower(row::text || message) like any(%(traces)s)"
    IMPORT_SAMPLE = (
        "tenant_id = %(tenant)s and jsonb_typeof(mapping->'sample') = 'array'"
        " and lower((mapping->'sample')::text) like any(%(traces)s)"
    )
    VIEW = "tenant_id = %(tenant)s and (lower(query::text) like any(%(traces)s) or query->>'contact' = (%(id)s)::text)"
    """A list that is kept, narrowed to the contact."""
    NAMED_VIEW = "tenant_id = %(tenant)s and lower(to_json(name)::text) like any(%(traces)s)"
    """A list that is kept under a name in which the contact stands."""


class RowsGo(NamedTuple):
    """The mark of a table: its rows about the contact are deleted.

    `names`: of tables that have rows without a contact, the text (SQL) in which one of those may name it; such a row goes too.
    """

    about: About
    names: str | None = None
    of_nobody: About = About.NAMED
    """How those without a contact are found."""


class Emptied(NamedTuple):
    """The mark of a column: it becomes `value`, an SQL expression, in rows about the contact. `about` None: as its table says."""

    value: str
    about: About | None


def rows_go(
    about: About = About.CONTACT, *, names: str | None = None, of_nobody: About = About.NAMED
) -> dict[str, Any]:
    """`info` of a table whose rows about a contact are deleted with it; `names` and `of_nobody` as in `RowsGo`."""
    return {MARK: RowsGo(about, names, of_nobody)}


def personal(becomes: str = "null", about: About | None = None) -> dict[str, Any]:
    """`info` of a column that says something about a contact, in rows that stay for the numbers."""
    return {MARK: Emptied(becomes, about)}


def rows_of(table: Table) -> RowsGo | None:
    mark: RowsGo | None = table.info.get(MARK)
    return mark


def emptied(column: Column[Any]) -> Emptied | None:
    """The mark of a column, with how its rows are found: by `contact_id`, else by the contact's runs."""
    mark: Emptied | None = column.info.get(MARK)
    if mark is None or mark.about is not None:
        return mark
    names = column.table.columns.keys()
    if "contact_id" in names and "tenant_id" in names:
        return Emptied(mark.value, About.CONTACT)
    if "run_id" in names:
        return Emptied(mark.value, About.RUN)
    raise ValueError(f"Say about= of {column.table.name}.{column.name}: its rows know neither contact nor run.")
