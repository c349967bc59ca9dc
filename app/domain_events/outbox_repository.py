"""The outbox: one row for each event and each enabled endpoint or bus that wants its type, in the transaction of what happened.

Rows are made by joining what happened with who listens, in one statement for all that happened together. Nothing is written where
nobody listens. `…_sql` builds parts of a larger statement (`with …`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain_events.types import MESSAGE
from app.lib.database import execute
from app.models.status import Channel

_CONTACT = """
case when h.contact_id is not null then jsonb_build_object('contact', jsonb_build_object('id', h.contact_id, 'externalId', c.external_id,
  'email', c.email)) else h.nobody end
"""


def instant_sql(expression: str) -> str:
    """SQL for an instant as JSON text has it everywhere in the product's events."""
    return f"to_char({expression} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


_WANTED = """
exists (select from webhook_endpoints e where e.tenant_id = h.tenant_id and e.enabled and h.type = any(e.types))
or exists (select from event_sinks s where h.type = any(s.types) and (s.tenant_ids is null or h.tenant_id = any(s.tenant_ids)))
"""
"""Does anybody listen? Asked before an event is made: of what nobody wants there is neither id nor document."""


def tell_sql(source: str, *, contact: str = _CONTACT) -> str:
    """Parts of a `with` (`happenings`, `heard`, `queued_for_buses`) that write down what happened for whoever wants it.

    Rows of `source`: `tenant_id, type, contact_id, data` (jsonb), `occurred_at`, `place` (in their order buses get them), and
    `nobody` (jsonb): what data has besides where there is no contact. `contact` is SQL for what it has besides where there is one,
    over `h` and the contact's row `c`.
    """
    # An event has one id and one place, however many hear of it.
    return f"""
    happenings as materialized (
      select h.tenant_id, gen_random_uuid() as event_id, h.type, h.contact_id, h.data || {contact} as data, h.occurred_at, h.place
      from {source} h left join contacts c on c.tenant_id = h.tenant_id and c.id = h.contact_id
      where {_WANTED}),
    heard as (
      insert into event_deliveries (tenant_id, endpoint_id, id, type, contact_id, data, occurred_at, next_at)
      select t.tenant_id, e.id, t.event_id, t.type, t.contact_id, t.data, t.occurred_at, (select clock_now())
      from happenings t join webhook_endpoints e on e.tenant_id = t.tenant_id and e.enabled and t.type = any(e.types)),
    queued_for_buses as (
      insert into sink_events (tenant_id, sink, id, type, contact_id, data, occurred_at, written_at)
      select t.tenant_id, s.name, t.event_id, t.type, t.contact_id, t.data, t.occurred_at, (select clock_now())
      from happenings t
      join event_sinks s on t.type = any(s.types) and (s.tenant_ids is null or t.tenant_id = any(s.tenant_ids))
      order by t.place)
    """  # noqa: S608  constants


NO_CONTACT = """'{"contact": null}'::jsonb"""
"""What an event of a run or message has besides that is about nobody."""
_NOTHING = "'{}'::jsonb"
# As one document: arrays of six columns cost an engine 30 us an event to write, this one 3.
_HAPPENED = f"""
(select (e->>0)::int as tenant_id, e->>1 as type, (e->>2)::uuid as contact_id, e->3 as data, (e->>4)::timestamptz as occurred_at,
  case when (e->>5)::bool then {NO_CONTACT} else {_NOTHING} end as nobody, place
from jsonb_array_elements(%(events)s::jsonb) with ordinality as u(e, place))
"""  # noqa: S608  constants
_TELL = f"with {tell_sql(_HAPPENED)} select 1"


def of_contacts_sql(source: str) -> str:
    """The same for rows that are about a contact each, which is not asked for twice."""
    return tell_sql(f"(select *, {_NOTHING} as nobody from {source})")  # noqa: S608  constants


def messages_sql(source: str) -> str:
    """The same for rows of `messages` that came to a final status."""
    types = " ".join(f"when {status} then '{name}'" for status, name in MESSAGE.items())
    channels = " ".join(f"when {int(channel)} then '{channel.word}'" for channel in Channel)
    return tell_sql(
        f"""(select m.tenant_id, case m.status {types} end as type, m.contact_id, jsonb_build_object('runId', m.run_id, 'seq', m.seq,
          'workflowId', m.workflow_id, 'workflowVersion', m.workflow_version, 'nodeId', m.node_id, 'channel',
          case m.channel {channels} else m.channel::text end, 'recipient', m.recipient, 'reason', m.reason, 'error', m.error_message)
          as data, (select clock_now()) as occurred_at, {NO_CONTACT} as nobody, m.seq as place
        from {source} m where m.status in ({", ".join(map(str, MESSAGE))}))"""  # noqa: S608  constants
    )


class DomainEvent(NamedTuple):
    """Something that happened. `data` without the contact, which is looked up; `occurred_at`: JSON and PostgreSQL read it."""

    tenant_id: int
    type: str
    contact_id: UUID | None
    data: dict[str, Any]
    occurred_at: Any
    of_run: bool = False
    """Its data says `contact` also where there is none."""


def _parameters(events: Sequence[DomainEvent]) -> dict[str, Any]:
    return {"events": msgspec.json.encode(events).decode()}


def write_events(cursor: psycopg.Cursor[Any], events: Sequence[DomainEvent]) -> None:
    """Write down events for whoever wants them, in the cursor's transaction. One statement."""
    if events:
        cursor.execute(_TELL, _parameters(events))


async def tell(session: AsyncSession, events: Sequence[DomainEvent]) -> None:
    """The same in the session's transaction."""
    if events:
        await execute(session, _TELL, **_parameters(events))
