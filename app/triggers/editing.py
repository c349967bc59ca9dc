"""The triggers of a workflow one by one. What they are set to is a matter of the draft; switching one on or off may hold at once.

docs/decisions/0065-several-ways-in.md says what changes what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.flow.document import Edge, Flow, Position, Trigger
from app.flow.ops import AddEdge, AddTrigger, AnyOp, RemoveTrigger, SetTrigger
from app.flow.trigger_registry import typed
from app.lib.ids import uuid7
from app.models import Workflow
from app.triggers.schemas import LiveTrigger, NewTrigger, TriggerChange, TriggerOut
from app.workflows.service import WorkflowService

_OP = re.compile(r"^ops\[\d+\]\.(trigger\.)?")
APART = 280
"""Between two cards on the canvas."""


class TriggerNotFound(NotFound):
    """This workflow has no such trigger. `GET …/triggers` lists them."""

    code = "trigger_not_found"


class TriggerNotLive(Conflict):
    """No live version has this trigger. Publish the draft first; until then `PATCH` changes it there."""

    code = "trigger_not_live"


class LastTrigger(Conflict):
    """This is the only trigger that is switched on, so nothing would start the workflow any more. Pause the workflow instead."""

    code = "last_trigger"


class TriggerEditing:
    """The triggers of the principal's workflows. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._workflows = WorkflowService(session, principal)

    async def every(self, workflow_id: UUID) -> Sequence[TriggerOut]:
        """All of the draft, in its order, each with how it stands in what is live. Raises WorkflowNotFound."""
        workflow = await self._workflows.get(workflow_id)
        return await self._views(workflow)

    async def get(self, workflow_id: UUID, trigger_id: str) -> TriggerOut:
        """One of the draft. Raises WorkflowNotFound, TriggerNotFound."""
        return _one(await self.every(workflow_id), trigger_id)

    async def add(self, workflow_id: UUID, new: NewTrigger) -> TriggerOut:
        """One more trigger of the draft; it takes the place of the empty one that a new workflow begins with. Raises Invalid."""
        workflow = await self._workflows.get(workflow_id)
        flow = self._workflows.draft(workflow).flow
        first = flow.triggers[0]
        empty = len(flow.triggers) == 1 and first == Trigger(position=first.position)
        trigger_id = new.id if isinstance(new.id, str) else first.id if empty else _free_id(flow)
        last = flow.triggers[-1].position
        position = first.position if empty else Position(last.x + APART, last.y)
        trigger = Trigger(
            id=trigger_id,
            type=new.type,
            enabled=new.enabled,
            data=_data(new.data, new.config) or {},
            position=new.position if isinstance(new.position, Position) else position,
        )
        target = next((edge.target for edge in flow.leaving(first.id)), None) if new.target is UNSET else new.target
        ops: list[AnyOp] = []
        if empty and trigger_id == first.id:
            ops.append(SetTrigger(id=_op_id(), trigger=trigger))
            if isinstance(new.target, str) and not any(flow.leaving(first.id)):
                ops.append(AddEdge(id=_op_id(), edge=Edge(source=trigger_id, target=new.target)))
        else:
            ops.append(AddTrigger(id=_op_id(), trigger=trigger))
            if isinstance(target, str):
                ops.append(AddEdge(id=_op_id(), edge=Edge(source=trigger_id, target=target)))
            if empty:
                ops.append(RemoveTrigger(id=_op_id(), trigger_id=first.id))
        return await self._apply(workflow, ops, trigger_id)

    async def change(self, workflow_id: UUID, trigger_id: str, change: TriggerChange) -> TriggerOut:
        """Change one in the draft. Raises TriggerNotFound, Invalid, DraftConflict."""
        workflow = await self._workflows.get(workflow_id)
        trigger = self._workflows.draft(workflow).flow.trigger_of(trigger_id)
        if trigger is None:
            raise TriggerNotFound
        data = _data(change.data, change.config)
        parts = {
            "type": change.type,
            "enabled": change.enabled,
            "position": change.position,
            "data": UNSET if data is None else data,
        }
        changed = msgspec.structs.replace(trigger, **{name: part for name, part in parts.items() if part is not UNSET})
        if changed == trigger:
            return await self.get(workflow_id, trigger_id)
        return await self._apply(workflow, [SetTrigger(id=_op_id(), trigger=changed)], trigger_id)

    async def remove(self, workflow_id: UUID, trigger_id: str) -> None:
        """Take one out of the draft. Raises TriggerNotFound, Invalid for the only one."""
        workflow = await self._workflows.get(workflow_id)
        if self._workflows.draft(workflow).flow.trigger_of(trigger_id) is None:
            raise TriggerNotFound
        await self._run(workflow, [RemoveTrigger(id=_op_id(), trigger_id=trigger_id)])

    async def switch(self, workflow_id: UUID, trigger_id: str, enabled: bool) -> TriggerOut:
        """Switch one on or off in what is live, at once, and in the draft.

        Raises TriggerNotFound, TriggerNotLive, LastTrigger, NotReady.
        """
        workflow = await self._workflows.get(workflow_id)
        live = await self._live(workflow)
        if live is None or (trigger := live.trigger_of(trigger_id)) is None:
            known = self._workflows.draft(workflow).flow.trigger_of(trigger_id)
            raise TriggerNotFound if known is None else TriggerNotLive
        if trigger.enabled is not enabled:
            changed = msgspec.structs.replace(trigger, enabled=enabled)
            triggers = tuple(changed if one.id == trigger_id else one for one in live.triggers)
            if not any(one.enabled for one in triggers):
                raise LastTrigger
            kind, config = typed(trigger)
            words = f"Switched {'on' if enabled else 'off'}: {kind.title(config)}"
            await self._workflows.publish_variant(workflow_id, msgspec.structs.replace(live, triggers=triggers), words)
        draft = self._workflows.draft(await self._workflows.get(workflow_id)).flow.trigger_of(trigger_id)
        if draft is None:
            return await self._shown_live(workflow, trigger_id)
        return await self.change(workflow_id, trigger_id, TriggerChange(enabled=enabled))

    async def _live(self, workflow: Workflow) -> Flow | None:
        if workflow.live_version is None:
            return None
        version = await self._workflows.version(workflow, workflow.live_version)
        return self._workflows.published(version).flow

    async def _apply(self, workflow: Workflow, ops: Sequence[AnyOp], trigger_id: str) -> TriggerOut:
        await self._run(workflow, ops)
        return _one(await self._views(workflow), trigger_id)

    async def _run(self, workflow: Workflow, ops: Sequence[AnyOp]) -> None:
        try:
            await self._workflows.apply_ops(workflow.id, workflow.draft_rev, "", ops)
        except Invalid as error:
            plain = [FieldError(path=_OP.sub("", one["path"]), message=one["message"]) for one in error.errors]
            raise type(error)(error.message, errors=plain) from error

    async def _views(self, workflow: Workflow) -> Sequence[TriggerOut]:
        flow, live = self._workflows.draft(workflow).flow, await self._live(workflow)
        return [_view(workflow, flow, live, trigger) for trigger in flow.triggers]

    async def _shown_live(self, workflow: Workflow, trigger_id: str) -> TriggerOut:
        live = await self._live(workflow)
        if live is None or (trigger := live.trigger_of(trigger_id)) is None:
            raise TriggerNotFound
        return _view(workflow, live, live, trigger)


def _view(workflow: Workflow, flow: Flow, live: Flow | None, trigger: Trigger) -> TriggerOut:
    published = live.trigger_of(trigger.id) if live is not None else None
    kind, config = typed(trigger)
    stands = None
    if published is not None and workflow.live_version is not None:
        same = msgspec.structs.replace(published, position=trigger.position) == trigger
        stands = LiveTrigger(version=workflow.live_version, enabled=published.enabled, published=same)
    return TriggerOut(
        id=trigger.id,
        type=trigger.type,
        title=kind.title(config),
        enabled=trigger.enabled,
        data=trigger.data,
        position=msgspec.to_builtins(trigger.position),
        target=next((edge.target for edge in flow.leaving(trigger.id)), None),
        live=stands,
        draft_rev=workflow.draft_rev,
    )


def _one(views: Sequence[TriggerOut], trigger_id: str) -> TriggerOut:
    for view in views:
        if view.id == trigger_id:
            return view
    raise TriggerNotFound


def _data(data: dict[str, Any] | UnsetType, config: dict[str, Any] | UnsetType) -> dict[str, Any] | None:
    """What was sent under one of the two names, None when neither was. Raises Invalid when both were."""
    if isinstance(data, dict) and isinstance(config, dict):
        message = "`data` and `config` are two names for one thing. Send one of them."
        raise Invalid(message, errors=[{"path": "config", "message": message}])
    return data if isinstance(data, dict) else config if isinstance(config, dict) else None


def _free_id(flow: Flow) -> str:
    used = {card.id for card in flow.cards}
    return next(name for number in range(2, len(used) + 3) if (name := f"trigger-{number}") not in used)


def _op_id() -> str:
    return uuid7().hex
