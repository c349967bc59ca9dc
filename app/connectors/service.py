"""Rules of connectors: one default a channel, encrypted passwords, local connectors. The meaning of settings is defined by their type."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import usage
from app.accounts.principal import Principal
from app.connectors import repository, stand_ins
from app.connectors.callback_address import callback_url
from app.connectors.condition import condition_of
from app.connectors.grants import reseal_grants
from app.connectors.limits import limits_view, set_limits
from app.connectors.refusals import ConnectorInUse, ConnectorNameTaken, ConnectorNotInstalled, IsDefault, NoDefault
from app.connectors.release_repository import release_now_or_soon
from app.connectors.repository import ConnectorRepository
from app.connectors.schemas import ConnectorChange, ConnectorView, NewConnector, TestResult
from app.connectors.senders import (
    open_password,
    present_seal,
    reseal_callback_secret,
    seal_callback_secret,
    seal_password,
)
from app.connectors.state import StateChange
from app.connectors.trial import send_trial
from app.errors import FieldError, Invalid, NotFound
from app.lib import clock, crypto, jobs
from app.lib.field_errors import all_field_errors
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.messaging.channels import presentation, registry
from app.messaging.channels.connector import ConnectorType
from app.models import Connector
from app.models.base import Json
from app.web import pagination


def view(connector: Connector, carried_by: UUID | None = None, last_used_at: datetime | None = None) -> ConnectorView:
    """A connector as clients see it, without its password. `carried_by`: who stands in for it now (`ConnectorService.carriers`)."""
    kind = registry.connector_types().get(connector.type)
    return ConnectorView(
        id=connector.id,
        type=connector.type,
        name=connector.name,
        config=_config_view(kind, connector) if kind else {},
        callback_url=callback_url(connector.tenant_id, connector.id) if kind and kind.reports else None,
        is_default=connector.is_default,
        state=connector.state,
        state_since=connector.state_since,
        state_message=connector.state_message,
        next_try_at=connector.probe_at if connector.state == "away" else None,
        paused_until=until if (until := connector.paused_until) and until > clock.now() else None,
        last_used_at=last_used_at,
        limits=limits_view(connector),
        stand_in_id=connector.stand_in_id,
        carried_by=carried_by,
        needs_consent=bool(kind and kind.consent_terms(connector.config)),
        consented_at=connector.consented_at,
        created_at=connector.created_at,
        updated_at=connector.updated_at,
    )


def _config_view(kind: type[ConnectorType], connector: Connector) -> Any:
    shown = kind.view(connector.config, has_secret=connector.secret is not None)
    if kind.callback_secret and isinstance(shown, dict):
        name = kind.callback_secret
        shown = {**shown, f"has{name[:1].upper()}{name[1:]}": connector.callback_secret is not None}
        shown.pop(name, None)
    return shown


def offered_type(name: str) -> type[ConnectorType]:
    """The connector type called `name` that one can be added of; the first of all when it is empty. Raises Invalid for `type`."""
    offered = presentation.installed()
    if not name and offered:
        return next(iter(offered.values())).kind
    if name not in offered:
        incomplete = name in registry.connector_types()
        why = (
            gettext("Connectors of the type %(name)s are not installed completely here. ", name=name)
            if incomplete
            else ""
        )
        raise Invalid(
            errors=[
                FieldError(
                    path="type", message=gettext("%(why)sUse one of %(offered)s.", why=why, offered=", ".join(offered))
                )
            ]
        )
    return offered[name].kind


def type_of(connector: Connector) -> type[ConnectorType]:
    """The type of a connector that is there. Raises ConnectorNotInstalled."""
    kind = registry.connector_types().get(connector.type)
    if kind is None:
        raise ConnectorNotInstalled
    return kind


def settings_of(config: type[msgspec.Struct], sent: Json) -> Json:
    """What was sent as settings of this struct, whole and in the names of the API. Raises Invalid with paths below `config`."""
    if faults := all_field_errors(sent, config):
        raise Invalid(
            errors=[
                FieldError(path=f"config.{fault['path']}".rstrip("."), message=fault["message"]) for fault in faults
            ]
        )
    settings: Json = msgspec.to_builtins(msgspec.convert(sent, config))
    return settings


async def reseal_passwords(session: AsyncSession) -> int:
    """Seal again, with the present secret key and for where they go, passwords that are not sealed so. Returns how many."""
    bound = 0
    after: tuple[int, UUID] | None = None
    while rows := await repository.with_other_seals(session, after, present_seal()):
        after = rows[-1][0], rows[-1][1]
        for tenant_id, connector_id, kind, config, secret in rows:
            try:
                password = open_password(kind, connector_id, config, secret)
                sealed = seal_password(kind, connector_id, config, password)
            except (crypto.CannotUnseal, KeyError):
                continue  # a key that is not known here, or a type that is not installed: whoever uses it is told
            bound += await repository.replace_secret(session, tenant_id, connector_id, secret, sealed)
    for tenant_id, connector_id, secret in await repository.callback_secrets_sealed_otherwise(session, present_seal()):
        if sealed := reseal_callback_secret(connector_id, secret):
            bound += await repository.replace_callback_secret(session, tenant_id, connector_id, secret, sealed)
    return bound + await reseal_grants(session)


async def sealed_otherwise(session: AsyncSession) -> int:
    """How many passwords are still not sealed with the present secret key: no key that is set opens them."""
    return await repository.count_other_seals(session, present_seal())


class ConnectorService:
    """Connectors of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = ConnectorRepository(session, principal.tenant_id)

    async def get(self, connector_id: UUID) -> Connector:
        connector = await self.rows.get_one_or_none(Connector.id == connector_id)
        if connector is None:
            raise NotFound
        return connector

    async def locked(self, connector_id: UUID) -> Connector:
        """The same as it is now, and nobody else changes it until the transaction ends."""
        connector = await self.rows.get_one_or_none(Connector.id == connector_id, lock=True, fresh=True)
        if connector is None:
            raise NotFound
        return connector

    async def list(self, limit: int | None = None, cursor: str | None = None) -> pagination.Page[Connector]:
        return await self.rows.page([Connector.name, Connector.id], cursor, pagination.clamp_limit(limit))

    async def waiting(self, connectors: Sequence[Connector]) -> dict[UUID, int]:
        """How many messages, or calls of services, wait for those of `connectors` that do not work or rest."""
        now = clock.now()
        troubled = [row for row in connectors if row.state != "ok" or (row.paused_until and row.paused_until > now)]
        services = [row.id for row in troubled if row.channel == registry.SERVICE]
        messages = await self.rows.waiting([row.id for row in troubled if row.channel != registry.SERVICE])
        return {**messages, **await self.rows.calls_waiting(services)}

    async def waiting_for_any(self) -> int:
        """How many messages wait because there is no connector at all."""
        return await self.rows.waiting_for_any()

    async def create(self, new: NewConnector) -> Connector:
        """Add a connector. The first of its channel is the default whatever was asked."""
        kind = offered_type(new.type)
        values = settings_of(kind.Config, new.config)
        await self.rows.lock_workspace()
        name = await self._free_name(new.name)
        secret, callback_secret = values.pop(kind.secret, ""), values.pop(kind.callback_secret, "")
        config, secret = kind.completed(kind.checked(values), secret)
        channel = registry.number_of(kind.type)
        serves_channel = channel != registry.SERVICE
        if new.is_default and not serves_channel:
            raise NoDefault
        first = serves_channel and not await self.rows.exists(Connector.channel == channel)
        connector = Connector(
            id=(connector_id := uuid7()),
            tenant_id=self.tenant_id,
            type=kind.type,
            channel=channel,
            name=name,
            config=config,
            secret=seal_password(kind.type, connector_id, config, secret),
            callback_secret=seal_callback_secret(connector_id, callback_secret),
            is_default=first or new.is_default,
        )
        set_limits(connector, new.limits)
        if connector.is_default and not first:
            await self.rows.clear_default(channel)
        self.session.add(connector)
        if new.stand_in_id is not None:
            await self._name_stand_in(connector, new.stand_in_id)
        return await self._changed(connector, of_default=connector.is_default)

    async def update(self, connector_id: UUID, change: ConnectorChange) -> Connector:
        """Change what is given. The default can be moved to this connector, not taken away from it.

        Whatever was changed, the connector is tried again: its messages are due, and a pause is over until a send says otherwise.
        """
        await self.rows.lock_workspace()
        await self.rows.forget_failures(connector_id)
        connector = await self.get(connector_id)
        if change.limits is not msgspec.UNSET:
            set_limits(connector, change.limits)
        if isinstance(change.name, str) and change.name.strip() != connector.name:
            connector.name = await self._free_name(change.name)
        if change.config is not msgspec.UNSET:
            self._configure(connector, change.config)
        if change.stand_in_id is not msgspec.UNSET:
            await self._name_stand_in(connector, change.stand_in_id)
        if change.is_default is False and connector.is_default:
            raise IsDefault
        moves_default = change.is_default is True and not connector.is_default
        if moves_default:
            if connector.channel == registry.SERVICE:
                raise NoDefault
            await self.rows.clear_default(connector.channel)
            connector.is_default = True
        return await self._tried_again(connector, of_default=moves_default)

    async def _name_stand_in(self, connector: Connector, wanted: UUID | None) -> None:
        """Have another one take over while this one does not work. Raises Invalid for circles, long chains and senders that do not fit."""
        await self.session.flush()
        await self.session.refresh(connector)
        stand_ins.check_stand_in(connector, wanted, await self.rows.list())
        connector.stand_in_id = wanted

    async def carriers(self, connectors: Sequence[Connector]) -> dict[UUID, Connector]:
        """By which other connector leaves what is due through those of `connectors` that do not work, where a stand-in does."""
        if all(row.state == "ok" or row.stand_in_id is None for row in connectors):
            return {}
        by_id = {row.id: row for row in await self.rows.list()}
        carriers = {row.id: stand_ins.carrier_of(row, by_id) for row in connectors}
        return {first: by_id[carrier.id] for first, carrier in carriers.items() if carrier.id != first}

    async def others(self, channel: int, but: Connector | None = None) -> Sequence[Connector]:
        """The other connectors of a channel by name: those that could stand in for `but`. None of services."""
        if channel == registry.SERVICE:
            return []
        rows = await self.rows.list(Connector.channel == channel, order_by=[Connector.name])
        return [row for row in rows if but is None or row.id != but.id]

    async def view_one(self, connector: Connector) -> ConnectorView:
        """One connector as clients see it, with who stands in for it now."""
        carrier = (await self.carriers([connector])).get(connector.id)
        used = await self.rows.last_used([connector.id])
        return view(connector, carrier.id if carrier else None, used.get(connector.id))

    def _configure(self, connector: Connector, sent: Json) -> None:
        """Change settings. A stored secret stays where it goes to the same place, and is dropped where it is of no use any more."""
        kind = type_of(connector)
        values = settings_of(kind.Change, sent)
        secret, callback_secret = values.pop(kind.secret, None), values.pop(kind.callback_secret, None)
        if callback_secret is not None:
            connector.callback_secret = seal_callback_secret(connector.id, callback_secret)
        config = kind.changed(connector.config, values, secret_given=secret is not None)
        if secret:
            config, secret = kind.completed(config, secret)
        if secret is not None:
            connector.secret = seal_password(kind.type, connector.id, config, secret)
        elif connector.secret is not None and kind.aim_of(config) != kind.aim_of(connector.config):
            if kind.wants_secret(config):
                raise Invalid(errors=[FieldError(path=f"config.{kind.secret}", message=kind.asks_again)])
            connector.secret = None
        if kind.consent_terms(config) != kind.consent_terms(connector.config):
            connector.consent = connector.consented_at = None
        connector.config = config

    async def resume(self, connector_id: UUID) -> Connector:
        """Try a connector again that is paused or away: what waits for it is due now."""
        await self.rows.lock_workspace()
        await self.rows.forget_failures(connector_id)
        return await self._tried_again(await self.get(connector_id), of_default=False)

    async def _tried_again(self, connector: Connector, *, of_default: bool) -> Connector:
        if connector.state != "ok":
            connector.state, connector.state_since, connector.state_message = "ok", clock.now(), None
            connector.failures, connector.room = 0, None
            connector.updated_at = clock.now()  # sends that are under way with the old settings do not count any more
            StateChange(condition_of(connector), "ok").log()
        connector.paused_until = None
        return await self._changed(connector, of_default=of_default)

    async def _changed(self, connector: Connector, *, of_default: bool) -> Connector:
        """Write it, then release what was held for it: in this order nothing more can be held for a cause that has ended."""
        await self.session.flush()
        await release_now_or_soon(self.session, self.tenant_id, "default" if of_default else "connector", connector.id)
        jobs.enqueue(self.session, "deliver")
        await self.session.refresh(connector)
        return connector

    async def delete(self, connector_id: UUID) -> None:
        """Remove a connector that nothing relies on; the default only when it is the last one. Raises ConnectorInUse, IsDefault.

        A message that names it all the same fails and says why.
        """
        await self.rows.lock_workspace()
        connector = await self.locked(connector_id)
        serves_channel = connector.channel != registry.SERVICE
        last = serves_channel and await self.rows.count(Connector.channel == connector.channel) == 1
        if connector.is_default and not last:
            raise IsDefault
        if firsts := [row.name for row in await self.rows.list(Connector.stand_in_id == connector_id)]:
            names = ", ".join(f"“{name}”" for name in firsts)
            raise ConnectorInUse(
                gettext("This connector stands in for %(names)s. Choose another one there first.", names=names)
            )
        if uses := await usage.of_connector(
            self.session, self.tenant_id, connector_id, channel=connector.channel, last=last
        ):
            raise ConnectorInUse(
                gettext("This connector is still used by %(in_words)s. ", in_words=usage.in_words(uses))
                + (
                    gettext("Add another one and make it the default first.")
                    if last
                    else gettext(
                        "Choose another one there and publish; what people and emails on older versions need stays until "
                        "they are through."
                    )
                ),
                usedBy=usage.as_documents(uses),
            )
        await self.rows.remove(connector)
        await release_now_or_soon(self.session, self.tenant_id, "connector", connector_id)
        jobs.enqueue(self.session, "deliver")

    async def send_test(self, connector_id: UUID, to: str) -> TestResult:
        """Send a short message now and say what the provider answered. Ends the transaction. Raises Invalid, TooMany."""
        return await send_trial(self.session, self.principal, await self.get(connector_id), to)

    async def _free_name(self, name: str) -> str:
        name = name.strip()
        if not name:
            raise Invalid(errors=[FieldError(path="name", message=gettext("Give the connector a name."))])
        if await self.rows.exists(Connector.name == name):
            raise ConnectorNameTaken(
                errors=[FieldError(path="name", message=gettext("Another connector has this name."))]
            )
        return name


async def ensure_local_connectors(session: AsyncSession, tenant_id: int) -> list[Connector]:
    """The connectors that lead to the product itself, made when the workspace has none. Local mode only."""
    rows = ConnectorRepository(session, tenant_id)
    await rows.lock_workspace()
    local_rows = [row for row in await rows.list() if _is_local(row)]
    for channel in registry.channels():
        for kind in channel.connectors:
            if any(row.type == kind.type for row in local_rows) or (local := kind.local(tenant_id)) is None:
                continue
            name, config = local
            default = await rows.default(channel.number) is None
            connector = Connector(
                tenant_id=tenant_id,
                type=kind.type,
                channel=channel.number,
                name=name,
                config=config,
                is_default=default,
            )
            session.add(connector)
            local_rows.append(connector)
            await session.flush()
            if default:
                await release_now_or_soon(session, tenant_id, "default", connector.id)
    return local_rows


def _is_local(connector: Connector) -> bool:
    kind = registry.connector_types().get(connector.type)
    return kind is not None and kind.is_local(connector.config)
