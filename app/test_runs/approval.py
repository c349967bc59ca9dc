"""What somebody agrees to who has a test make a call for real: the request that was shown, of one walk that can be walked again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.flow.outcomes import Call
from app.lib import clock, ids
from app.test_runs.real_answers import request_digest
from app.test_runs.spec import PendingCall


class WalkStart(NamedTuple):
    """When a test begins, and as which run: what the texts of a draft say of both is the same in each walk from one start."""

    began: datetime
    run_id: UUID

    @classmethod
    def now(cls) -> WalkStart:
        return cls(clock.now(), ids.uuid7())


class RealCall(NamedTuple):
    """The call that is made for real: at the visit `place` (`visit_place`), in a walk from `start`.

    `approve` is awaited before it is made, and raises where it is not what somebody agreed to. Nothing is called then.
    """

    place: str
    start: WalkStart
    approve: Callable[[PendingCall], Awaitable[None]]


def shown_digest(call: Call, shown: dict[str, Any]) -> str:
    """Of all that a call asks for, and of the request as it is shown: where its connector sends it is in that alone."""
    encoded = msgspec.json.encode([request_digest(call), shown], order="deterministic")
    return hashlib.sha256(encoded).hexdigest()
