"""What calls said about the services that they were made to, added up: by connector, and by host where they name none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.flow.performers import ServiceSign
from app.lib.retry_after import LONGEST_S
from app.lib.translation import gettext

ServiceKey = tuple[int, UUID] | tuple[int, str]
"""Workspace and connector, or workspace and host."""
FAILURES = 5
"""So many calls in a row of which the service was at fault open the breaker."""
REFUSALS = 5
"""So many answers of 401 in a row to one request count as refused credentials; of two different requests, two do."""
SEVERAL = "*"
PROBE_S = 360
"""So long a worker has for a probe, the longest call and more; then another may try."""


class CallSign(NamedTuple):
    """What one call said about its connector's service, and when it began."""

    key: tuple[int, UUID]
    began: datetime
    sign: ServiceSign


class HostSign(NamedTuple):
    """The same of a call by no connector: the workspace and the host."""

    key: tuple[int, str]
    began: datetime
    sign: ServiceSign


@dataclass(slots=True)
class SignTally:
    """What a batch of calls says about one service."""

    worked: bool = False
    failures: int = 0
    """Behind the last that worked."""
    last_words: str = ""
    refused: str = ""
    """The service's words, when the last of them was refused by account."""
    wait_s: float = 0.0
    doubts: int = 0
    """Refusals behind the last success that may be about their request alone."""
    doubted: str = ""
    """Their request; `SEVERAL` when there was more than one."""
    cleared: bool = False
    """Some request was let in, so earlier doubts were about theirs."""

    def add(self, sign: ServiceSign) -> None:
        self.wait_s = max(self.wait_s, min(sign.wait_s or 0.0, LONGEST_S))
        self.refused = (sign.words or gettext("The credentials were refused.")) if sign.refused else ""
        if sign.refused:
            return
        if sign.doubted:  # it answers, whatever it thinks of this request
            self.worked, self.failures, self.doubts, self.last_words = True, 0, self.doubts + 1, sign.words
            self.doubted = sign.doubted if self.doubted in ("", sign.doubted) else SEVERAL
        elif sign.works:
            self.worked, self.failures, self.doubts, self.doubted, self.cleared = True, 0, 0, "", True
        else:
            self.failures, self.last_words = self.failures + 1, sign.words
