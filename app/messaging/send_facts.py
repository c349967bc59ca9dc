"""What decides whether a claimed message may leave, read again in the transaction before it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from app.messaging.channels.channel import ChannelType
from app.messaging.device_repository import device_channels
from app.messaging.ledger import RUN_STATUS, Connection, LedgerKey, Transition
from app.subscriptions.permission import SuppressionEntry

# What may have changed since the claim and decides whether the message may leave, of those that are still this worker's.
_FACTS = f"""
select m.run_id, m.seq, case when w.deleted_at is null then w.status end as workflow_status, {RUN_STATUS} as run_status,
  c.id is not null as contact_known, c.email, c.phone, c.external_id, c.consent,
  case when m.channel = any(%(to_devices)s::int[]) then array(select d.id::text from contact_devices d
    where d.tenant_id = c.tenant_id and d.contact_id = c.id) end as devices, k.state, k.updated_at,
  s.reason as listed_reason, s.at as listed_since, s.detail as listed_detail,
  s.barred as listed_barred
from unnest(%(tenant)s::int[], %(run)s::uuid[], %(seq)s::int[], %(fence)s::int[], %(connector)s::uuid[], %(address)s::text[])
  as v(tenant_id, run_id, seq, fence, connector, address)
  join messages m on m.tenant_id = v.tenant_id and m.run_id = v.run_id and m.seq = v.seq and m.fence = v.fence
    and m.status = 0 and m.lease_until > now()
  left join workflows w on w.tenant_id = m.tenant_id and w.id = m.workflow_id
  left join runs r on r.tenant_id = m.tenant_id and r.id = m.run_id
  left join contacts c on c.tenant_id = m.tenant_id and c.id = m.contact_id
  left join connectors k on k.tenant_id = m.tenant_id and k.id = v.connector
  left join suppressions s on s.tenant_id = m.tenant_id and s.channel = m.channel and s.address = v.address and s.lifted_at is null
"""  # noqa: S608  a fixed expression


@dataclass(frozen=True, slots=True)
class Now:
    """What decides whether a claimed message may leave, as it is when that is about to happen."""

    run_id: UUID
    seq: int
    workflow_status: str | None
    run_status: int | None
    contact_known: bool
    email: str | None
    phone: str | None
    external_id: str | None
    consent: dict[str, Any] | None
    state: str | None
    updated_at: datetime | None
    """The connector's."""
    listed_reason: str | None
    """Why the address that the message was made for must not be written to, with since when and what was said; None when it may."""
    listed_since: datetime | None
    listed_detail: str | None
    listed_barred: bool | None = None
    devices: list[str] | None = None
    """Ids of the contact's devices, of channels that go to those."""

    @property
    def listed(self) -> SuppressionEntry | None:
        """The entry of the suppression list."""
        if self.listed_reason is None:
            return None
        return SuppressionEntry(
            reason=self.listed_reason,
            since=self.listed_since,
            detail=self.listed_detail,
            barred=bool(self.listed_barred),
        )

    def address(self, channel: type[ChannelType]) -> str | None:
        """Where messages of the channel to the contact go."""
        columns = {"email": self.email, "phone": self.phone, "external_id": self.external_id}
        return channel.address_of({**columns, "devices": self.devices} if channel.to_devices else columns)


def facts(connection: Connection, intents: Sequence[Transition]) -> dict[LedgerKey, Now]:
    """What is known now about messages that are to leave; those that are no longer this worker's are missing."""
    parameters = {
        "tenant": [move.due.tenant_id for move in intents],
        "run": [move.due.run_id for move in intents],
        "seq": [move.due.seq for move in intents],
        "fence": [move.due.fence for move in intents],
        "connector": [move.connector_id for move in intents],
        "address": [move.due.kind.comparable(move.due.address or "") for move in intents],
        "to_devices": device_channels(),
    }
    with connection.cursor(row_factory=class_row(Now)) as cursor:
        return {(row.run_id, row.seq): row for row in cursor.execute(_FACTS, parameters).fetchall()}
