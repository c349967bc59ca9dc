"""What one batch of messages needs beside its rows: suppressions, templates, connectors. Three queries, in the transaction of the look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from app.connectors.state import ConnectorState
from app.messaging import gateway
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorType, Sender
from app.messaging.channels.parts import Parts
from app.messaging.ledger import Connection, DueMessage
from app.subscriptions import suppression_repository
from app.subscriptions.permission import SuppressionEntry

ListKey = tuple[int, int, str]
"""Workspace, channel and comparable address: what an entry of the suppression list is about."""


def list_key(due: DueMessage, address: str) -> ListKey:
    """The entry that would keep this message from `address`."""
    return due.tenant_id, due.channel, due.kind.comparable(address)


def suppressions(connection: Connection, list_keys: Sequence[ListKey]) -> dict[ListKey, SuppressionEntry]:
    """The entries that hold of those that must not be written to."""
    parameters = {
        "tenants": [tenant for tenant, _, _ in list_keys],
        "channels": [channel for _, channel, _ in list_keys],
        "addresses": [address for _, _, address in list_keys],
    }
    rows = connection.execute(suppression_repository.LISTED, parameters).fetchall()
    return {
        (row[0], row[1], row[2]): SuppressionEntry(reason=row[3], since=row[4], detail=row[5], barred=row[6])
        for row in rows
    }


def templates(connection: Connection, keys: set[tuple[int, UUID]]) -> dict[tuple[int, UUID], Parts]:
    """The sources of templates, by (tenant, id)."""
    rows = connection.execute(
        "select tenant_id, id, subject, html, text, content from templates"
        " where (tenant_id, id) in (select * from unnest(%s::int[], %s::uuid[]))",
        ([key[0] for key in keys], [key[1] for key in keys]),
    ).fetchall()
    return {(row[0], row[1]): Parts(row[2], row[3], row[4], row[5]) for row in rows}


@dataclass(frozen=True, slots=True)
class Way:
    """A connector as it stands when messages are made ready."""

    tenant_id: int
    channel: int
    type: str
    id: UUID
    name: str
    is_default: bool
    config: dict[str, Any]
    secret: bytes | None
    state: str
    state_since: datetime | None
    state_message: str | None
    updated_at: datetime

    @property
    def condition(self) -> ConnectorState:
        return ConnectorState(self.id, self.tenant_id, self.state, self.state_since, self.updated_at)


_CONNECTORS = """
select tenant_id, channel, type, id, name, is_default, config, secret, state, state_since, state_message, updated_at
from connectors where tenant_id = any(%s)
"""


def ways(connection: Connection, tenants: set[int]) -> list[Way]:
    """The connectors of some workspaces."""
    with connection.cursor(row_factory=class_row(Way)) as cursor:
        return cursor.execute(_CONNECTORS, (list(tenants),)).fetchall()


class SendContext:
    """What one batch needs beside its rows: suppressions, templates, connectors. Three queries."""

    def __init__(self, connection: Connection, batch: Sequence[DueMessage]) -> None:
        self.suppressed = suppressions(
            connection,
            [list_key(due, address) for due in batch if (address := due.address)],
        )
        self.templates = templates(connection, {(due.tenant_id, due.template_id) for due in batch if due.template_id})
        self.senders: dict[UUID, tuple[type[ConnectorType], Sender]] = {}
        """Connectors that messages of the batch leave by, ready for use: their secret is opened once."""
        self._channels: dict[tuple[int, UUID], int] = {}
        self.ways: dict[tuple[int, int, UUID | None], Way] = {}
        for way in ways(connection, {due.tenant_id for due in batch}):
            self._channels[way.tenant_id, way.id] = way.channel
            self.ways[way.tenant_id, way.channel, way.id] = way
            if way.is_default:
                self.ways[way.tenant_id, way.channel, None] = way

    def of_channel(self, tenant_id: int, channel: int) -> list[Way]:
        """The connectors of a channel of a workspace, in a fixed order."""
        of_channel = [
            way for (tenant, number, key), way in self.ways.items() if (tenant, number) == (tenant_id, channel) and key
        ]
        return sorted(of_channel, key=lambda way: way.id)

    def other_channel_of(self, tenant_id: int, connector_id: UUID) -> str:
        """What the channel of a connector is called that messages of their own channel did not find; empty when it is not there."""
        number = self._channels.get((tenant_id, connector_id))
        if number is None:
            return ""
        channel = registry.known(number)
        return channel.label if channel else registry.word_of(number)

    def facts(self, due: DueMessage) -> gateway.SendCheck:
        contact = due.contact or {}
        address = due.address
        return gateway.SendCheck(
            channel=due.kind.type,
            workflow_status=due.workflow_status,
            run_status=due.run_status,
            contact_known=due.contact is not None,
            address=address,
            consent=contact.get("consent") or {},
            topic=due.options.get("topic"),
            transactional=due.is_transactional,
            suppression=self.suppressed.get(list_key(due, address)) if address else None,
        )
