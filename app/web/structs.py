"""JSON of the API: what answers and bodies have in common."""

from __future__ import annotations

import msgspec


class Camel(msgspec.Struct, rename="camel", kw_only=True):
    """JSON in camelCase."""
