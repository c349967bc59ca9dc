"""`./dev plugins`: the types that plugins brought, each with where it comes from, and what could not be loaded, with the reason."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from app import installed_types
from app.flow import discovery, plugin_packages, presentation, registry, trigger_registry
from app.messaging.channels import presentation as channel_presentation
from app.messaging.channels import registry as channel_registry


def show(options: argparse.Namespace) -> int:
    """Print them; exit code 1 when something that was brought is not installed."""
    installed_types.install()
    refusals = {**presentation.refusals(), **channel_presentation.refusals()}
    lines = [*_brought(refusals)]
    for line in lines or ["No plugin brought a type. docs/extending.md says how one is written."]:
        sys.stdout.write(f"{line}\n")
    for reason in refusals.values():
        sys.stdout.write(f"Not installed: {reason}\n")
    return 1 if refusals else 0


def _brought(refusals: dict[str, str]) -> Iterator[str]:
    places = _packages()
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("step", dict(registry.types())),
        ("trigger", dict(trigger_registry.types())),
        ("channel", {cls.type: cls for cls in channel_registry.channels()}),
    ]
    for word, types in kinds:
        for name, cls in types.items():
            top = cls.__module__.partition(".")[0]
            if top == "app" or name in refusals or f"triggers/{name}" in refusals:
                continue
            place = "the plugin directory" if top == discovery.PLUGIN_MODULES else places.get(top, top)
            yield f"{word:<8} {name:<24} {cls.label} ({place})"


def _packages() -> dict[str, str]:
    """Top package → the distribution that brought it, with its version."""
    entries = [entry for kind in plugin_packages.KINDS for entry in plugin_packages.of_kind(kind)]
    return {entry.module.partition(".")[0]: plugin_packages.package_of(entry) for entry in entries}
