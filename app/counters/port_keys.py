"""Under which key `node_stats` counts those who leave a step by a port."""

from __future__ import annotations

TAKEN = ("waiting", "failed", "goal", "exited", "cancelled")
"""Keys of a step that say how runs stand or ended there. A type may declare a port of such a name."""
_PREFIX = "port."
"""No other key begins so, and no port has a dot."""


def port_key(port: str) -> str:
    """The key of a port: its id, or what cannot be taken for how a run ended."""
    return _PREFIX + port if port in TAKEN else port


def port_key_sql(port: str) -> str:
    """The same over an SQL expression."""
    taken = ", ".join(f"'{key}'" for key in TAKEN)
    return f"case when {port} in ({taken}) then '{_PREFIX}' || {port} else {port} end"


def port_of_key(key: str) -> str:
    """The port that a key counts."""
    return key.removeprefix(_PREFIX)
