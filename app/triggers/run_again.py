"""Running the same once more: a new run of the same contact, with what an earlier run began with, on the version that is live."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import AppError
from app.flow.document import triggers_of
from app.flow.node_words import channel_number
from app.flow.trigger_registry import by_hand
from app.lib.translation import gettext
from app.models.status import WorkflowStatus
from app.runs.repository import LoadedRun
from app.runs.service import RunService
from app.triggers.service import StartRequest, TriggerService, UnknownContact


class RunAgain(NamedTuple):
    """What running it again comes to. `graph` is what is live, None without; `sends`: steps of it that write to people, by id."""

    loaded: LoadedRun
    graph: dict[str, Any] | None
    sends: list[str]
    refusal: AppError | None
    """Why it would not start now."""

    @property
    def version(self) -> int | None:
        """The version that is live."""
        return self.loaded.workflow.live_version if self.graph is not None else None


class RunsAgain:
    """Starts runs like earlier ones, by the door and the rules of every start by hand. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._runs, self._starts = RunService(session, principal), TriggerService(session, principal)

    async def plan(self, run_id: UUID) -> RunAgain:
        """What would happen now. Raises RunNotFound."""
        loaded = await self._runs.get(run_id)
        graph = await self._live(loaded)
        sends = [
            node["id"]
            for node in (graph or {}).get("nodes", [])
            if channel_number(str(node["type"])) is not None and not node.get("disabled")
        ]
        refusal = _without_contact(loaded) or await self._starts.refusal(
            loaded.workflow.id, loaded.run.contact_id, _request(loaded, graph)
        )
        return RunAgain(loaded, graph, sends, refusal)

    async def start(self, run_id: UUID) -> UUID:
        """Ask for the run; the id that it will have. Raises RunNotFound, and what `TriggerService.start` raises."""
        loaded = await self._runs.get(run_id)
        if (refusal := _without_contact(loaded)) is not None:
            raise refusal
        request = _request(loaded, await self._live(loaded))
        return await self._starts.start(loaded.workflow.id, loaded.run.contact_id, request)

    async def _live(self, loaded: LoadedRun) -> dict[str, Any] | None:
        workflow = loaded.workflow
        if workflow.status != WorkflowStatus.ACTIVE or workflow.live_version is None:
            return None
        live = workflow.id, workflow.live_version
        return (await self._runs.versions.graphs({live})).get(live)


def _without_contact(loaded: LoadedRun) -> UnknownContact | None:
    """The refusal of a run whose contact was deleted since."""
    if loaded.run.contact_id is None or loaded.contact is not None:
        return None
    return UnknownContact(gettext("The contact of this run was deleted, so there is nobody to run it for."))


def _request(loaded: LoadedRun, graph: dict[str, Any] | None) -> StartRequest:
    """By the trigger that started the run, where what is live can be started by hand by it."""
    startable = {one.id for one in by_hand(triggers_of(graph))} if graph is not None else set()
    trigger_id = loaded.run.trigger_id if loaded.run.trigger_id in startable else None
    return StartRequest(dict(loaded.run.trigger_event or {}), trigger_id=trigger_id)
