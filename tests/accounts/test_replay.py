"""An answer that was kept for an Idempotency-Key is given to the principal that asked, while it may still ask, and to nobody else.

Every POST of the API document is walked, so that a new one is held to it by being there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.idempotency import middleware
from app.idempotency.repository import RequestKey
from app.lib import clock, crypto
from app.models.api_key import ApiKey
from app.models.idempotency_key import IdempotencyKey
from app.models.status import Role
from app.models.workspace import Workspace
from tests.fixtures.filled import fill
from tests.fixtures.people import ApiClients
from tests.system.test_odd_input import FITTING

KEPT = "the owner's answer"
KEY = {"Idempotency-Key": "deploy-1"}
SECRET_NAMES = re.compile(r"key|token|secret|password|credential|link|url", re.IGNORECASE)
HARMLESS_NAMES = {"attributeKeys", "authorizeUrl", "baseUrl", "tokenUrl", "url", "entryKey", "hasPassword", "hasSecret"}
"""Members of answers that are called like a secret and are none."""
SHOWN_IN_FLOWS = frozenset({"HttpRequestConfig"})
"""What authors write into steps is read by whoever reads the workflow: credentials have a connector."""
RANDOM = re.compile(r"[A-Za-z0-9_+/-]{32,}")
"""What a key, a token or a link holds: 128 random bits and more, written in text."""
UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\d+)?")


def posts(app: Litestar) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and operation of every POST in the API document."""
    for path, item in app.openapi_schema.to_schema()["paths"].items():
        if "post" in item:
            yield path, item["post"]


def declared(app: Litestar) -> dict[str, tuple[str, ...]]:
    """What each POST handler says that it shows once, by path."""
    return {
        re.sub(r"{(\w+)(:\w+)?}", r"{\1}", route.path): tuple(handler.opt.get(middleware.SECRET_ANSWER, ()))
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler) and "POST" in handler.http_methods
    }


async def asked_by(session: AsyncSession, client: httpx.AsyncClient) -> RequestKey:
    prefix = client.headers["authorization"].split("_")[1]
    key = (await session.scalars(select(ApiKey).where(ApiKey.prefix == prefix))).one()
    return RequestKey(key.tenant_id, "key", key.id, KEY["Idempotency-Key"])


async def keep(session: AsyncSession, asked: RequestKey, path: str, body: bytes) -> None:
    """What the owner's request left."""
    digest = hashlib.sha256(middleware.start_of(path, b"") + body).digest()
    session.add(
        IdempotencyKey(
            tenant_id=asked.tenant_id,
            principal_kind=asked.principal_kind,
            principal_id=asked.principal_id,
            key=asked.key,
            request_hash=digest,
            status_code=201,
            headers={"content-type": "application/json"},
            body=crypto.seal(KEPT.encode(), asked.aad),
            created_at=clock.now(),
        )
    )
    await session.flush()


async def test_nobody_else_hears_the_answer(
    api: ApiClients,
    app_under_test: Litestar,
    db_session: AsyncSession,
    workspace: Workspace,
    other_workspace: Workspace,
) -> None:
    ids, owner = await fill(db_session, workspace), await api(Role.OWNER)
    others = [await api(role) for role in Role] + [await api(Role.OWNER, other_workspace)]
    asked, wrong, walked = await asked_by(db_session, owner), list[str](), 0
    for path, operation in posts(app_under_test):
        url = re.sub(r"{(\w+)}", lambda found: ids[found[1]], path)
        takes = next(iter(operation.get("requestBody", {}).get("content", {"application/json": {}})))
        body = json.dumps(FITTING.get(f"post {path}", {})).encode() if takes == "application/json" else b"email\n"
        headers = {**KEY, "Content-Type": takes if takes == "application/json" else "text/csv"}
        await db_session.execute(IdempotencyKey.__table__.delete())
        await keep(db_session, asked, url, body)
        mine = await owner.post(url, content=body, headers=headers)
        if mine.text != KEPT or mine.headers.get("idempotency-replayed") != "true":
            wrong.append(f"{path}: the owner's own repeat answers {mine.status_code} {mine.text[:200]}")
        for other in others:
            answer = await other.post(url, content=body, headers=headers)
            if KEPT in answer.text or answer.headers.get("idempotency-replayed") or "reused" in answer.text:
                wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        walked += 1
    assert not wrong, "\n".join(wrong)
    assert walked > 20


async def test_who_may_no_longer_ask_does_not_hear_it_again(api: ApiClients, db_session: AsyncSession) -> None:
    """The answer is one's own, and yet it is gone with the right to ask."""
    client = await api(Role.ADMIN)
    body = b'{"name": "ci"}'
    headers = {**KEY, "Content-Type": "application/json"}
    assert (await client.post("/api/v1/api-keys", content=body, headers=headers)).status_code == 201
    asked = await asked_by(db_session, client)
    key = await db_session.get_one(ApiKey, asked.principal_id)
    for role, status in ((Role.MARKETER, 403), (Role.ADMIN, 201)):
        key.role = str(role)
        await db_session.flush()
        answer = await client.post("/api/v1/api-keys", content=body, headers=headers)
        assert answer.status_code == status
        assert ("idempotency-replayed" in answer.headers) is (status == 201)


async def test_answers_are_kept_without_what_looks_like_a_secret(
    api: ApiClients, app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace
) -> None:
    """Every POST that can be done is done: no long random text of an answer is in what was kept of it."""
    ids, owner, done, wrong = await fill(db_session, workspace), await api(Role.OWNER), 0, list[str]()
    for path, _ in posts(app_under_test):
        url = re.sub(r"{(\w+)}", lambda found: ids[found[1]], path)
        headers = {"Idempotency-Key": path}
        first = await owner.post(url, json=FITTING.get(f"post {path}", {}), headers=headers)
        if first.status_code >= 300:
            continue
        done += 1
        again = await owner.post(url, json=FITTING.get(f"post {path}", {}), headers=headers)
        assert again.headers["idempotency-replayed"] == "true"
        kept = {found for found in RANDOM.findall(again.text) if not UUIDS.fullmatch(found)}
        if secrets := kept & set(RANDOM.findall(first.text)):
            wrong.append(f"{path}: {secrets}")
    assert not wrong, "Name these members in `secret_answer`:\n" + "\n".join(wrong)
    assert done >= 8


def members(schema: Any, components: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of all members of what a schema describes, at any depth."""
    if isinstance(schema, list):
        for item in schema:
            yield from members(item, components, seen)
        return
    if not isinstance(schema, dict):
        return
    if (name := schema.get("$ref", "").rpartition("/")[2]) and name not in seen:
        yield from members(components[name], components, seen | {name})
    yield from schema.get("properties", {})
    for part in (
        *schema.get("properties", {}).values(),
        *(schema.get(way) for way in ("items", "oneOf", "anyOf", "allOf")),
    ):
        yield from members(part, components, seen)


def test_secrets_of_answers_are_declared(test_app: Litestar) -> None:
    """By their names in the document: `key`, `token`, `link` … are named in `secret_answer`, or said to be harmless here."""
    components = test_app.openapi_schema.to_schema()["components"]["schemas"]
    secrets, found = declared(test_app), {}
    for path, operation in posts(test_app):
        answers = [spec for status, spec in operation["responses"].items() if status.startswith("2")]
        schemas = [media.get("schema") for spec in answers for media in spec.get("content", {}).values()]
        names = {
            name for name in members(schemas, components, SHOWN_IN_FLOWS) if SECRET_NAMES.search(name)
        } - HARMLESS_NAMES
        if undeclared := names - set(secrets[path]):
            found[path] = undeclared
    assert not found
    assert secrets["/api/v1/api-keys"] == ("key",)


@pytest.mark.parametrize(
    ("content", "members_", "kept"),
    [
        (b'{"success":true,"data":{"id":1,"key":"tl_x"}}', ("key",), b'{"success":true,"data":{"id":1,"key":null}}'),
        (b'{"data":{"token":"a","link":"b","n":2}}', ("token", "link"), b'{"data":{"token":null,"link":null,"n":2}}'),
        (b"\x00 no json", (), b"\x00 no json"),
    ],
)
def test_only_what_is_named_is_left_out(content: bytes, members_: tuple[str, ...], kept: bytes) -> None:
    assert middleware.without_secrets(content, members_) == kept


def test_the_seal_names_who_asked() -> None:
    seals = {
        RequestKey(tenant, kind, UUID(int=number), key).aad
        for tenant in (1, 2) for kind in ("key", "user") for number in (1, 2) for key in ("a", "b")
    }  # fmt: skip
    assert len(seals) == 16
