"""A connector ready for use: its server with the password unsealed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.connectors.schemas import Sender
from app.connectors.smtp_connection import Server
from app.lib import crypto
from app.settings import settings


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
