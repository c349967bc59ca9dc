"""How fast one address may be called, all web processes together.

Each process has a limit of its own in memory (`app.web.rate_limit`), which costs nothing and holds up a flood at the door. What all of them
let in together is in the row of the address: the instant when its allowance is full again, moved by a block of calls at a time. A process
that has a block lets as many calls in without asking; one that was refused does not ask again before it makes sense. So a flood costs the
database a short statement for each BLOCKS-th part of the allowance, and locks no row but its own.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import Litestar

from app.errors import TooMany
from app.lib import database
from app.lib.database_roles import DatabaseRole, scope_to
from app.models import Webhook
from app.settings import settings
from app.web.rate_limit import MOST_ASKERS, Limit
from app.webhooks.repository import WebhookRepository

BLOCKS = 20
"""Into so many blocks the allowance of an address is parted: what a process took and does not use is lost to the others."""
_STATE = "webhook_paces"
Place = tuple[int, Any, str]


class AddressTooFast(TooMany):
    """This address is called too often. Wait as long as `Retry-After` says, then continue; other addresses are not slowed down."""

    code = "rate_limited"


@dataclass
class Lease:
    """What this process has of the allowance of one address: so many calls until an instant, or none before it."""

    units: int
    until: float


class WebhookPace:
    """One web process's share of what all addresses may be called. `clock` counts seconds from anywhere."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._block = max(1, limit.quota // BLOCKS)
        self._leases: OrderedDict[Place, Lease] = OrderedDict()

    async def take(self, webhook: Webhook) -> None:
        """Let one call in. Raises AddressTooFast. What it takes is taken whatever becomes of the call."""
        place = webhook.tenant_id, webhook.workflow_id, webhook.trigger_id
        now, lease = self._clock(), self._leases.get(place)
        if lease is None or now >= lease.until:
            wait = await self._ask(place)
            lease = self._leases[place] = Lease(0, now + wait) if wait else Lease(self._block, now + self._limit.window)
            self._leases.move_to_end(place)
            while len(self._leases) > MOST_ASKERS:
                self._leases.popitem(last=False)
        if lease.units <= 0:
            raise AddressTooFast(retry_after=max(1, math.ceil(lease.until - now)))
        lease.units -= 1
        if not lease.units:
            del self._leases[place]

    async def _ask(self, place: Place) -> float:
        """Take a block, in a transaction of its own; 0, or after how many seconds there is one."""
        tenant_id, workflow_id, trigger_id = place
        async with database.transaction(DatabaseRole.WEB) as session:
            scope_to(session, tenant_id)
            return await WebhookRepository(session, tenant_id).take_block(
                workflow_id,
                trigger_id,
                seconds=self._block * self._limit.window / self._limit.quota,
                window=self._limit.window,
            )


def pace_of(app: Litestar) -> WebhookPace:
    """That of a web process, made at first use."""
    pace: WebhookPace | None = app.state.get(_STATE)
    if pace is None:
        pace = app.state[_STATE] = WebhookPace(Limit("webhook", settings().web.rate_webhooks * 10, 10))
    return pace
