"""The lanes of the queue: in each workspace and channel one for each connector that messages name, and one for those that name none."""

from __future__ import annotations

LaneKey = tuple[int, int, str]
"""Workspace, channel, and the id of the connector that messages name, or ''."""
WAITING = "m.status = 0 and m.due_at is not null and m.lease_until is null"
"""Is `messages m` queued and unclaimed? The condition of the index `messages_due`: workspace, channel, lane, priority, `due_at`."""
LANE = "coalesce(lower(m.payload ->> 'connectorId'), '')"
"""The connector that `messages m` names: its lane within workspace and channel."""
