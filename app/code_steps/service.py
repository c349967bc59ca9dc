"""The switch of a workspace: off until an admin turns it, and every turn is on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib import clock
from app.models import Workspace

log = structlog.get_logger()
MOST_TURNS = 50
"""Turns of the switch that are on record; the log of the product has all."""


class CodeSwitchTurn(msgspec.Struct, rename="camel"):
    """One turn: to what, by whom and when."""

    allowed: bool
    by: str
    at: datetime


class CodeSwitch(msgspec.Struct, rename="camel"):
    """May steps of this workspace run code? With the last turns of the switch, newest first."""

    allowed: bool = False
    turns: list[CodeSwitchTurn] = []


async def code_switch(session: AsyncSession, tenant_id: int) -> CodeSwitch:
    """As it is now."""
    row = await session.get_one(Workspace, tenant_id)
    return _read(row)


async def turn_code_switch(session: AsyncSession, principal: Principal, *, allowed: bool) -> CodeSwitch:
    """Turn it. Runs that come to a step of code while it is off are held, so nothing is lost by it."""
    row = await session.get_one(Workspace, principal.tenant_id, with_for_update=True)
    switch = _read(row)
    if switch.allowed == allowed:
        return switch
    turn = CodeSwitchTurn(allowed, principal.name, clock.now())
    changed = CodeSwitch(allowed, [turn, *switch.turns][:MOST_TURNS])
    row.settings = {**row.settings, "code": msgspec.to_builtins(changed)}
    await session.flush()
    log.info("code.switch_turned", tenant_id=principal.tenant_id, allowed=allowed, by=str(principal.id))
    return changed


def _read(row: Workspace) -> CodeSwitch:
    stored: Any = row.settings.get("code")
    return msgspec.convert(stored, CodeSwitch) if stored else CodeSwitch()
