"""Rules of endpoints: which addresses they may have, their secrets, what is said of them, tests and re-sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.trial import Turns
from app.domain_events import types
from app.domain_events.envelope import event_body
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.lib import clock, crypto, egress, held_connections
from app.lib.http_url import BadUrl, read_url
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.membership.build_repository import raise_epoch
from app.models import EventDelivery, WebhookEndpoint
from app.models.status import DeliveryStatus
from app.settings import settings
from app.web.pagination import Page, clamp_limit
from app.webhook_endpoints import delivery_repository, repository
from app.webhook_endpoints.delivery import send
from app.webhook_endpoints.delivery_repository import DeliveryEnd, TakenDelivery, tried
from app.webhook_endpoints.http_post import opened_client
from app.webhook_endpoints.repository import EndpointRepository, EventDeliveryRepository, SettledTry
from app.webhook_endpoints.schemas import (
    DeliveryDetails,
    DeliveryView,
    EndpointChange,
    EndpointView,
    NewEndpoint,
    SigningSecret,
    TryView,
)
from app.webhook_endpoints.secrets import EndpointSecrets

MOST_ENDPOINTS = 20
"""Of a workspace. Each is a row for each event that it wants."""
PERSON = "person"
_turns = Turns()


class EndpointNotFound(NotFound):
    """There is no such webhook endpoint. It may have been deleted."""

    code = "webhook_endpoint_not_found"


class DeliveryNotFound(NotFound):
    """There is no such delivery. The log has those of the last seven days."""

    code = "delivery_not_found"


class TooManyEndpoints(Conflict):
    """A workspace has at most 20 webhook endpoints. Delete one first."""

    code = "too_many_endpoints"


class EndpointOff(Conflict):
    """This endpoint is switched off. Switch it on first."""

    code = "endpoint_off"


class DeliveryOpen(Conflict):
    """This event is still being sent. It can be sent again when that is over."""

    code = "delivery_open"


class EndpointService:
    """The endpoints of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._principal, self._tenant_id = session, principal, principal.tenant_id
        self._rows = EndpointRepository(session, principal.tenant_id)
        self._deliveries = EventDeliveryRepository(session, principal.tenant_id)

    async def list(self) -> Sequence[EndpointView]:
        """All of them, the oldest first."""
        rows = await self._rows.list(order_by=[WebhookEndpoint.created_at, WebhookEndpoint.id])
        standings = await self._rows.standings() if rows else {}
        return [_view(row, standings.get(row.id)) for row in rows]

    async def view(self, endpoint_id: UUID) -> EndpointView:
        """One of them. Raises EndpointNotFound."""
        row = await self._get(endpoint_id)
        return _view(row, (await self._rows.standings()).get(row.id))

    async def create(self, new: NewEndpoint) -> tuple[EndpointView, str]:
        """A new endpoint, and its secret. It hears of what happens from now on. Raises Invalid, TooManyEndpoints."""
        if await self._rows.count() >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        url, event_types = _checked_url(new.url), _checked_types(new.event_types)
        row_id, fresh, now = uuid7(), EndpointSecrets.fresh(), clock.now()
        row = await self._rows.add(
            WebhookEndpoint(
                id=row_id,
                url=url,
                description=new.description.strip(),
                types=event_types,
                sealed=fresh.sealed(self._tenant_id, row_id),
                enabled=True,
                created_at=now,
                updated_at=now,
            )
        )
        await raise_epoch(self._session, self._tenant_id)
        return _view(row, None), fresh.present.text

    async def change(self, endpoint_id: UUID, changes: EndpointChange) -> EndpointView:
        """Change what is sent. Switched on, it hears of what happens from now on. Raises EndpointNotFound, Invalid."""
        row = await self._get(endpoint_id, lock=True)
        if not isinstance(changes.url, UnsetType):
            row.url = _checked_url(changes.url)
        if not isinstance(changes.event_types, UnsetType):
            row.types = _checked_types(changes.event_types)
        if not isinstance(changes.description, UnsetType):
            row.description = changes.description.strip()
        if not isinstance(changes.enabled, UnsetType) and changes.enabled != row.enabled:
            row.enabled, row.disabled_reason = changes.enabled, None if changes.enabled else PERSON
            row.failing_since = row.last_error = None
            if not changes.enabled:
                await delivery_repository.give_up_waiting(self._session, self._tenant_id, row.id)
        row.updated_at = clock.now()
        await self._session.flush()
        await raise_epoch(self._session, self._tenant_id)
        return await self.view(row.id)

    async def delete(self, endpoint_id: UUID) -> None:
        """Delete it with its log. Nothing more is sent there."""
        await self._rows.delete(await self._get(endpoint_id, lock=True))
        await raise_epoch(self._session, self._tenant_id)

    async def rotate(self, endpoint_id: UUID) -> tuple[EndpointView, str]:
        """A new secret, which signs at once; the one before it signs too for 24 hours."""
        row = await self._get(endpoint_id, lock=True)
        try:
            rotated = EndpointSecrets.opened(row.sealed, row.tenant_id, row.id).rotated(clock.now())
        except crypto.CannotUnseal:
            rotated = EndpointSecrets.fresh()
        row.sealed, row.updated_at = rotated.sealed(row.tenant_id, row.id), clock.now()
        await self._session.flush()
        return await self.view(row.id), rotated.present.text

    # The log --------------------------------------------------------------------------------------------------

    async def log(
        self, endpoint_id: UUID, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Page[DeliveryView]:
        """What was sent or is to be sent, what happened last first. Raises EndpointNotFound, Invalid."""
        await self._get(endpoint_id)
        page = await self._deliveries.log(endpoint_id, _status_of(status), cursor, clamp_limit(limit))
        return Page([_delivery_view(row) for row in page.items], page.next_cursor)

    async def details(self, endpoint_id: UUID, delivery_id: UUID) -> DeliveryDetails:
        """One delivery, with what is sent and what was answered."""
        row = await self._delivery(endpoint_id, delivery_id)
        body = event_body(row.id, row.type, row.occurred_at, row.data, row.tenant_id)
        return DeliveryDetails(
            delivery=_delivery_view(row),
            request=msgspec.json.decode(body),
            answer=row.answer,
            tries=msgspec.convert(row.tries, list[TryView]),
        )

    async def resend(self, endpoint_id: UUID, delivery_id: UUID) -> DeliveryView:
        """Send an event again, with its id. Raises EndpointOff, DeliveryOpen."""
        endpoint = await self._get(endpoint_id)
        row = await self._delivery(endpoint_id, delivery_id, lock=True)
        if not endpoint.enabled:
            raise EndpointOff
        if row.status == DeliveryStatus.WAITING:
            raise DeliveryOpen
        await self._deliveries.resend(endpoint_id, delivery_id)
        await self._session.refresh(row)
        return _delivery_view(row)

    async def test(self, endpoint_id: UUID) -> DeliveryDetails:
        """Send a `webhook.test` now, also to an endpoint that is switched off, and say what was answered. Raises TooMany."""
        endpoint = await self._get(endpoint_id)
        data = {"message": "A test from Throughline. Events look like this one."}
        delivery = TakenDelivery(
            self._tenant_id, endpoint.id, uuid7(), types.TEST, data, clock.now(), 0, 0, endpoint.url, endpoint.sealed
        )
        try:
            opened = EndpointSecrets.opened(endpoint.sealed, self._tenant_id, endpoint.id)
        except crypto.CannotUnseal as error:
            raise Conflict(
                gettext("The secret of this endpoint cannot be read. Rotate it, then test again.")
            ) from error
        with _turns.take((self._tenant_id, self._principal.kind, self._principal.id)):
            await held_connections.release_connection(self._session)
            async with opened_client() as client:
                at, reply = clock.now(), await send(client, delivery, opened)
        row = {
            "id": delivery.id, "type": delivery.type, "data": data, "occurred_at": delivery.occurred_at, "attempt": 1,
            "status": int(DeliveryStatus.DELIVERED if reply.arrived else DeliveryStatus.FAILED), "settled_at": clock.now(),
            "http_status": reply.http_status, "answer": reply.text or None, "error": reply.why,
            "tries": [tried(DeliveryEnd(delivery, reply, None, at))],
        }  # fmt: skip
        await SettledTry(self._session, await self._get(endpoint_id)).write(row, reply.why)
        return await self.details(endpoint_id, delivery.id)

    # ----------------------------------------------------------------------------------------------------------

    async def _get(self, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
        row = await self._rows.get_one_or_none(WebhookEndpoint.id == endpoint_id, lock=lock, fresh=True)
        if row is None:
            raise EndpointNotFound
        return row

    async def _delivery(self, endpoint_id: UUID, delivery_id: UUID, *, lock: bool = False) -> EventDelivery:
        await self._get(endpoint_id)
        row = await self._deliveries.find(endpoint_id, delivery_id, lock=lock)
        if row is None:
            raise DeliveryNotFound
        return row


def _status_of(word: str | None) -> DeliveryStatus | None:
    if not word:
        return None
    try:
        return DeliveryStatus[word.upper()]
    except KeyError as error:
        words = ", ".join(status.word for status in DeliveryStatus)
        raise Invalid(
            errors=[FieldError(path="status", message=gettext("Use one of %(words)s.", words=words))]
        ) from error


def _checked_url(text: str) -> str:
    """An address that may be called. Raises Invalid for `url`."""
    url, message = text.strip().split("#")[0], ""
    try:
        address = read_url(url)
    except BadUrl as error:
        message = str(error)
        if "@" in url.partition("://")[2].partition("/")[0]:
            message = gettext("Leave name and password out of the address. Each event is signed instead.")
    else:
        local = settings().local and egress.is_this_machine(address.host)
        if address.scheme != "https" and not (local or egress.is_allowed_name(address.host)):
            message = gettext("Use an address that begins with https://.")
        elif not url.isascii() or not url.isprintable() or " " in url:
            message = gettext("Write the address without blanks and in plain letters.")
        else:
            message = egress.egress_refusal(address.host) or ""
    if message:
        raise Invalid(errors=[FieldError(path="url", message=message)])
    return url


def _checked_types(names: Sequence[str]) -> list[str]:
    unknown = sorted(set(names) - types.NAMES)
    if unknown:
        raise Invalid(
            errors=[
                FieldError(
                    path="eventTypes", message=gettext("There is no event type %(unknown)s.", unknown=unknown[0])
                )
            ]
        )
    if not names:
        raise Invalid(errors=[FieldError(path="eventTypes", message=gettext("Choose at least one event type."))])
    return [one.name for one in types.TYPES if one.name in set(names)]


def _view(row: WebhookEndpoint, standing: tuple[int, Any] | None) -> EndpointView:
    try:
        opened = EndpointSecrets.opened(row.sealed, row.tenant_id, row.id).live(clock.now())
    except crypto.CannotUnseal:
        opened = []
    waiting, last = standing or (0, None)
    return EndpointView(
        id=row.id,
        url=row.url,
        description=row.description,
        event_types=row.types,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        last_error=row.last_error,
        waiting=waiting,
        last_event_at=last,
        secrets=[SigningSecret(secret.hint, secret.until) for secret in opened],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _delivery_view(row: EventDelivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        type=row.type,
        status=DeliveryStatus(row.status).word,
        occurred_at=row.occurred_at,
        attempt=row.attempt,
        next_at=row.next_at,
        settled_at=row.settled_at,
        http_status=row.http_status,
        error=row.error,
    )


async def reseal_endpoints(session: AsyncSession) -> int:
    """Seal again, with the present secret key, secrets that are not sealed so. Returns how many."""
    resealed, after = 0, None
    while rows := await repository.with_other_seals(session, after, crypto.present_mark()):
        for row in rows:
            after = row.tenant_id, row.id
            try:
                opened = EndpointSecrets.opened(row.sealed, *after)
            except crypto.CannotUnseal:
                continue
            row.sealed = opened.sealed(*after)
            resealed += 1
        await session.flush()
    return resealed
