"""Rows for tests of delivery, written as the engine and the pages would write them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.senders import seal_password
from app.connectors.service import ConnectorService
from app.lib import database
from app.lib.ids import uuid7
from app.messaging.deliver import Delivery, connect
from app.messaging.repository import MessageRepository
from app.messaging.service import MessageService
from app.models.status import MessageStatus, Role, RunStatus
from tests.fixtures.runs import table_of
from tests.fixtures.sink import Sink


class World:
    """One workspace and what a message in it needs."""

    def __init__(self, connection: psycopg.Connection[Any], sink: Sink) -> None:
        self.db, self.sink = connection, sink
        self.tenant = self.workspace("one")
        self.connector_id = self.connector(self.tenant, sink.port)
        self.template_id = self.template(self.tenant)
        self.workflow_id = self.workflow(self.tenant)

    def workspace(self, slug: str) -> int:
        row = self.db.execute(
            "insert into workspaces (name, slug) values (%s, %s) returning id", (slug, slug)
        ).fetchone()
        return int(row[0])  # type: ignore[index]

    def connector(self, tenant: int, port: int, *, default: bool = True, password: str = "") -> UUID:
        connector_id = uuid7()
        config = {"host": "127.0.0.1", "port": port, "security": "none", "username": "u" if password else "",
                  "fromEmail": "shop@example.com", "fromName": "The Shop"}  # fmt: skip
        self.db.execute(
            "insert into connectors (id, tenant_id, type, name, config, secret, is_default) values (%s,%s,'smtp',%s,%s,%s,%s)",
            (
                connector_id,
                tenant,
                f"c{port}-{connector_id}",
                Jsonb(config),
                seal_password("smtp", connector_id, config, password),
                default,
            ),
        )
        return connector_id

    def template(self, tenant: int, **parts: str) -> UUID:
        template_id = uuid7()
        self.db.execute(
            "insert into templates (id, tenant_id, name, subject, html, text) values (%s,%s,%s,%s,%s,%s)",
            (template_id, tenant, f"t{template_id}", parts.get("subject", "Hi {{ contact.first_name }}"),
             parts.get("html", "<p>Hello {{ contact.attributes.first_name }}, {{ event.thing }}</p>"), parts.get("text", "")),
        )  # fmt: skip
        return template_id

    def workflow(self, tenant: int, status: str = "active") -> UUID:
        workflow_id = uuid7()
        self.db.execute(
            "insert into workflows (id, tenant_id, name, status, draft) values (%s,%s,'flow',%s,'{}')",
            (workflow_id, tenant, status),
        )
        return workflow_id

    def contact(self, email: str | None = "zoe@example.com", *, tenant: int | None = None, **more: Any) -> UUID:
        contact_id = uuid7()
        self.db.execute(
            "insert into contacts (id, tenant_id, email, attributes, consent) values (%s,%s,%s,%s,%s)",
            (contact_id, tenant or self.tenant, email, Jsonb(more.get("attributes", {"first_name": "Zoé"})),
             Jsonb(more.get("consent", {}))),
        )  # fmt: skip
        return contact_id

    def message(self, contact_id: UUID | None = None, **more: Any) -> UUID:
        """A run and its queued message (seq 2); returns the run's id."""
        run_id, tenant = uuid7(), more.get("tenant", self.tenant)
        contact_id = contact_id or self.contact(f"{run_id}@example.com", tenant=tenant)
        workflow_id = more.get("workflow_id", self.workflow_id)
        status = int(more.get("run_status", RunStatus.COMPLETED))
        self.db.execute(
            f"insert into {table_of(status)} (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at,"
            " status, seq) values (%s,%s,%s,%s,1,%s,clock_now(),%s,3)",
            (run_id, contact_id, tenant, workflow_id, Jsonb({"name": "bought", "thing": "shoes"}), status),
        )  # fmt: skip
        self.db.execute(
            "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, payload, due_at,"
            " created_at, workflow_version, node_id)"
            " values (%s,2,%s,%s,%s,%s,1,0,%s,clock_now(),clock_now() - %s * interval '1 hour',1,%s)",
            (run_id, tenant, workflow_id, contact_id, more.get("template_id", self.template_id),
             Jsonb(more["payload"]) if more.get("payload") else None, more.get("hours_old", 0),
             more.get("node_id", "mail")),
        )  # fmt: skip
        self.db.execute(
            "insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n) values (%s,%s,1,%s,'message.queued',1,1)"
            " on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + 1",
            (tenant, workflow_id, more.get("node_id", "mail")),
        )
        return run_id

    def backlog(self, count: int, payload: dict[str, Any] | None = None) -> None:
        """So many queued messages, each to a contact of its own, by one statement."""
        self.db.execute(
            """
            with made as (
              select run, gen_random_uuid() as contact, n from unnest(%(runs)s::uuid[]) with ordinality as r(run, n)),
            people as (insert into contacts (id, tenant_id, email, attributes, consent)
              select contact, %(tenant)s, contact || '@example.com', '{}', '{}' from made),
            walks as (
              insert into ended_runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, status, seq)
              select run, contact, %(tenant)s, %(workflow)s, 1, '{}', clock_now(), 4, 3 from made),
            counted as (insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
              values (%(tenant)s, %(workflow)s, 1, 'mail', 'message.queued', 2, %(count)s)
              on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n)
            insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, payload, due_at,
              created_at, workflow_version, node_id)
            select run, 2, %(tenant)s, %(workflow)s, contact, %(template)s, 1, 0, %(payload)s, clock_now(),
              clock_now() + n * interval '1 microsecond', 1, 'mail' from made
            """,
            {"runs": [uuid7() for _ in range(count)], "count": count, "tenant": self.tenant, "workflow": self.workflow_id,
             "template": self.template_id,
             "payload": Jsonb(payload) if payload else None},
        )  # fmt: skip

    def row(self, run_id: UUID) -> dict[str, Any]:
        with self.db.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            row = cursor.execute("select * from messages where run_id = %s", (run_id,)).fetchone()
        assert row is not None
        return {**row, "word": MessageStatus(row["status"]).word}

    def words(self) -> dict[str, int]:
        rows = self.db.execute("select status, count(*) from messages group by 1").fetchall()
        return {MessageStatus(status).word: count for status, count in rows}

    def counters(self) -> dict[str, int]:
        """What `node_stats` says of all messages, by key without its prefix."""
        rows = self.db.execute("select key, sum(n) from node_stats where key like 'message.%' group by 1").fetchall()
        return {key.removeprefix("message."): int(n) for key, n in rows if n}

    def value(self, query: str, *arguments: Any) -> Any:
        row = self.db.execute(query, arguments).fetchone()
        return row[0] if row else None

    def deliver(self, seconds: float = 10) -> bool:
        """One pass of the actor, on a connection of its own."""
        with connect() as connection:
            return asyncio.run(Delivery(connection).run(seconds))

    def connectors(self, method: str, *arguments: Any) -> Any:
        """Call the service as an admin of the workspace does, in a transaction of its own; also from within the loop of a pass."""

        async def call() -> Any:
            async with database.job_engine() as engine, AsyncSession(engine) as session:
                admin = Principal(kind="user", id=uuid4(), tenant_id=self.tenant, role=Role.ADMIN, name="Ann")
                result = await getattr(ConnectorService(session, admin), method)(*arguments)
                await session.commit()
                return result

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(call())).result()

    def by(self, work: Callable[[AsyncSession, Principal], Awaitable[Any]], name: str = "Ann") -> Any:
        """What a marketer does in a request: `work` in a transaction of its own, which commits unless it raises."""

        async def call() -> Any:
            async with database.job_engine() as engine, AsyncSession(engine, expire_on_commit=False) as session:
                who = Principal(kind="user", id=uuid4(), tenant_id=self.tenant, role=Role.MARKETER, name=name)
                result = await work(session, who)
                await session.commit()
                return result

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(call())).result()

    def resend(self, *run_ids: UUID, name: str = "Ann") -> Any:
        """Send these messages again by hand."""
        ids = [f"{run_id}-2" for run_id in run_ids]
        return self.by(lambda session, who: MessageService(session, who).decide_some("resend", ids), name)

    def decisions(self) -> list[tuple[str, str, str, str]]:
        """(act, by, what it was, why) of all decisions, the first first."""
        rows = self.db.execute(
            "select act, by_kind || ' ' || by_name, was_status, was_reason from message_decisions order by at, run_id, fence"
        ).fetchall()
        return [(act, by.strip(), MessageStatus(was).word, why) for act, by, was, why in rows]

    def connector_state(self, connector_id: UUID) -> tuple[str, str | None]:
        row = self.db.execute("select state, state_message from connectors where id = %s", (connector_id,)).fetchone()
        assert row is not None
        return row[0], row[1]

    def held(self) -> int:
        return int(self.value("select count(*) from messages where status = 0 and due_at is null"))

    def deliver_by_two(self, seconds: float = 10) -> None:
        """A pass of two workers at the same time."""

        async def both() -> None:
            await asyncio.gather(asyncio.to_thread(self.deliver, seconds), asyncio.to_thread(self.deliver, seconds))

        asyncio.run(both())

    def resume_workflow(self, workflow_id: UUID) -> None:
        """As the service does when it lets a paused workflow go on."""

        async def resume() -> None:
            async with database.job_engine() as engine, AsyncSession(engine) as session, session.begin():
                await session.execute(
                    text("update workflows set status = 'active' where id = :id"), {"id": workflow_id}
                )
                await MessageRepository(session, self.tenant).free_those_of(workflow_id)

        asyncio.run(resume())

    def to_next_due(self) -> None:
        """Move time on to when the next message is due: each row keeps its place. Servers that are away are tried."""
        self.probe_now()
        self.db.execute(
            "update messages set due_at = due_at - greatest(interval '0', (select min(due_at) from messages where status = 0)"
            " - clock_now()) where status = 0 and due_at is not null"
        )

    def make_due(self) -> None:
        self.probe_now()
        self.db.execute("update messages set due_at = clock_now() where due_at is not null")

    def probe_now(self) -> None:
        """It is time to try the servers that are away."""
        self.db.execute("update connectors set probe_at = clock_now() where probe_at is not null")

    def end_leases(self) -> None:
        self.db.execute("update messages set lease_until = now() - interval '1 second' where lease_until is not null")
