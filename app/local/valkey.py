"""A Valkey server of our own on loopback, with a password. It carries notifications and holds nothing of value.

So it writes nothing to disk, and may be killed at any time. Whether it lives is judged by its process, never by how fast it answers: a slow
one is not dead, and the old one is ended before a new one is started. Its port stays the same while the product runs, because
the processes get it at their start.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from app.local import binaries, processes

MEMORY = "64mb"
"""Notifications are a few kilobytes. What grows past this is refused, and workers look for work by themselves."""
ANSWERS_IN_S = 1.0
_OLD_FILES = ("appendonlydir", "appendonly.aof", "dump.rdb")
"""What earlier versions wrote. A damaged one would keep the server from starting."""


class ValkeyFailed(Exception):
    """Valkey did not start. The message says why."""


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Valkey:
    """One server with its files in `state`/valkey."""

    title = "queue"

    def __init__(self, state: Path) -> None:
        self.directory = state.resolve() / "valkey"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._note = self.directory / "process"
        self.log = self.directory / "server.log"
        secret = self.directory / "password"
        if not secret.exists():
            secret.touch(mode=0o600)
        if not secret.read_text():
            secret.write_text(secrets.token_urlsafe(24))
        self._password = secret.read_text()
        self._port_file = self.directory / "port"
        self.port = int(self._port_file.read_text() or 0) if self._port_file.exists() else 0

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The running server's process, also if another process started it."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        return processes.noted(self._note)

    def settle_port(self) -> None:
        """Choose the port of this launch: the one it always had, unless another program has it by now."""
        if not self.port or not (self.alive() or bindable(self.port)):
            self._end_all()
            if not self.port or not self._port_is_free():
                self.port = free_port()
                self._port_file.write_text(str(self.port))

    def begin(self) -> None:
        """Start it and do not wait. Whatever ran here before is ended first. Raises ValkeyFailed when its port is taken."""
        self._end_all()
        if not self._port_is_free():
            raise ValkeyFailed(f"another program has taken its port, {self.port}")
        for name in _OLD_FILES:
            path = self.directory / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.directory),
            "appendonly": "no",
            "save": "",
            "maxmemory": MEMORY,
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",  # it is recognised by its command line
            "requirepass": self._password,
        }
        # Settings by stdin, so that the password is neither in the process list nor in one more file.
        with self.log.open("ab") as log, tempfile.TemporaryFile() as written:
            written.write("".join(f'{name} "{value}"\n' for name, value in settings.items()).encode())
            written.seek(0)
            self._process = subprocess.Popen(
                [binaries.valkey_program(), "-"],
                stdin=written,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,  # Ctrl-C must not reach it before the workers have stopped
            )
        processes.note(self._note, self._process.pid)

    def start(self) -> bool:
        """Start it and wait until it answers. True when one was already running here and is taken over."""
        self.settle_port()
        if self.alive() and self.answers():
            return True
        self.begin()
        end = time.monotonic() + 10
        while time.monotonic() < end and self.alive():
            if self.answers():
                return False
            time.sleep(0.02)
        raise ValkeyFailed(f"Valkey did not start: {self.why()}")

    def alive(self) -> bool:
        """Is its process there? It may be slow to answer."""
        return self.pid is not None

    def answers(self) -> bool:
        """Does it answer, and is it ours (our password opens it)?"""
        answer, wanted = b"", len("+OK\r\n+PONG\r\n")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), ANSWERS_IN_S) as link:
            link.settimeout(ANSWERS_IN_S)
            link.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            while len(answer) < wanted and (part := link.recv(100)):
                answer += part
        return b"+PONG" in answer

    def why(self) -> str:
        """The last thing it said, when it did not start."""
        lines = processes.tail(self.log, 3)
        return lines[-1].strip(" #*") if lines else "it ended at once"

    def kill(self) -> None:
        """End it now. Nothing is lost."""
        self._end_all()

    def stop(self, *, seconds: float = 3) -> None:
        """Ask it to end, and end it when it does not."""
        if pid := self.pid:
            for number in (signal.SIGCONT, signal.SIGTERM):
                processes.send(pid, number)
            processes.wait_until_ended([pid], seconds)
        self._end_all()

    def _port_is_free(self) -> bool:
        """Also when the last threads of a process that was just ended hold it for an instant."""
        end = time.monotonic() + 0.5
        while not (free := bindable(self.port)) and time.monotonic() < end:
            time.sleep(0.02)
        return free

    def _end_all(self) -> None:
        """Every Valkey of this directory: the one that is noted, and any that a lost note left behind."""
        own_pids = {
            pid for pid in [self.pid, *processes.working_in(self.directory, "valkey-server", "redis-server")] if pid
        }
        for pid in own_pids:
            processes.send(pid, signal.SIGKILL)
        if self._process is not None and self._process.pid in own_pids:
            self._process.wait()
        processes.wait_until_ended(own_pids, 5)
        self._process = None
        processes.forget(self._note)


def bindable(port: int, host: str = "127.0.0.1") -> bool:
    """Could we listen there now?"""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
