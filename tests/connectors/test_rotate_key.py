"""Secrets of connectors under a new key: all, or none of a step that was interrupted, and repeated without harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import senders, service
from app.lib.ids import uuid7
from app.models import Connector, Workspace
from app.settings import settings


async def test_a_rotation_that_stops_in_the_middle_leaves_all_readable_and_is_repeated(
    db_session: AsyncSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./dev connectors rotate-key`: what it is interrupted over is as it was before, and the next one finishes."""
    settings_now = settings()
    ids = [uuid7() for _ in range(5)]
    for number, connector_id in enumerate(ids):
        config = {
            "host": f"smtp{number}.example.com",
            "port": 25,
            "security": "none",
            "username": "u",
            "fromEmail": "a@b.example",
        }
        db_session.add(
            Connector(
                id=connector_id, tenant_id=workspace.id, type="smtp", name=f"c{number}", config=config,
                secret=senders.seal_password("smtp", connector_id, config, f"p{number}"),
            )
        )  # fmt: skip
    await db_session.flush()
    changed = replace(settings_now, secret_key="n" * 64, old_secret_keys=(settings_now.secret_key,))
    monkeypatch.setattr("app.lib.crypto.settings", lambda: changed)
    seal, count = senders.seal_password, 0

    def breaking(*arguments: Any) -> bytes | None:
        nonlocal count
        count += 1
        if count == 3:
            raise InterruptedError
        return seal(*arguments)

    monkeypatch.setattr(service, "seal_password", breaking)
    with pytest.raises(InterruptedError):
        async with db_session.begin_nested():
            await service.reseal_passwords(db_session)
    for expected in (5, 0):
        monkeypatch.setattr(service, "seal_password", seal)
        rows = list((await db_session.scalars(select(Connector).where(Connector.id.in_(ids)))).all())
        for row in rows:
            await db_session.refresh(row)
            assert senders.open_password(row.type, row.id, row.config, row.secret) == f"p{row.name[1:]}"
        assert await service.reseal_passwords(db_session) == expected
    monkeypatch.setattr("app.lib.crypto.settings", lambda: replace(changed, old_secret_keys=()))
    for row in rows:
        await db_session.refresh(row)
        assert senders.open_password(row.type, row.id, row.config, row.secret) == f"p{row.name[1:]}"
