"""A database that an older release left with everything under way: after the upgrade each run finishes, each mail leaves once, and
the counters are what happened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.connectors.senders import seal_password
from app.engine import integrity
from app.engine.advance import Engine
from app.lib import database
from app.lib.ids import first_uuid7_of, uuid7
from app.messaging.deliver import Delivery
from app.models.status import RunStatus
from app.settings import settings
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.fixtures.sink import Sink
from tests.fixtures.world import flow, node, rule
from tests.migrations.test_with_data import Old, database_at

OLD = "0027_calls"
NOW = datetime.now(UTC).replace(microsecond=0)
TEXT = "<p>Hello</p>"


def graph(template: UUID) -> dict[str, Any]:
    """A condition, a mail that is waited for, a day, a second mail. Buying is the goal."""
    return flow(
        "go",
        [
            node("c", "condition", match="all", conditions=[rule("contact.source", "equals", "web")]),
            node("m1", "send_email", templateId=str(template)),
            node("d", "delay", duration=1, unit="days"),
            node("m2", "send_email", templateId=str(template)),
            node("sorry", "add_tag", tag="no mail"),
        ],
        ("trigger", "c"), ("c", "m1", "true"), ("m1", "d"), ("m1", "sorry", "error"), ("d", "m2"),
        settings={"reentry": "once"},
        goals=[{"id": "g", "name": "Bought", "event": "buy", "conditions": []}],
    )  # fmt: skip


class Release(Old):
    """Writes what a release at `OLD` wrote, with the counters that it kept."""

    def __init__(self, url: str, port: int) -> None:
        super().__init__(url)
        self.template, connector = uuid7(), uuid7()
        self.db.execute(
            "insert into templates (id, tenant_id, name, subject, html, text) values (%s, %s, 'T', 'Hi', %s, '')",
            (self.template, self.tenant, TEXT),
        )
        config = {"host": "127.0.0.1", "port": port, "security": "none", "username": "", "fromEmail": "shop@example.com",
                  "fromName": "Shop"}  # fmt: skip
        self.db.execute(
            "insert into connectors (id, tenant_id, type, name, config, secret, is_default) values (%s, %s, 'smtp', 'c', %s, %s, true)",
            (connector, self.tenant, Jsonb(config), seal_password("smtp", connector, config, "")),
        )
        self.db.execute(
            "insert into workflow_versions (workflow_id, version, tenant_id, graph, content_hash) values (%s, 1, %s, %s, '')",
            (self.workflow, self.tenant, Jsonb(graph(self.template))),
        )
        self.db.execute("update workflows set live_version = 1, status = 'active' where id = %s", (self.workflow,))
        self.counts: Counter[tuple[str, str]] = Counter()

    def contact(self, name: str) -> UUID:
        contact = uuid7()
        self.db.execute(
            "insert into contacts (id, tenant_id, email, source) values (%s, %s, %s, 'web')",
            (contact, self.tenant, f"{name}@example.com"),
        )
        return contact

    def run(
        self,
        name: str,
        status: RunStatus,
        steps: list[tuple[str, str]],
        at: str | None,
        due: datetime | None,
        **more: Any,
    ) -> UUID:
        """A run that began three days ago, with these (node, port) behind it and standing on `at`."""
        run_id = UUID(bytes=first_uuid7_of(NOW - timedelta(days=3)).bytes[:8] + uuid7().bytes[8:])
        contact, over = self.contact(name), status >= RunStatus.COMPLETED
        self.db.execute(
            "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, completed_at, status,"
            " seq, current_node_id, entry_key, resume_at, resume_port, step_started_at, occurred_at)"
            " values (%s, %s, %s, %s, 1, '{}', %s, %s, %s, %s, %s, '', %s, %s, %s, %s)",
            (run_id, contact, self.tenant, self.workflow, NOW - timedelta(days=3), NOW if over else None, int(status), len(steps), at,
             due, more.get("port"), None if over else NOW - timedelta(days=1), NOW - timedelta(days=3)),
        )  # fmt: skip
        for seq, (step, port) in enumerate(steps, start=1):
            self.db.execute(
                "insert into steps (run_id, seq, node_id, status, port, started_at, completed_at) values (%s, %s, %s, 4, %s, %s, %s)",
                (run_id, seq, step, port, NOW, NOW),
            )
            self.counts[step, port] += 1
        self.counts["", "entered"] += 1
        self.counts[("", status.word) if over else (at or "", "waiting")] += 1
        return run_id

    def message(self, run_id: UUID, seq: int, step: str, status: int, **payload: Any) -> None:
        """Of a step of the run; a queued one is due."""
        self.db.execute(
            "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, payload, due_at,"
            " created_at, workflow_version, node_id, sent_at, settled_at)"
            " select id, %s, tenant_id, workflow_id, contact_id, %s, 1, %s, %s, %s, %s, 1, %s, %s, %s from runs where id = %s",
            (seq, self.template, status, Jsonb(payload) if payload else None, NOW if status == 0 else None, NOW, step,
             NOW if status else None, NOW if status else None, run_id),
        )  # fmt: skip
        self.counts[step, "message.sent" if status else "message.queued"] += 1

    def event(self, name: str, contact: UUID) -> None:
        self.db.execute(
            "with e as (insert into events (id, tenant_id, contact_id, name, occurred_at) values (%s, %s, %s, %s, %s) returning *)"
            " insert into inbox (tenant_id, name, contact_id, event_id, payload, occurred_at)"
            " select tenant_id, name, contact_id, id, '{}', occurred_at from e",
            (uuid7(), self.tenant, contact, name, NOW),
        )

    def count(self) -> None:
        for (step, key), n in self.counts.items():
            self.db.execute(
                "insert into node_stats (workflow_id, version, node_id, key, shard, tenant_id, n) values (%s, 1, %s, %s, 3, %s, %s)",
                (self.workflow, step, key, self.tenant, n),
            )


MAILED = [("c", "true"), ("m1", "next")]


def fill(old: Release) -> None:
    """Everything that can be under way, by the name of the contact."""
    for name, due in (
        ("parked", NOW + timedelta(hours=20)),
        ("due", NOW - timedelta(hours=1)),
        ("buys", NOW + timedelta(hours=20)),
    ):
        old.message(old.run(name, RunStatus.WAITING, MAILED, "d", due, port="next"), 2, "m1", 2)
    waits = old.run("waits", RunStatus.CALLING, MAILED[:1], "m1", None)
    old.message(waits, 2, "m1", 0, awaited=True)
    done = old.run("done", RunStatus.COMPLETED, [*MAILED, ("d", "next"), ("m2", "next")], None, None)
    old.message(done, 2, "m1", 2)
    old.message(done, 4, "m2", 0)  # the run went on before it left
    old.event("go", old.contact("new"))
    old.event("go", old.value("select id from contacts where email = 'done@example.com'"))
    old.event("buy", old.value("select id from contacts where email = 'buys@example.com'"))
    old.count()


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> Iterator[Release]:
    """The filled database under this release, which the settings name."""
    environment.start_server()
    with database_at(OLD) as url:
        old = Release(url, sink.port)
        fill(old)
        migrate(url)
        monkeypatch.setenv("DATABASE_URL", url)
        settings.cache_clear()
        yield old
        old.db.close()
        monkeypatch.undo()
        settings.cache_clear()


def finish(old: Release) -> None:
    """Workers do all that there is to do now."""

    def deliver() -> None:
        with database.connect() as connection:
            asyncio.run(Delivery(connection).run(10))

    engine = Engine()
    steps: list[Callable[[], Any]] = [engine.advance, deliver]
    try:
        for _ in range(3):
            for step in steps:
                step()
    finally:
        engine.close()


def ends(old: Release) -> dict[str, str]:
    rows = old.db.execute(
        "select split_part(c.email, '@', 1), r.status from runs r join contacts c on c.id = r.contact_id"
    )
    return {name: RunStatus(status).word for name, status in rows}


def test_all_that_was_under_way_finishes_after_the_upgrade(upgraded: Release, sink: Sink) -> None:
    old = upgraded
    assert integrity.check(old.db) == []
    assert old.value("select entries_complete from workflows") is True
    assert old.value("select count(*) from entries") == 5, "who entered under the old release"
    finish(old)
    assert ends(old) == {
        "parked": "waiting", "due": "completed", "buys": "goal_reached", "waits": "waiting", "done": "completed", "new": "waiting",
    }  # fmt: skip
    old.db.execute("insert into virtual_clock (one, at) values (1, %s)", (NOW + timedelta(days=3),))
    finish(old)
    assert ends(old) == {
        "parked": "completed", "due": "completed", "buys": "goal_reached", "waits": "completed", "done": "completed", "new": "completed",
    }  # fmt: skip
    assert Counter(str(mail["To"]).split("@")[0].strip("<") for mail in sink.mails) == {
        "parked": 1, "due": 1, "waits": 2, "done": 1, "new": 2,
    }, "each mail that had not left, once"  # fmt: skip
    assert old.value("select count(*) from entry_refusals where reason = 'entered_before'") == 1, (
        "once, says the old run"
    )
    counted = dict(
        old.db.execute("select node_id || ':' || key, sum(n)::int from node_stats group by 1 having sum(n) <> 0")
    )
    assert {name: counted[name] for name in (":entered", ":completed", ":goal_reached", "m1:message.sent", "m2:message.sent")} == {
        ":entered": 6, ":completed": 5, ":goal_reached": 1, "m1:message.sent": 6, "m2:message.sent": 5,
    }  # fmt: skip
    assert not [name for name in counted if name.endswith(("waiting", "queued", "failed", "uncertain"))]
    assert integrity.check(old.db) == []
    entries = old.db.execute("select * from entries order by contact_id").fetchall()
    migrate(settings().database.url, "downgrade", "0034_contact_search")
    migrate(settings().database.url)
    assert old.db.execute("select * from entries order by contact_id").fetchall() == entries, "there and back"
    assert len(entries) == 6
    assert old.value("select count(*) from inbox") == old.value("select count(*) from dead_letters") == 0
