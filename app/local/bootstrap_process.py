"""The supervisor's side of `app.ops.bootstrap`: runs it in parallel to the rest of the start and reads its output."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from app.local import environment


class CannotRun(Exception):
    """The product cannot start. The message says what to do."""


class Stopped(Exception):
    """A signal came while the product was starting."""


class BootstrapProcess:
    """The process of `app.ops.bootstrap` and what it has said so far."""

    def __init__(self, values: dict[str, str], *, demo: bool, log: Path) -> None:
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.ops.bootstrap", *(["--demo"] if demo else [])],
                cwd=environment.ROOT,
                env=environment.extended(values),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._said: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> BootstrapProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def wait_for(self, key: str, stopping: threading.Event) -> None:
        """Wait until it has said `key`. Raises CannotRun when it ended without."""
        while key not in self._said and not stopping.is_set():
            self._reader.join(0.02)
            if not self._reader.is_alive() and key not in self._said:
                tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-25:])
                raise CannotRun(f"The database could not be prepared:\n{tail}")

    def output_until_end(self, stopping: threading.Event) -> dict[str, Any]:
        """Everything it says until it ends well."""
        while self._reader.is_alive() and not stopping.is_set():
            self._reader.join(0.05)
        if stopping.is_set():
            raise Stopped
        if self._process.wait() != 0:
            self.wait_for("a good end", stopping)
        return self._said

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                self._said |= json.loads(line)
            except (ValueError, TypeError):  # a library that prints
                with self._log.open("ab") as log:
                    log.write(line)
