"""What the author of a service says of it: a connector type by which no messages leave, but calls of steps are made."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from app.messaging.channels.connector import ConnectorType, Sender, Settings
from app.messaging.channels.result import Transport


class ServiceTrial(NamedTuple):
    """What came of a try: a word of `TestResult`, and a sentence with the service's own words."""

    result: str
    message: str


class ServiceType(ConnectorType):
    """How one kind of service is reached. It serves no channel, so none of its connectors is a default."""

    noun: ClassVar[str] = "service"

    @classmethod
    def sender(cls, connector_id: UUID, settings: Settings, secret: str) -> Sender:
        """What its calls need: the settings with the secret, as the type has them."""
        return Sender(connector_id, cls.account(settings, secret))

    @classmethod
    def transport(cls, deadline_s: float | None = None) -> Transport:
        """Never asked for: no message leaves by a service."""
        raise NotImplementedError

    @classmethod
    def account(cls, settings: Settings, secret: str) -> Any:
        """The settings with the secret, ready for use."""
        raise NotImplementedError

    @classmethod
    async def tried(cls, account: Any, timeout_s: float) -> ServiceTrial:
        """Call the service once, harmlessly, and say what it answered."""
        raise NotImplementedError
