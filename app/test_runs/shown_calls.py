"""A call of a test before it is made: shown exactly as it would be sent, agreed to, and compared once more when it is to be made.

The page and the API ask by the same two steps.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import NamedTuple
from uuid import UUID

from app.flow.document import Flow
from app.lib import clock
from app.lib.translation import gettext
from app.models import Workflow
from app.outside.trials import Exchange, RequestTrials
from app.test_runs.approval import RealCall, WalkStart, shown_digest
from app.test_runs.schemas import WalkRequest
from app.test_runs.service import DraftTestService
from app.test_runs.spec import PendingCall

STANDS_FOR = timedelta(minutes=10)
"""How long the time that a shown request tells is the time of the call."""


class ShownCall(NamedTuple):
    """A call as it is shown: `approved` is what whoever agrees sends back, from the same start of a walk. `changed`: shown again."""

    place: str
    start: WalkStart
    exchange: Exchange
    approved: str = ""
    changed: bool = False


class CallChanged(Exception):
    """The request is not the one that was agreed to: no problem of the test, it is shown again."""

    def __init__(self, shown: ShownCall) -> None:
        super().__init__(shown.place)
        self.shown = shown


async def shown_call(
    draft_tests: DraftTestService,
    request_trials: RequestTrials,
    workflow: Workflow,
    flow: Flow,
    wanted: WalkRequest,
    place: str,
) -> ShownCall:
    """What the step at `place` would call for the sample. Nothing is called. Raises Invalid, TooMany."""
    start = WalkStart.now()
    pending = await draft_tests.call_at(workflow, flow, wanted, place, start)
    if pending is None or pending.place != place:
        no_call = gettext("The test does not come to a call at this step any more. Nothing was called.")
        return ShownCall(place, start, Exchange({}, error=no_call))
    exchange = await request_trials.look(pending.call)
    return ShownCall(place, start, exchange, shown_digest(pending.call, exchange.request))


def agreed_call(request_trials: RequestTrials, place: str, start: WalkStart, approved: str) -> RealCall:
    """The call that somebody agreed to; where the step asks for something else by now, it raises CallChanged and calls nobody."""

    async def approve(pending: PendingCall) -> None:
        exchange = await request_trials.look(pending.call)
        digest = shown_digest(pending.call, exchange.request)
        if exchange.error or not compare_digest(digest.encode(), approved.encode()):
            raise CallChanged(ShownCall(place, start, exchange, digest, changed=True))

    return RealCall(place, start, approve)


def start_of(began: datetime | None, run_id: UUID | None) -> WalkStart:
    """Where the walk began that came to the shown request; a new start when that is too long ago."""
    if began is None or run_id is None or began.tzinfo is None:
        return WalkStart.now()
    now = clock.now()
    return WalkStart(began, run_id) if now - STANDS_FOR <= began <= now else WalkStart.now()
