"""Whatever a program with a key sends, the answer is never a crash: odd values in every field, query and path of every API route."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.filled import fill
from tests.fixtures.people import ApiClients

ODD: list[Any] = [
    None, True, 0, -1, 2**31, 2**63, 2**70, 1e308, -0.5, "", " ", "x" * 5000, "a\0b", "\U0001f600", "\u202e", "{{ 7*7 }}",
    "{% for a in (1..9999999) %}", "' or 1=1 --", "../../etc/passwd", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-02-30",
    "00000000-0000-0000-0000-000000000000", [], [[]], [None], ["x"] * 200, {}, {"": ""}, {"$ref": "#"}, {"a": {"b": [1, {"c": None}]}},
]  # fmt: skip
ROUNDS = 8
CONTACT = {
    "externalId": "u1", "email": "u1@example.com", "phone": "+4915112345678", "source": "shop", "timezone": "Europe/Berlin",
    "locale": "de", "attributes": {"plan": "pro", "spent": 12.5}, "tags": ["vip"], "consent": {"email": True},
}  # fmt: skip
GRAPH: dict[str, Any] = {
    "trigger": {"type": "event", "event": "signed_up", "match": "all", "position": {"x": 0, "y": 0},
                "conditions": [{"field": "event.plan", "operator": "equals", "value": "pro"}]},
    "nodes": [
        {"id": "wait", "type": "delay", "name": "Wait", "position": {"x": 0, "y": 100}, "data": {"duration": 2, "unit": "days"},
         "retry": {"maxAttempts": 3, "backoff": "exponential", "delaySeconds": 60, "jitter": True}},
        {"id": "if", "type": "condition", "position": {"x": 0, "y": 200},
         "data": {"conditions": [{"field": "contact.tags", "operator": "contains", "value": "vip"}], "match": "any"}},
        {"id": "tag", "type": "add_tag", "position": {"x": 0, "y": 300}, "data": {"tag": "late"}},
    ],
    "edges": [
        {"id": "a", "source": "trigger", "target": "wait", "sourceHandle": "next"},
        {"id": "b", "source": "wait", "target": "if", "sourceHandle": "next"},
        {"id": "c", "source": "if", "target": "tag", "sourceHandle": "true"},
    ],
    "goals": [{"id": "g", "name": "Bought", "event": "purchase", "conditions": [], "match": "all"}],
    "settings": {"reentry": "cooldown", "cooldownSeconds": 60, "entryKey": "event.order"},
}  # fmt: skip
TEMPLATE = {
    "name": "Welcome",
    "channel": "email",
    "subject": "Hi {{ contact.email }}",
    "html": "<p>Hi</p>",
    "text": "Hi",
}
SMTP = {"host": "smtp.example.com", "port": 587, "security": "starttls", "username": "u", "password": "p",
        "fromEmail": "a@example.com", "fromName": "A"}  # fmt: skip
FITTING: dict[str, Any] = {
    "post /api/v1/contacts": CONTACT,
    "patch /api/v1/contacts/{contact_id}": CONTACT,
    "post /api/v1/contacts/{contact_id}/resubscribe": {"reason": "Asked for it", "topic": "news"},
    "post /api/v1/suppressions": [{"address": "a@example.com", "reason": "bounced", "detail": "550", "channel": "email"}],
    "post /api/v1/suppressions/lift": {"address": "a@example.com", "reason": "A slip", "channel": "email"},
    "post /api/v1/events": [{"name": "signed_up", "externalId": "u1", "properties": {"plan": "pro"}, "id": "e1",
                             "occurredAt": "2026-01-01T00:00:00Z"}],
    "post /api/v1/templates": TEMPLATE,
    "patch /api/v1/templates/{template_id}": TEMPLATE,
    "post /api/v1/templates/{template_id}/preview": {"event": {"plan": "pro"}, "subject": "Hi"},
    "post /api/v1/connectors": {"type": "smtp", "name": "Mail", "config": SMTP, "isDefault": False},
    "patch /api/v1/connectors/{connector_id}": {"name": "Mail", "config": SMTP, "isDefault": True},
    "post /api/v1/api-keys": {"name": "Shop", "role": "viewer", "expiresInDays": 30},
    "post /api/v1/workflows": {"name": "Flow", "description": "x", **GRAPH},
    "patch /api/v1/workflows/{workflow_id}": {"name": "Flow", **GRAPH},
    "patch /api/v1/workflows/{workflow_id}/draft": {
        "client": "0b0f2f1e-0000-7000-8000-000000000000",
        "ops": [{"id": "0b0f2f1e-0000-7000-8000-000000000001", "kind": "add_node", "node": GRAPH["nodes"][0]},
                {"id": "0b0f2f1e-0000-7000-8000-000000000002", "kind": "set_goals", "goals": GRAPH["goals"]}],
    },
    "post /api/v1/workflows/{workflow_id}/versions": {"changelog": "x"},
    "post /api/v1/contacts/import/{import_id}/start": {"mapping": {"email": "email"}, "tags": ["x"]},
}  # fmt: skip
"""A body that is taken, of which one place at a time is made odd."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, the whole first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def oddly(dice: random.Random, fitting: Any) -> Any:
    """`fitting` with one place replaced by something odd, left out, or joined by something odd."""
    place = dice.choice(places(fitting))
    if not place:
        return dice.choice(ODD)
    changed = copy.deepcopy(fitting)
    around = changed
    for key in place[:-1]:
        around = around[key]
    what = dice.random()
    if what < 0.75:
        around[place[-1]] = dice.choice(ODD)
    elif what < 0.9:
        del around[place[-1]]
    elif isinstance(around, dict):
        around["surprise"] = dice.choice(ODD)
    else:
        around.append(dice.choice(ODD))
    return changed


async def test_no_input_crashes_the_api(
    api: ApiClients, app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace
) -> None:
    owner, ids, dice = await api(Role.OWNER), await fill(db_session, workspace), random.Random(7)
    crashed = []
    for name, path, operation in operations(app_under_test):
        method, url = name.split(" ")[0].upper(), re.sub(r"{(\w+)}", lambda found: ids.get(found[1], "x"), path)
        queries = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        fitting = FITTING.get(name, {} if "requestBody" in operation else None)
        for _ in range(4 * ROUNDS if fitting else ROUNDS if queries or fitting is not None else 1):
            query = {dice.choice(queries): str(dice.choice(ODD))} if queries else {}
            body = oddly(dice, fitting) if fitting is not None else None
            answer = await owner.request(method, url, params=query, json=body, headers={"If-Match": '"1"'})
            if answer.status_code >= 500 or not fits(answer):
                crashed.append(f"{name} {query} {answer.status_code} {answer.request.content[:600]!r}")
    assert not crashed, "\n".join(crashed)


def operations(app: Litestar) -> list[tuple[str, str, dict[str, Any]]]:
    """All of the API, what deletes last."""
    paths = app.openapi_schema.to_schema()["paths"].items()
    found = [(f"{method} {path}", path, o) for path, item in paths for method, o in item.items() if isinstance(o, dict)]
    return sorted(found, key=lambda operation: operation[0].startswith("delete"))


@pytest.mark.parametrize(
    "content", [rb'{"name": "\ud800"}', b'{"name": 1e999}', b'{"name": NaN}', b'{"name": "x",}', b"{}{}"]
)
async def test_json_that_is_not_quite_json(api: ApiClients, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("api-keys", "contacts", "events", "templates", "workflows"):
        answer = await (await api(Role.OWNER)).post(f"/api/v1/{path}", content=content, headers=headers)
        assert answer.status_code in (400, 422), (path, answer.text)
        assert fits(answer)


def fits(answer: httpx.Response) -> bool:
    """A refusal is a problem document with words in it."""
    if answer.status_code < 400:
        return True
    body = answer.json()
    return answer.headers["content-type"] == "application/problem+json" and bool(body["detail"]) and bool(body["code"])
