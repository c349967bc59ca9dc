"""Connectors ready for use, with their secret decrypted.

The encryption binds a secret to its destination (`ConnectorType.aim_of`): for a mail server host, port, encryption and user name. When one
of them changes in the row, by whatever means, the secret cannot be decrypted. Older rows are bound to their connector only; they can be
read until `reseal_passwords` of the service has encrypted them again, minutes after start.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from app.lib import crypto
from app.messaging.channels import registry
from app.messaging.channels.connector import Sender

BOUND = b"aim:"
"""What the secret of a connector begins with when it is sealed for these settings."""


def present_seal() -> bytes:
    """What a secret begins with when it is sealed as `seal_password` does now, with the present secret key."""
    return BOUND + crypto.present_mark()


def _aad(kind: str, connector_id: UUID, config: dict[str, Any]) -> str:
    aim = registry.connector_type(kind).aim_of(config)
    return f"connector:{connector_id}:{msgspec.json.encode(aim).decode()}"


def seal_password(kind: str, connector_id: UUID, config: dict[str, Any], password: str) -> bytes | None:
    """`password` encrypted for a connector of this type with these settings; None without a password."""
    return BOUND + crypto.seal(password.encode(), _aad(kind, connector_id, config)) if password else None


def seal_callback_secret(connector_id: UUID, secret: str) -> bytes | None:
    """What verifies calls of the provider, encrypted for this connector; None without one."""
    return BOUND + crypto.seal(secret.encode(), f"callback:{connector_id}") if secret else None


def open_callback_secret(connector_id: UUID, sealed: bytes | None) -> str:
    """The same opened, '' without one. Raises CannotUnseal."""
    return crypto.unseal(sealed.removeprefix(BOUND), f"callback:{connector_id}").decode() if sealed else ""


def reseal_callback_secret(connector_id: UUID, sealed: bytes) -> bytes | None:
    """The same sealed with the present secret key; None when no key that is set opens it."""
    try:
        return seal_callback_secret(connector_id, open_callback_secret(connector_id, sealed))
    except crypto.CannotUnseal:
        return None


def open_password(kind: str, connector_id: UUID, config: dict[str, Any], secret: bytes | None) -> str:
    """The decrypted password, '' without one. Raises Unreadable: another secret key, or settings that it was not encrypted for."""
    if not secret:
        return ""
    if secret.startswith(BOUND):
        return crypto.unseal(secret.removeprefix(BOUND), _aad(kind, connector_id, config)).decode()
    return crypto.unseal(secret, f"connector:{connector_id}").decode()


def sender_of(
    kind: str, connector_id: UUID, config: dict[str, Any], secret: bytes | None, report_to: str = ""
) -> Sender:
    """What is needed to send through a connector of the type `kind`. Raises Unreadable; KeyError when the type is not installed.

    `report_to`: where its provider may tell what becomes of messages.
    """
    connector_type = registry.connector_type(kind)
    opened = "" if connector_type.is_local(config) else open_password(kind, connector_id, config, secret)
    sender = connector_type.sender(connector_id, config, opened)
    return connector_type.reporting(sender, report_to) if report_to and connector_type.reports else sender
