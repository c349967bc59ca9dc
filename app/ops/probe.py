"""The health check of a container: `python -m app.ops.probe web|worker|scheduler` ends with 0 when it is well.

It runs every few seconds, so it imports nothing of the product. The web process is asked over HTTP; a worker or scheduler
is well when a process of this container wrote its heartbeat lately.
"""

from __future__ import annotations

import socket
import sys

import psycopg

from app.local import environment

DEAD_AFTER_S = 20
_PULSE = """
select 1 from heartbeats
where kind = %s and split_part(process, ':', 2) = %s and at > now() - make_interval(secs => %s) limit 1
"""


def web_lives(port: int) -> bool:
    """Does the web process say that it is up? A database that is away is no reason to restart it."""
    try:
        with socket.create_connection(("127.0.0.1", port), 3) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def process_lives(kind: str) -> bool:
    """Has a process of this kind on this host a recent heartbeat? False while the database is away."""
    try:
        with psycopg.connect(environment.variable("DATABASE_URL"), connect_timeout=3) as connection:
            return connection.execute(_PULSE, [kind, socket.gethostname(), DEAD_AFTER_S]).fetchone() is not None
    except psycopg.Error:
        return False


if __name__ == "__main__":
    kind = sys.argv[1]
    well = web_lives(int(environment.variable("THROUGHLINE_PORT") or 8000)) if kind == "web" else process_lives(kind)
    sys.exit(0 if well else 1)
