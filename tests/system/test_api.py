"""Health, metrics and the OpenAPI document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import features
from app.lib import clock, heartbeat
from app.lib.heartbeat import Beat
from app.lib.ids import uuid7
from app.models import Connector, Message, NodeStat, Workspace
from app.models.status import Role
from app.settings import settings
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients

BEAT = text("insert into heartbeats (process, kind, at) values (:kind, :kind, now() - make_interval(secs => :age))")


async def beat(session: AsyncSession, **ages: float) -> None:
    for kind, age in ages.items():
        await session.execute(BEAT, {"kind": kind, "age": age})


async def test_live_needs_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_says_what_is_missing(client: httpx.AsyncClient, db_session: AsyncSession) -> None:
    await beat(db_session, worker=3, scheduler=40)
    answer = await client.get("/health/ready")
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == "degraded"
    assert {name: check["status"] for name, check in found["checks"].items()} == {
        "database": "ok",
        "migrations": "ok",
        "worker": "ok",
        "scheduler": "down",
        "connectors": "ok",
        "months": "ok",
        "redis": "off",
        "disk": "ok",
    }
    assert "heard of 40 s ago" in found["checks"]["scheduler"]["detail"]


async def test_ready_is_ok_when_all_is_there(
    client: httpx.AsyncClient, db_session: AsyncSession, redis_url: str
) -> None:
    await beat(db_session, worker=1, scheduler=1)
    assert (await client.get("/health/ready")).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("states", "detail"),
    [
        (["away"], "1 connector cannot send mail"),
        (["paused", "ok", "away"], "2 connectors cannot send mail"),
        ([], "1 workspace has mail waiting and no connector"),
    ],
)
async def test_connectors_that_cannot_send_are_degraded(
    client: httpx.AsyncClient,
    db_session: AsyncSession,
    workspace: Workspace,
    redis_url: str,
    states: list[str],
    detail: str,
) -> None:
    await beat(db_session, worker=1, scheduler=1)
    for n, state in enumerate(states):
        db_session.add(
            Connector(tenant_id=workspace.id, type="smtp", name=f"Secret {n}", config={}, is_default=n == 0, state=state,
                      state_since=clock.now() - timedelta(minutes=5), state_message="private words")
        )  # fmt: skip
    db_session.add(
        Message(run_id=uuid7(), seq=1, tenant_id=workspace.id, workflow_id=uuid7(), contact_id=uuid7(), channel=1, status=0,
                created_at=clock.now(), reason="no_connector")
    )  # fmt: skip
    await db_session.flush()
    answer = await client.get("/health/ready")
    found = answer.json()
    assert (answer.status_code, found["status"], found["checks"]["connectors"]["status"]) == (200, "degraded", "down")
    assert detail in found["checks"]["connectors"]["detail"]
    assert bool(states) == (found["checks"]["connectors"].get("ageSeconds") is not None)
    assert "private" not in answer.text and "Secret" not in answer.text and workspace.name not in answer.text
    metrics = (await client.get("/metrics")).text
    for state in ("ok", "away", "paused"):
        assert f'throughline_connectors{{state="{state}"}} {states.count(state)}.0' in metrics
    assert f"throughline_workspaces_without_connector {0 if states else 1}.0" in metrics
    assert 'throughline_queue_depth{queue="messages_held"} 1.0' in metrics


async def test_another_schema_is_not_ready(client: httpx.AsyncClient, db_session: AsyncSession) -> None:
    await db_session.execute(text("update alembic_version set version_num = 'older'"))
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert "./dev migrate" in answer.json()["checks"]["migrations"]["detail"]


async def test_a_dead_database_is_503_on_every_door(
    committed_client: httpx.AsyncClient, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed_database.connect() as connection:
        name = connection.info.dbname
    from tests.fixtures.database import _server

    with _server() as server:
        server.execute(f'alter database "{name}" with allow_connections false')
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        try:
            ready = await committed_client.get("/health/ready")
            assert (ready.status_code, ready.json()["checks"]["database"]["status"]) == (503, "down")
            key = {"Authorization": "Bearer tl_" + "a" * 10 + "_" + "b" * 43}
            program = await committed_client.get("/api/v1/me", headers=key)
            assert (program.status_code, program.json()["code"]) == (503, "unavailable")
            page = await committed_client.get("/settings/profile", cookies={"session": "x"})
            assert page.status_code == 503
            assert "does not answer" in page.text
            assert (await committed_client.get("/health/live")).status_code == 200
        finally:
            server.execute(f'alter database "{name}" with allow_connections true')


async def test_a_beat_is_written_and_taken_away(
    committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.01)
    life = Beat("worker")
    life.start()
    with committed_database.connect() as connection:
        for _ in range(500):
            if found := connection.execute("select kind from heartbeats").fetchall():
                break
        assert found == [("worker",)]
        life.stop()
        assert connection.execute("select kind from heartbeats").fetchall() == []


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    changed = dataclasses.replace(settings(), metrics_token="a metrics token")
    monkeypatch.setattr("app.system.api.settings", lambda: changed)
    yield "a metrics token"


async def test_metrics_are_for_this_machine_or_the_token(client: httpx.AsyncClient, token: str) -> None:
    assert (await client.get("/metrics")).status_code == 403
    assert (await client.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 403
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


async def test_without_a_token_what_came_through_a_proxy_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 200
    for header in ("X-Forwarded-For", "X-Real-IP", "Via", "Forwarded", "X-Forwarded-Host"):
        assert (await client.get("/metrics", headers={header: "127.0.0.1"})).status_code == 403, header


async def test_outside_local_mode_the_token_is_always_asked_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy that adds no header the whole world is a loopback client."""
    monkeypatch.setattr("app.system.api.settings", lambda: dataclasses.replace(settings(), local=False))
    refused = await client.get("/metrics")
    assert refused.status_code == 403 and "THROUGHLINE_METRICS_TOKEN" in refused.json()["detail"]
    asked = {"Authorization": "Bearer "}
    assert (await client.get("/metrics", headers=asked)).status_code == 403


async def test_metrics_count_by_template_and_know_the_queues(
    client: httpx.AsyncClient, api: ApiClients, db_session: AsyncSession
) -> None:
    await beat(db_session, worker=2)
    await (await api(Role.ADMIN)).delete("/api/v1/api-keys/0197d000-0000-7000-8000-000000000000")
    text_format = (await client.get("/metrics")).text
    assert 'route="/api/v1/api-keys/{key_id}",status="404"' in text_format
    assert "0197d000" not in text_format
    assert 'throughline_queue_depth{queue="inbox"} 0.0' in text_format
    assert 'throughline_queue_oldest_seconds{queue="messages_due"} 0.0' in text_format
    assert 'throughline_processes{kind="worker"} 1.0' in text_format


async def test_metrics_count_messages_by_what_became_of_them(
    client: httpx.AsyncClient, db_session: AsyncSession, workspace: Workspace
) -> None:
    counters = {"message.sent": 7, "message.failed": 2, "message.failed.awaited": 1, "message.uncertain": 4,
                "message.suppressed.no_consent": 5, "next": 9}  # fmt: skip
    for key, n in counters.items():
        db_session.add(
            NodeStat(workflow_id=uuid7(), version=1, node_id="mail", key=key, shard=1, tenant_id=workspace.id, n=n)
        )
    await db_session.flush()
    told = (await client.get("/metrics")).text
    for word, n in (("sent", 7), ("failed", 3), ("suppressed", 5)):
        assert f'throughline_messages_total{{status="{word}"}} {n}.0' in told
    assert 'throughline_messages_open{status="uncertain"} 4.0' in told
    assert 'throughline_messages_open{status="queued"} 0.0' in told


def operations(app: Litestar) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in app.openapi_schema.to_schema()["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                yield f"{method.upper()} {path}", operation


async def test_the_document_is_complete(client: httpx.AsyncClient, app_under_test: Litestar) -> None:
    document = (await client.get("/docs/openapi/openapi.json")).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}]
    for name, operation in operations(app_under_test):
        assert "/api/v1/" in name, f"{name} is no API route: include_in_schema"
        assert operation.get("summary"), f"{name} needs a summary"
        assert set(operation.get("tags", [])) & {tag.name for tag in features.api_tags()}, (
            f"{name} needs a tag of its feature's API_TAGS"
        )
        assert {"401", "403"} <= set(operation["responses"]), name
        refused = operation["responses"]["401"]["content"]["application/problem+json"]["schema"]
        assert refused == {"$ref": "#/components/schemas/ProblemDetails"}, name
