"""A person consents that a connector acts for them (OAuth2, authorization code with PKCE): sent to the service, and back with a code.

What is being asked for lies sealed in the connector, one at a time: the state, which works once, for ten minutes and in the session that
began; and the verifier, without which a code that somebody has read on its way gives nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.grants import Grant, seal_grant
from app.connectors.senders import sender_of
from app.connectors.service import ConnectorService
from app.errors import Conflict
from app.lib import clock, crypto, database, held_connections
from app.lib.http_client import HttpClient
from app.lib.http_url import BadUrl
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.http.account import BadCredentials, HttpAccount
from app.messaging.channels.http.oauth2 import AccessToken, NoToken, consent_url, exchange_code
from app.models import Connector
from app.settings import settings

log = structlog.get_logger()
REDIRECT = "/connectors/consent"
"""Where services send people back to, of all connectors: the address that is registered with them."""
MINUTES = 10
EXCHANGE_S = 15.0


class NoConsent(Conflict):
    """The consent did not come about. Connect the connector again."""

    code = "no_consent"


class Pending(msgspec.Struct, frozen=True):
    """One consent that is asked for. `state`: its SHA-256."""

    state: bytes
    verifier: str
    session: UUID
    until: datetime


def redirect_url() -> str:
    """What is entered at the service as the redirect address."""
    return f"{settings().web.base_url}{REDIRECT}"


def connector_of_state(state: str) -> UUID | None:
    """The connector that a state is about; None when it is none of ours."""
    try:
        return UUID(state.partition(".")[0])
    except ValueError:
        return None


class ConsentService:
    """Consents to connectors of the principal's workspace, by a person who is signed in."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.connectors = ConnectorService(session, principal)

    async def begin(self, connector_id: UUID) -> str:
        """Where to send the person now. What was begun before for this connector ends. Raises NoConsent."""
        connector = await self.connectors.get(connector_id)
        account = _account(connector)
        token, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        until = clock.now() + timedelta(minutes=MINUTES)
        pending = Pending(_digest(token), verifier, self.principal.own_session, until)
        connector.consent_pending = crypto.seal(msgspec.json.encode(pending), self._aad(connector))
        challenge = base64.urlsafe_b64encode(_digest(verifier)).rstrip(b"=").decode()
        return consent_url(account, redirect_url(), f"{connector_id.hex}.{token}", challenge)

    async def finish(self, state: str, code: str, error: str) -> Connector:
        """Take the code that came back for tokens, and try again what waited for them. Raises NoConsent, NotFound.

        Ends the transaction: nothing is held while the service is asked.
        """
        connector_id = connector_of_state(state)
        if connector_id is None:
            raise NoConsent(
                gettext("This address is for services that send somebody back. Begin at the page of a connector.")
            )
        connector = await self.connectors.get(connector_id)
        pending = await self._taken(connector, state.partition(".")[2])
        account = _account(connector)
        if error or not code:
            words = gettext(" It says: %(error)s", error=error[:200]) if error else ""
            raise NoConsent(gettext("The service sent you back without a consent.%(words)s", words=words))
        await held_connections.release_connection(self.session)
        with database.outside_call("a consent"):
            token = await _exchanged(account, code, pending.verifier)
        return await self._store(connector_id, account, token)

    async def _taken(self, connector: Connector, token: str) -> Pending:
        """The consent that was begun, which is over with this. Raises NoConsent. Commits, so that a second one finds nothing."""
        connector = await self.connectors.locked(connector.id)
        try:
            sealed = connector.consent_pending or b""
            pending = msgspec.json.decode(crypto.unseal(sealed, self._aad(connector)), type=Pending)
        except (crypto.CannotUnseal, KeyError) as error:
            raise NoConsent(_OVER) from error
        if not hmac.compare_digest(pending.state, _digest(token)):
            raise NoConsent(_OVER)
        connector.consent_pending = None
        await self.session.flush()
        await held_connections.release_connection(self.session)
        if pending.session != self.principal.own_session or pending.until <= clock.now():
            raise NoConsent(_OVER)
        return pending

    async def _store(self, connector_id: UUID, account: HttpAccount, token: AccessToken) -> Connector:
        if not token.refresh and token.ends:
            raise NoConsent(NOT_LASTING)
        grant = Grant(refresh=token.refresh) if token.refresh else Grant(access=token.text)
        await self.connectors.rows.lock_workspace()
        await self.connectors.rows.forget_failures(connector_id)  # a worker locks the gate before the connector
        connector = await self.connectors.locked(connector_id)
        terms = registry.connector_type(connector.type).consent_terms(connector.config)
        if terms != account.consent_terms:
            raise NoConsent(
                gettext("The settings were changed meanwhile, and the consent was to those before. Connect it again.")
            )
        connector.consent = seal_grant(self.tenant_id, connector_id, terms, grant)
        connector.consented_at = clock.now()
        log.info(
            "connector.consented", connector_id=str(connector_id), tenant_id=self.tenant_id, by=str(self.principal.id)
        )
        return await self.connectors.resume(connector_id)

    def _aad(self, connector: Connector) -> str:
        """With other settings nothing that was begun before counts: the code would go elsewhere."""
        terms = registry.connector_type(connector.type).consent_terms(connector.config)
        return f"pending consent:{self.tenant_id}:{connector.id}:{msgspec.json.encode(terms).decode()}"


_OVER = translatable(
    "This consent was begun elsewhere, more than ten minutes ago, or is used already. Connect it again."
)
NOT_LASTING = translatable(
    "The service gave an access that ends soon, and nothing to renew it with. Google does so unless the "
    "authorization address ends with ?access_type=offline&prompt=consent; others want the scope "
    "offline_access. Change that, and connect it again."
)


def _account(connector: Connector) -> HttpAccount:
    kind = registry.connector_types().get(connector.type)
    try:
        account: Any = (
            sender_of(connector.type, connector.id, connector.config, connector.secret).server if kind else None
        )
    except crypto.CannotUnseal as error:
        raise NoConsent(gettext("The secret of the connector cannot be read. Enter it again.")) from error
    if not isinstance(account, HttpAccount) or not account.consent_terms:
        raise NoConsent(gettext("Nobody has to consent to this connector."))
    if not account.secret:
        raise NoConsent(gettext("Enter the secret of the client and save it first."))
    return account


async def _exchanged(account: HttpAccount, code: str, verifier: str) -> AccessToken:
    client = HttpClient(connections=1)
    try:
        return await exchange_code(client, account, code[:8_000], verifier, redirect_url(), EXCHANGE_S)
    except (NoToken, BadUrl, BadCredentials) as error:
        raise NoConsent(gettext("No consent: %(error)s", error=error)) from error
    finally:
        await client.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
