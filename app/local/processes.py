"""Processes of the product: each in a session of its own, so that Ctrl-C reaches only the supervisor, who stops them in order.

Each has a file with its identity, so that a later start can end what a killed supervisor left, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from app.local import environment
from app.local.state import StateDirectory

STABLE_AFTER_S = 30.0
LONGEST_PAUSE_S = 15.0
_NOTE_BYTES = 4096
_NAMED_IN_S = 2.0


def pause_after(failures: int, longest: float = LONGEST_PAUSE_S) -> float:
    """Seconds before the next start after so many short lives in a row: 0 after the first, then 1, 2, 4 … `longest`."""
    return 0.0 if failures <= 1 else min(longest, 2.0 ** min(failures - 2, 10))


class Child:
    """One long-running process, started as `python -m …`, and started again with growing pauses when it dies."""

    def __init__(self, state: StateDirectory, name: str, module: list[str], values: dict[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", *module]
        self._state, self._values = state, values
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._began = 0.0
        self._not_before = 0.0
        self._note = state.path / "run" / f"{name}.process"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def age(self) -> float:
        """Seconds since it was started last."""
        return time.monotonic() - self._began

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
        note(self._note, self._process.pid)

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
        """Seconds to wait before the next start."""
        return pause_after(self._failures)

    def revive(self) -> bool:
        """Start it again when it is down and its pause is over. True when it was started.

        Raises OSError when the machine has no room for a process or for its log; the next try is later.
        """
        if self._process is not None or time.monotonic() < self._not_before:
            return False
        try:
            self.start()
        except OSError:
            self._failures += 1
            self._not_before = time.monotonic() + max(1.0, self.pause)
            raise
        return True

    def ask_to_stop(self) -> None:
        """One SIGTERM to the leader. A second one hangs or aborts what is finishing. A frozen one is woken to hear it."""
        if self._process and self._process.poll() is None:
            end_group(self._process.pid, signal.SIGCONT)
            self._process.terminate()

    def end(self) -> None:
        """End it now, as one that hangs. `died` tells of it then."""
        if self._process:
            end_group(self._process.pid, signal.SIGKILL)

    def finish(self, deadline: float) -> None:
        """Wait until it ended or `deadline` (monotonic) came, then end what is left of its group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        end_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        forget(self._note)

    def log_tail(self, lines: int = 12) -> str:
        return "\n".join(tail(self._state.log(self.name), lines))


def end_leftovers(state: StateDirectory, *, patience: float = 6.0) -> list[str]:
    """End the processes that a killed supervisor left in this state directory. Answers their names."""
    groups: dict[str, int] = {}
    for path in (state.path / "run").glob("*.process"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text())
            pid = int(record["pid"])
            now = identity(pid)
            # The number may have gone to somebody else. When the leader is gone, its group still cannot be anybody
            # else's while a member lives; they run our Python.
            if now == record["identity"] or (not now and any(sys.executable in identity(m) for m in group(pid))):
                groups[path.stem] = pid
    for pid in groups.values():
        end_group(pid, signal.SIGCONT)
        end_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(group(pid) for pid in groups.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for name, pid in groups.items():
        end_group(pid, signal.SIGKILL)
        forget(state.path / "run" / f"{name}.process")
    return sorted(groups)


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the group that `pid` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, if it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def wait_until_ended(pids: Collection[int], seconds: float) -> bool:
    """Wait up to `seconds` until all these processes have ended. False: some still run."""
    end = time.monotonic() + seconds
    while any(identity(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def note(path: Path, pid: int) -> None:
    """Write down who this process is. On a full disk too: the file is written over in place, and has its size from the start."""
    who, end = identity(pid), time.monotonic() + _NAMED_IN_S
    # At its start a process has no command line for a moment; an identity without one could not be recognised later.
    while who.endswith(" ") and time.monotonic() < end:
        time.sleep(0.001)
        who = identity(pid)
    _write_over(path, json.dumps({"pid": pid, "identity": who}))


def forget(path: Path) -> None:
    """The process that was noted is over. The file stays, so that there is room for the next one on a disk that is full by then."""
    if path.exists():
        _write_over(path, "{}")


def _write_over(path: Path, text: str) -> None:
    with contextlib.suppress(OSError), path.open("r+b" if path.exists() else "wb") as file:
        file.write(text.encode()[:_NOTE_BYTES].ljust(_NOTE_BYTES))


def noted(path: Path) -> int | None:
    """The process that was written down, if it still lives and is still the same."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(path.read_text())
        pid = int(record["pid"])
        if record["identity"] and identity(pid) == record["identity"]:
            return pid
    return None


def working_in(directory: Path, *programs: str) -> list[int]:
    """Processes of one of these programs whose working directory this is. Only Linux can tell; elsewhere there are none."""
    pids = []
    for pid in _all():
        with contextlib.suppress(OSError):
            runs = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].split(b" ")[0].decode(errors="replace")
            if Path(runs).name in programs and Path(f"/proc/{pid}/cwd").readlink() == directory:
                pids.append(pid)
    return pids


def offspring(pid: int) -> list[int]:
    """Live children of this process. Linux only; elsewhere empty."""
    pids = []
    for child in _all():
        with contextlib.suppress(OSError):
            if _stat(child)[1] == str(pid):
                pids.append(child)
    return pids


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log file, of its last 16 KB."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def identity(pid: int) -> str:
    """Start time and command line of a process: its identity, as pids are reused. Empty for no process."""
    entry = Path(f"/proc/{pid}")
    if entry.parent.joinpath("self").exists():
        try:
            fields = _stat(pid)
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
        return f"{fields[19]} {command}" if fields[0] not in "ZX" else ""
    return _ps("-o", "lstart=,command=", "-p", str(pid)).strip()


def group(pid: int) -> list[int]:
    """Living members of the process group that `pid` leads or led."""
    if Path("/proc/self").exists():
        pids = []
        for member in _all():
            with contextlib.suppress(OSError):
                fields = _stat(member)
                if int(fields[2]) == pid and fields[0] not in "ZX":
                    pids.append(member)
        return pids
    rows = [row.split() for row in _ps("-ax", "-o", "pid=,pgid=,stat=").splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and not row[2].startswith("Z")]


def _all() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent, group, … and at 19 when it began."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True).stdout
