"""A connector ready for use: its server with the password unsealed.

A password is sealed together with where it goes: server, port, encryption and user name. A row in which one of them was changed has
a password that cannot be opened, whoever changed it. Rows from before that was so are sealed for their connector alone; they are
opened until `reseal_passwords` of the service has sealed them again, minutes after the start.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from app.connectors.schemas import Sender
from app.lib import crypto
from app.messaging.channels.email.smtp_connection import Server
from app.settings import settings

AIM = ("host", "port", "security", "username")
"""The settings that say where a password goes."""
BOUND = b"aim:"
"""What the secret of a connector begins with when it is sealed for these settings."""


def aim_of(config: dict[str, Any]) -> tuple[Any, ...]:
    """Where a password of a connector with these settings goes."""
    return config.get("host"), config.get("port"), config.get("security"), config.get("username", "")


def present_seal() -> bytes:
    """What a secret begins with when it is sealed as `seal_password` does now, with the present secret key."""
    return BOUND + crypto.present_mark()


def _aad(connector_id: UUID, config: dict[str, Any]) -> str:
    return f"connector:{connector_id}:{msgspec.json.encode(aim_of(config)).decode()}"


def seal_password(connector_id: UUID, config: dict[str, Any], password: str) -> bytes | None:
    """`password` as it is stored for a connector with these settings; None when there is none."""
    return BOUND + crypto.seal(password.encode(), _aad(connector_id, config)) if password else None


def open_password(connector_id: UUID, config: dict[str, Any], secret: bytes | None) -> str:
    """The password again, '' when there is none. Raises Unreadable: another secret key, or settings that it was not sealed for."""
    if not secret:
        return ""
    if secret.startswith(BOUND):
        return crypto.unseal(secret.removeprefix(BOUND), _aad(connector_id, config)).decode()
    return crypto.unseal(secret, f"connector:{connector_id}").decode()


def sender_of(connector_id: UUID, config: dict[str, Any], secret: bytes | None) -> Sender:
    """What is needed to send through a connector. The local one follows the settings of this process. Raises Unreadable."""
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
        server = Server(
            host=config["host"],
            port=config["port"],
            security=config["security"],
            username=config.get("username", ""),
            password=open_password(connector_id, config, secret),
        )
    return Sender(connector_id, server, config["fromEmail"], config.get("fromName", ""))
