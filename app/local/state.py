"""The state directory of `./dev run`: who holds it, its secrets, and where other commands find the running product."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO


class StateInUse(Exception):
    """Another process holds this state directory. The message says which."""


class StateUnusable(Exception):
    """The state directory cannot be used. The message says why and what to do."""


class StateDirectory:
    """The directory `path`, made when it is not there. Only its owner can read what matters in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: IO[str] | None = None
        try:
            # Root's PostgreSQL runs as another user, who must be able to walk through (not list) this directory.
            path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            for name in ("log", "run"):
                (path / name).mkdir(mode=0o700, exist_ok=True)
            with (path / "lock").open("a"):
                pass
        except OSError as error:
            raise StateUnusable(
                f"{path} cannot be written ({error.strerror}). Choose another place with --state DIR or THROUGHLINE_STATE, "
                "or start as the user who owns it."
            ) from error

    def hold(self) -> None:
        """Take the directory for this process until it ends. Raises StateInUse."""
        lock_file = (self.path / "lock").open("r+")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock_file.read().strip() or "another process"
            lock_file.close()
            raise StateInUse(f"Throughline already runs on {self.path} ({holder}).") from None
        self._held = lock_file
        with contextlib.suppress(OSError):  # a full disk: it is held all the same
            lock_file.truncate(0)
            lock_file.write(f"process {os.getpid()}")
            lock_file.flush()

    def release(self) -> None:
        if self._held:
            self._held.close()
            self._held = None

    def secret(self, name: str) -> str:
        """A random secret that stays the same in this directory."""
        path = self.path / name
        if not path.exists() or not path.read_text():
            self._write_private(path, secrets.token_hex(32))
        return path.read_text()

    def remember(self, values: dict[str, str]) -> None:
        """Write down the environment of the running product, for other commands."""
        if values == self.remembered():  # nothing to write on a disk that may be full
            return
        self._write_private(self.path / "run" / "environment.json", json.dumps(values, indent=1))

    def remembered(self) -> dict[str, str]:
        """The environment of the product that runs here, or ran last."""
        path = self.path / "run" / "environment.json"
        try:
            return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}
        except (OSError, ValueError):
            return {}

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.path / "log" / f"{name}.log"

    def _write_private(self, path: Path, text: str) -> None:
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(path)
