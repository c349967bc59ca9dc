"""Connections to NATS, and the streams that the product needs there."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import nats
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from app.bus_settings import NatsSettings
from app.event_sinks.nats_credentials import options_of_credentials

log = structlog.get_logger()
CONNECT_S = 3
KEPT_S = 7 * 86_400.0
"""How long a stream that the product made keeps a message."""
DUPLICATES_S = 600.0
"""How long it knows a message by its id."""
OVERLAP = 10_065
"""JetStream's number for subjects that another stream has."""


async def connect_nats(settings: NatsSettings, purpose: str) -> Client:
    """A connection that does not mend itself: whoever has it makes another one. Raises what nats raises."""

    async def note(error: Exception) -> None:
        log.debug("nats.error", purpose=purpose, error=repr(error)[:200])

    tls = ssl.create_default_context(cafile=settings.authority) if settings.authority else None
    return await nats.connect(
        servers=list(settings.servers),
        name=f"throughline {purpose}",
        tls=tls,
        **(options_of_credentials(settings.credentials) if settings.credentials else {}),
        allow_reconnect=False,
        max_reconnect_attempts=1,  # at the first connection too, each with a pause before it: unasked it tries 60 times
        reconnect_time_wait=0,
        connect_timeout=CONNECT_S,
        ping_interval=5,
        max_outstanding_pings=2,
        error_cb=note,
    )


async def ensure_stream(context: JetStreamContext, name: str, subjects: Sequence[str]) -> None:
    """Make a stream, or see that it has these subjects. What the operator changed besides stays; streams of the operator that have them
    already do as well."""
    try:
        info = await context.stream_info(name)
    except NotFoundError:
        try:
            await context.add_stream(
                StreamConfig(
                    name=name,
                    subjects=list(subjects),
                    retention=RetentionPolicy.LIMITS,
                    storage=StorageType.FILE,
                    max_age=KEPT_S,
                    duplicate_window=DUPLICATES_S,
                )
            )
        except APIError as error:
            if error.err_code != OVERLAP:
                raise
            log.info("nats.stream_of_operator", subjects=list(subjects))
        return
    present = info.config.subjects or []
    if missing := [subject for subject in subjects if subject not in present]:
        await context.update_stream(info.config, subjects=[*present, *missing])


def reason_of(error: BaseException) -> str:
    """What a bus said, in a sentence's length."""
    text = str(error).strip() or type(error).__name__
    return text[:300]
