"""What a TenantRepository can reach: walked by all of its public methods, from both sides of a wall between two workspaces."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database_roles import DatabaseRole, scope_to
from app.lib.ids import uuid7
from app.models import Connector, Template
from app.models.owned_repository import NotOwnRow
from app.models.tenant_repository import TenantRepository
from app.models.workspace import Workspace
from tests.fixtures.acting import Actors
from tests.fixtures.stripped import Stripped


class Connectors(TenantRepository[Connector]):
    model = Connector


class Templates(TenantRepository[Template]):
    model = Template


def connector(tenant_id: int | None, name: str) -> Connector:
    return Connector(id=uuid7(), tenant_id=tenant_id, type="smtp", name=name, config={})


def template(tenant_id: int | None, name: str) -> Template:
    return Template(id=uuid7(), tenant_id=tenant_id, name=name)


KINDS = [(Connectors, connector), (Templates, template)]
Call = Callable[[Any, Any], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "get_one_or_none": lambda rows, row: rows.get_one_or_none(rows.model.id == row.id, lock=True, fresh=True),
    "first": lambda rows, row: rows.first(order_by=rows.model.name),
    "exists": lambda rows, row: rows.exists(rows.model.name == row.name),
    "count": lambda rows, row: rows.count(),
    "list": lambda rows, row: rows.list(order_by=[rows.model.name], limit=5),
    "page": lambda rows, row: rows.page([rows.model.name, rows.model.id], None, 5),
    "delete_where": lambda rows, row: rows.delete_where(rows.model.id == row.id),
    "query": lambda rows, row: rows.session.scalar(rows.query(rows.model.id == row.id)),
    "add": lambda rows, row: refused(rows.add(type(row)(id=uuid7(), tenant_id=row.tenant_id, name="planted"))),
    "delete": lambda rows, row: refused(rows.delete(row)),
}
"""Each public method, asked for a row of somebody else; what it answers is empty, or it refuses."""


async def refused(asked: Awaitable[Any]) -> None:
    with pytest.raises(NotOwnRow):
        await asked


def test_the_walk_knows_every_public_method() -> None:
    methods = {name for name, _ in inspect.getmembers(TenantRepository, inspect.isfunction) if not name.startswith("_")}
    assert methods == set(CALLS)


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_the_rows_of_a_neighbour_are_not_there(
    kind: Any, make: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace
) -> None:
    row = make(other_workspace.id, "theirs")
    db_session.add(row)
    await db_session.flush()
    for name, call in CALLS.items():
        answer = await call(kind(db_session, workspace.id), row)
        assert not getattr(answer, "items", answer), name
    names = (await db_session.scalars(select(kind.model.name).where(kind.model.tenant_id == other_workspace.id))).all()
    assert names == ["theirs"]


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_the_rows_of_a_neighbour_are_not_there_for_the_database_either(
    kind: Any,
    make: Any,
    db_session: AsyncSession,
    actors: Actors,
    stripped: Stripped,
    workspace: Workspace,
    other_workspace: Workspace,
) -> None:
    """The same without any filter by workspace. Nor can a row be given to a neighbour."""
    row = make(other_workspace.id, "theirs")
    db_session.add(row)
    await db_session.flush()
    async with actors.maker(DatabaseRole.WEB)() as session:
        scope_to(session, workspace.id)
        for name, call in CALLS.items():
            answer = await call(kind(session, workspace.id), row)
            assert not getattr(answer, "items", answer), name
        own = await kind(session, workspace.id).add(make(None, "ours"))
        assert await kind(session, workspace.id).count() == 1
        await session.delete(own)
        await session.flush()
        session.add(make(other_workspace.id, "planted"))
        with pytest.raises(DBAPIError, match="row-level security"):
            await session.flush()
    assert len(stripped.statements) >= 8
    names = (await db_session.scalars(select(kind.model.name).where(kind.model.tenant_id == other_workspace.id))).all()
    assert names == ["theirs"]


@pytest.mark.parametrize(("kind", "make"), KINDS)
async def test_the_rows_of_the_workspace_are(
    kind: Any, make: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    rows = kind(db_session, workspace.id)
    made = [await rows.add(make(None, name)) for name in ("b", "c", "a")]
    assert {row.tenant_id for row in made} == {workspace.id}
    assert await rows.count() == 3 and await rows.exists(kind.model.name == "a")
    first = await rows.page([kind.model.name, kind.model.id], None, 2)
    second = await rows.page([kind.model.name, kind.model.id], first.next_cursor, 2)
    assert [row.name for row in first.items] == ["a", "b"] and [row.name for row in second.items] == ["c"]
    newest = await rows.page([kind.model.name, kind.model.id], first.next_cursor, 2, newest=True)
    assert [row.name for row in newest.items] == ["a"] and second.next_cursor is None
    await rows.delete(made[0])
    assert await rows.delete_where(kind.model.name == "c") == 1 and await rows.count() == 1
