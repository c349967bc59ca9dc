"""Held runs as people and programs see them, and the move of one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import transfers
from app.errors import Invalid
from app.flow.node_words import title_of_plain
from app.held_runs.actions import HeldRunActions
from app.held_runs.repository import LOOKED_AT, HeldRunRepository
from app.held_runs.schemas import HeldRunFilter, HeldRunGroup, HeldRunOut, MoveRun
from app.inbox import notify_engine
from app.lib.translation import gettext
from app.models.status import RunStatus
from app.runs.held import ways_on
from app.runs.places import NoSuchPlace
from app.runs.service import RunIsNotHeld, RunService
from app.values.contact_view import name_of
from app.web.pagination import Page, clamp_limit, decode_cursor, encode_cursor
from app.workflows.repository import VersionRepository

GROUPS = 20
"""Reasons that are listed, those of most runs first."""

Pinned = tuple[UUID, int]
"""A workflow and one of its versions."""
TitlesOfPinned = Callable[[Mapping[Pinned, Any], Mapping[Pinned, Set[str]]], Awaitable[Mapping[Pinned, dict[str, str]]]]


class HeldRunService:
    """What one principal sees of held runs."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.rows = HeldRunRepository(session, principal.tenant_id)
        self.runs = RunService(session, principal)
        self.actions = HeldRunActions(session, principal)
        self.versions = VersionRepository(session, principal.tenant_id)

    async def page(
        self, wanted: HeldRunFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[HeldRunOut]:
        """A page of them, those of the newest runs first. Raises Invalid for a cursor that is not ours."""
        before: UUID | None = decode_cursor(cursor, UUID)[0] if cursor else None
        held, next_before = await self.rows.page(wanted, before, clamp_limit(limit))
        titles = await self._titles({(row.workflow_id, row.version) for row in held})
        names = await self.rows.workflow_names({row.workflow_id for row in held})
        people = await self.rows.contacts({row.contact_id for row in held if row.contact_id})
        shown = []
        for row in held:
            contact = people.get(row.contact_id) if row.contact_id else None
            nobody = gettext("No contact") if row.contact_id is None else gettext("Deleted contact")
            shown.append(
                HeldRunOut(
                    run_id=row.id,
                    workflow_id=row.workflow_id,
                    workflow_name=names.get(row.workflow_id, ""),
                    version=row.version,
                    node_id=row.node_id,
                    step=titles.get((row.workflow_id, row.version, row.node_id), row.node_id),
                    kind=row.kind,  # type: ignore[arg-type]
                    error=row.error,
                    held_since=row.since,
                    contact_id=row.contact_id,
                    contact=name_of(contact) if contact else nobody,
                )
            )
        return Page(shown, encode_cursor(next_before) if next_before else None)

    async def groups(self, wanted: HeldRunFilter) -> Sequence[HeldRunGroup]:
        """For which reasons they are held at which steps, that of most runs first."""
        groups = await self.rows.groups(wanted, GROUPS)
        titles = await self._titles({(group.workflow_id, group.version) for group in groups})
        names = await self.rows.workflow_names({group.workflow_id for group in groups})
        return [
            HeldRunGroup(
                workflow_id=group.workflow_id,
                workflow_name=names.get(group.workflow_id, ""),
                version=group.version,
                node_id=group.node_id,
                step=titles.get((group.workflow_id, group.version, group.node_id), group.node_id),
                kind=group.kind,
                error=group.error,
                count=group.count,
                since=group.since,
            )
            for group in groups
        ]

    async def call_steps(
        self,
        listed: Sequence[HeldRunOut | HeldRunGroup],
        titles_of: TitlesOfPinned,
    ) -> None:
        """Give their steps the names that these have on cards. `titles_of`: of documents, by workflow and version."""
        wanted: dict[tuple[UUID, int], set[str]] = {}
        for one in listed:
            wanted.setdefault((one.workflow_id, one.version), set()).add(one.node_id)
        titles = await titles_of(await self.versions.graphs(set(wanted)) if wanted else {}, wanted)
        for one in listed:
            one.step = titles.get((one.workflow_id, one.version), {}).get(one.node_id, one.step)

    async def workflows(self) -> list[tuple[str, str]]:
        """(id, name) of the workflows that have held runs, those with most first."""
        counts: dict[UUID, int] = {}
        for group in await self.rows.groups(HeldRunFilter(), LOOKED_AT):
            counts[group.workflow_id] = counts.get(group.workflow_id, 0) + group.count
        names = await self.rows.workflow_names(set(counts))
        return [(str(one), names.get(one, "")) for one in sorted(counts, key=lambda one: -counts[one])]

    async def ways(self, group: HeldRunGroup) -> list[tuple[str, str]]:
        """(port, what people read) by which runs of a group may pass their step."""
        graphs = await self.versions.graphs({(group.workflow_id, group.version)})
        ways = ways_on(group.node_id, graphs[group.workflow_id, group.version])
        return [(way.id, way.label or gettext("Next")) for way in ways]

    async def places(self, group: HeldRunGroup, titles_of: TitlesOfPinned) -> list[tuple[str, str]]:
        """(`VERSION:STEP`, what cards say) to which runs of a group may be moved. `titles_of`: as for `call_steps`."""
        places = (await self.actions.places({(group.workflow_id, group.version)}))[group.workflow_id]
        titles = await titles_of(places.documents, {})
        return places.choices(group.version, group.node_id, titles, of_contact=True)

    async def move(self, run_id: UUID, where: MoveRun, workflow_id: UUID | None = None) -> UUID:
        """Let a held run go on at another step, as a new run; its id. Raises RunNotFound, RunIsNotHeld, and Invalid with the reason."""
        loaded = await self.runs.get(run_id, workflow_id)
        run = loaded.run
        if run.status != RunStatus.HELD:
            raise RunIsNotHeld
        places = await self.runs.places(loaded)
        try:
            place = places.place(
                run.workflow_version,
                run.current_node_id,
                where.version,
                where.node_id,
                of_contact=run.contact_id is not None,
            )
        except NoSuchPlace as error:
            path = "version" if where.version and not places.steps(where.version) else "nodeId"
            raise Invalid(errors=[{"path": path, "message": str(error)}]) from error
        moved = await transfers.move_runs(self.session, run.tenant_id, [run.id], place, self.principal.name)
        if run_id not in moved:
            raise RunIsNotHeld
        notify_engine(self.session)
        return moved[run_id]

    async def _titles(self, pinned: set[tuple[UUID, int]]) -> dict[tuple[UUID, int, str], str]:
        """What the steps of these versions are called."""
        graphs: dict[tuple[UUID, int], dict[str, Any]] = await self.versions.graphs(pinned) if pinned else {}
        return {
            (workflow_id, version, node["id"]): title_of_plain(node)
            for (workflow_id, version), graph in graphs.items()
            for node in graph["nodes"]
        }
