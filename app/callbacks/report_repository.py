"""SQL of reports: which message each is about, stored once, and those of which the message is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.messaging.channels.reports import MessageReport
from app.models.status import Priority

MOST_OF_MESSAGE = 100
"""Reports that are kept of one message: a mail that many machines open and click is known to be read."""
MOST_UNMATCHED = 10_000
"""Reports of one connector that wait for their message: an account that sends for others too reports about those as well."""
# A report that bears our reference is about that message or about none; one of another connector's messages it must not be.
_STORE = f"""
with incoming as (
  select * from unnest(%(places)b::int[], %(runs)b::uuid[], %(seqs)b::int[], %(ids)b::text[], %(kinds)b::int[], %(digests)b::bytea[],
      %(times)b::timestamptz[], %(details)b::text[], %(urls)b::text[])
    as i(place, run_id, seq, provider_id, kind, digest, at, detail, url)),
known as (
  select i.place, m.* from incoming i join messages m on m.tenant_id = %(tenant)s and m.run_id = i.run_id and m.seq = i.seq
    and m.connector_id = %(connector)s
  union all
  select i.place, m.* from incoming i join messages m on i.run_id is null and m.tenant_id = %(tenant)s and m.provider_id = i.provider_id
    and m.connector_id = %(connector)s),
stored as (
  insert into message_reports (tenant_id, run_id, seq, kind, digest, at, received_at, detail, url)
  select %(tenant)s, k.run_id, k.seq, i.kind, i.digest, i.at, (select clock_now()), i.detail, i.url
  from incoming i join known k using (place)
  where (select count(*) from message_reports r where r.tenant_id = %(tenant)s and r.run_id = k.run_id and r.seq = k.seq)
    < {MOST_OF_MESSAGE}
  order by k.run_id, k.seq, i.kind, i.digest
  on conflict do nothing returning run_id, seq, kind, digest)
select i.place, k.run_id, k.seq, k.workflow_id, k.node_id, k.template_id, k.channel, k.status, k.recipient, c.id as contact_id,
  s.run_id is not null as fresh
from incoming i join known k using (place)
  left join stored s on s.run_id = k.run_id and s.seq = k.seq and s.kind = i.kind and s.digest = i.digest
  left join contacts c on c.tenant_id = %(tenant)s and c.id = k.contact_id
order by i.place
"""  # noqa: S608  constants
_STORE_OWN = """
with known as (
  select run_id, seq, status from messages
  where tenant_id = %(tenant)s and run_id = %(run)s and seq = %(seq)s and contact_id = %(contact)s),
stored as (
  insert into message_reports (tenant_id, run_id, seq, kind, digest, at, received_at, detail)
  select %(tenant)s, run_id, seq, %(kind)s, %(digest)s, %(at)s, %(at)s, %(detail)s from known on conflict do nothing returning run_id)
select status from known, stored
"""
_KEEP = f"""
insert into unmatched_reports (tenant_id, connector_id, provider_id, kind, digest, report, received_at)
select %(tenant)s, %(connector)s, u.provider_id, u.kind, u.digest, u.report, (select clock_now())
from unnest(%(ids)b::text[], %(kinds)b::int[], %(digests)b::bytea[], %(reports)b::bytea[]) as u(provider_id, kind, digest, report)
where (select count(*) from (
  select from unmatched_reports w where w.tenant_id = %(tenant)s and w.connector_id = %(connector)s limit {MOST_UNMATCHED}) n)
  < {MOST_UNMATCHED}
on conflict do nothing
"""  # noqa: S608  constants
_WAITING = f"""
select count(*) as n from (
  select from inbox where tenant_id = %(tenant)s and priority in ({", ".join(f"{one:d}" for one in Priority)}) and lane = %(lane)s
  limit %(most)s) as w
"""  # noqa: S608  constants
_SAME_MESSAGE = "m.tenant_id = u.tenant_id and m.provider_id = u.provider_id and m.connector_id = u.connector_id"
_MATCHED = f"""
select distinct u.tenant_id, u.connector_id, k.type from unmatched_reports u join messages m on {_SAME_MESSAGE}
join connectors k on k.tenant_id = u.tenant_id and k.id = u.connector_id limit 100
"""  # noqa: S608  constants
_TAKE_MATCHED = f"""
delete from unmatched_reports u using (
  select u.tenant_id, u.connector_id, u.provider_id, u.kind, u.digest from unmatched_reports u join messages m on {_SAME_MESSAGE}
  where u.tenant_id = %(tenant)s and u.connector_id = %(connector)s limit 1000) g
where (u.tenant_id, u.connector_id, u.provider_id, u.kind, u.digest) = (g.tenant_id, g.connector_id, g.provider_id, g.kind, g.digest)
returning u.report
"""  # noqa: S608  constants
_FORGET = """
delete from unmatched_reports where (tenant_id, connector_id, provider_id, kind, digest) in (
  select tenant_id, connector_id, provider_id, kind, digest from unmatched_reports where received_at < %(before)s limit 10000)
returning 1
"""


class ReportedMessage(NamedTuple):
    """A report that is about a message. `fresh`: it was not told before. `contact_id` None: the contact was erased."""

    report: MessageReport
    run_id: UUID
    seq: int
    workflow_id: UUID
    node_id: str
    template_id: UUID | None
    channel: int
    status: int
    recipient: str | None
    contact_id: UUID | None
    fresh: bool


def _clean(text: str, most: int) -> str | None:
    """As PostgreSQL can keep it, which takes neither NUL nor half a character."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:most] or None


async def store(
    session: AsyncSession, tenant_id: int, connector_id: UUID, reports: Sequence[MessageReport]
) -> list[ReportedMessage]:
    """Keep reports of the connector's messages, each once; answers those whose message is known, also the ones told before."""
    keys = [report.message for report in reports]
    rows = await execute(
        session,
        _STORE,
        tenant=tenant_id,
        connector=connector_id,
        places=list(range(len(reports))),
        runs=[key[0] if key else None for key in keys],
        seqs=[key[1] if key else None for key in keys],
        ids=[_clean(report.provider_id, 200) for report in reports],
        kinds=[int(report.kind) for report in reports],
        digests=[report.digest for report in reports],
        times=[report.at for report in reports],
        details=[_clean(report.detail, 1_000) for report in reports],
        urls=[_clean(report.url, 2_000) for report in reports],
    )
    return [ReportedMessage(reports[row.place], *row[1:]) for row in rows]


async def store_own(session: AsyncSession, tenant_id: int, contact_id: UUID, report: MessageReport) -> int | None:
    """Keep what a message to this contact reports itself; answers its MessageStatus, None when it is not known or said so before."""
    run_id, seq = report.message or (None, None)
    rows = await execute(
        session,
        _STORE_OWN,
        tenant=tenant_id,
        run=run_id,
        seq=seq,
        contact=contact_id,
        kind=int(report.kind),
        digest=report.digest,
        at=report.at,
        detail=_clean(report.detail, 1_000),
    )
    return int(rows[0].status) if rows else None


async def keep_unmatched(
    session: AsyncSession, tenant_id: int, connector_id: UUID, reports: Sequence[MessageReport]
) -> None:
    """Keep reports whose message is not known by its provider's id yet."""
    if reports:
        await execute(
            session,
            _KEEP,
            tenant=tenant_id,
            connector=connector_id,
            ids=[_clean(report.provider_id, 200) for report in reports],
            kinds=[int(report.kind) for report in reports],
            digests=[report.digest for report in reports],
            reports=[msgspec.json.encode(report) for report in reports],
        )


async def waiting(session: AsyncSession, tenant_id: int, lane: int, most: int) -> int:
    """How many rows of a lane wait for the engine, counted up to `most`."""
    return int((await execute(session, _WAITING, tenant=tenant_id, lane=lane, most=most))[0].n)


async def matched(session: AsyncSession) -> list[tuple[int, UUID, str]]:
    """(workspace, connector, its type) of those with reports whose message is known now."""
    return [(row.tenant_id, row.connector_id, row.type) for row in await execute(session, _MATCHED)]


async def take_matched(session: AsyncSession, tenant_id: int, connector_id: UUID) -> list[MessageReport]:
    """Take some of them out of those that wait."""
    rows: Sequence[Any] = await execute(session, _TAKE_MATCHED, tenant=tenant_id, connector=connector_id)
    return [msgspec.json.decode(row.report, type=MessageReport) for row in rows]


async def forget_unmatched(session: AsyncSession, before: datetime) -> int:
    """Delete those that nobody asked for since; returns how many."""
    return len(await execute(session, _FORGET, before=before))
