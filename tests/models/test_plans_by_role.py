"""Policies take no index away: the lists of pages and API are read by `tl_web` as by a role that no policy holds for.

A condition whose operator might tell of rows that a role does not see (`lower`, `like`, arrays, JSON) is judged after the policy, so no
index serves it. Statements keep to such as do not, or work by another role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.lib import ids
from app.lib.database_roles import SETTING, DatabaseRole
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.acting import Actors
from tests.fixtures.filled import fill
from tests.fixtures.people import ApiClients

LISTS = (
    "/api/v1/contacts",
    "/api/v1/contacts?search=leak-me-not",
    "/api/v1/contacts?email=leak-me-not@example.com",
    "/api/v1/contacts?externalId=leak-me-not",
    "/api/v1/contacts?tag=leak-me-not",
    "/api/v1/contacts?source=website",
    "/api/v1/contacts?permission=no_address",
    "/api/v1/contacts?permission=unsubscribed",
    "/api/v1/runs?workflowId={workflow_id}",
    "/api/v1/runs?workflowId={workflow_id}&status=completed",
    "/api/v1/runs?contactId={contact_id}",
    "/api/v1/runs?status=failed",
    "/api/v1/messages",
    "/api/v1/messages?contactId={contact_id}",
    "/api/v1/messages?workflowId={workflow_id}",
    "/api/v1/messages?status=sent",
    "/api/v1/events?contactId={contact_id}",
    "/api/v1/events?name=leak-me-not.happened",
    "/api/v1/workflows",
    "/api/v1/workflows/{workflow_id}/stats",
    "/api/v1/templates",
    "/api/v1/suppressions",
)
_POLICY = re.compile(r"\(?\w*\.?tenant_id = \(InitPlan \d+\)\.col1\)?")
BOUNDED = "contacts.search LIKE"
"""Asked of the newest contacts one by one, up to a number; the index of trigrams is asked by another role."""
BIG = (
    "contacts",
    "contact_tags",
    "active_runs",
    "ended_runs",
    "steps",
    "step_attempts",
    "messages",
    "events",
    "event_keys",
)


class Sent:
    """The statements that `tl_web` sent."""

    def __init__(self, actors: Actors) -> None:
        self.actors, self.statements = actors, list[tuple[str, Any]]()

    def note(self, _conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        big = any(table in statement for table in BIG)
        if self.actors.role is DatabaseRole.WEB and statement.lstrip().lower().startswith(("select", "with")) and big:
            self.statements.append((statement, parameters))


@pytest.fixture
def sent(connection: AsyncConnection, actors: Actors) -> Iterator[Sent]:
    sent_ = Sent(actors)
    event.listen(connection.sync_engine, "before_cursor_execute", sent_.note)
    yield sent_
    event.remove(connection.sync_engine, "before_cursor_execute", sent_.note)


def scans(node: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(table, index, conditions that the index serves) of each look at a table, but for the policy's own condition."""
    if "Relation Name" in node or "Index Name" in node:
        served = re.findall(r"\w+[^()]* (?:=|<|>|<=|>=|~~) [^)]*", _POLICY.sub("", node.get("Index Cond", "")))
        yield node.get("Relation Name", ""), node.get("Index Name", ""), tuple(sorted(set(served)))
    for child in node.get("Plans", ()):
        yield from scans(child)


async def plan(session: AsyncSession, role: DatabaseRole, tenant: int, statement: str, parameters: Any) -> list[Any]:
    connection = await session.connection()
    await connection.exec_driver_sql(f"set local role {role}")
    await connection.exec_driver_sql(f"select set_config('{SETTING}', '{tenant}', true)")
    rows = await connection.exec_driver_sql(f"explain (format json) {statement}", parameters)
    (explained,) = rows.scalar_one()
    await connection.exec_driver_sql(f"set local role {DatabaseRole.OWNER}")
    return sorted(scans(explained["Plan"]))


MANY = 3_000
_CONTACTS = """
insert into contacts (tenant_id, id, email, external_id, source, tags, attributes)
select %s, id, 'p' || n || '@example.com', 'e' || n, 'import', array['all'], jsonb_build_object('name', md5(n::text))
from unnest(%s::uuid[]) with ordinality as new (id, n)
"""
_RUNS = """
insert into ended_runs (tenant_id, id, contact_id, workflow_id, workflow_version, started_at, status, seq)
select %s, id, id, (array[id, %s::uuid])[1 + n %% 2], 1, now(), 4 + n %% 2, 0 from unnest(%s::uuid[]) with ordinality as new (id, n)
"""
_MESSAGES = """
insert into messages (tenant_id, run_id, seq, workflow_id, contact_id, channel, status, created_at)
select %s, id, 1, (array[id, %s::uuid])[1 + n %% 2], id, 1, 2 + n %% 2, now() from unnest(%s::uuid[]) with ordinality as new (id, n)
"""
_EVENTS = """
insert into events (tenant_id, id, contact_id, name, occurred_at)
select %s, id, id, 'n' || n %% 100, now() from unnest(%s::uuid[]) with ordinality as new (id, n)
"""


async def crowd(session: AsyncSession, tenant: int, workflow: str) -> None:
    """Enough of everything that an index is worth its while, and statistics that say so."""
    connection, new = await session.connection(), [UUID(bytes=raw) for raw in ids.uuid7_many(MANY)]
    await connection.exec_driver_sql(_CONTACTS, (tenant, new))
    await connection.exec_driver_sql(_RUNS, (tenant, workflow, new))
    await connection.exec_driver_sql(_MESSAGES, (tenant, workflow, new))
    await connection.exec_driver_sql(_EVENTS, (tenant, new))
    await connection.exec_driver_sql("analyze contacts, ended_runs, messages, events")
    await connection.exec_driver_sql("set local enable_seqscan = off")


async def test_policies_take_no_index_away(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, sent: Sent
) -> None:
    names, program = await fill(db_session, workspace), await api(Role.OWNER)
    await crowd(db_session, workspace.id, names["workflow_id"])
    wrong, count = list[str](), 0
    for path in LISTS:
        sent.statements.clear()
        answer = await program.get(path.format(**names))
        assert answer.status_code == 200, f"{path}: {answer.text}"
        for statement, parameters in list(sent.statements):
            if BOUNDED in statement:
                continue
            count += 1
            free = await plan(db_session, DatabaseRole.ENGINE, workspace.id, statement, parameters)
            kept = await plan(db_session, DatabaseRole.WEB, workspace.id, statement, parameters)
            if free != kept:
                wrong.append(f"{path}\n{statement}\n  by the engine {free}\n  by tl_web     {kept}")
    assert not wrong, "\n\n".join(wrong)
    assert count > 25


async def test_a_planted_condition_is_seen(db_session: AsyncSession, workspace: Workspace) -> None:
    names = await fill(db_session, workspace)
    await crowd(db_session, workspace.id, names["workflow_id"])
    statement = "select id from contacts where search like '%%me-no%%'"
    free = await plan(db_session, DatabaseRole.ENGINE, workspace.id, statement, {})
    assert "search ~~" in str(free)
    assert "search ~~" not in str(await plan(db_session, DatabaseRole.WEB, workspace.id, statement, {}))
