"""Addresses of triggers, for those who own them: where they are, their secrets, what came in, what a mapping makes of it.

An address is fresh when somebody first asks for it: nobody can call one that nobody has seen. So a copy of a workflow has its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts.body_mapping import Mapped, mapped
from app.errors import FieldError, Invalid, NotFound
from app.flow import trigger_registry
from app.flow.document import Trigger
from app.flow.reception import Reception
from app.flow.trigger_registry import typed
from app.lib import clock, crypto
from app.models import Webhook, WebhookPayload
from app.settings import settings
from app.webhooks import keys, repository
from app.webhooks.keys import WebhookKeys
from app.webhooks.repository import WebhookRepository
from app.webhooks.schemas import SecretView, WebhookView
from app.workflows.service import WorkflowService
from app.workflows.trigger_lookup import draft_or_live_trigger


class NotCalled(NotFound):
    """This trigger is not called by other programs, so it has no address."""

    code = "webhook_not_found"


class WebhookService:
    """The addresses of the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._principal = principal
        self._rows = WebhookRepository(session, principal.tenant_id)
        self._workflows = WorkflowService(session, principal)

    async def view(self, workflow_id: UUID, trigger_id: str) -> WebhookView:
        """The address of a trigger, fresh at the first look. Raises WorkflowNotFound, NotCalled."""
        row = await self._row(workflow_id, trigger_id)
        return _view(self._opened(row))

    async def make_secret(self, workflow_id: UUID, trigger_id: str, text: str | None) -> tuple[str, datetime | None]:
        """A new secret, given or fresh, and until when the one before it signs. Holds at once."""
        row = await self._row(workflow_id, trigger_id, lock=True)
        changed = self._opened(row).with_secret(text or keys.new_secret(), clock.now())
        await self._store(row, changed)
        return changed.secrets[0].text, changed.secrets[1].until if changed.secrets[1:] else None

    async def change_address(self, workflow_id: UUID, trigger_id: str) -> WebhookView:
        """Another address; the old one is nothing from now on. Secrets stay."""
        row = await self._row(workflow_id, trigger_id, lock=True)
        changed = msgspec.structs.replace(self._opened(row), token=keys.new_token(row.tenant_id))
        await self._store(row, changed)
        return _view(changed)

    async def samples(self, workflow_id: UUID, trigger_id: str) -> Sequence[WebhookPayload]:
        """The last bodies that came in, the newest first."""
        await self._reception(workflow_id, trigger_id)
        return await self._rows.samples(workflow_id, trigger_id)

    async def forget_samples(self, workflow_id: UUID, trigger_id: str) -> None:
        """Delete what came in."""
        await self._reception(workflow_id, trigger_id)
        await self._rows.forget_samples(workflow_id, trigger_id)

    async def preview(
        self,
        workflow_id: UUID,
        trigger_id: str,
        data: dict[str, Any] | None,
        calls: Sequence[tuple[Any, Mapping[str, str]]],
    ) -> list[Mapped]:
        """What the draft's mapping, or `data` instead of it, makes of these calls, each a body and its headers by lower-case name. Raises
        Invalid for `data` that is none."""
        reception = await self._reception(workflow_id, trigger_id, data)
        return [mapped(reception, body, self._principal.country, headers) for body, headers in calls]

    async def unsigned(self, workflow_id: UUID, trigger_id: str) -> bool:
        """Does the trigger of the draft take calls that are not signed?"""
        return (await self._reception(workflow_id, trigger_id)).signature == "none"

    async def _reception(self, workflow_id: UUID, trigger_id: str, data: dict[str, Any] | None = None) -> Reception:
        trigger = await draft_or_live_trigger(self._workflows, workflow_id, trigger_id)
        if trigger is None:
            raise NotCalled
        kind, config = typed(trigger if data is None else _checked(trigger, data))
        reception = kind.reception(config)
        if reception is None:
            raise NotCalled
        return reception

    async def _row(self, workflow_id: UUID, trigger_id: str, *, lock: bool = False) -> Webhook:
        await self._reception(workflow_id, trigger_id)
        row = await self._rows.of_trigger(workflow_id, trigger_id, lock=lock)
        if row is None:
            tenant_id = self._principal.tenant_id
            fresh = WebhookKeys(keys.new_token(tenant_id))
            sealed = fresh.sealed((tenant_id, workflow_id, trigger_id))
            await self._rows.create(workflow_id, trigger_id, crypto.fingerprint(fresh.token), sealed)
            row = await self._rows.of_trigger(workflow_id, trigger_id, lock=True)
        if row is None:
            raise NotCalled
        return row

    def _opened(self, row: Webhook) -> WebhookKeys:
        return WebhookKeys.opened(row.sealed, _place(row))

    async def _store(self, row: Webhook, changed: WebhookKeys) -> None:
        row.token_hash, row.sealed = crypto.fingerprint(changed.token), changed.sealed(_place(row))
        await self._rows.session.flush()


def _place(row: Webhook) -> tuple[int, UUID, str]:
    return row.tenant_id, row.workflow_id, row.trigger_id


def _checked(trigger: Trigger, data: dict[str, Any]) -> Trigger:
    kind = trigger_registry.find(trigger.type)
    faults = trigger_registry.diagnostics(kind, data) if kind else []
    if blocking := [fault for fault in faults if fault.blocks_save]:
        raise Invalid(errors=[FieldError(path=f"data.{one.path}", message=one.message) for one in blocking])
    return msgspec.structs.replace(trigger, data=data)


def _view(opened: WebhookKeys) -> WebhookView:
    now = clock.now()
    shown = [secret for secret in opened.secrets if secret.until is None or secret.until > now]
    return WebhookView(
        url=f"{settings().web.base_url}/api/webhooks/{opened.token}",
        secrets=[SecretView(hint=secret.hint, until=secret.until) for secret in shown],
    )


async def reseal_webhooks(session: AsyncSession) -> int:
    """Seal again, with the present secret key, addresses that are not sealed so. Returns how many."""
    resealed, after = 0, None
    while rows := await repository.with_other_seals(session, after, crypto.present_mark()):
        for row in rows:
            after = place = row.tenant_id, row.workflow_id, row.trigger_id
            try:
                opened = WebhookKeys.opened(row.sealed, place)
            except crypto.CannotUnseal:
                continue
            resealed += await repository.replace_sealed(session, place, row.sealed, opened.sealed(place))
    return resealed
