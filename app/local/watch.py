"""Keeps one server of the product running: restarted with growing pauses whatever went wrong, and reported when its state changes.

Nothing that happens to a server is a reason to end the product. Its process says whether it lives; how long it takes to answer
says only that it is slow. A slow database is left alone, since what it does may be worth waiting for; a queue that has not
answered for long is ended, since it holds nothing.
"""

from __future__ import annotations

from typing import Literal, Protocol

from app.local.processes import STABLE_AFTER_S, pause_after

LONGEST_PAUSE_S = 30.0
LOOK_EVERY_S = 2.0
"""How often a server that is well is asked whether it answers."""
SLOW_AFTER_S = 3.0
"""One answer that is late is nothing to talk about."""


class WatchedServer(Protocol):
    """What a watch needs of a server. Each method comes back within about a second."""

    title: str

    def begin(self) -> None: ...
    def alive(self) -> bool: ...
    def answers(self) -> bool: ...
    def kill(self) -> None: ...
    def why(self) -> str: ...


class Watch:
    """One server and how it is. `look` is called again and again; times are seconds of a monotonic clock."""

    def __init__(self, server: WatchedServer, *, kill_after_s: float | None, without: str) -> None:
        """`kill_after_s`: a server that did not answer for so long is ended. `without`: what its absence means, a sentence."""
        self.server, self.kill_after_s, self.without = server, kill_after_s, without
        self.state: Literal["down", "starting", "ok", "slow"] = "down"
        self.trouble = ""
        """Why it cannot be used now, a sentence; empty while it is well or only starting for the first time."""
        self.adopted = False
        """Was it running already when it was first looked at?"""
        self.failures = 0
        self._next_start = 0.0
        self._up_since: float | None = None
        self._looked = 0.0
        self._quiet_since = 0.0
        self._told, self._told_at = "", 0.0

    def look(self, now: float) -> list[str]:
        """See how it is and do what is needed. Answers lines for the terminal, when something changed. Never raises."""
        try:
            return self._look(now)
        except Exception as error:
            return self._fails(
                now, f"{type(error).__name__}: {error}" if not isinstance(error, OSError) else str(error)
            )

    def _look(self, now: float) -> list[str]:
        if not self.server.alive():
            return self._is_gone(now)
        if self.state == "down":  # it was running already, or another process started it
            self.adopted = self._up_since is None and self.failures == 0
            self.state, self._quiet_since = "starting", now
        if self.state == "ok" and now - self._looked < LOOK_EVERY_S:
            return []
        self._looked = now
        return self._answered(now) if self.server.answers() else self._unanswered(now)

    def _answered(self, now: float) -> list[str]:
        lines = [f"{self._name} is back after {now - self._told_at:.0f} s."] if self._told else []
        if self.state in ("down", "starting"):
            self._up_since = now
        self.state, self.trouble, self._told = "ok", "", ""
        return lines

    def _unanswered(self, now: float) -> list[str]:
        if self.state == "ok":
            self.state, self._quiet_since = "slow", now
        late = now - self._quiet_since
        if self.kill_after_s is not None and late > self.kill_after_s:
            self.server.kill()
            return self._fails(now, f"it did not answer for {late:.0f} s and was ended")
        if late < SLOW_AFTER_S:
            return []
        if self.state == "slow":
            return self._tell(now, f"{self._name} does not answer, though its process lives.")
        return self._tell(now, f"{self._name} is starting and does not answer yet.")

    def _is_gone(self, now: float) -> list[str]:
        if self.state in ("ok", "slow"):
            if self._up_since is not None and now - self._up_since > STABLE_AFTER_S:
                self.failures = 0
            return self._fails(now, "", f"{self._name} ended and is started again.")
        if self.state == "starting":
            return self._fails(now, self.server.why())
        if now >= self._next_start:
            self.server.begin()
            self.state, self._quiet_since = "starting", now
        return []

    def _fails(self, now: float, reason: str, line: str = "") -> list[str]:
        self.state = "down"
        self.failures += 1
        self._next_start = now + pause_after(self.failures, LONGEST_PAUSE_S)
        cannot = f"{self._name} cannot start: {reason.strip().rstrip('.')}. It is tried again until it can."
        return self._tell(now, line or cannot)

    def _tell(self, now: float, text: str) -> list[str]:
        self.trouble = text
        if text == self._told:
            return []
        if not self._told:
            self._told_at = now
        self._told = text
        return [f"{text} {self.without}"]

    @property
    def _name(self) -> str:
        return f"The {self.server.title}"
