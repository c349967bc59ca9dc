"""What validation needs to know about step types and conditions, asked from `app.nodes`.

Validation takes this as a parameter, so that it stays pure and its tests bring their own small set of types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from app.workflows.trigger_types import TRIGGER_TYPES


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration. `incomplete`: nothing contradicts itself, something is still to be chosen."""

    path: str
    message: str
    incomplete: bool = False


class StepTypes(Protocol):
    """The types there are and what they say about a configuration."""

    def names(self) -> list[str]:
        """All step types."""

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        """The ways out of a step of a known type with this configuration, `error` among them."""

    def problems(self, type_: str, data: dict[str, Any]) -> list[Problem]:
        """What is wrong with a configuration of a known type; paths begin below `data`."""

    def condition_problems(self, conditions: list[dict[str, Any]], match: str) -> list[Problem]:
        """What is wrong with a list of conditions; paths begin with `conditions`."""

    def trigger_names(self) -> list[str]:
        """All trigger types."""


class Installed:
    """The types of this issue until `app.nodes` is there: names and ports, no check of configurations."""

    _ports = {
        "send_email": ["next", "error"],
        "delay": ["next", "error"],
        "condition": ["true", "false", "error"],
        "update_contact": ["next", "error"],
        "add_tag": ["next", "error"],
        "remove_tag": ["next", "error"],
        "end": [],
    }

    def names(self) -> list[str]:
        return sorted(self._ports)

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        return self._ports[type_]

    def problems(self, type_: str, data: dict[str, Any]) -> list[Problem]:
        return []

    def condition_problems(self, conditions: list[dict[str, Any]], match: str) -> list[Problem]:
        return []

    def trigger_names(self) -> list[str]:
        return sorted(TRIGGER_TYPES)

    def catalogue(self) -> list[dict[str, Any]]:
        """Every step type for the API, by category and label."""
        return []


INSTALLED = Installed()
