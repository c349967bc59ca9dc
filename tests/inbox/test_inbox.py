"""The engine's inbox: two modules write it for everybody, and kinds that have names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app import inbox
from app.engine import write
from app.inbox import DeferredEvent, InboxKind, SettledMessage
from app.lib import clock
from app.lib.ids import uuid7
from tests.fixtures.database import CommittedDatabase

APP = Path(inbox.__file__).parent
WRITERS = {APP / "inbox.py", APP / "contact_inbox_repository.py"}
"""The second has what concerns single contacts: both are read together by whoever changes the table."""
WRITES = re.compile(r"\b(insert\s+into|copy)\s+inbox\b|\binsert\(Inbox\)|\bInbox\(\s*\w+=", re.IGNORECASE)


def writers(text: str) -> Iterator[int]:
    """Lines of Python code that put rows into the table: as SQL, by the model, or by COPY."""
    for match in WRITES.finditer(text):
        yield text.count("\n", 0, match.start()) + 1


@pytest.mark.parametrize(
    "planted",
    [
        'x = "insert into inbox (kind) values (3)"',
        'x = """insert\n  into inbox select 1"""',
        'cursor.copy("copy inbox (name) from stdin")',
        "session.add(Inbox(kind=1))",
        "session.execute(insert(Inbox).values(kind=1))",
    ],
)
def test_a_second_writer_is_seen(planted: str) -> None:
    ast.parse(planted)
    assert list(writers(planted)) == [1]


def test_nobody_else_writes_into_the_inbox() -> None:
    wrong = [
        f"{path.relative_to(APP.parent)}:{line}"
        for path in sorted(APP.rglob("*.py"))
        if path not in WRITERS
        for line in writers(path.read_text())
    ]
    assert not wrong, f"say it in app/inbox.py or app/contact_inbox_repository.py: {wrong}"
    assert write.TABLES["inbox"] is inbox.CHANGE_EVENT_COLUMNS, "what the engine copies is said there, too"


def test_the_numbers_of_kinds_stay() -> None:
    """They stand in databases that older and newer processes read."""
    assert {kind.name: kind.value for kind in InboxKind} == {
        "EVENT": 0,
        "START": 1,
        "SETTLED": 2,
        "ERASED": 3,
        "DEFERRED": 4,
        "FOR_RUN": 5,
        "AT_TRIGGER": 6,
        "CALLED": 7,
        "FOLLOW": 8,
    }


@pytest.fixture
def connection(committed_database: CommittedDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(committed_database.url, autocommit=True) as made:
        yield made


def test_many_settled_messages_are_one_statement(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    assert inbox.settled(connection, []) == 0
    runs = [uuid7(), uuid7()]
    workflow, contact = uuid7(), uuid7()
    answers = [
        SettledMessage(7, contact, workflow, runs[0], 3, "next", {"status": "sent", "reason": None}),
        SettledMessage(7, contact, workflow, runs[1], 1, "error", {"status": "failed"}, 'It said "no" {1,2}'),
    ]
    assert inbox.settled(connection, answers) == 2
    rows = connection.execute(
        "select kind, name, tenant_id, contact_id, workflow_id, run_id, payload from inbox order by id"
    ).fetchall()
    same = (InboxKind.SETTLED, "message.settled", 7, contact, workflow)
    assert rows == [
        (*same, runs[0], {"seq": 3, "port": "next", "error": None, "output": {"status": "sent"}}),
        (*same, runs[1], {"seq": 1, "port": "error", "error": 'It said "no" {1,2}', "output": {"status": "failed"}}),
    ]


def test_deferred_events_keep_their_times(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    now, workflows = clock.now(), [uuid7(), uuid7()]
    event: dict[str, UUID] = {"contact_id": uuid7(), "event_id": uuid7()}
    with connection.cursor() as cursor:
        inbox.defer(cursor, [])
        inbox.defer(
            cursor,
            [
                DeferredEvent(
                    7, "bought", **event, workflow_id=one, payload='{"n": 1}', depth=2, at=now, occurred_at=now
                )
                for one in workflows
            ],
        )
    rows = connection.execute(
        "select kind, workflow_id, event_id, payload, depth, at, occurred_at from inbox order by id"
    ).fetchall()
    assert rows == [(InboxKind.DEFERRED, one, event["event_id"], {"n": 1}, 2, now, now) for one in workflows]
    ready = connection.execute(f"select count(*) from inbox where {inbox.READY_SQL}").fetchone()
    assert ready == (0,)
