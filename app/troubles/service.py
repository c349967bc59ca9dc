"""Builds the list of troubles, of the installation and of a workspace, in the order of `kinds.KINDS`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain_events.sink_repository import sinks_standing
from app.engine.work_status import LATE_S, work_status
from app.lib import clock, database, disk
from app.lib.database_roles import DatabaseRole
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.models.status import MessageStatus
from app.polls.repository import PollRepository
from app.settings import settings
from app.troubles.call_repository import away_hosts
from app.troubles.kinds import KINDS, text_of
from app.troubles.repository import DEEPEST, InstallationTroubles, WorkspaceTroubles
from app.troubles.schemas import Trouble, TroubleSummary
from app.web.client_address import untrusted_proxy

LISTED = 6
RECENT, PATIENCE = timedelta(hours=24), timedelta(minutes=1)
"""A failure is news for a day; what is a minute overdue and did not move is late."""
DEPLOYING = timedelta(hours=1)
"""An endpoint at which nothing arrives for less is no trouble yet."""
BEHIND_S = 300.0
"""How long an event may wait for a bus before somebody should know."""
STARTING_S = 60.0
"""Workers start after the web process; until it is this old their absence is no news."""
_began = time.monotonic()


async def of_installation(session: AsyncSession) -> list[Trouble]:
    """Troubles of the installation: lost processes, queues that do not move, a disk that fills up."""
    troubles, queries = _disk(), InstallationTroubles(session)
    pulses = await queries.pulses()
    starting = time.monotonic() - _began < STARTING_S
    for kind, process in (("no_worker", "worker"), ("no_scheduler", "scheduler")):
        pulse = pulses.get(process)
        if not starting and (pulse is None or not pulse.alive):
            troubles.append(Trouble(kind=kind, since=pulse.last if pulse else None))
    troubles += await _standing(session, queries)
    troubles += await _buses(session)
    if message := untrusted_proxy():
        troubles.append(Trouble(kind="proxy_untrusted", error_message=message))
    return in_order(troubles)


async def _of_installation_now() -> list[Trouble]:
    """The same for a request, whose own transaction sees the rows of one workspace."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        return await of_installation(session)


async def _standing(session: AsyncSession, queries: InstallationTroubles) -> list[Trouble]:
    """Work that does not move: what is late, who is in the way, and what waits for a newer release."""
    now, stand = clock.now(), await work_status(session)
    troubles = [
        _deep(
            kind,
            # A locked table is not counted: the check itself must not wait for it.
            0 if stand.locked else await queries.waiting(kind),
            since=now - timedelta(seconds=seconds),
        )
        for kind, seconds in (("events_late", stand.inbox_seconds), ("runs_late", stand.due_seconds))
        if seconds is not None and seconds >= LATE_S
    ]
    if stand.stuck:
        longest = max((one.waits_seconds for one in stand.blocking), default=None)
        since = now - timedelta(seconds=longest) if longest is not None else None
        troubles.append(Trouble(kind="stuck", since=since, details=stand.words()))
    if stand.left_for_newer_seconds is not None:
        troubles.append(Trouble(kind="older_release", since=now - timedelta(seconds=stand.left_for_newer_seconds)))
    return troubles


SLOW_BUS = {
    False: translatable("It takes events, and more come than it takes."),
    True: translatable("Messages come in, and more are sent than are handled."),
}


async def _buses(session: AsyncSession) -> list[Trouble]:
    """Buses that take nothing, or far less than happens, and those by which nothing comes in, or far less than is sent."""
    now, real = clock.now(), datetime.now(UTC)
    return [
        _deep(
            "bus_unheard" if sink.inbound else "bus_behind",
            sink.depth,
            since=sink.failing_since or now - timedelta(seconds=sink.age),
            details=[f"{sink.name}: {sink.last_error or SLOW_BUS[sink.inbound]}"],
        )
        for sink in await sinks_standing(session)
        if sink.age >= BEHIND_S or (sink.failing_since is not None and real - sink.failing_since >= PATIENCE)
    ]


def _disk() -> list[Trouble]:
    """In local mode only: who runs PostgreSQL elsewhere watches its disk there."""
    if not settings().local:
        return []
    try:
        room = disk.room()
    except OSError:
        return []
    kinds = {"full": "disk_full", "low": "disk_low"}
    return [Trouble(kind=kinds[room.state], error_message=room.words)] if room.state in kinds else []


async def for_health(session: AsyncSession) -> list[TroubleSummary]:
    """What holds up everybody, as `/health/ready` tells it to anybody."""
    return [
        TroubleSummary(
            trouble.kind, KINDS[trouble.kind].severity, text_of(trouble), trouble.count, trouble.at_least, trouble.since
        )
        for trouble in await of_installation(session)
    ]


async def of_workspace(session: AsyncSession, tenant_id: int, in_flow: Mapping[UUID, int]) -> list[Trouble]:
    """What holds up one workspace. `in_flow`: how many runs each workflow has, for those that are paused with people inside."""
    queries, now = WorkspaceTroubles(session, tenant_id), clock.now()
    troubles = [
        *await _connectors(queries),
        *await _messages(queries, now),
        *await _runs(queries, now),
        *await _endpoints(queries, now),
        *await _polls(queries),
        *await _hosts(queries),
        *(
            Trouble(
                kind="paused",
                workflow_id=flow.id,
                workflow_name=flow.name,
                count=in_flow[flow.id],
                since=flow.updated_at,
            )
            for flow in await queries.paused(LISTED)
            if in_flow.get(flow.id)
        ),
    ]
    count, since, error = await queries.dead_letters()
    if count:
        troubles.append(_deep("dead_letters", count, since=since, error_message=error))
    return in_order(troubles)


async def of_everything(
    session: AsyncSession, tenant_id: int, in_flow: Mapping[UUID, int] | None = None
) -> list[Trouble]:
    """What the home page says: the installation's troubles, and the workspace's. `in_flow` saves a query to who knows it."""
    if in_flow is None:
        in_flow = await WorkspaceTroubles(session, tenant_id).in_flow_of_paused()
    own = await of_workspace(session, tenant_id, in_flow)
    own_kinds = {trouble.kind for trouble in own}
    # Late runs of the workspace are named by workflow; all of the installation together would say it twice.
    others = [t for t in await _of_installation_now() if not (t.kind == "runs_late" and "late" in own_kinds)]
    return in_order([*others, *own])


async def stopping(session: AsyncSession, tenant_id: int) -> list[Trouble]:
    """Those that belong on every page, because nothing goes on while they last."""
    troubles = [*await _of_installation_now(), *await _connectors(WorkspaceTroubles(session, tenant_id))]
    return [trouble for trouble in in_order(troubles) if KINDS[trouble.kind].stops]


def in_order(troubles: list[Trouble]) -> list[Trouble]:
    """First what stops all; of one kind in the order in which they were found."""
    order = list(KINDS)
    return sorted(troubles, key=lambda trouble: order.index(trouble.kind))


def _deep(kind: str, count: int, **more: Any) -> Trouble:
    """Of what is counted up to DEEPEST."""
    return Trouble(kind=kind, count=count, at_least=count >= DEEPEST, **more)


def _kind_of(state: str, *, is_service: bool, is_stood_in: bool, by_consent: bool) -> str:
    if is_stood_in:
        return "stood_in"
    if state == "away":
        return "service_away" if is_service else "away"
    if by_consent:
        return "consent_refused"
    return "service_broken" if is_service else "broken"


def _meanwhile(name: str | None) -> str:
    return gettext("“%(name)s” stands in meanwhile.", name=name) if name else ""


async def _connectors(queries: WorkspaceTroubles) -> list[Trouble]:
    rows = await queries.troubled_connectors(LISTED)
    stood_in, types = await queries.stood_in() if rows else {}, registry.connector_types()
    troubles = [
        _deep(
            _kind_of(
                state,
                is_service=is_service,
                is_stood_in=connector_id in stood_in,
                by_consent=kind in types and bool(types[kind].consent_terms(config)),
            ),
            waiting,
            connector_id=connector_id,
            connector_name=name,
            since=since,
            error_message=" ".join(filter(None, (message, _meanwhile(stood_in.get(connector_id))))),
        )
        for connector_id, name, state, since, message, waiting, is_service, kind, config in rows
    ]
    count, since = await queries.without_connector()
    return [*troubles, *([_deep("no_connector", count, since=since)] if count else [])]


async def _hosts(queries: WorkspaceTroubles) -> list[Trouble]:
    return [
        _deep(
            "host_away",
            host.waiting,
            host=host.host,
            since=host.since,
            workflow_id=host.workflow_id,
            error_message=host.words or "",
        )
        for host in await away_hosts(queries.session, queries.tenant_id, LISTED)
    ]


async def _endpoints(queries: WorkspaceTroubles, now: datetime) -> list[Trouble]:
    return [
        Trouble(
            kind="endpoint_failing" if enabled else "endpoint_off",
            endpoint_id=endpoint_id,
            endpoint_host=urlsplit(url).hostname or "",
            since=since,
            error_message=error or "",
        )
        for endpoint_id, url, enabled, since, error in await queries.troubled_endpoints(now - DEPLOYING, LISTED)
    ]


async def _polls(queries: WorkspaceTroubles) -> list[Trouble]:
    return [
        Trouble(
            kind="poll_failing", workflow_id=workflow_id, workflow_name=name, since=since, error_message=error or ""
        )
        for workflow_id, name, since, error in await PollRepository(queries.session, queries.tenant_id).failing(LISTED)
    ]


async def _messages(queries: WorkspaceTroubles, now: datetime) -> list[Trouble]:
    patience = timedelta(hours=settings().engine.uncertain_hours)
    ended = [
        Trouble(
            kind="unsent" if status == MessageStatus.FAILED else "uncertain",
            workflow_id=workflow_id,
            workflow_name=name,
            count=count,
            at_least=at_least,
            since=first,
            error_message=error or "",
        )
        for status, workflow_id, name, count, error, first, at_least in await queries.troubled_messages(
            failed_since=now - RECENT, uncertain_since=now - max(RECENT, patience), limit=LISTED
        )
    ]
    overdue = [
        Trouble(
            kind="overdue", workflow_id=workflow_id, workflow_name=name, count=count, at_least=at_least, since=since
        )
        for workflow_id, name, count, since, at_least in await queries.overdue_messages(now - PATIENCE, LISTED)
    ]
    return [*ended, *overdue]


async def _runs(queries: WorkspaceTroubles, now: datetime) -> list[Trouble]:
    failing = [
        Trouble(
            kind="failing",
            workflow_id=workflow_id,
            workflow_name=name,
            count=count,
            at_least=at_least,
            since=last,
            node_id=node_id,
            error_message=error or "",
        )
        for workflow_id, name, node_id, count, error, last, at_least in await queries.failing(now - RECENT, LISTED)
    ]
    late = [
        _deep("late", count, workflow_id=workflow_id, workflow_name=name, since=since)
        for workflow_id, name, count, since in await queries.late(now - PATIENCE, LISTED)
    ]
    held = [
        Trouble(
            kind="held",
            workflow_id=workflow_id,
            workflow_name=name,
            count=count,
            at_least=at_least,
            since=since,
            error_message=error or "",
        )
        for workflow_id, name, count, since, error, at_least in await queries.held(LISTED)
    ]
    stalled = [
        Trouble(
            kind="stalled", workflow_id=workflow_id, workflow_name=name, count=count, since=since, error_message=reason
        )
        for workflow_id, name, reason, count, since in await queries.stalled(LISTED)
    ]
    return [*held, *stalled, *failing, *late]
