"""A backup under load comes back whole, and nothing that is not one takes the place of what is there."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from app import cli
from app.engine import integrity
from app.ops import backup
from tests.engine.workers import workers
from tests.fixtures import environment
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

GRAPH = flow(
    "go", [node("t", "add_tag", tag="seen"), node("d", "delay", duration=1, unit="hours"), node("e", "end")],
    ("trigger", "t"), ("t", "d"), ("d", "e"), settings={"reentry": "always"},
)  # fmt: skip


@pytest.fixture
def elsewhere(committed_database: CommittedDatabase) -> Iterator[str]:
    """Another, empty database of the same server."""
    name = f"{urlsplit(committed_database.url).path.lstrip('/')}_back"
    with psycopg.connect(environment.server_url("postgres"), autocommit=True) as server:
        server.execute(f'drop database if exists "{name}" with (force)')
        server.execute(f'create database "{name}"')
        yield urlunsplit(urlsplit(committed_database.url)._replace(path=f"/{name}"))
        for left in (name, f"{name}_restoring", f"{name}_replaced"):
            server.execute(f'drop database if exists "{left}" with (force)')


def at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """From now on commands are about this database."""
    from app.settings import settings

    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()


def count(url: str, sql: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(sql).fetchone()
        return int(row[0]) if row else -1


def test_a_dump_under_load_comes_back_whole(
    committed_database: CommittedDatabase,
    elsewhere: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, over, file = World(committed_database.url), threading.Event(), tmp_path / "today.dump"
    world.workflow(GRAPH)
    people = world.contacts(40)

    def load() -> None:
        with committed_database.connect() as connection:
            while not over.is_set():
                connection.execute(
                    "insert into inbox (tenant_id, name, contact_id, occurred_at) select %s, 'go', unnest(%s::uuid[]), clock_now()",
                    (world.tenant, people),
                )

    world.emit("go", people)
    before = world.one("select count(*) from runs")
    loading = threading.Thread(target=load)
    with workers(committed_database.url, 1, limit=50) as wrong:
        loading.start()
        assert cli.main(["backup", str(file)]) == 0
        over.set()
        loading.join()
    assert wrong == []
    after = world.one("select count(*) from runs")
    note = json.loads((tmp_path / "today.dump.json").read_text())
    assert note["sha256"] == backup.digest_of(file) and len(note["secretKey"]) == 16
    assert sorted(path.name for path in tmp_path.iterdir()) == ["today.dump", "today.dump.json"]

    at(monkeypatch, elsewhere)
    assert cli.main(["restore", str(file)]) == 0
    runs = count(elsewhere, "select count(*) from runs")
    assert before <= runs <= after
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        assert integrity.check(connection) == []
    again = World.__new__(World)  # it moves on there: the engine works on what came back
    again.db = psycopg.connect(elsewhere, autocommit=True)
    again.hurry()
    with workers(elsewhere, 1, limit=500):
        while again.one("select count(*) from runs where status < 4 and resume_at <= now()"):
            pass
    assert again.one("select count(*) from runs where status = 4") >= runs
    again.db.close()

    # It is not empty now: only who says so gives it up, and it is not touched before the new one is whole.
    capsys.readouterr()
    assert cli.main(["restore", str(file)]) == 1
    assert "not empty" in capsys.readouterr().err
    # In a process of its own, as operators do it: nothing was installed there before.
    command = [sys.executable, "-m", "app.cli", "restore", str(file), "--replace"]
    done = subprocess.run(command, cwd=environment.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert count(elsewhere, "select count(*) from runs") == runs
    world.close()


@pytest.fixture
def dump(committed_database: CommittedDatabase, tmp_path: Path) -> Path:
    file = tmp_path / "a.dump"
    assert cli.main(["backup", str(file)]) == 0
    return file


def test_what_is_no_backup_of_this_product_changes_nothing(
    committed_database: CommittedDatabase,
    dump: Path,
    elsewhere: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at(monkeypatch, elsewhere)
    whole, beside = dump.read_bytes(), dump.with_name("a.dump.json")
    note = json.loads(beside.read_text())

    def refused(says: str, *options: str) -> None:
        capsys.readouterr()
        assert cli.main(["restore", str(dump), *options]) == 1
        assert says in capsys.readouterr().err
        assert count(elsewhere, "select count(*) from pg_tables where schemaname = 'public'") == 0
        # Others restore on this server at the same time: only what is named after this database counts.
        assert (
            count(elsewhere, "select count(*) from pg_database where datname = current_database() || '_restoring'") == 0
        )

    dump.write_bytes(whole[: len(whole) // 2])
    refused("damaged")
    beside.unlink()
    refused("only the beginning")
    dump.write_text("id,name\n1,Ada\n")
    refused("not a backup")
    dump.write_bytes(whole)
    for changed, says in (
        ({"secretKey": "0" * 16}, "another secret key"),
        ({"schema": "9999_tomorrow"}, "newer release"),
        ({"format": 2}, "newer release"),
        ({"postgresql": 99}, "PostgreSQL 99"),
    ):
        beside.write_text(json.dumps({**note, **changed}))
        refused(says)
    beside.write_text(json.dumps(note))
    with psycopg.connect(elsewhere, application_name="throughline engine"):
        refused("still uses this database")
    beside.write_text(json.dumps({**note, "secretKey": "0" * 16}))
    assert cli.main(["restore", str(dump), "--other-key"]) == 0
    assert count(elsewhere, "select count(*) from workflows") == 0


def test_a_dump_that_is_not_whole_inside_does_not_take_the_place_of_the_old_one(
    committed_database: CommittedDatabase,
    elsewhere: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, file = World(committed_database.url), tmp_path / "odd.dump"
    world.workflow(GRAPH)
    world.emit("go", world.contacts(3))
    world.db.execute("delete from steps where run_id = (select id from runs limit 1)")
    world.close()
    assert cli.main(["backup", str(file)]) == 0
    at(monkeypatch, elsewhere)
    assert cli.main(["restore", str(file)]) == 1
    assert "not whole" in capsys.readouterr().err
    assert count(elsewhere, "select count(*) from pg_tables where schemaname = 'public'") == 0


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("pg_dump: error: could not write to output file: No space left on device", "disk is full"),
        ("pg_dump: error: connection to server was lost", "connection to server was lost"),
    ],
)
def test_a_backup_that_fails_leaves_the_old_one(
    dump: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    says: str,
    told: str,
) -> None:
    broken = tmp_path / "pg_dump"
    broken.write_text(f"#!/bin/sh\ntouch {dump}.part\necho '{says}' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.dump*")}
    capsys.readouterr()
    assert cli.main(["backup", str(dump)]) == 1
    assert "there already" in capsys.readouterr().err
    monkeypatch.setattr(backup, "_program", lambda server, name: broken)
    assert cli.main(["backup", str(dump), "--replace"]) == 1
    assert told in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a.dump*")} == before
    assert cli.main(["backup", str(tmp_path / "nowhere" / "b.dump")]) == 1
    assert "no directory" in capsys.readouterr().err
