"""Bad input is refused at the door, with words, a path and the right status."""

from __future__ import annotations

import pytest

from app.lib.door import MAX_DEPTH, depth_of
from app.models.status import Role
from tests.fixtures.people import ApiClients

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b'{"name": ', JSON, 400, "malformed_json"),
        (b'{"name": "x", "oops": 1}', JSON, 422, "invalid"),
        (b'{"name": "x"}', {"Content-Type": "text/plain"}, 415, "wrong_content_type"),
        (b'{"name": "x"}', {}, 415, "wrong_content_type"),
        (b"name=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "wrong_content_type"),
        (b'{"name": "' + b"x" * 1_000_001 + b'"}', JSON, 413, "too_large"),
        (b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON, 400, "too_deep"),
        (b'{"name": "a\\u0000b"}', JSON, 422, "invalid"),
        (b"null", JSON, 422, "invalid"),
        (b"", JSON, 422, "invalid"),
        (b'{"name": "\xff"}', JSON, 400, "malformed_json"),
    ],
)
async def test_bad_bodies(api: ApiClients, content: bytes, headers: dict[str, str], status: int, code: str) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/api-keys", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["success"] is False
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({}, "name", "required"),
        ({"name": 3}, "name", "text"),
        ({"name": "x", "role": "boss"}, "role", "boss"),
        ({"name": "x", "expiresIn": 3}, "expiresIn", "Did you mean `expiresInDays`?"),
        ({"name": "x", "expiresInDays": 0}, "expiresInDays", "1 to"),
        ({"name": ""}, "name", "1 to 100"),
    ],
)
async def test_each_complaint_names_its_path(api: ApiClients, body: object, path: str, words: str) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/api-keys", json=body)
    assert answer.status_code == 422
    [complaint] = answer.json()["errors"]
    assert complaint["path"] == path
    assert words in complaint["message"]


async def test_unknown_addresses_and_methods_are_problems(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    answer = await admin.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await admin.put("/api/v1/api-keys", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    assert (await admin.delete("/api/v1/api-keys/not-a-uuid")).status_code == 404


def test_depth_counts_structure_only() -> None:
    assert depth_of(b'{"a": [1, {"b": []}], "c": "[[[[["}') == 4
    assert depth_of(b'["\\"[[[", "\\\\", [1]]') == 2
    assert depth_of(b"[" * (MAX_DEPTH * 3)) == MAX_DEPTH + 1
