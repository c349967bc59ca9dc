"""Starts the product for the browser stories as a person does, with `run`, and knows how to get into it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

ROOT = Path(__file__).resolve().parents[1]
EMAIL, PASSWORD = "owner@example.com", "correct horse battery staple 7"
PATIENCE_S = 300
PLAIN: dict[str, Any] = {"verify": False, "timeout": 30}
"""Of httpx, for one request: certificates, which nobody needs on the loopback, take 30 ms to read."""
TIMEOUT_MS = 30_000
"""How long anything in a page may take on a machine that is busy with other things."""


@dataclass
class Product:
    """A product that runs. `log` is everything that it printed."""

    url: str
    state: Path
    link: str
    """The one-time sign-in link that it printed."""
    process: subprocess.Popen[str]
    log: list[str]
    email: str = EMAIL
    password: str = PASSWORD
    _keys: dict[str, str] = field(default_factory=dict)

    def connect(self) -> psycopg.Connection[Any]:
        """An autocommit connection to its database."""
        directory = quote(str(self.state / "postgres" / "socket"), safe="")
        return psycopg.connect(f"postgresql://postgres@/throughline?host={directory}", autocommit=True)

    def session(self) -> str:
        """A session cookie of the owner, as if they had signed in to the first workspace. Each call makes a new one."""
        token = secrets.token_urlsafe(32)
        with self.connect() as connection:
            connection.execute(
                """
                insert into sessions (id, token_hash, user_id, tenant_id, created_at, seen_at, expires_at, lasting)
                select %s, %s, m.user_id, m.tenant_id, now(), now(), now() + interval '1 day', true
                from memberships m join users u on u.id = m.user_id where u.email = %s order by m.tenant_id limit 1
                """,
                [uuid.uuid4(), hashlib.sha256(token.encode()).digest(), self.email],
            )
        return token

    def api_key(self, role: str = "admin") -> str:
        """An API key of that role, made by the command."""
        if role not in self._keys:
            command = [sys.executable, "-m", "app.cli", "api-key", "create", "--name", "e2e", "--role", role]
            made = subprocess.run(
                [*command, "--state", str(self.state)], cwd=ROOT, capture_output=True, text=True, check=True
            )
            self._keys[role] = made.stdout.strip()
        return self._keys[role]

    def stop(self) -> None:
        """Ctrl-C, as a person would; it has 15 s."""
        _interrupt(self.process)


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def start(state: Path, *options: str, **settings: str) -> Product:
    """Run the product on `state` and a free port, with these variables, and wait until it says that it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if os.geteuid() == 0:
        state.chmod(0o711)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("THROUGHLINE_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "run", "--state", str(state), "--port", str(port), *options],
        cwd=ROOT,
        env={**inherited, "THROUGHLINE_ADMIN_EMAIL": EMAIL, "THROUGHLINE_ADMIN_PASSWORD": PASSWORD, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    link, end = "", time.monotonic() + PATIENCE_S
    for line in process.stdout or ():
        said.append(line)
        if match := re.search(r"\S+/sign-in/link#\S+", line):
            link = match[0]
        if "Ctrl-C stops everything" in line:
            return Product(f"http://127.0.0.1:{port}", state, link, process, said)
        if time.monotonic() > end:
            break
    with contextlib.suppress(subprocess.TimeoutExpired):  # killed, it would leave its servers behind
        _interrupt(process)
    logs = "".join(f"\n== {path.name}\n{path.read_text()[-1500:]}" for path in state.glob("log/*.log"))
    raise AssertionError(f"the product did not start:\n{''.join(said)}{logs}")
