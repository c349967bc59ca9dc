"""Workflow documents that several tests start from."""

from __future__ import annotations

import copy
import itertools
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Template, Workspace

PATH = "/api/v1/workflows"
_numbers = itertools.count(1)

# The body of the public contract, to the letter.
ONBOARDING: dict[str, Any] = {
    "name": "New User Onboarding",
    "description": "Welcome sequence for new signups",
    "trigger": {
        "type": "event",
        "event": "contact.created",
        "conditions": [{"field": "source", "operator": "equals", "value": "website_signup"}],
    },
    "nodes": [
        {
            "id": "node-1",
            "type": "send_email",
            "position": {"x": 100, "y": 100},
            "data": {
                "templateId": "550e8400-e29b-41d4-a716-446655440001",
                "fromName": "Acme Team",
                "fromEmail": "hello@acme.com",
            },
        },
        {
            "id": "node-2",
            "type": "delay",
            "position": {"x": 100, "y": 200},
            "data": {"duration": 86400, "unit": "seconds"},
        },
        {
            "id": "node-3",
            "type": "condition",
            "position": {"x": 100, "y": 300},
            "data": {"conditions": [{"field": "hasOpened", "operator": "equals", "value": True}]},
        },
    ],
    "edges": [
        {"source": "trigger", "target": "node-1"},
        {"source": "node-1", "target": "node-2"},
        {"source": "node-2", "target": "node-3"},
    ],
    "goals": [
        {
            "id": "goal-1",
            "name": "Purchased",
            "event": "contact.attribute_changed",
            "conditions": [{"field": "attributes.has_purchased", "operator": "equals", "value": True}],
        }
    ],
}


async def make_template(session: AsyncSession, workspace: Workspace, **fields: Any) -> Template:
    """A template with a name of its own."""
    template = Template(tenant_id=workspace.id, name=f"Welcome {next(_numbers)}", subject="Hi", text="Hello", **fields)
    session.add(template)
    await session.flush()
    return template


def onboarding(template: Template | None = None, **changes: Any) -> dict[str, Any]:
    """The contract's body, with an existing template."""
    body = copy.deepcopy(ONBOARDING) | changes
    if template is not None:
        body["nodes"][0]["data"]["templateId"] = str(template.id)
    return body


def tagging(**changes: Any) -> dict[str, Any]:
    """A small workflow that can be activated: trigger → add a tag → end."""
    body: dict[str, Any] = {
        "name": "Tag newcomers",
        "trigger": {"type": "event", "event": "contact.created"},
        "nodes": [
            {"id": "tag", "type": "add_tag", "data": {"tag": "new"}},
            {"id": "end", "type": "end"},
        ],
        "edges": [{"source": "trigger", "target": "tag"}, {"source": "tag", "target": "end"}],
    }
    return body | changes


async def created(client: httpx.AsyncClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Create a workflow by API and answer its data."""
    answer = await client.post(PATH, json=body or tagging())
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def op(kind: str, **fields: Any) -> dict[str, Any]:
    """A canvas op with an id of its own."""
    return {"id": str(uuid4()), "kind": kind, **fields}


async def patch_draft(
    client: httpx.AsyncClient, workflow_id: str, rev: int, *ops: dict[str, Any], tab: str = "tab-1"
) -> httpx.Response:
    """Send a batch of ops."""
    return await client.patch(
        f"{PATH}/{workflow_id}/draft", headers={"If-Match": f'"{rev}"'}, json={"client": tab, "ops": list(ops)}
    )


def field_errors(answer: httpx.Response) -> dict[str, str]:
    """The `errors` of a refusal by path; checks the shape of the problem on the way."""
    body = answer.json()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert body["success"] is False and body["status"] == answer.status_code and body["code"] and body["detail"]
    return {error["path"]: error["message"] for error in body["errors"]}
