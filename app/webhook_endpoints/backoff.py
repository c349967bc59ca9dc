"""When a delivery is tried again, and what an answer means."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from app.lib.translation import gettext

DELAYS_S = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""Between tries: ten more after the first one, over 24 hours in all."""
LONGEST_ASKED_S = 3_600
"""An endpoint may ask for a pause up to this long."""
DISABLED_AFTER = timedelta(days=3)
"""An endpoint at which nothing arrived for so long is switched off."""
GONE = 410


class Reply(NamedTuple):
    """What came of a try. `http_status` None: there was no answer, and `error` says why."""

    http_status: int | None
    text: str = ""
    error: str | None = None
    retry_after: int | None = None
    duration_ms: int = 0

    @property
    def arrived(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300

    @property
    def why(self) -> str | None:
        """Why it did not arrive, as a sentence."""
        if self.arrived:
            return None
        return self.error or gettext("The endpoint answered %(http_status)s.", http_status=self.http_status)


def next_try_s(attempt: int, reply: Reply, chance: float) -> float | None:
    """Seconds until the next try after `attempt` tries, of which this was the last; None: it was the last one of all.

    `chance` between 0 and 1 spreads those that failed together over a tenth of the pause.
    """
    if reply.http_status == GONE or attempt > len(DELAYS_S):
        return None
    pause = DELAYS_S[attempt - 1] * (1 + chance / 10)
    if reply.retry_after is not None:
        pause = max(pause, min(reply.retry_after, LONGEST_ASKED_S))
    return pause
