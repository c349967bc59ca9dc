"""The product under `./dev run` on a directory of its own, people who write to it while it breaks, and a mail server that counts."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.local.postgres import Postgres
from app.local.processes import end_leftovers, offspring
from app.local.state import StateDirectory
from app.local.valkey import Valkey
from tests.chaos.sink import CountingSink
from tests.local.running import ROOT, Run, alive, free_port, until

BATCH = 10
PATIENCE_S = 300.0
"""How long anything may take on a machine that is busy with other things. Nothing is judged by its speed."""
PAUSE_S = 0.1
"""Between two looks. With shorter ones the looks themselves, each a connection of its own, would take a processor all the time."""
ROOM = "600m"
"""Of the small disk: PostgreSQL and the log of its changes need some 200 MB of it."""


class People:
    """Somebody who sends events, each with an id of its own, and repeats what was not acknowledged, as a good client does."""

    def __init__(self, stage: Stage, prefix: str, count: int) -> None:
        self.stage, self.prefix = stage, prefix
        self.emails = [f"{prefix}-{n}@chaos.example" for n in range(count)]
        self.acknowledged: set[str] = set()
        self.refused: list[httpx.Response] = []
        """Answers other than 202."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> People:
        self._thread.start()
        return self

    def finish(self) -> None:
        """Wait until everything was acknowledged."""
        self._thread.join(PATIENCE_S)
        self._over.set()
        assert len(self.acknowledged) == len(self.emails), (
            f"{len(self.acknowledged)} of {len(self.emails)} acknowledged"
        )

    def _send(self) -> None:
        with httpx.Client(headers=self.stage.headers, timeout=30) as client:
            for start in range(0, len(self.emails), BATCH):
                part = self.emails[start : start + BATCH]
                events = [{"name": "chaos", "email": email, "id": f"id-{email}"} for email in part]
                while not self._over.is_set():
                    with contextlib.suppress(httpx.HTTPError):
                        answer = client.post(f"{self.stage.url}/api/v1/events", json=events)
                        if answer.status_code == 202:
                            self.acknowledged.update(part)
                            break
                        self.refused.append(answer)
                    self._over.wait(0.1)
                self._over.wait(0.05)


class Stage:
    """One product and all around it. `seed` decides the random moments."""

    def __init__(self, seed: int = 1) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.root = Path(tempfile.mkdtemp(prefix="throughline-chaos-"))
        self.root.chmod(0o711)
        self.small_disk = _mounted(self.root)
        self.state = self.root / "state"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sink = CountingSink()
        self.headers: dict[str, str] = {}
        self.workflow = ""
        # Without certificates, whose reading takes 20 ms, and with nothing left open: what is asked next may be another process.
        self.http = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0))
        self.crowds: list[People] = []
        self.run: Run | None = None

    def __enter__(self) -> Stage:
        try:
            self.sink.start()
            self.start()
            key = self.command("api-key", "create", "--name", "chaos", "--role", "owner").stdout.strip()
            self.headers = {"Authorization": f"Bearer {key}"}
            self.workflow = self._workflow()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything that was ever started here, and forget it."""
        if self.run is not None:
            self.run.process.kill()
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if self.state.exists():
            end_leftovers(StateDirectory(self.state))
            Valkey(self.state).stop()
            Postgres(self.state / "postgres").kill()
        self.sink.stop(no_assert=True)
        self.http.close()
        if self.small_disk:
            subprocess.run(["umount", "-l", self.root], check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> None:
        """`./dev run`, until it is ready."""
        self.run = Run(self.state, self.port, "--worker-processes", "2")
        self.run.wait_ready()

    def stop(self) -> None:
        """Ctrl-C, as a person does."""
        assert self.run is not None
        self.run.signal(signal.SIGINT)
        assert self.run.wait(40) == 0, self.run.text()[-2000:]

    @property
    def said(self) -> str:
        """What the terminal showed."""
        return self.run.text() if self.run else ""

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments, "--state", str(self.state)],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.url}/api/v1{path}", json=body, headers=self.headers, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def connector(self, name: str, port: int, *, is_default: bool = False) -> str:
        """A connector to a mail server of the loopback; its id."""
        config = {"host": "127.0.0.1", "port": port, "security": "none", "fromEmail": "us@chaos.example"}
        return str(self.api("POST", "/connectors", {"name": name, "config": config, "isDefault": is_default})["id"])

    def _workflow(self) -> str:
        """Enter, wait for a second, get a mail."""
        self.connector("Chaos", self.sink.port, is_default=True)
        template = self.api(
            "POST", "/templates", {"name": "T", "channel": "email", "subject": "Hello", "text": "Hello."}
        )
        nodes: list[dict[str, Any]] = [
            {"id": "wait", "type": "delay", "data": {"duration": 1, "unit": "seconds"}},
            {"id": "tag", "type": "add_tag", "data": {"tag": "seen"}},
            {"id": "mail", "type": "send_email", "data": {"templateId": template["id"]}},
            {"id": "end", "type": "end", "data": {}},
        ]
        for n, node in enumerate(nodes):
            node["position"] = {"x": 0, "y": 100 * n}
        order = ["trigger", *(node["id"] for node in nodes)]
        edges = [{"source": source, "target": target} for source, target in itertools.pairwise(order)]
        made = self.api(
            "POST", "/workflows",
            {"name": "Chaos", "trigger": {"type": "event", "event": "chaos"}, "nodes": nodes, "edges": edges},
        )  # fmt: skip
        self.api("POST", f"/workflows/{made['id']}/activate")
        return str(made["id"])

    def people(self, name: str, count: int) -> People:
        """People who begin to send now."""
        made = People(self, f"{name}-{len(self.crowds)}", count)
        self.crowds.append(made)
        return made.start()

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=10) as connection:
            yield connection

    @property
    def database_url(self) -> str:
        return str(json.loads((self.state / "run" / "environment.json").read_text())["DATABASE_URL"])

    def value(self, sql: str, *parameters: Any) -> Any:
        """One value of the database, asked for until it answers."""
        found: list[Any] = []

        def asked() -> bool:
            with contextlib.suppress(psycopg.OperationalError), self.database() as connection:
                row = connection.execute(sql, parameters).fetchone()
                found.append(row[0] if row else None)
            return bool(found)

        until(asked, "an answer of the database", PATIENCE_S, PAUSE_S)
        return found[0]

    def entered(self, people: People) -> int:
        return int(
            self.value(
                "select count(*) from runs r join contacts c on c.id = r.contact_id where c.email like %s",
                f"{people.prefix}-%",
            )
        )

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status code and document of `/health/ready`; (0, {}) when nobody listens."""
        try:
            answer = self.http.get(f"{self.url}/health/ready", timeout=10)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            return 0, {}

    def becomes(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        try:
            until(holds, what, seconds, PAUSE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\nhealth: {self.health()}\nterminal: {self.said[-1500:]}") from error

    def is_well(self) -> bool:
        return self.health()[1].get("status") == "ok"

    def says(self, part: str, status: str = "down") -> bool:
        """Does health say so of a part?"""
        return bool(self.health()[1].get("checks", {}).get(part, {}).get("status") == status)

    def pid(self, name: str) -> int:
        """A process of the product, waited for: after the fault before this one it may still be on its way."""
        assert self.run is not None
        run, found = self.run, list[int]()

        def lives() -> bool:
            with contextlib.suppress(OSError, ValueError, KeyError):
                found[:] = [run.pid_of(name)]
            return bool(found) and alive(found[0])

        self.becomes(lives, f"a {name} that lives")
        return found[0]

    @property
    def postgres(self) -> list[int]:
        """The postmaster and its processes, as they are now: none while there is none."""
        postmaster = Postgres(self.state / "postgres").pid
        return [postmaster, *offspring(postmaster)] if postmaster else []

    @property
    def valkey(self) -> int | None:
        """Its process as it is now."""
        return Valkey(self.state).pid

    def running_postgres(self) -> list[int]:
        """The postmaster and its processes, waited for."""
        self.becomes(lambda: bool(self.postgres) and self.health()[0] == 200, "a PostgreSQL that answers")
        return self.postgres

    def running_valkey(self) -> int:
        """Valkey's process, waited for."""
        self.becomes(lambda: self.valkey is not None and self.says("redis", "ok"), "a Valkey that answers")
        pid = self.valkey
        assert pid is not None
        return pid

    def family(self) -> list[int]:
        """Every process that has to do with this directory: by its command line, its environment or where it works."""
        mark, found = str(self.state).encode(), []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if mark in told or str(self.state).encode() in os.fsencode((entry / "cwd").readlink()):
                    found.append(int(entry.name))
        return found

    def wait_some(self, low: float, high: float) -> None:
        """A moment that the seed chooses."""
        time.sleep(self.chance.uniform(low, high))


def _mounted(root: Path) -> bool:
    """A small disk for the state directory, which only root can have."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    options = ["-t", "tmpfs", "-o", f"size={ROOM},mode=0711", "tmpfs", str(root)]
    return subprocess.run(["mount", *options], capture_output=True).returncode == 0
