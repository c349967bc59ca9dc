"""A web process of the product for a benchmark, asked over one kept connection, and what it takes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.lib import database
from app.lib.ids import uuid7
from bench.rig import place

START_S, PATIENCE_S = 180, 60


class WebServer:
    """One granian process of the product; `more` changes its environment."""

    def __init__(self, workers: int = 1, more: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(self.port),
             "--workers", str(workers), "--workers-kill-timeout", "5", "--no-access-log", "--log-level", "error", "app.asgi:app"],
            env={**os.environ, "THROUGHLINE_PORT": str(self.port), **(more or {})},
        )  # fmt: skip
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), contextlib.closing(Client(self.port)) as client:
                if client.ask("GET", "/health/live")[0] == 200:
                    return
            time.sleep(0.1)
        self.stop()
        raise SystemExit("the web server did not start")

    def seconds(self) -> float:
        """Processor time of the server and the processes that it has started."""
        return sum(map(place.processor_seconds, family(self.process.pid)))

    def megabytes(self) -> float:
        """Memory of its largest process."""
        return max(map(resident_megabytes, family(self.process.pid)), default=0.0)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in family(self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait(PATIENCE_S)


class Client:
    """One kept connection. `key` is an API key."""

    def __init__(self, port: int, key: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body; waits and asks again where the server says to come back later, for a minute at most."""
        until = time.monotonic() + PATIENCE_S
        while True:
            sent = {**self._headers, **({"content-type": "application/json"} if body is not None else {}), **headers}
            self._connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = self._connection.getresponse()
            content = answer.read()
            pause = answer.headers.get("retry-after") if answer.status in (429, 503) else None
            if not pause or time.monotonic() + float(pause) > until:
                kind = answer.headers.get("content-type") or ""
                return answer.status, json.loads(content) if "json" in kind and content else content
            time.sleep(float(pause))

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def serving(workers: int = 1, more: dict[str, str] | None = None) -> Iterator[WebServer]:
    """A web server that is stopped at the end."""
    server = WebServer(workers, more)
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and those that it has started."""
    pids = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                pids.append(int(stat.parent.name))
    return pids


def resident_megabytes(pid: int) -> float:
    """Memory of a process now; 0 where /proc does not tell."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1_048_576
    return 0.0


def admin_key(tenant_id: int) -> str:
    """A new API key of the workspace that may do everything."""
    from app.lib import crypto
    from app.models.api_key import ApiKey
    from app.models.status import Role

    prefix, secret = uuid7().hex[-10:], "x" * 43

    async def store() -> None:
        async with database.transaction() as session:
            fingerprint = crypto.fingerprint(secret)
            session.add(
                ApiKey(tenant_id=tenant_id, name="bench", prefix=prefix, key_hash=fingerprint, role=Role.ADMIN.value)
            )
        await database.dispose()

    asyncio.run(store())
    return f"tl_{prefix}_{secret}"
