"""Retrying failed runs from the step that failed: as which version that can be done, and doing it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine.compiled import read_document
from app.engine.runs_again import NoRoom, begin_again
from app.engine.transfers import Place
from app.errors import AppError, Conflict, Invalid
from app.flow.document import Flow
from app.flow.entry_limits import EntryLimits
from app.inbox import notify_engine
from app.lib.translation import gettext, translatable
from app.models import Contact, Run, Step
from app.models.status import RunStatus, StepStatus, WorkflowStatus
from app.runs.places import NoSuchPlace
from app.runs.reached_goals import ReachedGoals
from app.runs.repository import LoadedRun
from app.runs.service import RunService
from app.web.structs import Camel

VersionWord = Literal["same", "live"]
_REFUSALS: dict[NoRoom, str] = {
    "gone": translatable("This run continues already, as another one."),
    "inside": translatable("The contact is in the workflow again. Retry when that run is over."),
    "full": translatable("As many runs are under way as the workflow lets in at once. Retry when one of them is over."),
    "elsewhere": translatable("The contact was deleted, so nothing can be done for it."),
}


class RunIsNotFailed(Conflict):
    """Only a run that failed at a step can be retried."""

    code = "run_not_failed"


class RunCannotGoOn(Conflict):
    """This run cannot be retried now."""

    code = "run_cannot_go_on"


class RetryRun(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`same`: the version that the run had; `live`: the one that is live by now."""

    version: VersionWord = "same"


class RetriedRun(Camel):
    """The run with which a failed one goes on, and its version."""

    run_id: UUID
    version: int


class RetryChoice(NamedTuple):
    """A version that a failed run may go on with. `why_not`: words, where it may not."""

    word: VersionWord
    version: int
    why_not: str = ""


class Continuation(NamedTuple):
    """Where a failed run goes on, and the rules of its workflow that are asked before."""

    place: Place
    limits: EntryLimits
    once: bool
    """Is a contact in the workflow once at a time?"""


class FailedRuns:
    """Failed runs of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.runs = RunService(session, principal)

    async def choices(self, loaded: LoadedRun) -> list[RetryChoice]:
        """With which versions a run may be retried, its own first; none where it did not fail at a step, or goes on already."""
        run, live = loaded.run, loaded.workflow.live_version
        step = await self._failed_step(loaded)
        if step is None or run.resume_port is not None:
            return []
        words: list[tuple[VersionWord, int | None]] = [("same", run.workflow_version)]
        if live != run.workflow_version:
            words.append(("live", live))
        choices = []
        for word, version in words:
            if version is None:
                continue
            try:
                await self._place(loaded, step.node_id, version)
            except (NoSuchPlace, RunCannotGoOn) as error:
                choices.append(RetryChoice(word, version, str(error)))
            else:
                choices.append(RetryChoice(word, version))
        return choices

    async def retry(self, run_id: UUID, version: VersionWord, workflow_id: UUID | None = None) -> RetriedRun:
        """Let a failed run go on from the step that failed. A second request for the same answers with the run that there is.

        Raises RunNotFound, RunIsNotFailed, RunCannotGoOn, and Invalid where the version does not have the step.
        """
        loaded = await self.runs.get(run_id, workflow_id)
        run, step = loaded.run, await self._failed_step(loaded)
        if step is None:
            raise RunIsNotFailed
        target = run.workflow_version if version == "same" else loaded.workflow.live_version
        if target is None:
            raise _refused(gettext("The workflow has no live version."))
        if run.resume_port is not None:
            return _known(step, target)
        try:
            going_on = await self._place(loaded, step.node_id, target)
        except NoSuchPlace as error:
            raise _refused(str(error)) from error
        begun = await begin_again(
            self.session,
            run.tenant_id,
            run.id,
            going_on.place,
            self.principal.name,
            at_once=going_on.limits.at_once,
            once=going_on.once,
        )
        if isinstance(begun, str):
            self.session.expire_all()
            if begun == "gone" and (step := await self._failed_step(await self.runs.get(run_id))) is not None:
                return _known(step, target)  # somebody else was faster
            raise RunCannotGoOn(gettext(_REFUSALS[begun]))
        notify_engine(self.session)
        self.session.expire_all()
        return RetriedRun(run_id=begun, version=target)

    async def _failed_step(self, loaded: LoadedRun) -> Step | None:
        run = loaded.run
        if run.status != RunStatus.FAILED:
            return None
        step = await self.session.get(Step, (run.tenant_id, run.id, run.seq))
        return step if step is not None and step.status == StepStatus.FAILED else None

    async def _place(self, loaded: LoadedRun, node_id: str, version: int) -> Continuation:
        """Where it goes on as this version. Raises NoSuchPlace, RunCannotGoOn."""
        run, workflow = loaded.run, loaded.workflow
        if workflow.status not in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
            raise RunCannotGoOn(gettext("The workflow is not active. Activate it, then retry."))
        if run.contact_id is not None and loaded.contact is None:
            raise RunCannotGoOn(gettext(_REFUSALS["elsewhere"]))
        places = await self.runs.places(loaded)
        place = places.again(run.workflow_version, node_id, version, of_contact=run.contact_id is not None)
        live = workflow.live_version or version
        graphs = await self.runs.versions.graphs({(workflow.id, version), (workflow.id, live)})
        if loaded.contact is not None:
            await self._refuse_reached(run, loaded.contact, read_document(graphs[workflow.id, version])[0])
        settings = read_document(graphs[workflow.id, live])[0].settings
        return Continuation(place, EntryLimits.of(settings), settings.reentry != "always")

    async def _refuse_reached(self, run: Run, contact: Contact, flow: Flow) -> None:
        """An event ends runs that are under way. This one was over, so what happened since is asked now. Raises RunCannotGoOn."""
        goals = ReachedGoals(self.session, run.tenant_id, self.principal.timezone)
        goal = await goals.first(flow, contact, run.occurred_at or run.started_at, run.event_id)
        if goal is not None:
            value = goal.name or goal.id
            raise RunCannotGoOn(gettext("The contact has reached the goal %(value)s since.", value=value))


def _refused(message: str) -> AppError:
    return Invalid(errors=[{"path": "version", "message": message}])


def _known(step: Step, version: int) -> RetriedRun:
    """The run with which it goes on already. Raises RunCannotGoOn where that has another version than the one that is asked for."""
    note: dict[str, Any] = step.output if isinstance(step.output, dict) else {}
    if note.get("toVersion") != version or not note.get("movedTo"):
        raise RunCannotGoOn(gettext(_REFUSALS["gone"]))
    return RetriedRun(run_id=UUID(note["movedTo"]), version=version)
