"""Versions: freezing a draft, looking back, going back. A version never changes; runs stay on the one they started on."""

from __future__ import annotations

from uuid import UUID

from app.accounts.principal import Principal
from app.domain_events.types import PUBLISHED
from app.errors import Conflict, Invalid, NotFound
from app.flow.document import Flow
from app.flow.settings import REMEMBERED
from app.flow.validation import references
from app.lib import clock
from app.lib.translation import ngettext, translatable
from app.models import Workflow, WorkflowVersion
from app.web.pagination import Page, clamp_limit
from app.workflows.calls import calling_nodes
from app.workflows.drafts import Drafts
from app.workflows.loaded import LoadedFlow
from app.workflows.outbound import tell_of
from app.workflows.repository import VersionRepository, WorkflowRepository, touch

REVERTED = translatable("Reverted to version %(version)s")
"""The changelog of a version that was published to go back, where nobody wrote one."""


class NothingToPublish(Conflict):
    """The draft is the same as the live version. Change something first."""

    code = "nothing_to_publish"


class NotReady(Invalid):
    """This workflow is not ready. Resolve the issues listed in `errors`, then try again."""

    code = "workflow_not_ready"
    people = "This workflow is not ready. Fix the errors of its steps, then try again."


class VersionIsLive(Conflict):
    """This version is live already. To drop unpublished changes, discard the draft."""

    code = "version_is_live"


class NoSuchVersion(NotFound):
    """This workflow has no such version. `GET …/versions` lists them."""

    code = "version_not_found"


class Versions:
    """The versions of one workspace's workflows, published by one principal."""

    def __init__(
        self, workflows: WorkflowRepository, versions: VersionRepository, drafts: Drafts, principal: Principal
    ) -> None:
        self._workflows, self._rows, self._drafts, self._principal = workflows, versions, drafts, principal
        self._loaded: dict[tuple[UUID, int], LoadedFlow] = {}

    def of(self, version: WorkflowVersion) -> LoadedFlow:
        """The document of a version, read once for a request."""
        return self._loaded.setdefault((version.workflow_id, version.version), LoadedFlow.published(version))

    async def page(self, workflow: Workflow, limit: int | None, cursor: str | None) -> Page[WorkflowVersion]:
        """Newest first."""
        return await self._rows.newest(workflow.id, cursor, clamp_limit(limit))

    async def get(self, workflow: Workflow, number: int) -> WorkflowVersion:
        """One version. Raises NoSuchVersion."""
        version = await self._rows.get(workflow.id, number) if 0 < number < 2**31 else None
        if version is None:
            raise NoSuchVersion
        return version

    async def live(self, workflow: Workflow) -> WorkflowVersion | None:
        """The version that new runs start on; None before the first publication."""
        return await self.get(workflow, workflow.live_version) if workflow.live_version is not None else None

    async def unpublished(self, workflow: Workflow) -> bool:
        """Does the draft differ from what is live (more than in where things lie)?"""
        live = await self.live(workflow)
        return live is None or live.content_hash != self._drafts.of(workflow).content_hash

    async def require_ready(self, loaded: LoadedFlow) -> None:
        """Raise NotReady with everything that keeps this document from being live."""
        await self._workflows.hold(references(loaded.flow))
        if calling_nodes(loaded.flow):
            loaded.diagnostics = None  # what others call may have changed until it was this one's turn
        if blocking := (await self._drafts.diagnostics(loaded)).blocking_activation:
            text = ngettext(
                "%(number)s thing is not ready: %(message)s",
                "%(number)s things are not ready: %(message)s",
                len(blocking),
                message=blocking[0].message,
            )
            raise NotReady(text, errors=[one.field_error() for one in blocking])

    async def publish(self, workflow: Workflow, changelog: str | None) -> WorkflowVersion:
        """Freeze the (locked) draft as the next version and make it live. Raises NotReady, NothingToPublish."""
        if not await self.unpublished(workflow):
            raise NothingToPublish
        return await self._freeze(workflow, self._drafts.of(workflow), changelog)

    async def revert(self, workflow: Workflow, number: int, changelog: str | None) -> WorkflowVersion:
        """Copy version `number` into a new one, make that live, and let the draft follow."""
        old = await self.get(workflow, number)
        live = await self.live(workflow)
        if live is not None and live.content_hash == old.content_hash:
            raise VersionIsLive
        again = self.of(old)
        published = await self._freeze(workflow, again, changelog or REVERTED % {"version": number})
        await self._drafts.replace(workflow, again.normal(), f"reverted to version {number}")
        return published

    async def publish_variant(self, workflow: Workflow, flow: Flow, changelog: str) -> WorkflowVersion:
        """Make `flow` the next version of the (locked) workflow, whatever its draft says. Raises NotReady."""
        return await self._freeze(workflow, LoadedFlow(flow.normal().document(), workflow.id), changelog)

    async def publish_again(self, workflow: Workflow, number: int, changelog: str | None) -> WorkflowVersion:
        """The live version, which is that of this number or a copy of it. Raises NoSuchVersion, NotReady."""
        version, live = await self.get(workflow, number), await self.live(workflow)
        if live is None or live.content_hash != version.content_hash:
            return await self.revert(workflow, number, changelog)
        await self.require_ready(self.of(live))
        return live

    async def _freeze(self, workflow: Workflow, loaded: LoadedFlow, changelog: str | None) -> WorkflowVersion:
        await self.require_ready(loaded)
        frozen = loaded.normal()
        version = WorkflowVersion(
            tenant_id=workflow.tenant_id,
            workflow_id=workflow.id,
            version=await self._rows.last_number(workflow.id) + 1,
            graph=frozen.stored,
            content_hash=frozen.content_hash,
            changelog=(changelog or "").strip() or None,
            created_by=self._principal.user_id,
            created_by_key=self._principal.key_id,
            author=self._principal.name,
            created_at=clock.now(),
        )
        await self._rows.add(version)
        self._loaded[version.workflow_id, version.version] = frozen
        workflow.live_version = version.version
        if version.version == 1 and frozen.flow.settings.reentry in REMEMBERED:
            workflow.entries_complete = True  # there was no run before it
        elif not (workflow.entries_complete and frozen.flow.settings.reentry in REMEMBERED):
            workflow.entries_complete = (
                None  # somebody has to look: its runs leave no entry, or those before it did not
            )
        touch(workflow)
        await self._rows.session.flush()
        await tell_of(self._rows.session, PUBLISHED, workflow, self._principal)
        return version
