"""Requests end, whatever hangs: a handler, a statement, the whole database, a commit. Health answers meanwhile."""

from __future__ import annotations

import asyncio
import errno
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from litestar import Litestar, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Stream
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import DiskFull, Unavailable
from app.lib import database, deadline, outage
from app.lib.database_roles import DatabaseRole
from app.models.status import Role
from app.web import problems, request_deadline
from app.web.request_deadline import RequestDeadline
from app.web.transactions import by_role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.frozen import Way
from tests.fixtures.web import client_of

LONG = 30.0
"""Far beyond any deadline of these tests: what takes this long hung."""
NAMES = "select name from workspaces order by name"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a blink for what hangs, the same code; tests give `plenty` to what must get done."""
    monkeypatch.setattr(request_deadline, "DEFAULT_S", 0.4)
    monkeypatch.setattr(deadline, "CLEANUP_S", 0.2)


def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_deadline, "DEFAULT_S", LONG)


@get("/api/never")
async def never() -> None:
    await asyncio.Event().wait()


@get("/api/longer", deadline=60)
async def longer() -> str:
    await asyncio.sleep(0.8)
    return "done"


@post("/api/body")
async def body(request: Request[Any, Any, Any]) -> str:
    return str(len(await request.body()))


@get("/api/stream")
async def stream() -> Stream:
    async def parts() -> AsyncIterator[bytes]:
        for n in range(4):
            await asyncio.sleep(0.25)
            yield b"%d" % n

    return Stream(parts())


@get("/api/careless")
async def careless() -> str:
    """Takes its cancellation for an ordinary end of a part, and cleans up slowly."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
    return "never"


@pytest.fixture
async def small() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar(
        [never, longer, body, stream, careless],
        middleware=[RequestDeadline],
        exception_handlers={Exception: problems.handle},
        logging_config=None,
    )
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/api/never", "/api/careless"])
async def test_a_handler_that_hangs_is_given_up(small: httpx.AsyncClient, path: str) -> None:
    answer = await asyncio.wait_for(small.get(path), LONG)
    assert (answer.status_code, answer.json()["code"]) == (503, "took_too_long")
    assert answer.headers["retry-after"] == "5"


async def test_a_route_may_ask_for_more_time(small: httpx.AsyncClient) -> None:
    assert (await small.get("/api/longer")).text == "done"


async def test_the_time_of_a_slow_client_is_not_counted(small: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.25)
            yield b"xx"

    answer = await small.post("/api/body", content=parts())
    assert (answer.status_code, answer.text) == (201, "8")


async def test_an_answer_that_has_begun_is_not_cut(small: httpx.AsyncClient) -> None:
    assert (await small.get("/api/stream")).text == "0123"


@get("/api/statement", public=True)
async def statement(db_session: NamedDependency[AsyncSession]) -> None:
    await db_session.execute(text("select pg_sleep(30)"))


@post("/api/write", public=True, status_code=201)
async def write(db_session: NamedDependency[AsyncSession], request: Request[Any, Any, Any]) -> str:
    await db_session.execute(text("insert into workspaces (name, slug) values (:n, :n)"), {"n": "acme"})
    return "written"


@get("/api/read", public=True)
async def read(db_session: NamedDependency[AsyncSession]) -> list[str]:
    return list((await db_session.scalars(text(NAMES))).all())


@get("/page/read", public=True)
async def page(db_session: NamedDependency[AsyncSession]) -> list[str]:
    return list((await db_session.scalars(text(NAMES))).all())


@pytest.fixture
async def whole(way: Way, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The whole app with some more routes, on a database that can hang."""
    import app.asgi

    own = app.asgi.handlers()
    monkeypatch.setattr(
        "app.asgi.handlers", lambda: [*own, *by_role(DatabaseRole.AUTH, [statement, write, read, page])]
    )
    made = app.asgi.create_app()
    made.state["database"].update_app_state(made)
    async with client_of(made) as client:
        yield client


async def ask(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    return await asyncio.wait_for(client.request(method, path), LONG)


async def test_a_statement_that_takes_long_ends_its_connection_and_not_the_next_request(
    whole: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await ask(whole, "GET", "/api/statement")
    assert (answer.status_code, answer.json()["code"]) == (503, "took_too_long")
    assert database.engine(DatabaseRole.AUTH).pool.checkedout() == 0  # type: ignore[attr-defined]
    plenty(monkeypatch)
    assert (await ask(whole, "GET", "/api/read")).json() == []


async def test_with_a_database_that_hangs_every_request_ends_and_health_answers(
    whole: httpx.AsyncClient, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty(monkeypatch)
    assert (await ask(whole, "GET", "/api/read")).status_code == 200
    assert (await ask(whole, "GET", "/health/ready")).status_code == 200
    way.freeze()
    monkeypatch.setattr(request_deadline, "DEFAULT_S", 0.4)
    asked = [
        asyncio.create_task(ask(whole, method, path))
        for method, path in [
            ("GET", "/api/read"),
            ("POST", "/api/write"),
            ("GET", "/page/read"),
            ("GET", "/api/statement"),
        ]
        * 5
    ]
    began = time.monotonic()
    for _ in range(3):
        ready = await ask(whole, "GET", "/health/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]["status"]) == (503, "down")
        assert ready.headers["retry-after"]
    assert (await ask(whole, "GET", "/health/live")).status_code == 200
    assert time.monotonic() - began < LONG / 2
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers.get("retry-after") for answer in answers)
    assert database.engine(DatabaseRole.AUTH).pool.checkedout() == 0  # type: ignore[attr-defined]
    way.thaw()
    plenty(monkeypatch)
    for _ in range(100):
        if (answer := await ask(whole, "GET", "/api/read")).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert answer.json() == []
    for _ in range(100):
        if (ready := await ask(whole, "GET", "/health/ready")).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert ready.json()["checks"]["database"]["status"] == "ok"


async def test_nobody_claims_to_know_of_a_commit_that_was_not_answered(
    whole: httpx.AsyncClient, way: Way, committed_database: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty(monkeypatch)
    await ask(whole, "GET", "/api/read")
    monkeypatch.setattr(request_deadline, "DEFAULT_S", 1.0)
    way.stop_at = b"COMMIT"
    answer = await ask(whole, "POST", "/api/write")
    assert answer.status_code == 503
    assert "may have been saved or not" in answer.json()["detail"]
    assert "Nothing was changed" not in answer.text
    way.thaw()
    with committed_database.connect() as connection:
        for _ in range(100):
            left = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%%'"
            ).fetchone()
            if left == (0,):
                break
            await asyncio.sleep(0.05)
        assert left == (0,), "its transaction is still open"


async def test_one_look_serves_all_who_ask(whole: httpx.AsyncClient, way: Way) -> None:
    await ask(whole, "GET", "/health/ready")
    before = way.taken
    way.freeze()
    answers = await asyncio.gather(*[ask(whole, "GET", "/health/ready") for _ in range(30)])
    assert {answer.status_code for answer in answers} == {503}
    assert way.taken <= before + 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DiskFull),
        (psycopg.errors.DiskFull("could not extend file"), DiskFull),
        (OperationalError("insert", {}, psycopg.errors.DiskFull("could not write")), DiskFull),
        (psycopg.errors.AdminShutdown("terminating"), Unavailable),
    ],
)
def test_a_full_disk_is_503_and_says_when_to_come_again(error: Exception, kind: type[Unavailable]) -> None:
    if isinstance(error, OperationalError):
        error.__cause__ = error.orig
    told = problems.as_app_error(error)
    assert type(told) is kind
    answer = problems.problem(told)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


async def test_an_upload_that_finds_no_room_is_503(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    plenty(monkeypatch)
    monkeypatch.setattr("app.web.bodies.tempfile.TemporaryFile", Full)
    caller = await api(Role.MARKETER)
    content = b"email\n" + b"somebody@example.com\n" * 100_000
    answer = await caller.post("/api/v1/contacts/import", content=content, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (503, "disk_full"), answer.text
    assert answer.headers["retry-after"]


def test_what_is_known_of_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    outage.reserve(tmp_path)
    outage.say(tmp_path, "The database cannot start: no space is left.")
    monkeypatch.setattr(outage, "settings", lambda: type("S", (), {"local": True, "state_dir": tmp_path}))
    told = problems.as_app_error(psycopg.OperationalError("connection refused"))
    assert told.message.startswith("The database cannot start: no space is left. Nothing was changed")
    assert isinstance(problems.problem(told), Response)
