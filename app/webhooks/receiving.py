"""A call of an address, from its signature to the run. What came is kept among the last bodies, also when it is refused.

Nothing is read that costs more than a look-up before the rate of the address was asked (`app.web.rate_limit`), its body is no larger than
MOST_BYTES and no deeper than the guard of bodies allows, and nothing waits for the outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox, inbox_lane
from app.accounts.principal import Principal
from app.contacts.body_mapping import Mapped, mapped
from app.contacts.mapped_contacts import MappedContacts, NotMapped
from app.errors import AppError, BadRequest, Conflict, NotFound, TooMany
from app.flow.document import Trigger, triggers_of
from app.flow.reception import HmacSignature, Reception, value_at
from app.flow.trigger_registry import typed
from app.lib import clock, crypto
from app.lib.database_roles import scope_to
from app.lib.formats import word_inside
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.models import Webhook
from app.models.status import Role, WorkflowStatus
from app.webhooks import keys, samples, signatures
from app.webhooks.keys import WebhookKeys
from app.webhooks.repository import Called, DeliveryRepository, WebhookRepository
from app.webhooks.schemas import Challenge, Expectation, Received
from app.workflows.repository import VersionRepository

MOST_BYTES = 262_144
MOST_WAITING = 10_000
"""Rows of one address that may wait for the engine, of a call that makes or changes a contact two: above that its sender waits. Counting
them reads no more of the index of its lane."""
REMEMBERED = timedelta(days=3)
"""How long a delivery is known by its id."""


class NoSuchAddress(NotFound):
    """Nothing is called here. The address may have been changed, or its trigger removed."""

    code = "webhook_not_found"


class NotListening(Conflict):
    """The workflow does not take calls now. What came was kept as a sample, and no run starts."""

    code = "not_listening"


class AddressBusy(TooMany):
    """So many calls of this address wait that no more are taken for a moment. Send this one again later."""

    code = "address_busy"
    retry_after = 30


class _Refused(Exception):
    """A call that is refused after its body was understood; its sample stays."""

    def __init__(self, error: AppError) -> None:
        self.error = error
        super().__init__(error.message)


class Address:
    """An address that is called. `open` finds it."""

    def __init__(self, session: AsyncSession, called: Called, trigger: Trigger, reception: Reception, why: str) -> None:
        self._session, self._called, self.trigger, self.reception = session, called, trigger, reception
        self.why_not = why
        """Why a call starts no run now; empty when it does."""
        self._deliveries = DeliveryRepository(session, called.webhook)

    @classmethod
    async def open(cls, session: AsyncSession, token: str) -> Address:
        """The address with this token; from here on the session sees its workspace. Raises NoSuchAddress."""
        tenant_id = keys.tenant_of(token)
        if tenant_id is None:
            raise NoSuchAddress
        scope_to(session, tenant_id)
        called = await WebhookRepository(session, tenant_id).called(crypto.fingerprint(token))
        if called is None:
            raise NoSuchAddress
        workflow, trigger_id = called.workflow, called.webhook.trigger_id
        live: Trigger | None = None
        if workflow.live_version is not None:
            place = workflow.id, workflow.live_version
            triggers = (await VersionRepository(session, tenant_id).triggers({place}))[place]
            live = next((trigger for trigger in triggers if trigger.id == trigger_id), None)
        # Before it is published the draft says what is expected, so that a mapping can be made from real bodies.
        draft = next((trigger for trigger in triggers_of(workflow.draft) if trigger.id == trigger_id), None)
        trigger = live or draft
        reception = _reception(trigger) if trigger is not None else None
        if trigger is None or reception is None:
            raise NoSuchAddress
        return cls(session, called, trigger, reception, _why_not(workflow.status, live))

    @property
    def webhook(self) -> Webhook:
        """Its row."""
        return self._called.webhook

    def expectation(self) -> Expectation:
        """What a call must look like."""
        signature = self.reception.signature
        if isinstance(signature, HmacSignature):
            signed = signatures.in_words(signature)
        elif signature == "none":
            signed = gettext("Calls are not signed: whoever knows this address can start runs.")
        else:
            signed = gettext(
                "Signed by the rules of Standard Webhooks: webhook-id, webhook-timestamp and webhook-signature."
            )
        properties = self.reception.properties
        return Expectation(
            method="POST",
            content_type="application/json",
            most_bytes=MOST_BYTES,
            signature=signed,
            identity=self.reception.identity.paths_by_field(),
            attributes=self.reception.attributes,
            properties=properties if isinstance(properties, dict) else "all",
            headers=self.reception.headers,
            listening=not self.why_not,
            why_not=self.why_not or None,
        )

    async def receive(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[Received | Challenge | None, AppError | None]:
        """What became of a call: a run, or why there is none; what was stored stays in both cases. `headers` by lower-case name.

        A sender that asks whether the address is ours by a signed challenge gets it back.

        Raises NotSigned, AddressBusy, and BadRequest for what is no JSON: of those nothing is kept.
        """
        webhook, now = self._called.webhook, clock.now()
        place = webhook.tenant_id, webhook.workflow_id, webhook.trigger_id
        secrets = WebhookKeys.opened(webhook.sealed, place).live(now)
        signed_id = signatures.delivery_id(self.reception.signature, secrets, headers, body, now)
        content = self._content(body)
        if (challenge := signatures.challenge_of(self.reception.signature, content)) is not None:
            return Challenge(challenge=challenge), None
        delivery_id = self._delivery_id(signed_id, content, headers, body)
        # A flood waits in a lane of its own, with what it does to contacts: it holds up nobody else.
        inbox_lane.use_lane(self._session, inbox_lane.lane_of_trigger(webhook.workflow_id, webhook.trigger_id))
        if (
            await inbox.waiting_in_lane(
                self._session, webhook.tenant_id, inbox_lane.lane_of(self._session), MOST_WAITING
            )
            >= MOST_WAITING
        ):
            raise AddressBusy
        sample = samples.sample_of(content), self._sample_headers(headers)
        try:
            async with self._session.begin_nested():  # what is refused leaves no delivery and no contact
                received = await self._start(content, headers, delivery_id)
        except _Refused as refused:
            await self._deliveries.keep(*sample, now, error=_in_words(refused.error))
            return None, refused.error
        if not received.repeated:
            await self._deliveries.keep(*sample, now, run=received.run_id, contact=received.contact_id)
        return received, None

    def _sample_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        signature = self.reception.signature
        signing = {signature.header.lower()} if isinstance(signature, HmacSignature) else set()
        read = {name.lower() for name in self.reception.headers.values()}
        return samples.headers_of(headers, read, signing)

    def _content(self, body: bytes) -> Any:
        """The JSON of a call. Of a sender that says all in headers the body may be empty. Raises BadRequest."""
        if not body and self.reception.headers:
            return {}
        try:
            return msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BadRequest(gettext("The body is no JSON."), code="malformed_json") from error

    def _delivery_id(self, signed_id: str | None, content: Any, headers: Mapping[str, str], body: bytes) -> str | None:
        """By what the same delivery is known: the id that the body says, else what is signed, else all that is read of the call."""
        stated = value_at(content, self.reception.delivery_id) if self.reception.delivery_id else None
        if isinstance(stated, str | int) and not isinstance(stated, bool) and str(stated).strip():
            return f"id:{str(stated).strip()[: signatures.MAX_ID]}"
        if signed_id is None and self.reception.headers and self.reception.signature != "none":
            read = [headers.get(name.lower(), "") for _, name in sorted(self.reception.headers.items())]
            return f"call:{hashlib.sha256(msgspec.json.encode([read, body.hex()])).hexdigest()}"
        return signed_id

    async def _start(self, content: Any, headers: Mapping[str, str], delivery_id: str | None) -> Received:
        if self.why_not:
            raise _Refused(NotListening(f"{self.why_not} What came was kept as a sample, and no run starts."))
        outcome = mapped(self.reception, content, self._called.country, headers)
        if outcome.errors:
            raise _Refused(NotMapped(errors=outcome.errors))
        now, run_id = clock.now(), uuid7()
        if delivery_id is not None:
            first = await self._deliveries.take(delivery_id, run_id, now)
            if first is not None:
                return Received(run_id=first, execution_id=first, contact_id=None, repeated=True)
            await self._deliveries.forget(now - REMEMBERED)
        contact_id = await self._contact(outcome) if outcome.contact is not None else None
        webhook = self._called.webhook
        await inbox.start_at(
            self._session,
            webhook.tenant_id,
            workflow_id=webhook.workflow_id,
            trigger_id=webhook.trigger_id,
            contact_ids=[contact_id],
            properties=outcome.properties,
            run_ids=[run_id],
        )
        return Received(run_id=run_id, execution_id=run_id, contact_id=contact_id, repeated=False)

    async def _contact(self, outcome: Mapped) -> UUID:
        """The contact that a body names, with the attributes that it brings; a new one where the trigger makes them."""
        contacts = MappedContacts(self._session, self._principal(), create=self.reception.create_contact, via="webhook")
        try:
            return await contacts.contact(outcome)
        except AppError as error:
            raise _Refused(error) from error

    def _principal(self) -> Principal:
        called = self._called
        return Principal(
            kind="product",
            id=called.webhook.workflow_id,
            tenant_id=called.webhook.tenant_id,
            role=Role.MARKETER,
            name="Webhook",
            timezone=called.timezone,
            country=called.country,
        )


def _reception(trigger: Trigger) -> Reception | None:
    kind, config = typed(trigger)
    return kind.reception(config)


def _why_not(status: str, live: Trigger | None) -> str:
    if live is None:
        return gettext("The trigger is not published yet.")
    if not live.enabled:
        return gettext("The trigger is switched off.")
    if status != WorkflowStatus.ACTIVE:
        return gettext("The workflow is %(status)s.", status=word_inside(status))
    return ""


def _in_words(error: AppError) -> str:
    return " ".join(one["message"] for one in error.errors) or error.message
