"""Which kinds of connectors there are to add, by what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.messaging.channels import presentation, registry
from app.messaging.channels.connector import ConnectorType


class ConnectorGroup(NamedTuple):
    """Kinds that serve the same: a channel, or the steps and triggers that call services. `tint` colours the tile."""

    label: str
    icon: str
    tint: str
    kinds: Sequence[type[ConnectorType]]


def groups() -> list[ConnectorGroup]:
    """The kinds that are installed, by channel in the order of channels, services last. None without a kind."""
    kinds = [one.kind for one in presentation.installed().values()]
    by_channel = [
        ConnectorGroup(
            channel.label,
            channel.icon,
            "message",
            [
                kind
                for kind in kinds
                if not registry.is_service(kind.type) and registry.channel_of(kind.type) is channel
            ],
        )
        for channel in registry.channels()
    ]
    services = ConnectorGroup(
        "Services", "plug", "integration", [kind for kind in kinds if registry.is_service(kind.type)]
    )
    return [group for group in (*by_channel, services) if group.kinds]
