"""Named faults. Each begins on a product that is well and ends with the checker; what is special about it is asserted in between.

`SHORT` run in every `./dev test`, one after the other on one product; `LONG` by `./dev chaos`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import redis

from app.local.processes import offspring
from app.local.valkey import Valkey
from tests.chaos.checker import check, check_stopped, settled
from tests.chaos.sink import CountingSink
from tests.chaos.stage import Stage
from tests.local.running import Run

Scenario = Callable[[Stage], None]
INSIDE_DATA = 40
"""Mails that may be inside DATA at once: two workers, twenty each. Of these nobody can know whether they left."""
TURN = 7_401_002
"""The advisory lock of the engine's turn."""


def kill_workers(stage: Stage) -> None:
    """kill -9 of each worker process, at random moments under load."""
    people = stage.people("workers", 150)
    for n in (1, 2, 1):
        stage.wait_some(0.3, 1.2)
        os.kill(stage.pid(f"worker-{n}"), signal.SIGKILL)
    check(stage, people, most_uncertain=INSIDE_DATA)


def kill_web_and_scheduler(stage: Stage) -> None:
    """kill -9 of the web process, of its child, and of the scheduler; clients repeat what was not acknowledged."""
    people = stage.people("web", 150)
    stage.wait_some(0.2, 0.6)
    os.kill(stage.pid("scheduler"), signal.SIGKILL)
    for child in offspring(stage.pid("web")):
        os.kill(child, signal.SIGKILL)
    stage.wait_some(0.5, 1.5)
    os.kill(stage.pid("web"), signal.SIGKILL)
    check(stage, people)


def freeze_worker(stage: Stage) -> None:
    """SIGSTOP of a worker at a random moment under load: the other one goes on, and nothing is done twice when it wakes."""
    people = stage.people("frozen", 200)
    stage.wait_some(0.2, 0.8)
    frozen = stage.pid("worker-1")
    os.kill(frozen, signal.SIGSTOP)
    try:
        people.finish()
        stage.becomes(lambda: stage.entered(people) == len(people.emails), "all entered beside a frozen worker")
    finally:
        os.kill(frozen, signal.SIGCONT)
    check(stage, people, most_uncertain=INSIDE_DATA)


def kill_valkey(stage: Stage) -> None:
    """kill -9 of Valkey, and FLUSHALL again and again."""
    people = stage.people("valkey", 120)
    before = stage.running_valkey()
    os.kill(before, signal.SIGKILL)
    stage.becomes(lambda: stage.valkey not in (None, before), "a new Valkey")
    link = redis.Redis.from_url(Valkey(stage.state).url, socket_timeout=2)
    for _ in range(15):
        try:
            link.flushall()
        except redis.RedisError:
            continue
        finally:
            time.sleep(0.1)
    check(stage, people)


def freeze_valkey(stage: Stage) -> None:
    """SIGSTOP of Valkey for some seconds: it is not doubled, health says so, and work goes on without it."""
    before, port = stage.running_valkey(), Valkey(stage.state).port
    os.kill(before, signal.SIGSTOP)
    try:
        people = stage.people("slow-valkey", 100)
        stage.becomes(lambda: stage.says("redis"), "health that misses Valkey")
        people.finish()
        stage.becomes(lambda: settled(stage, people), "an end of all runs without Valkey")
        stage.becomes(lambda: "The queue does not answer" in stage.said, "a word on the terminal", 20)
    finally:
        os.kill(before, signal.SIGCONT)
    check(stage, people)
    assert (stage.valkey, Valkey(stage.state).port) == (before, port) or "was ended" in stage.said


def kill_postgres(stage: Stage) -> None:
    """SIGKILL, then SIGQUIT of the postmaster under load: it comes back by itself, and what was acknowledged stays."""
    people = stage.people("postgres", 150)
    for number in (signal.SIGKILL, signal.SIGQUIT):
        stage.wait_some(0.4, 1.0)
        postmaster = stage.running_postgres()[0]
        os.kill(postmaster, number)
        stage.becomes(lambda old=postmaster: stage.postgres[:1] not in ([], [old]), "a new PostgreSQL")  # type: ignore[misc]
        stage.becomes(lambda: stage.health()[0] == 200, "a database that answers")
    check(stage, people, most_uncertain=INSIDE_DATA)


def freeze_postgres(stage: Stage) -> None:
    """SIGSTOP of every PostgreSQL process: requests end with 503 and Retry-After, health answers, nothing is doubled."""
    people = stage.people("hung", 100)
    stage.wait_some(0.2, 0.6)
    before = stage.running_postgres()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        ready = httpx.get(f"{stage.url}/health/ready", timeout=20)
        assert (ready.status_code, ready.json()["checks"]["database"]["status"]) == (503, "down")
        assert httpx.get(f"{stage.url}/health/live", timeout=20).status_code == 200
        assert time.monotonic() - began < 15, "health waits for what hangs"
        answer = httpx.get(f"{stage.url}/api/v1/workflows", headers=stage.headers, timeout=40)
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
        page = httpx.get(f"{stage.url}/workflows", cookies={"session": "x" * 43}, timeout=40)
        assert page.status_code == 503 and "<html" in page.text
        stage.becomes(lambda: "The database does not answer" in stage.said, "a word on the terminal", 30)
        assert stage.postgres[:1] == before[:1], "it was doubled"
    finally:
        for pid in before:
            # One that was ending when it was stopped: the postmaster, woken first, has reaped it.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    check(stage, people, most_uncertain=INSIDE_DATA)
    assert stage.postgres[0] == before[0]


def fill_disk(stage: Stage) -> None:
    """A disk without room: 503 with Retry-After, the product stays up, and goes on by itself when there is room again."""
    assert stage.small_disk, "this needs root, for a small disk of its own"
    assert stage.run is not None
    people = stage.people("disk", 60)
    stage.becomes(lambda: len(people.acknowledged) > 0, "a first acknowledgement")
    ballast = stage.root / "ballast"
    _fill(ballast)
    try:
        # The log of changes is written in files made beforehand; a new one finds no room, and PostgreSQL gives up.
        with stage.database() as connection:
            for _ in range(30):
                connection.execute(
                    "select pg_logical_emit_message(false, 'chaos', repeat('x', 1000000)), pg_switch_wal()"
                )
    except psycopg.OperationalError:
        pass
    stage.becomes(lambda: stage.health()[0] == 503, "health that says no")
    answer = httpx.post(
        f"{stage.url}/api/v1/events",
        json={"name": "chaos", "email": "late@disk.example"},
        headers=stage.headers,
        timeout=30,
    )
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0, answer.text
    stage.wait_some(4, 6)
    assert stage.run.process.poll() is None, "the product ended"
    assert httpx.get(f"{stage.url}/health/live", timeout=10).status_code == 200
    assert stage.says("disk"), stage.health()
    ballast.unlink()
    stage.becomes(lambda: stage.health()[0] == 200, "a database that answers again")
    check(stage, people, most_uncertain=INSIDE_DATA)


def start_on_full_disk(stage: Stage) -> None:
    """`./dev run` on a full disk: it does not give up, the web process says why, and all goes on when there is room."""
    assert stage.small_disk, "this needs root, for a small disk of its own"
    stage.stop()
    ballast = stage.root / "ballast"
    _fill(ballast)
    stage.run = Run(stage.state, stage.port)
    stage.becomes(lambda: "The database cannot start" in stage.said, "a word on the terminal")
    stage.becomes(lambda: stage.health()[0] == 503, "a web process that says no")
    assert "The database cannot start" in stage.health()[1]["checks"]["database"]["detail"], stage.health()
    assert stage.run.process.poll() is None
    ballast.unlink()
    stage.run.wait_ready()
    check(stage, stage.people("after-full", 20))


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            return


def stop_with_backlog(stage: Stage) -> None:
    """Ctrl-C with mails in the queue, and a start after it: none of them is uncertain, and each leaves once."""
    stage.sink.seconds = 1.5  # some ten seconds of work for two workers: more than a stop has
    people = stage.people("backlog", 150)
    people.finish()
    stage.becomes(lambda: stage.sink.begun > 0 and stage.entered(people) == len(people.emails), "mails under way")
    stage.becomes(lambda: sum(stage.sink.taken[email] for email in people.emails) > 5, "some mails taken")
    stage.stop()
    check_stopped(stage)
    stage.sink.seconds = 0.0
    stage.start()
    check(stage, people)


def kill_everything(stage: Stage) -> None:
    """kill -9 of the supervisor, of all processes and of both servers at once; the next start cleans up and goes on."""
    people = stage.people("everything", 120)
    stage.wait_some(0.5, 1.5)
    for pid in stage.family():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert stage.run is not None
    stage.run.wait(10)
    stage.start()
    check(stage, people, most_uncertain=INSIDE_DATA)


def kill_supervisor(stage: Stage) -> None:
    """kill -9 of `./dev run` alone: the servers that it left are taken over, its processes are ended."""
    people = stage.people("supervisor", 100)
    stage.wait_some(0.3, 0.8)
    assert stage.run is not None
    servers = (stage.running_postgres()[0], stage.running_valkey())
    stage.run.signal(signal.SIGKILL)
    stage.run.wait(10)
    stage.start()
    assert (stage.postgres[0], stage.valkey) == servers
    check(stage, people, most_uncertain=INSIDE_DATA)


def hold_turn(stage: Stage) -> None:
    """Another session holds the engine's turn and hangs: what is due goes on."""
    before = stage.people("before-turn", 40)
    before.finish()
    stage.becomes(lambda: stage.entered(before) == len(before.emails), "runs that wait")
    with stage.database() as connection:
        connection.execute("select pg_advisory_lock(%s)", (TURN,))
        people = stage.people("turn", 40)
        stage.becomes(lambda: settled(stage, before), "an end of what was due while the turn was held")
    check(stage, people)


def lock_table(stage: Stage) -> None:
    """`lock table runs` by somebody who keeps it for a while: pages answer 503 in time, and work goes on after it."""
    people = stage.people("table", 60)
    stage.wait_some(0.3, 0.8)
    with stage.database() as connection, connection.transaction():
        connection.execute("lock table runs in access exclusive mode")
        answer = httpx.get(f"{stage.url}/api/v1/workflows/{stage.workflow}/runs", headers=stage.headers, timeout=40)
        assert answer.status_code == 503, answer.text
        stage.wait_some(10, 12)
    check(stage, people, most_uncertain=INSIDE_DATA)


def put_off(stage: Stage) -> None:
    """The mail server says 451 to everybody for a while, then takes mails: each leaves once."""
    stage.sink.answer = "451 4.3.0 Come back later"
    people = stage.people("later", 30)
    people.finish()
    stage.becomes(lambda: stage.sink.begun > 0, "a first try")
    stage.wait_some(2, 4)
    stage.sink.answer = ""
    with stage.database() as connection:  # tries are minutes apart; nobody waits for them here
        connection.execute("update messages set due_at = clock_now() where status = 0 and due_at is not null")
    stage.becomes(lambda: _due_now(stage, people.prefix) or settled(stage, people), "an end of all mails")
    check(stage, people)


def _due_now(stage: Stage, prefix: str) -> bool:
    """Let what was put off be due again. False, always: somebody else says when it is over."""
    with stage.database() as connection:
        connection.execute(
            "update messages set due_at = clock_now() where status = 0 and due_at > clock_now() and contact_id in"
            " (select id from contacts where email like %s)",
            (f"{prefix}-%",),
        )
    time.sleep(0.5)
    return False


def hanging_mail_server(stage: Stage) -> None:
    """A connector whose server takes the text and never answers, beside one that is well: the other's mails all leave."""
    stuck = CountingSink()
    stuck.seconds = 600.0
    stuck.start()
    try:
        other = stage.connector("Hangs", stuck.port)
        template = stage.api("POST", "/templates", {"name": "H", "channel": "email", "subject": "H", "text": "H"})
        mail = {"id": "mail", "type": "send_email", "position": {"x": 0, "y": 0},
                "data": {"templateId": template["id"], "connectorId": other}}  # fmt: skip
        end = {"id": "end", "type": "end", "position": {"x": 0, "y": 100}, "data": {}}
        edges = [{"source": "trigger", "target": "mail"}, {"source": "mail", "target": "end"}]
        made = stage.api(
            "POST", "/workflows",
            {"name": "Hangs", "trigger": {"type": "event", "event": "hang"}, "nodes": [mail, end], "edges": edges},
        )  # fmt: skip
        stage.api("POST", f"/workflows/{made['id']}/activate")
        stage.api("POST", "/events", [{"name": "hang", "email": f"hang-{n}@chaos.example"} for n in range(60)])
        stage.becomes(lambda: stuck.begun > 0, "a mail that hangs")
        people = stage.people("beside", 60)
        people.finish()
        stage.becomes(lambda: settled(stage, people), "an end of the mails of the healthy server")
        stage.api("POST", f"/workflows/{made['id']}/pause")
    finally:
        stuck.stop(no_assert=True)


def restart_workers(stage: Stage) -> None:
    """SIGTERM of one worker after the other under load, as a rolling update does: nothing is uncertain."""
    people = stage.people("rolling", 150)
    for n in (1, 2, 1, 2):
        stage.wait_some(0.5, 1.0)
        old = stage.pid(f"worker-{n}")
        os.kill(old, signal.SIGTERM)
        stage.becomes(lambda n=n, old=old: stage.pid(f"worker-{n}") != old, "a new worker")  # type: ignore[misc]
    check(stage, people)


SHORT: dict[str, Scenario] = {
    "kill-workers": kill_workers,
    "kill-web-and-scheduler": kill_web_and_scheduler,
    "freeze-worker": freeze_worker,
    "hold-turn": hold_turn,
    "kill-valkey": kill_valkey,
    "freeze-valkey": freeze_valkey,
    "freeze-postgres": freeze_postgres,
    "fill-disk": fill_disk,
    "stop-with-backlog": stop_with_backlog,
}
LONG: dict[str, Scenario] = {
    "kill-postgres": kill_postgres,
    "kill-everything": kill_everything,
    "start-on-full-disk": start_on_full_disk,
    "kill-supervisor": kill_supervisor,
    "lock-table": lock_table,
    "put-off": put_off,
    "restart-workers": restart_workers,
    "hanging-mail-server": hanging_mail_server,
}
"""The last one leaves mails behind that nobody can know of; nothing follows it on the same product."""
ALL = {**SHORT, **LONG}
