"""The rows of one batch become contacts. What a contact cannot hold any more of is left out of a row, not the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.fields import ContactPatch
from app.contacts.imports.plan import RowChange, RowProblem
from app.contacts.imports.reading import Record
from app.contacts.service import AddressTaken
from app.contacts.upserting import UpsertResult, upsert_many
from app.errors import Invalid
from app.lib.translation import gettext

_OPTIONAL = {"tags": "add_tags", "attributes": "attributes", "consent": "consent"}
"""What a contact can hold too much of, and the part of a change that is left out then."""


class PlannedRow(msgspec.Struct, frozen=True):
    """A row that can be imported, with where it stands in its batch."""

    number: int
    record: Record
    row: RowChange


async def store_rows(
    session: AsyncSession, tenant_id: int, rows: Sequence[PlannedRow], *, emit: bool
) -> list[tuple[PlannedRow, UpsertResult]]:
    """Store the rows. A person is not refused for too many tags or too large attributes: they come in without them."""
    done: list[tuple[PlannedRow, UpsertResult]] = []
    for part in _distinct_parts(rows):
        outcomes = await _upsert(session, tenant_id, [planned.row.change for planned in part], emit=emit)
        for planned, outcome in zip(part, outcomes, strict=True):
            lighter, became = planned, outcome
            while (without_excess := _without_excess(lighter, became)) is not None:
                lighter = without_excess
                (became,) = await _upsert(session, tenant_id, [lighter.row.change], emit=emit)
            done.append((lighter, became))
    return done


def _without_excess(planned: PlannedRow, outcome: UpsertResult) -> PlannedRow | None:
    """The row without what its contact could not hold; None when that is not why it was refused."""
    if not isinstance(outcome.refused, Invalid) or not outcome.refused.errors:
        return None
    error = outcome.refused.errors[0]
    part = _OPTIONAL.get(error["path"].partition(".")[0])
    if part is None:
        return None
    change = planned.row.change
    values = getattr(change, part)
    # Nobody becomes reachable because an opt-out was too much.
    reduced: Any = type(values)()
    if part == "consent":
        reduced = {topic: allowed for topic, allowed in values.items() if allowed is False}
    if len(reduced) == len(values):
        return None
    problems = (
        *planned.row.problems,
        RowProblem(
            "",
            "",
            gettext(
                "%(error)s The %(error_2)s of this row were left out.", error=error["message"], error_2=error["path"]
            ),
        ),
    )
    lighter = msgspec.structs.replace(change, **{part: reduced})
    row = msgspec.structs.replace(planned.row, change=lighter, problems=problems)
    return msgspec.structs.replace(planned, row=row)


def _distinct_parts(rows: Sequence[PlannedRow]) -> Iterator[list[PlannedRow]]:
    """Cut where a contact comes again, so that its rows are applied one after the other."""
    part: list[PlannedRow] = []
    part_names: set[tuple[str, str]] = set()
    for planned in rows:
        change = planned.row.change
        names = {
            (field, value)
            for field, value in (("id", change.external_id), ("email", change.email))
            if value is not None
        }
        if names & part_names:
            yield part
            part, part_names = [], set()
        part.append(planned)
        part_names |= names
    if part:
        yield part


async def _upsert(
    session: AsyncSession, tenant_id: int, changes: Sequence[ContactPatch], *, emit: bool
) -> list[UpsertResult]:
    """All at once; when an address is taken in the middle of it, one by one, so that only that row is refused."""
    try:
        async with session.begin_nested():
            return await upsert_many(session, tenant_id, changes, via="import", emit=emit)
    except IntegrityError:
        if len(changes) == 1:
            return [UpsertResult(refused=AddressTaken())]
        return [outcome for change in changes for outcome in await _upsert(session, tenant_id, [change], emit=emit)]
