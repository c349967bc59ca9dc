"""Processes of the product: each in a session of its own, so that Ctrl-C reaches only the supervisor, who stops them in order.

Each leaves a file that says who it is, so that a later start can end what a killed supervisor left, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from app.local import environment
from app.local.state import State

STABLE_AFTER_S = 30.0
LONGEST_PAUSE_S = 15.0


class Child:
    """One long-running process, started as `python -m …`, and started again with growing pauses when it dies."""

    def __init__(self, state: State, name: str, module: list[str], values: dict[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", *module]
        self._state, self._values = state, values
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._began = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        with self._state.log(self.name).open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=environment.ROOT,
                env=environment.extended(self._values),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._began = time.monotonic()
        pid = self._process.pid
        record = {"pid": pid, "identity": identity(pid)}
        (self._state.path / "run" / f"{self.name}.process").write_text(json.dumps(record))

    def died(self) -> int | None:
        """The exit code when it ended by itself, else None. What is left of its group is ended too."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        end_group(self._process.pid, signal.SIGKILL)
        self._process = None
        self._failures = 0 if time.monotonic() - self._began > STABLE_AFTER_S else self._failures + 1
        self._not_before = time.monotonic() + self.pause
        return code

    @property
    def pause(self) -> float:
        """Seconds to wait before the next start: 0 the first time, then 1, 2, 4 … 15."""
        return 0.0 if self._failures <= 1 else min(LONGEST_PAUSE_S, 2.0 ** (self._failures - 2))

    def revive(self) -> bool:
        """Start it again when it is down and its pause is over. True when it was started."""
        if self._process is not None or time.monotonic() < self._not_before:
            return False
        self.start()
        return True

    def ask_to_stop(self) -> None:
        """One SIGTERM to the leader. A second one hangs or aborts what is finishing."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def finish(self, deadline: float) -> None:
        """Wait until it ended or `deadline` (monotonic) came, then end what is left of its group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        end_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        (self._state.path / "run" / f"{self.name}.process").unlink(missing_ok=True)

    def log_tail(self, lines: int = 12) -> str:
        log = self._state.log(self.name)
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def end_leftovers(state: State, *, patience: float = 6.0) -> list[str]:
    """End the processes that a killed supervisor left in this state directory. Answers their names."""
    ours: dict[str, int] = {}
    for path in (state.path / "run").glob("*.process"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text())
            pid = int(record["pid"])
            now = identity(pid)
            # The number may have gone to somebody else. When the leader is gone, its group still cannot be anybody
            # else's while a member lives; they run our Python.
            if now == record["identity"] or (not now and any(sys.executable in identity(m) for m in group(pid))):
                ours[path.stem] = pid
    for pid in ours.values():
        end_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(group(pid) for pid in ours.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for name, pid in ours.items():
        end_group(pid, signal.SIGKILL)
        (state.path / "run" / f"{name}.process").unlink(missing_ok=True)
    return sorted(ours)


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the group that `pid` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def identity(pid: int) -> str:
    """When the process began and its command line: who it is, whatever its number. Empty when there is none."""
    entry = Path(f"/proc/{pid}")
    if entry.parent.joinpath("self").exists():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
        return f"{fields[19]} {command}" if fields[0] not in "ZX" else ""
    return _ps("-o", "lstart=,command=", "-p", str(pid)).strip()


def group(pid: int) -> list[int]:
    """Living members of the process group that `pid` leads or led."""
    if Path("/proc/self").exists():
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[2]) == pid and fields[0] not in "ZX":
                        found.append(int(entry.name))
        return found
    rows = [row.split() for row in _ps("-ax", "-o", "pid=,pgid=,stat=").splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and not row[2].startswith("Z")]


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True).stdout
