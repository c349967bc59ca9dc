"""What the commands read from the environment before the product's settings exist, and what they hand to its processes.

`app.settings` reads the environment of the product; this module makes that environment. Nobody else touches it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.local import binaries, machine
from app.settings import secret

ROOT = Path(__file__).resolve().parents[2]
MOST_WORKER_PROCESSES = 4
"""More are seldom of use beside a database on the same machine; who knows better says so."""


@dataclass(frozen=True)
class Launch:
    """How to run the product on this machine. Options of the command line win over the environment."""

    state: Path
    """Everything that stays between starts: database, queue, secret key, logs."""
    host: str = "127.0.0.1"
    port: int = 8000
    web_processes: int = 1
    """How many share the port; the rest of a machine's cores is for the workers and the database."""
    worker_processes: int = 1
    """How many move runs and send messages. Each has several engines in threads of their own, which keep more than a core busy."""
    demo: bool = True
    """Fill a workspace with demo data at the first start."""
    database_url: str = ""
    """URL of an external PostgreSQL; empty: the supervisor runs one."""
    redis_url: str = ""
    """URL of an external Redis or Valkey; empty: the supervisor runs one."""
    postgres_programs: str = ""


def read_launch(
    *,
    state: str | None = None,
    host: str | None = None,
    port: int | None = None,
    web_processes: int | None = None,
    worker_processes: int | None = None,
    demo: bool = True,
) -> Launch:
    """The launch that the options and the environment ask for."""
    variable = os.environ.get
    return Launch(
        state=Path(state or variable("THROUGHLINE_STATE") or default_state()).absolute(),
        host=host or variable("THROUGHLINE_HOST") or "127.0.0.1",
        port=port or int(variable("THROUGHLINE_PORT") or 8000),
        web_processes=web_processes or max(1, machine.processors() // 2),
        worker_processes=worker_processes or min(max(1, machine.processors() // 2), MOST_WORKER_PROCESSES),
        demo=demo,
        database_url=secret("DATABASE_URL"),
        redis_url=secret("REDIS_URL"),
        postgres_programs=variable("PG_BINDIR", ""),
    )


def default_state() -> Path:
    """`var` beside the code. Root's PostgreSQL runs as another user, who cannot enter a home of root's."""
    beside = ROOT / "var"
    if os.geteuid() != 0 or binaries.reachable(ROOT):
        return beside
    return Path("/var/lib/throughline")


def extended(values: dict[str, str]) -> dict[str, str]:
    """The environment of a child process: ours and `values`; a value of "" takes the variable away."""
    merged = {**os.environ, "PYTHONUNBUFFERED": "1", **values}
    return {name: value for name, value in merged.items() if value}


def adopt(values: dict[str, str]) -> None:
    """Put `values` into this process's own environment, before `app.settings` reads it."""
    os.environ.update(values)


def variable(name: str) -> str:
    """One variable of the environment, or the file that `<name>_FILE` names, or ""."""
    return secret(name)
