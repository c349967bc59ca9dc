"""A request of a step made once by a person who wants to see it: as it would be sent, and what the service really answers.

Nothing of it belongs to a run; credentials are hidden from what is shown, as from what is recorded of calls.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.repository import ConnectorRepository
from app.connectors.senders import sender_of
from app.connectors.trial import turns, with_token
from app.errors import FieldError, Invalid
from app.flow.outcomes import Call
from app.lib import crypto, database, held_connections, ids
from app.lib.http_client import MOST_REDIRECTS, HttpClient, HttpFailed
from app.lib.http_url import BadUrl
from app.lib.translation import gettext
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.messaging.channels.http.oauth2 import NoToken, fetch_token
from app.models import Connector
from app.outside.http_exchange import outgoing, shown_answer, shown_request

log = structlog.get_logger()
LONGEST_S = 20.0
"""A person waits at the page."""
MOST_BYTES = 64_000
KIND = "http"
SAFE = ("GET", "HEAD")


class Exchange(NamedTuple):
    """What was, or would be, sent; what was answered; a sentence where there is no answer."""

    request: dict[str, Any]
    response: dict[str, Any] | None = None
    error: str = ""


class RequestTrials:
    """Trials by one person."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal

    async def look(self, call: Call) -> Exchange:
        """The request as it would be sent; of other calls what their steps show. Nothing is called. Raises Invalid."""
        if call.kind != KIND:
            shown = call.request.get("shown") if isinstance(call.request, dict) else None
            return Exchange(shown if isinstance(shown, dict) else {})
        account = await self._account(call)
        try:
            request = outgoing(call.request, account, "<run>-<step>", "-")
        except (BadUrl, BadCredentials) as error:
            return Exchange(call.request["shown"], error=str(error))
        return Exchange(shown_request(call.request["shown"], request))

    async def send(self, call: Call, workflow_id: UUID, node_id: str) -> Exchange:
        """Make the request now, once. Ends the transaction. Raises Invalid, TooMany."""
        account, principal = await self._account(call), self.principal
        with turns.take((principal.tenant_id, principal.kind, principal.id)):
            await held_connections.release_connection(self.session)
            client = HttpClient(connections=2)
            try:
                with database.outside_call("a request that is tried"):
                    exchange = await self._sent(client, call, account)
            finally:
                await client.close()
        status = exchange.response["status"] if exchange.response else None
        by = {"by_kind": principal.kind, "by_id": str(principal.id), "tenant_id": principal.tenant_id}
        log.info(
            "request.tried",
            workflow_id=str(workflow_id),
            node_id=node_id,
            method=call.request["method"],
            status=status,
            **by,
        )
        return exchange

    async def _sent(self, client: HttpClient, call: Call, account: HttpAccount | None) -> Exchange:
        if account and account.consent_terms:
            connector_id = UUID(call.request["connectorId"])
            try:
                account = await with_token(self.principal.tenant_id, connector_id, account, LONGEST_S)
            except NoToken as error:
                return Exchange(call.request["shown"], error=str(error))
        return await _made(client, call, account)

    async def _account(self, call: Call) -> HttpAccount | None:
        if call.request["connectorId"] is None:
            return None
        rows = ConnectorRepository(self.session, self.principal.tenant_id)
        connector = await rows.get_one_or_none(Connector.id == UUID(call.request["connectorId"]))
        if connector is None:
            raise _refused(gettext("The connector of this step does not exist any more. Choose another one."))
        try:
            account = sender_of(connector.type, connector.id, connector.config, connector.secret).server
        except (crypto.CannotUnseal, KeyError) as error:
            raise _refused(gettext("The connector of this step cannot be used. An admin can look at it.")) from error
        if not isinstance(account, HttpAccount):
            raise _refused(gettext("The connector of this step is not one of a web service."))
        return account


async def _made(client: HttpClient, call: Call, account: HttpAccount | None) -> Exchange:
    shown = call.request["shown"]
    try:
        token = account.token if account else ""
        if account and account.bears_token and not token:
            token = (await fetch_token(client, account, LONGEST_S)).text
        request = outgoing(call.request, account, f"trial_{ids.uuid7()}", token)
        shown = shown_request(shown, request)
        redirects = MOST_REDIRECTS if call.request["redirects"] else 0
        answer = await client.request(request, timeout_s=LONGEST_S, most_bytes=MOST_BYTES, redirects=redirects)
    except (BadUrl, BadCredentials, NoToken, HttpFailed) as error:
        return Exchange(shown, error=str(error))
    return Exchange(shown, shown_answer(answer))


def _refused(message: str) -> Invalid:
    return Invalid(errors=[FieldError(path="data.connectorId", message=message)])
