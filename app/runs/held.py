"""What people do with held runs, one or many: try the step again, pass it over by a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import held_runs
from app.flow.document import ERROR, NEXT
from app.flow.node_type import ERROR_PORT, NEXT_PORT, Port
from app.flow.node_words import ports_of
from app.messaging import decisions
from app.messaging.channels.message_ids import MessageKey


def ways_on(node_id: str | None, graph: Mapping[str, Any]) -> list[Port]:
    """The ports by which a run may pass the step that it stands on: all of it, and `error` where that leads somewhere."""
    node = next((node for node in graph["nodes"] if node["id"] == node_id), None)
    if node is None:
        return []
    ways = list(ports_of(str(node["type"]), node.get("data") or {})) or [NEXT_PORT]
    handled = any(edge["source"] == node["id"] and edge.get("sourceHandle", NEXT) == ERROR for edge in graph["edges"])
    return [*ways, *([ERROR_PORT] if handled else [])]


class HeldRuns:
    """Of one workspace, for one principal."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal

    async def retry(self, steps: Sequence[MessageKey]) -> int:
        """Let held runs take their step once more, each given with the number of that step; returns how many were held.

        Where the step is a message that failed, that message is sent again, and the run waits for its outcome.
        """
        tenant_id = self.principal.tenant_id
        failed = await decisions.open_to("resend", self.session, tenant_id, steps)
        waiting = await held_runs.await_messages(self.session, tenant_id, [run_id for run_id, _ in failed])
        keys = [key for key in failed if key[0] in waiting]
        if keys:
            await decisions.decide(self.session, tenant_id, "resend", keys, self.principal)
        others = [run_id for run_id, _ in steps if run_id not in waiting]
        return len(waiting) + await held_runs.release_runs(self.session, tenant_id, others)

    async def pass_by(self, ports: Mapping[UUID, str]) -> int:
        """Let held runs go on by a port of their step, which is not done; returns how many were held."""
        return await held_runs.pass_runs(self.session, self.principal.tenant_id, ports, self.principal.name)
