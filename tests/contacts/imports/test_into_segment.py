"""A file whose contacts are put into a static segment."""

from __future__ import annotations

import httpx
import psycopg
import pytest

from app.inbox import InboxKind
from app.lib.ids import uuid7
from tests.contacts.imports.importing import IMPORT, Importer, upload
from tests.fixtures.database import CommittedDatabase

FILE = b"email,plan\nada@example.com,pro\nbea@example.com,pro\nbea@example.com,free\nno address,pro\n"


async def created(importer: Importer) -> str:
    answer = await importer.client.post("/api/v1/segments", json={"name": "Fair"}, headers=importer.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


@pytest.mark.parametrize("emit", [True, False])
async def test_everybody_in_the_file_is_put_in(
    importer: Importer, committed_database: CommittedDatabase, emit: bool
) -> None:
    segment = await created(importer)
    await importer.start(FILE, segmentId=segment, emitEvents=emit)
    await importer.run()
    members = await importer.get(f"/api/v1/segments/{segment}/members")
    assert sorted(one["email"] for one in members) == ["ada@example.com", "bea@example.com"]
    assert (await importer.get(f"/api/v1/segments/{segment}"))["memberCount"] == 2
    await importer.start(FILE, segmentId=segment, emitEvents=emit)
    await importer.run()
    with committed_database.connect() as db:
        assert _count(db, "events") == 2, "who is in already does not enter again"
        kinds = [kind for (kind,) in db.execute("select kind from inbox where name = 'segment.member.added'")]
        assert kinds == [InboxKind.EVENT if emit else InboxKind.FOLLOW] * 2, "silently, no workflow hears of it"


def _count(db: psycopg.Connection[tuple[int]], table: str) -> int:
    row = db.execute(f"select count(*) from {table} where name = 'segment.member.added'").fetchone()
    assert row is not None
    return row[0]


async def test_what_is_no_static_segment_is_refused(program: httpx.AsyncClient) -> None:
    found = await upload(program, FILE)
    answer = await program.post(f"{IMPORT}/{found['id']}/start", json={"segmentId": str(uuid7())})
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["segmentId"]
