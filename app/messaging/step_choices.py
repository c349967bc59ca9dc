"""What the steps that send messages are called in lists of messages, and which a list can be narrowed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.accounts.deps import AppRequest
from app.card_title_repository import card_titles
from app.flow.node_words import channel_number
from app.messaging.channels.message_ids import message_id
from app.messaging.repository import VersionKey
from app.messaging.service import MessageService
from app.models import Message


async def titles_of(request: AppRequest, messages: MessageService, rows: Sequence[Message]) -> dict[str, str]:
    """By the ids of messages, what their steps are called in the versions that asked for them; those that are known."""
    wanted: dict[VersionKey, set[str]] = {}
    for row in rows:
        wanted.setdefault((row.workflow_id, row.workflow_version), set()).add(row.node_id)
    titles = await card_titles(request, messages.session, await messages.rows.documents(set(wanted)), wanted)
    return {
        message_id(row.run_id, row.seq): title
        for row in rows
        if (title := titles.get((row.workflow_id, row.workflow_version), {}).get(row.node_id))
    }


async def of_workflow(
    request: AppRequest, messages: MessageService, workflow_id: UUID | None, version: int | None
) -> dict[str, Any]:
    """What the list of one workflow's messages can be narrowed to: `versions`, and `steps` that send, as pairs of id and title.

    The steps are those of `version`, or of the newest one.
    """
    if workflow_id is None:
        return {"versions": [], "steps": []}
    versions = await messages.rows.versions(workflow_id)
    pinned = {(workflow_id, version or max(versions, default=0))}
    documents = await messages.rows.documents(pinned)
    steps = list[tuple[str, str]]()
    for key, titles in (await card_titles(request, messages.session, documents)).items():
        sending = {node["id"] for node in documents[key]["nodes"] if channel_number(node["type"]) is not None}
        steps += [(node_id, title) for node_id, title in titles.items() if node_id in sending]
    return {"versions": versions, "steps": steps}
