"""The folders of step types and trigger types: each process registers them when it starts.

The registries of `app.flow` stand below the types and import none; they load what is in these packages, and in the operator's plugin
directory, when they are first asked.
"""

from __future__ import annotations

from app import nodes
from app.flow import registry, trigger_registry
from app.triggers import types


def install() -> None:
    """Call once, before anything asks for a type. Repeating it does no harm."""
    registry.look_in(nodes)
    trigger_registry.look_in(types)


def load() -> None:
    """Load them now: of a process whose threads ask side by side, before these begin."""
    registry.types()
    trigger_registry.types()
