"""Rules of connectors: one default a type, sealed passwords, a local one for the mailbox."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid
from typing import Any
from uuid import UUID

import msgspec
from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors import repository
from app.connectors.schemas import (
    ConnectorChange,
    ConnectorView,
    NewConnector,
    Sender,
    SmtpView,
    TestResult,
    stored,
)
from app.connectors.smtp import Links, Server
from app.errors import Complaint, Conflict, Invalid, NotFound
from app.lib import clock, crypto, pagination
from app.lib.ids import uuid7
from app.models import Connector
from app.settings import settings
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
        return validate_email(value.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Invalid(errors=[Complaint(path=path, message=f"This is no mail address: {error}")]) from error


def _aad(connector_id: UUID) -> str:
    return f"connector:{connector_id}"


def seal_password(connector_id: UUID, password: str) -> bytes | None:
    return crypto.seal(password.encode(), _aad(connector_id)) if password else None


def sender_of(connector_id: UUID, config: dict[str, Any], secret: bytes | None) -> Sender:
    """What is needed to send through a connector. The local one follows the settings of this process."""
    if config.get("local"):
        mailbox = settings().mailbox
        server = Server(
            host=mailbox.host,
            port=mailbox.port,
            security="none",
            username=str(config.get("username", "")),
            password=mailbox.password,
        )
    else:
        password = crypto.unseal(secret, _aad(connector_id)).decode() if secret else ""
        server = Server(
            host=config["host"],
            port=config["port"],
            security=config["security"],
            username=config.get("username", ""),
            password=password,
        )
    return Sender(connector_id, server, config["fromEmail"], config.get("fromName", ""))


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
        created_at=connector.created_at,
        updated_at=connector.updated_at,
    )


class ConnectorService:
    """Connectors of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.tenant_id = session, principal.tenant_id

    async def get(self, connector_id: UUID) -> Connector:
        found = await repository.find(self.session, self.tenant_id, connector_id)
        if found is None:
            raise NotFound
        return found

    async def list(self, limit: int | None = None, cursor: str | None = None) -> pagination.Page[Connector]:
        size = pagination.clamp_limit(limit)
        after = pagination.decode_cursor(cursor, str, UUID) if cursor else None
        rows = await repository.all_of(self.session, self.tenant_id, size + 1, (after[0], after[1]) if after else None)
        return pagination.cut(rows, size, lambda row: (row.name, row.id))

    async def create(self, new: NewConnector) -> Connector:
        """Add a connector. The first of its type is the default whatever was asked."""
        await repository.lock_workspace(self.session, self.tenant_id)
        name = await self._free_name(new.name)
        config = stored(new.config)
        config["fromEmail"] = address(new.config.from_email, "config.fromEmail")
        first = not await repository.count(self.session, self.tenant_id, new.type)
        made = Connector(
            id=(connector_id := uuid7()),
            tenant_id=self.tenant_id,
            type=new.type,
            name=name,
            config=config,
            secret=seal_password(connector_id, new.config.password),
            is_default=first or new.is_default,
        )
        if made.is_default and not first:
            await repository.clear_default(self.session, self.tenant_id, new.type)
        self.session.add(made)
        await self.session.flush()
        await self.session.refresh(made)
        return made

    async def update(self, connector_id: UUID, change: ConnectorChange) -> Connector:
        """Change what is given. The default can be moved to this connector, not taken away from it."""
        await repository.lock_workspace(self.session, self.tenant_id)
        connector = await self.get(connector_id)
        if isinstance(change.name, str) and change.name.strip() != connector.name:
            connector.name = await self._free_name(change.name)
        if change.config is not msgspec.UNSET:
            given: dict[str, Any] = msgspec.to_builtins(change.config)
            if connector.config.get("local") and given.keys() - {"fromEmail", "fromName"}:
                raise Invalid(errors=[Complaint(path="config", message="The mailbox has only a sender to change.")])
            if "password" in given:
                connector.secret = seal_password(connector.id, given.pop("password"))
            if "fromEmail" in given:
                given["fromEmail"] = address(given["fromEmail"], "config.fromEmail")
            connector.config = {**connector.config, **given}
        if change.is_default is False and connector.is_default:
            raise IsDefault
        if change.is_default is True and not connector.is_default:
            await repository.clear_default(self.session, self.tenant_id, connector.type)
            connector.is_default = True
        await self.session.flush()
        await self.session.refresh(connector)
        return connector

    async def delete(self, connector_id: UUID) -> None:
        """Remove a connector that nothing relies on; the default only when it is the last one. Raises ConnectorInUse, IsDefault."""
        await repository.lock_workspace(self.session, self.tenant_id)
        connector = await repository.find(self.session, self.tenant_id, connector_id, lock=True)
        if connector is None:
            raise NotFound
        last = await repository.count(self.session, self.tenant_id, connector.type) == 1
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
        await self.session.delete(connector)
        await self.session.flush()

    async def send_test(self, connector_id: UUID, to: str) -> TestResult:
        """Send a short mail now and say what the server answered."""
        connector = await self.get(connector_id)
        recipient = address(to, "to")
        sender = sender_of(connector.id, connector.config, connector.secret)
        mail = EmailMessage()
        mail["Subject"] = "A test from Throughline"
        mail["From"] = formataddr((sender.from_name, sender.from_email))
        mail["To"] = recipient
        mail["Date"] = format_datetime(clock.now())
        mail["Message-ID"] = make_msgid(domain="throughline")
        mail.set_content(
            f"This mail came through the connector “{connector.name}”. If you can read it, your flows can send too.\n"
        )
        links = Links()
        try:
            result = await links.send(sender.server, sender.from_email, recipient, mail.as_bytes())
        finally:
            await links.close()
        return TestResult(result.kind, result.text)

    async def _free_name(self, name: str) -> str:
        name = name.strip()
        if not name:
            raise Invalid(errors=[Complaint(path="name", message="Give the connector a name.")])
        if await repository.by_name(self.session, self.tenant_id, name):
            raise NameTaken(errors=[Complaint(path="name", message="Another connector has this name.")])
        return name


async def ensure_local_connector(session: AsyncSession, tenant_id: int) -> Connector:
    """The connector of the mailbox inside the product, made when the workspace has none. Local mode only."""
    await repository.lock_workspace(session, tenant_id)
    for connector in await repository.all_of(session, tenant_id, 100):
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
        is_default=await repository.default(session, tenant_id) is None,
    )
    session.add(made)
    await session.flush()
    return made
