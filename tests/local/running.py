"""`./dev run` as a process of its own, for tests that interrupt, kill and start it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY = "Ctrl-C stops everything"
START_S = 300
"""A start takes 8 s alone, and a minute at a load of 13."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], bool], what: str, seconds: float = 120, pause: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(pause)


class Run:
    """One `run` on `state`. Everything it prints is in `said`."""

    def __init__(self, state: Path, port: int, *options: str) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("THROUGHLINE_") and name not in ("DATABASE_URL", "REDIS_URL")
        }
        self.state, self.port = state, port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "run", "--state", str(state), "--port", str(port), "--no-demo", *options],
            cwd=ROOT,
            env=inherited,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.said.append(line)

    def text(self) -> str:
        return "".join(self.said)

    def wait_ready(self) -> None:
        until(lambda: READY in self.text() or self.process.poll() is not None, "a start", START_S)
        assert READY in self.text(), self.text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float) -> int:
        return self.process.wait(seconds)

    def pid_of(self, name: str) -> int:
        """Process id that the supervisor wrote down for one of its processes."""
        return int(json.loads((self.state / "run" / f"{name}.process").read_text())["pid"])

    def answers(self) -> bool:
        """Does the web process answer?"""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return connection.recv(9) == b"HTTP/1.1 "
        except OSError:
            return False


def alive(pid: int) -> bool:
    """Is there such a process, and is it more than a zombie?"""
    try:
        return (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) not in "ZX"
    except OSError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
