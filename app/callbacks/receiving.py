"""A call of a provider, from its signature to the commit: it is answered when what it says is stored.

Nothing is read before the token is known to be ours. While the provider's signature is looked at, which may take a look at its certificate
outside, no transaction is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox_lane
from app.callbacks import report_repository
from app.callbacks.consequences import take_reports
from app.callbacks.incoming import take_incoming
from app.connectors.callback_address import CallbackAddress, read_callback_token
from app.connectors.senders import open_callback_secret, open_password
from app.errors import NotFound, TooMany, Unavailable
from app.lib import clock, crypto, database, held_connections
from app.lib.database_roles import scope_to
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorType
from app.messaging.channels.reports import CallbackCall
from app.models import Connector
from app.settings import settings
from app.web.rate_limit import CALLBACKS

log = structlog.get_logger()
MOST_BYTES = 1_048_576
"""Of one call; batches of the largest provider have 768 kB."""
MOST_REPORTS = 2_000
"""Of one call; what is beyond is left out and logged."""
MOST_INCOMING = 200
"""Messages of people of one call; each costs some statements."""
MOST_WAITING = 20_000
"""Events of one connector that may wait for the engine; above that its provider is asked to come again later."""


class NoSuchCallback(NotFound):
    """Nothing is reported here. The connector may have been removed, or the address is not complete."""

    code = "callback_not_found"


class CallbacksBusy(TooMany):
    """So many reports of this connector wait that no more are taken for a moment. Send this one again later."""

    code = "callbacks_busy"
    retry_after = 30


class CallbackRequest(NamedTuple):
    """A request as it came; `headers` by lower-case name, `query` as it was written, without the question mark."""

    method: str
    token: str
    query_text: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class _Receiver(NamedTuple):
    kind: type[ConnectorType]
    call: CallbackCall


async def receive(session: AsyncSession, request: CallbackRequest) -> str:
    """Take what a provider reports; answers what it wants to hear. Raises NoSuchCallback, NotVerified, CallbacksBusy, Unavailable."""
    address = read_callback_token(request.token)
    if address is None:
        raise NoSuchCallback
    tenant_id, connector_id = address.tenant_id, address.connector_id
    scope_to(session, tenant_id)
    receiver = await _receiver(session, address, request)
    await held_connections.release_connection(session)
    with database.outside_call("a provider's certificate"):
        reply = await receiver.kind.callbacks(receiver.call)
    reports, incoming = reply.reports[:MOST_REPORTS], reply.incoming[:MOST_INCOMING]
    beyond = len(reply.reports) - len(reports) + len(reply.incoming) - len(incoming)
    if left_out := reply.unread + beyond:
        log.warning("callback.left_out", tenant_id=tenant_id, connector_id=str(connector_id), count=left_out)
    if reports or incoming:
        lane = lane_of_connector(connector_id)
        inbox_lane.use_lane(session, lane)
        if await report_repository.waiting(session, tenant_id, lane, MOST_WAITING) >= MOST_WAITING:
            raise CallbacksBusy
        if reports:
            await take_reports(session, tenant_id, connector_id, receiver.kind, reports)
        await take_incoming(session, tenant_id, connector_id, receiver.kind, incoming)
    return reply.text or ""


def lane_of_connector(connector_id: UUID) -> int:
    """The lane of the inbox in which events wait that a connector's provider reports."""
    return inbox_lane.lane_of_trigger(connector_id, "callbacks")


async def _receiver(session: AsyncSession, address: CallbackAddress, request: CallbackRequest) -> _Receiver:
    row = await session.get(Connector, (address.tenant_id, address.connector_id))
    kind = registry.connector_types().get(row.type) if row is not None else None
    if row is None or kind is None or not kind.reports:
        raise NoSuchCallback
    try:
        secret = open_password(row.type, row.id, row.config, row.secret)
        callback_secret = open_callback_secret(row.id, row.callback_secret)
    except crypto.CannotUnseal as error:
        raise Unavailable(
            gettext("The secrets of this connector cannot be read just now. Send this again later.")
        ) from error
    query = f"?{request.query_text}" if request.query_text else ""
    return _Receiver(
        kind,
        CallbackCall(
            settings=dict(row.config),
            secret=secret,
            callback_secret=callback_secret,
            method=request.method,
            url=f"{settings().web.base_url}{CALLBACKS}{request.token}{query}",
            query=request.query,
            headers=request.headers,
            body=request.body,
            at=clock.now(),
        ),
    )
