"""What can be done with held runs, one or some hundred: tried again, passed over, moved, cancelled. In the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import control, transfers
from app.engine.passing import passing_port
from app.held_runs.repository import HeldRow, HeldRunRepository
from app.held_runs.schemas import Act
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.runs.held import HeldRuns, ways_on
from app.runs.places import NoSuchPlace, PlacesOfWorkflow
from app.workflows.repository import VersionRepository


class HeldRunDecision(NamedTuple):
    """What to do: `port` is for `skip`, `node_id` and `version` are for `move`."""

    act: Act
    port: str | None = None
    node_id: str | None = None
    version: int | None = None


class DecisionResult(NamedTuple):
    """To how many it was done, to how many it could not be, and why not to the last of those."""

    done: int
    refused: int = 0
    reason: str | None = None


class HeldRunActions:
    """Of one workspace, for one principal. Runs are given as they were just read; those that are held no more are left alone."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._principal, self._tenant_id = session, principal, principal.tenant_id
        self._rows = HeldRunRepository(session, principal.tenant_id)
        self._versions = VersionRepository(session, principal.tenant_id)
        self._held = HeldRuns(session, principal)

    async def do(self, decision: HeldRunDecision, rows: Sequence[HeldRow]) -> DecisionResult:
        """Do it to these runs."""
        if not rows:
            return DecisionResult(0)
        if decision.act == "retry":
            return DecisionResult(await self._held.retry([(row.id, row.seq + 1) for row in rows]))
        if decision.act == "cancel":
            return DecisionResult(
                await control.cancel_held_runs(self._session, self._tenant_id, [row.id for row in rows])
            )
        if decision.act == "skip":
            return await self._skip(rows, decision.port)
        return await self._move(rows, decision)

    async def _skip(self, rows: Sequence[HeldRow], port: str | None) -> DecisionResult:
        graphs = await self._versions.graphs({(row.workflow_id, row.version) for row in rows})
        chosen, refused = dict[UUID, str](), list[str]()
        for row in rows:
            ways = [way.id for way in ways_on(row.node_id, graphs[row.workflow_id, row.version])]
            if port is not None and port not in ways:
                refused.append(gettext("Their step has no way on called %(port)s.", port=quoted(port)))
            else:
                chosen[row.id] = port or passing_port(ways)
        return DecisionResult(await self._held.pass_by(chosen), len(refused), refused[-1] if refused else None)

    async def _move(self, rows: Sequence[HeldRow], decision: HeldRunDecision) -> DecisionResult:
        groups: dict[tuple[UUID, int, str, bool], list[UUID]] = defaultdict(list)
        for row in rows:
            groups[row.workflow_id, row.version, row.node_id, row.contact_id is not None].append(row.id)
        places = await self.places({(row.workflow_id, row.version) for row in rows})
        moved, refused, reason = 0, 0, None
        for (workflow_id, version, standing_at, of_contact), run_ids in groups.items():
            try:
                place = places[workflow_id].place(
                    version, standing_at, decision.version, decision.node_id or "", of_contact=of_contact
                )
            except NoSuchPlace as error:
                refused, reason = refused + len(run_ids), str(error)
                continue
            moved += len(
                await transfers.move_runs(self._session, self._tenant_id, run_ids, place, self._principal.name)
            )
        return DecisionResult(moved, refused, reason)

    async def fault(self, decision: HeldRunDecision, group: Any) -> str | None:
        """Why it cannot be done to runs of a group (`HeldRunRepository.groups`); None when it can, to some at least."""
        if decision.act == "skip":
            graph = (await self._versions.graphs({(group.workflow_id, group.version)}))[
                group.workflow_id, group.version
            ]
            ways = [way.id for way in ways_on(group.node_id, graph)]
            if decision.port is None or decision.port in ways:
                return None
            words = ", ".join(f"`{way}`" for way in ways)
            return gettext(
                "Their step has no port %(port)s to continue by. Use one of %(words)s.",
                port=quoted(decision.port),
                words=words,
            )
        places = (await self.places({(group.workflow_id, group.version)}))[group.workflow_id]
        try:
            places.place(
                group.version, group.node_id, decision.version, decision.node_id or "", of_contact=group.of_contact
            )
        except NoSuchPlace as error:
            return str(error)
        return None

    async def places(self, pinned: set[tuple[UUID, int]]) -> Mapping[UUID, PlacesOfWorkflow]:
        """Where runs of these (workflow, version) may go, by workflow."""
        live = await self._rows.live_versions({workflow_id for workflow_id, _ in pinned})
        wanted = pinned | {(workflow_id, version) for workflow_id, version in live.items() if version is not None}
        graphs: dict[UUID, dict[int, dict[str, Any]]] = defaultdict(dict)
        for (workflow_id, version), graph in (await self._versions.graphs(wanted)).items():
            graphs[workflow_id][version] = graph
        return {
            workflow_id: PlacesOfWorkflow(self._tenant_id, workflow_id, live.get(workflow_id), of_workflow)
            for workflow_id, of_workflow in graphs.items()
        }
