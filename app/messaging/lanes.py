"""The lanes of the queue, as SQL: one for each connector that messages name, and in each workspace one for those that name none."""

from __future__ import annotations

WAITING = "m.status = 0 and m.due_at is not null and m.lease_until is null"
"""Is `messages m` in the queue, and nobody's? The condition of the index `messages_due`, which leads with workspace and lane."""
LANE = "coalesce(lower(m.payload ->> 'connectorId'), '')"
"""The lane of `messages m`."""
