"""Attributes that a list of contacts offers as columns, noted for a while: a search asks for the list with every key that is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.lib import clock

MOST_ATTRIBUTES = 200
"""Of those that a list offers as columns."""
NOTED_FOR = timedelta(minutes=1)
MOST_WORKSPACES = 200
"""Whose names this process notes: 200 of 200 short names are about 3 MB."""


class NotedAttributes:
    """By workspace, the names that its data was known to have a moment ago."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[datetime, Sequence[str]]] = {}

    def of(self, tenant_id: int) -> Sequence[str] | None:
        """None: they are to be looked for."""
        until, names = self._noted.get(tenant_id, (None, ()))
        return names if until is not None and clock.now() < until else None

    def note(self, tenant_id: int, names: Sequence[str]) -> None:
        self._noted.pop(tenant_id, None)
        if len(self._noted) >= MOST_WORKSPACES:
            del self._noted[next(iter(self._noted))]  # the one that was noted first
        self._noted[tenant_id] = clock.now() + NOTED_FOR, names


NOTED = NotedAttributes()
"""Of this process."""
