"""`./dev run` with real servers and processes: one on a directory, nothing lost by a kill, everything stopped in order."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.local.postgres import Postgres
from app.local.processes import end_leftovers, offspring
from app.local.state import StateDirectory
from app.local.valkey import Valkey
from tests.local.running import ROOT, Run, alive, free_port, until

PROCESSES = ("web", "worker-1", "scheduler")


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state directory whose servers are stopped at the end, whatever happened."""
    directory = Path(tempfile.mkdtemp(prefix="throughline-run-"))
    directory.chmod(0o711)
    yield directory
    end_leftovers(StateDirectory(directory))
    Valkey(directory).stop()
    Postgres(directory / "postgres").stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def postmaster(state: Path) -> int:
    return int((state / "postgres" / "pgdata" / "postmaster.pid").read_text().split()[0])


def test_a_life_of_the_product(state: Path, port: int) -> None:
    """One story, since each start costs seconds: start, second start, deaths, kill -9, adoption, Ctrl-C."""
    first = Run(state, port)
    try:
        first.wait_ready()
        assert first.answers()
        assert re.search(rf"http://127\.0\.0\.1:{port}/sign-in/link#\S{{20,}}", first.text())
        for private in ("secret-key", "mailbox-password", "run/environment.json", "valkey/password"):
            assert stat.S_IMODE((state / private).stat().st_mode) == 0o600, private

        second = Run(state, port)
        assert second.wait(20) == 1
        assert "already runs on" in second.text()
        assert first.answers()

        key = subprocess.run(
            [sys.executable, "-m", "app.cli", "api-key", "create", "--name", "t", "--role", "viewer", "--state", state],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            capture_output=True,
            text=True,
        )
        assert re.fullmatch(r"tl_[a-z0-9]{10}_[\w-]{43}\n", key.stdout), key.stderr

        before = {name: first.pid_of(name) for name in ("worker-1", "web")}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: all(first.pid_of(name) != pid for name, pid in before.items()), "a new worker and web process")
        until(first.answers, "an answer of the new web process")
        assert "worker-1 ended with code -9" in first.text()

        servers = (postmaster(state), first.pid_of("worker-1"))
        first.signal(signal.SIGKILL)
        first.wait(5)
        assert all(alive(pid) for pid in servers), "the kill took more than the supervisor"
    finally:
        first.process.kill()

    again = Run(state, port)
    try:
        again.wait_ready()
        cleaned = re.search(r"cleaned up what an earlier start left: (.*)", again.text())
        assert cleaned and {"web", "worker-1"} <= set(cleaned[1].split(", "))
        assert postmaster(state) == servers[0], "the database was adopted, not started again"
        assert not alive(servers[1]), "the old worker is gone"
        assert again.answers()

        pids = {name: again.pid_of(name) for name in PROCESSES}
        began = time.monotonic()
        again.signal(signal.SIGINT)
        assert again.wait(20) == 0
        assert time.monotonic() - began < 15
        assert "Stopped." in again.text()
        assert not [name for name, pid in pids.items() if alive(pid)]
        assert not (state / "postgres" / "pgdata" / "postmaster.pid").exists()
        assert not Valkey(state).alive()
    finally:
        again.process.kill()


def test_a_taken_port_is_said(state: Path) -> None:
    with Valkey(state / "other") as taken:
        run = Run(state, taken.port)
        assert run.wait(20) == 1
    assert f"Port {taken.port} of 127.0.0.1 is taken" in run.text()
    assert "Traceback" not in run.text()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A directory for a cluster, which takes seconds to make."""
    directory = Path(tempfile.mkdtemp(prefix="throughline-pg-"))
    directory.chmod(0o711)
    yield directory
    Postgres(directory).stop()
    shutil.rmtree(directory, ignore_errors=True)


def test_what_was_committed_survives_a_kill_of_the_database(cluster: Path) -> None:
    server = Postgres(cluster)
    assert server.start() is False
    assert Postgres(cluster).start() is True
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive(), "the death of the database")
    assert server.start() is False
    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("select n from kept").fetchone() == (1,)
        assert connection.execute("select upper('é')").fetchone() == ("É",)


def test_a_database_that_hangs_is_known_and_not_doubled_and_stopped_whole(cluster: Path) -> None:
    server = Postgres(cluster)
    server.start()
    pid = server.pid
    assert pid is not None
    family = [pid, *offspring(pid)]
    assert len(family) > 3
    for member in family:
        os.kill(member, signal.SIGSTOP)
    other = Postgres(cluster)
    assert other.pid == pid and other.alive() and not other.answers()
    other.stop()
    until(lambda: not any(alive(member) for member in family), "the end of the database")


def test_a_database_whose_processes_are_stuck_is_ended(cluster: Path) -> None:
    server = Postgres(cluster)
    server.start()
    family = [pid for pid in [server.pid, *offspring(server.pid or 0)] if pid]
    os.kill(family[0], signal.SIGSTOP)
    server.kill()
    until(lambda: not any(alive(member) for member in family), "the end of the database")
    assert server.start() is False and server.answers()


def test_a_long_path_gets_a_socket_elsewhere() -> None:
    directory = Path(tempfile.mkdtemp(prefix="throughline-")) / ("a very long name " * 6)
    directory.mkdir()
    directory.parent.chmod(0o711)
    server = Postgres(directory)
    try:
        server.start()
        assert not server.socket.is_relative_to(directory)
        server.create("throughline")
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        server.stop()
        shutil.rmtree(directory.parent, ignore_errors=True)
        shutil.rmtree(server.socket, ignore_errors=True)


def test_valkey_asks_for_its_password_and_writes_nothing(tmp_path: Path) -> None:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    with Valkey(tmp_path) as server:
        link = redis.Redis.from_url(server.url)
        link.set("told", 1)
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)).ping()
        assert link.config_get("maxmemory")["maxmemory"] == str(64 * 1024 * 1024)
    assert {path.name for path in server.directory.iterdir()} == {"password", "port", "process", "server.log"}


@pytest.mark.parametrize("name", ["dump.rdb", "appendonly.aof", "appendonlydir/appendonly.aof.1.incr.aof"])
def test_a_damaged_file_of_an_earlier_version_is_no_reason_to_refuse(tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "valkey" / name
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSE\x00\xffjunk")
    with Valkey(tmp_path) as server:
        assert server.answers()
    assert not damaged.exists()


@pytest.mark.parametrize("forgotten", [False, True], ids=["noted", "note lost"])
def test_a_valkey_that_hangs_is_ended_before_another_is_started(tmp_path: Path, forgotten: bool) -> None:
    hung = Valkey(tmp_path)
    hung.start()
    pid, port = hung.pid, hung.port
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    if forgotten:
        (hung.directory / "process").write_text("")
    assert not hung.answers()
    with Valkey(tmp_path) as again:
        assert not alive(pid)
        assert again.port == port, "processes were told the port once"
        assert again.answers()
    assert not again.alive()


def test_a_valkey_that_hangs_is_stopped(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert not alive(pid)
