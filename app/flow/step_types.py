"""What validation needs to know about step types and conditions, asked from `app.nodes`.

Validation takes this as a parameter, so that it stays pure and its tests bring their own small set of types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from app.flow import conditions, contact_goals, presentation, registry, trigger_registry
from app.flow.diagnostic import Diagnostic, incomplete
from app.flow.references import Reference, ReferencedRows, references_in
from app.flow.segment_membership import segments_named
from app.flow.verbatim import verbatim_fields
from app.lib.field_errors import joined
from app.lib.translation import gettext
from app.liquid.templates import LiquidError, compile_text


class StepTypes(Protocol):
    """The types there are and what they say about a configuration."""

    def names(self) -> list[str]:
        """All step types."""

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        """The ports of a step of a known type with this configuration, `error` included."""

    def has_own_ports(self, type_: str) -> bool:
        """Does the configuration of a step of a known type declare its ports?"""

    def references(self, type_: str, data: dict[str, Any]) -> list[Reference]:
        """The rows of the workspace that a configuration of a known type names; paths begin below `data`."""

    def diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        """What is wrong with a configuration of a known type; paths begin below `data`."""

    def row_diagnostics(self, type_: str, data: dict[str, Any], rows: ReferencedRows) -> list[Diagnostic]:
        """What is wrong between a configuration of a known type and the rows that it names; paths begin below `data`."""

    def needs_contact(self, type_: str, data: dict[str, Any]) -> bool:
        """Is such a step meaningless in a run without a contact? False for unknown types."""

    def is_timed(self, type_: str) -> bool:
        """Does somebody else end steps of a known type, as late as their `timeout` says?"""

    def ends_by_itself(self, type_: str) -> bool:
        """Do steps of a known type end at a time that they say themselves, so that a `timeout` means nothing?"""

    def longest_timeout_s(self, type_: str) -> int:
        """The longest `timeout` of steps of a known type."""

    def sends(self, type_: str) -> int | None:
        """The number of the channel by which steps of a known type write to people; None when they do not."""

    def condition_diagnostics(self, conditions: list[dict[str, Any]], match: str) -> list[Diagnostic]:
        """What is wrong with a list of conditions; paths begin with `conditions`."""

    def asks_contact(self, conditions: list[dict[str, Any]]) -> bool:
        """Can a contact meet these conditions without an event?"""

    def trigger_names(self) -> list[str]:
        """All trigger types."""

    def trigger_diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        """What is wrong with the configuration of a trigger of a known type; paths begin below `data`."""


class Installed:
    """The types in `app.nodes`."""

    def names(self) -> list[str]:
        return sorted(presentation.steps())

    def ports(self, type_: str, data: dict[str, Any]) -> list[str]:
        return [port.id for port in registry.ports(registry.get(type_), data)]

    def has_own_ports(self, type_: str) -> bool:
        return registry.has_own_ports(registry.get(type_))

    def references(self, type_: str, data: dict[str, Any]) -> list[Reference]:
        return [*references_in(registry.get(type_).Config, data), *segments_named(data)]

    def diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        kind = registry.get(type_)
        verbatim = verbatim_fields(kind.Config)
        texts = {name: value for name, value in data.items() if name not in verbatim}
        return [*registry.diagnostics(kind, data), *_liquid_diagnostics(texts, "")]

    def row_diagnostics(self, type_: str, data: dict[str, Any], rows: ReferencedRows) -> list[Diagnostic]:
        return registry.row_diagnostics(registry.get(type_), data, rows)

    def needs_contact(self, type_: str, data: dict[str, Any]) -> bool:
        kind = registry.find(type_)
        return kind is not None and registry.needs_contact(kind, data)

    def is_timed(self, type_: str) -> bool:
        return registry.is_timed(registry.get(type_))

    def ends_by_itself(self, type_: str) -> bool:
        kind = registry.get(type_)
        return kind.category == "timing" and not registry.is_timed(kind)

    def longest_timeout_s(self, type_: str) -> int:
        return registry.longest_timeout_s(registry.get(type_))

    def sends(self, type_: str) -> int | None:
        return registry.get(type_).sends

    def condition_diagnostics(self, raw: list[dict[str, Any]], match: str) -> list[Diagnostic]:
        return conditions.diagnostics_of_json(raw)

    def asks_contact(self, raw: list[dict[str, Any]]) -> bool:
        try:
            return contact_goals.on_contact(msgspec.convert(raw, list[conditions.Condition]))
        except msgspec.ValidationError:  # said by the diagnostics of the conditions
            return True

    def trigger_names(self) -> list[str]:
        return sorted(trigger_registry.types())

    def trigger_diagnostics(self, type_: str, data: dict[str, Any]) -> list[Diagnostic]:
        return trigger_registry.diagnostics(trigger_registry.types()[type_], data)

    def catalogue(self) -> list[dict[str, Any]]:
        """Every step type for the API, by category and label."""
        return [
            {
                "type": kind.type,
                "label": kind.label,
                "category": kind.category,
                "description": kind.description,
                "ports": [port.id for port in registry.ports(kind)],
                "schema": registry.config_schema(kind),
            }
            for kind in registry.types().values()
            if kind.type in presentation.steps()
        ]


def _liquid_diagnostics(value: Any, path: str) -> Iterator[Diagnostic]:
    """Texts that are no Liquid and would fail for everybody. Saved all the same: people stop in the middle of typing."""
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        try:
            compile_text(value, html=False)
        except LiquidError as error:
            yield incomplete(path, gettext("This text cannot be filled in: %(why)s.", why=str(error).rstrip(".")))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _liquid_diagnostics(inner, joined(path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _liquid_diagnostics(inner, f"{path}[{index}]")


INSTALLED = Installed()
