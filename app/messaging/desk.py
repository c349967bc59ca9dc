"""What one batch of messages needs beside its rows: suppressions, templates, connectors. Three queries, in the transaction of the look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from app.connectors.state import Condition
from app.contacts.permission import Listed
from app.lib import addresses
from app.messaging import gateway, suppression_list
from app.messaging.channels.parts import Parts
from app.messaging.ledger import Connection, Due
from app.models.status import Channel


def suppressions(connection: Connection, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Listed]:
    """The entries that hold of those pairs of tenant and comparable address that must not be written to."""
    tenants, found = [tenant for tenant, _ in wanted], [address for _, address in wanted]
    parameters = {"tenants": tenants, "addresses": found, "channel": int(Channel.EMAIL)}
    rows = connection.execute(suppression_list.LISTED, parameters).fetchall()
    return {(row[0], row[1]): Listed(reason=row[2], since=row[3], detail=row[4]) for row in rows}


def templates(connection: Connection, ids: set[UUID]) -> dict[tuple[int, UUID], Parts]:
    """The sources of templates, by (tenant, id)."""
    rows = connection.execute(
        "select tenant_id, id, subject, html, text from templates where id = any(%s)", (list(ids),)
    ).fetchall()
    return {(row[0], row[1]): Parts(row[2], row[3], row[4]) for row in rows}


@dataclass(frozen=True, slots=True)
class Way:
    """A connector as it stands when messages are made ready."""

    tenant_id: int
    id: UUID
    is_default: bool
    config: dict[str, Any]
    secret: bytes | None
    state: str
    state_since: datetime | None
    state_message: str | None
    updated_at: datetime

    @property
    def condition(self) -> Condition:
        return Condition(self.id, self.tenant_id, self.state, self.state_since, self.updated_at)


_CONNECTORS = """
select tenant_id, id, is_default, config, secret, state, state_since, state_message, updated_at
from connectors where type = 'smtp' and tenant_id = any(%s)
"""


def ways(connection: Connection, tenants: set[int]) -> list[Way]:
    """The SMTP connectors of some workspaces."""
    with connection.cursor(row_factory=class_row(Way)) as cursor:
        return cursor.execute(_CONNECTORS, (list(tenants),)).fetchall()


class Desk:
    """What one batch needs beside its rows: suppressions, templates, connectors. Three queries."""

    def __init__(self, connection: Connection, batch: Sequence[Due]) -> None:
        self.suppressed = suppressions(
            connection,
            [
                (due.tenant_id, addresses.comparable(due.contact["email"]))
                for due in batch
                if due.contact and due.contact["email"]
            ],
        )
        self.templates = templates(connection, {due.template_id for due in batch if due.template_id})
        self.ways: dict[tuple[int, UUID | None], Way] = {}
        for way in ways(connection, {due.tenant_id for due in batch}):
            self.ways[(way.tenant_id, way.id)] = way
            if way.is_default:
                self.ways[(way.tenant_id, None)] = way

    def facts(self, due: Due) -> gateway.Facts:
        contact = due.contact or {}
        address = contact.get("email")
        return gateway.Facts(
            channel=Channel.EMAIL,
            workflow_status=due.workflow_status,
            run_status=due.run_status,
            contact_known=due.contact is not None,
            address=address,
            consent=contact.get("consent") or {},
            topic=due.asked.get("topic"),
            suppression=self.suppressed.get((due.tenant_id, addresses.comparable(address))) if address else None,
        )
