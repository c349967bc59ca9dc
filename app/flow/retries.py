"""How often something that failed in a way that may pass is tried, and how long it waits between."""

from __future__ import annotations


class Retry:
    """`attempts` in all, `seconds` before the second, then the same or doubling, up to `longest`."""

    __slots__ = ("attempts", "doubling", "jitter", "longest", "seconds")

    def __init__(self, attempts: int, seconds: float, longest: float, doubling: bool, jitter: bool) -> None:
        self.attempts, self.seconds, self.longest = attempts, seconds, longest
        self.doubling, self.jitter = doubling, jitter

    def plain(self) -> list[float]:
        """For JSON; `Retry(*plain)` reads it back."""
        return [self.attempts, self.seconds, self.longest, self.doubling, self.jitter]

    def delay(self, attempt: int, chance: float) -> float:
        """Seconds until the attempt after `attempt`; `chance` in [0, 1) spreads people so that they do not come at once."""
        doublings = min(attempt - 1, 30)
        wanted = min(self.seconds * 2**doublings if self.doubling else self.seconds, self.longest)
        return wanted * (0.5 + chance / 2) if self.jitter else wanted


ONCE = Retry(attempts=1, seconds=60, longest=86_400, doubling=True, jitter=True)
"""For what is tried once. Its seconds are those that a rule has when it says only how often."""
MAIL = Retry(attempts=38, seconds=60, longest=3_600, doubling=True, jitter=True)
"""What a mail gets whose step says nothing: like a mail server, after about 1, 2, 4 … 32 minutes and then each hour, 24 hours in all."""
