"""A Valkey server of our own on loopback, with a password, its append-only file, and adoption of one left running."""

from __future__ import annotations

import secrets
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from app.local import binaries


class ValkeyFailed(Exception):
    """Valkey did not start. The message carries the end of its log."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Valkey:
    """One server with its files in `state`/valkey. Without `durable` it writes nothing."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        self.directory = state.resolve() / "valkey"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
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

    def start(self) -> bool:
        """Start it. True when one was already running here and is taken over: two on one file would ruin it."""
        if self.port and self.ready():
            return True
        if not self.port or not bindable(self.port):
            self.port = free_port()
            self._port_file.write_text(str(self.port))
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.directory),
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "requirepass": self._password,
        }
        # Settings by stdin, so that the password is neither in the process list nor in one more file.
        with (self.directory / "server.log").open("wb") as log, tempfile.TemporaryFile() as written:
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
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.poll() is None:
            if self.ready():
                return False
            time.sleep(0.02)
        raise ValkeyFailed("Valkey did not start: " + (self.directory / "server.log").read_text()[-1000:])

    def ready(self) -> bool:
        """Does it answer, and is it ours (our password opens it)?"""
        return b"+PONG" in self._ask("PING", len("+OK\r\n+PONG\r\n"))

    def stop(self, *, seconds: float = 5) -> None:
        """Stop it after its file is written."""
        self._ask("SHUTDOWN", 1000)  # until it closes the connection
        end = time.monotonic() + seconds
        while time.monotonic() < end and (self._running() or self.ready()):
            time.sleep(0.02)
        if self._running() and self._process is not None:
            self._process.kill()
            self._process.wait()

    def _running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _ask(self, command: str, size: int) -> bytes:
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.settimeout(1)
                connection.sendall(f"AUTH {self._password}\r\n{command}\r\n".encode())
                while len(answer) < size and (part := connection.recv(100)):
                    answer += part
        except OSError:
            return answer
        return answer


def bindable(port: int, host: str = "127.0.0.1") -> bool:
    """Could we listen there now?"""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
