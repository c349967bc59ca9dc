"""Rules of connectors: one default a type, sealed passwords, a local one for the mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors import repository
from app.connectors.condition import condition_of
from app.connectors.releases import release_now_or_soon
from app.connectors.repository import ConnectorRepository
from app.connectors.schemas import (
    ConnectorChange,
    ConnectorView,
    NewConnector,
    SmtpView,
    TestResult,
    stored,
)
from app.connectors.senders import aim_of, open_password, present_seal, seal_password
from app.connectors.state import Change
from app.connectors.trial import of_connector, send_trial
from app.errors import Complaint, Conflict, Invalid, NotFound
from app.lib import addresses, clock, crypto, egress, jobs
from app.lib.ids import uuid7
from app.models import Connector
from app.settings import settings
from app.web import pagination
from app.workflows import usage

LOCAL_NAME = "Mailbox on this machine"


class NameTaken(Conflict):
    """Another connector has this name. Choose a different one."""

    code = "name_taken"


class ConnectorInUse(Conflict):
    """Workflows send through this connector. Choose another one there first."""

    code = "connector_in_use"


class IsDefault(Conflict):
    """This is the default connector. Make another one the default first."""

    code = "is_default"


def address(value: str, path: str) -> str:
    """`value` as a well-formed mail address. Raises Invalid that names `path`."""
    try:
        return addresses.spelled(value)
    except addresses.BadAddress as error:
        raise Invalid(errors=[Complaint(path=path, message=str(error))]) from error


def view(connector: Connector) -> ConnectorView:
    """A connector as clients see it, without its password."""
    config = connector.config
    local = bool(config.get("local"))
    return ConnectorView(
        id=connector.id,
        type=connector.type,
        name=connector.name,
        config=SmtpView(
            host=settings().mailbox.host if local else config["host"],
            port=settings().mailbox.port if local else config["port"],
            security=config["security"],
            username=config.get("username", ""),
            from_email=config["fromEmail"],
            from_name=config.get("fromName", ""),
            has_password=local or connector.secret is not None,
            local=local,
        ),
        is_default=connector.is_default,
        state=connector.state,
        state_since=connector.state_since,
        state_message=connector.state_message,
        created_at=connector.created_at,
        updated_at=connector.updated_at,
    )


def checked_host(text: str) -> str:
    """The server's name in its one form. Raises Invalid for `config.host`: it is none, or one that may not be connected to."""
    try:
        host = egress.host_name(text)
        problem = egress.refusal(host)
    except ValueError as error:
        host, problem = "", str(error)
    if problem:
        raise Invalid(errors=[Complaint(path="config.host", message=problem)])
    return host


def check_encryption(config: dict[str, Any]) -> None:
    """A sign-in needs encryption, but on this machine. Raises Invalid for `config.security`."""
    if config["security"] != "none" or not config.get("username") or egress.is_this_machine(config["host"]):
        return
    message = "A user name and password need encryption. Choose STARTTLS or TLS, or leave both empty."
    raise Invalid(errors=[Complaint(path="config.security", message=message)])


def keep_password(connector: Connector, config: dict[str, Any]) -> None:
    """The stored password under new settings: it stays where it goes to the same server, and is dropped without a user name.

    Raises Invalid for `config.password`: whoever aims it elsewhere has to know it.
    """
    if connector.secret is None or aim_of(config) == aim_of(connector.config):
        return
    if not config.get("username"):
        connector.secret = None
        return
    message = "Enter the password again: a stored one is not sent to another server, port or user name, or with other encryption."
    raise Invalid(errors=[Complaint(path="config.password", message=message)])


async def reseal_passwords(session: AsyncSession) -> int:
    """Seal again, with the present secret key and for where they go, passwords that are not sealed so. Returns how many."""
    bound = 0
    after: UUID | None = None
    while rows := await repository.with_other_seals(session, after, present_seal()):
        after = rows[-1][0]
        for connector_id, config, secret in rows:
            try:
                password = open_password(connector_id, config, secret)
            except crypto.Unreadable:
                continue  # a key that is not known here: whoever uses it is told
            sealed = seal_password(connector_id, config, password)
            bound += await repository.replace_secret(session, connector_id, secret, sealed)
    return bound


async def sealed_otherwise(session: AsyncSession) -> int:
    """How many passwords are still not sealed with the present secret key: no key that is set opens them."""
    return await repository.count_other_seals(session, present_seal())


class ConnectorService:
    """Connectors of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.rows = ConnectorRepository(session, principal.tenant_id)

    async def get(self, connector_id: UUID) -> Connector:
        found = await self.rows.get_one_or_none(Connector.id == connector_id)
        if found is None:
            raise NotFound
        return found

    async def list(self, limit: int | None = None, cursor: str | None = None) -> pagination.Page[Connector]:
        return await self.rows.page([Connector.name, Connector.id], cursor, pagination.clamp_limit(limit))

    async def waiting(self, connectors: Sequence[Connector]) -> dict[UUID, int]:
        """How many messages wait for those of `connectors` that do not work."""
        troubled = [connector.id for connector in connectors if connector.state != "ok"]
        return await self.rows.waiting(troubled)

    async def waiting_for_any(self) -> int:
        """How many messages wait because there is no connector at all."""
        return await self.rows.waiting_for_any()

    async def create(self, new: NewConnector) -> Connector:
        """Add a connector. The first of its type is the default whatever was asked."""
        await self.rows.lock_workspace()
        name = await self._free_name(new.name)
        config = stored(new.config)
        config["host"] = checked_host(new.config.host)
        check_encryption(config)
        config["fromEmail"] = address(new.config.from_email, "config.fromEmail")
        first = not await self.rows.exists(Connector.type == new.type)
        made = Connector(
            id=(connector_id := uuid7()),
            tenant_id=self.tenant_id,
            type=new.type,
            name=name,
            config=config,
            secret=seal_password(connector_id, config, new.config.password),
            is_default=first or new.is_default,
        )
        if made.is_default and not first:
            await self.rows.clear_default(new.type)
        self.session.add(made)
        return await self._changed(made, of_default=made.is_default)

    async def update(self, connector_id: UUID, change: ConnectorChange) -> Connector:
        """Change what is given. The default can be moved to this connector, not taken away from it.

        Whatever was changed, the connector is tried again: its messages are due, and a pause is over until a send says otherwise.
        """
        await self.rows.lock_workspace()
        connector = await self.get(connector_id)
        if isinstance(change.name, str) and change.name.strip() != connector.name:
            connector.name = await self._free_name(change.name)
        if change.config is not msgspec.UNSET:
            self._configure(connector, msgspec.to_builtins(change.config))
        if change.is_default is False and connector.is_default:
            raise IsDefault
        moves_default = change.is_default is True and not connector.is_default
        if moves_default:
            await self.rows.clear_default(connector.type)
            connector.is_default = True
        return await self._tried_again(connector, of_default=moves_default)

    def _configure(self, connector: Connector, given: dict[str, Any]) -> None:
        if connector.config.get("local") and given.keys() - {"fromEmail", "fromName"}:
            raise Invalid(errors=[Complaint(path="config", message="The mailbox has only a sender to change.")])
        password = given.pop("password", None)
        if "host" in given and given["host"] != connector.config.get("host"):
            given["host"] = checked_host(given["host"])
        if "fromEmail" in given:
            given["fromEmail"] = address(given["fromEmail"], "config.fromEmail")
        config = {**connector.config, **given}
        if password is not None or aim_of(config) != aim_of(connector.config):
            check_encryption(config)
        if password is None:
            keep_password(connector, config)
        else:
            connector.secret = seal_password(connector.id, config, password)
        connector.config = config

    async def resume(self, connector_id: UUID) -> Connector:
        """Try a connector again that is paused or away: what waits for it is due now."""
        await self.rows.lock_workspace()
        return await self._tried_again(await self.get(connector_id), of_default=False)

    async def _tried_again(self, connector: Connector, *, of_default: bool) -> Connector:
        if connector.state != "ok":
            connector.state, connector.state_since, connector.state_message = "ok", clock.now(), None
            connector.failures, connector.room = 0, None
            connector.updated_at = clock.now()  # sends that are under way with the old settings do not count any more
            Change(condition_of(connector), "ok").tell()
        return await self._changed(connector, of_default=of_default)

    async def _changed(self, connector: Connector, *, of_default: bool) -> Connector:
        """Write it, then free what was held for it: in this order nobody can hold more for a cause that is over."""
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
        connector = await self.rows.get_one_or_none(Connector.id == connector_id, lock=True)
        if connector is None:
            raise NotFound
        last = await self.rows.count(Connector.type == connector.type) == 1
        if connector.is_default and not last:
            raise IsDefault
        if uses := await usage.of_connector(self.session, self.tenant_id, connector_id, last=last):
            raise ConnectorInUse(
                f"This connector is still used by {usage.in_words(uses)}. "
                + (
                    "Add another one and make it the default first."
                    if last
                    else "Choose another one there and publish; what people and emails on older versions need stays until they are through."
                ),
                usedBy=usage.as_documents(uses),
            )
        await self.rows.delete(connector)
        await release_now_or_soon(self.session, self.tenant_id, "connector", connector_id)
        jobs.enqueue(self.session, "deliver")

    async def send_test(self, connector_id: UUID, to: str) -> TestResult:
        """Send a short mail now and say what the server answered. Ends the transaction. Raises Invalid, TooMany."""
        connector = await self.get(connector_id)
        return await send_trial(self.session, self.principal, connector, to, partial(of_connector, connector.name))

    async def _free_name(self, name: str) -> str:
        name = name.strip()
        if not name:
            raise Invalid(errors=[Complaint(path="name", message="Give the connector a name.")])
        if await self.rows.exists(Connector.name == name):
            raise NameTaken(errors=[Complaint(path="name", message="Another connector has this name.")])
        return name


async def ensure_local_connector(session: AsyncSession, tenant_id: int) -> Connector:
    """The connector of the mailbox inside the product, made when the workspace has none. Local mode only."""
    rows = ConnectorRepository(session, tenant_id)
    await rows.lock_workspace()
    for connector in await rows.list():
        if connector.config.get("local"):
            return connector
    made = Connector(
        tenant_id=tenant_id,
        type="smtp",
        name=LOCAL_NAME,
        config={
            "local": True,
            "security": "none",
            "username": f"workspace-{tenant_id}",
            "fromEmail": "hello@throughline.example",
            "fromName": "Throughline",
        },
        is_default=await rows.default() is None,
    )
    session.add(made)
    await session.flush()
    if made.is_default:
        await release_now_or_soon(session, tenant_id, "default", made.id)
    return made
