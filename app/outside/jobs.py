"""What workers can do: make the calls of these kinds."""

from __future__ import annotations

from typing import Any

from app.flow import performers
from app.outside.http_performer import HttpPerformer

ACTORS: list[Any] = []
performers.perform_by("http", HttpPerformer)
