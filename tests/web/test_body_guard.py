"""Bad input is refused at the door, with words, a path and the right status."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.jsonlimits import structure_of
from app.models.status import Role
from app.web.body_guard import MAX_DEPTH, _named_twice
from tests.fixtures.people import ApiClients, BrowserClients

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
async def test_each_field_error_names_its_path(api: ApiClients, body: object, path: str, words: str) -> None:
    answer = await (await api(Role.ADMIN)).post("/api/v1/api-keys", json=body)
    assert answer.status_code == 422
    [field_error] = answer.json()["errors"]
    assert field_error["path"] == path
    assert words in field_error["message"]


async def test_unknown_addresses_and_methods_are_problems(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    answer = await admin.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await admin.put("/api/v1/api-keys", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    assert (await admin.delete("/api/v1/api-keys/not-a-uuid")).status_code == 404


def test_structure_is_counted_and_not_what_strings_hold() -> None:
    assert structure_of(b'{"a": [1, {"b": []}], "c": "[[[[[:{"}', MAX_DEPTH) == (4, 3)
    assert structure_of(b'["\\"[[[:", "\\\\", [1]]', MAX_DEPTH) == (2, 0)
    assert structure_of(b"[" * (MAX_DEPTH * 3), MAX_DEPTH)[0] == MAX_DEPTH + 1


@given(
    st.recursive(
        st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
    )
)
def test_what_is_named_once_is_never_refused(value: object) -> None:
    for body in (
        json.dumps(value).encode(),
        json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
    ):
        written = structure_of(body, MAX_DEPTH)[1]
        assert not written or _named_twice(body, written) is None


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("api-keys", b'{"name": "a", "role": "viewer", "name": "b"}', "name"),
        ("contacts", b'{"email": "a@example.com", "attributes": {"plan": 1, "pl\\u0061n": 2}}', "plan"),
        (
            "events",
            b'[{"name": "x", "email": "a@example.com"}, {"email": "b@example.com", "name": "x", "email": "c@example.com"}]',
            "email",
        ),
        ("templates", b'{"name": "T", "subject": "\\":", "name": "T"}', "name"),
    ],
)
async def test_a_member_that_is_named_twice_is_refused(api: ApiClients, path: str, body: bytes, name: str) -> None:
    answer = await (await api(Role.OWNER)).post(f"/api/v1/{path}", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated_member"), answer.text
    assert answer.json()["errors"][0]["path"] == name


async def test_pages_that_take_json_are_held_to_the_same(browser: BrowserClients) -> None:
    person = await browser(Role.MARKETER)
    url = "/workflows/0b0f2f1e-0000-7000-8000-000000000000/draft"
    deep = b'{"ops": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for body, kind in ((b'{"client": 1, "client": 2}', JSON), (deep, JSON), (b'{"ops": "\xff"}', JSON)):
        assert (await person.patch(url, content=body, headers=kind)).status_code == 400
    assert (await person.patch(url, content=b"{}", headers=UTF_16)).status_code == 415


UTF_16 = {"Content-Type": "application/json; charset=UTF-16"}


@pytest.mark.parametrize(
    "headers",
    [
        UTF_16,
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": 'application/merge-patch+json; charset="utf-32"'},
        {**JSON, "Content-Encoding": "gzip"},
        {**JSON, "Content-Encoding": "br"},
    ],
)
async def test_only_plain_utf_8_is_read(api: ApiClients, headers: dict[str, str]) -> None:
    admin = await api(Role.ADMIN)
    for content in (b'{"name": "x"}', '{"name": "x"}'.encode("utf-16")):
        answer = await admin.post("/api/v1/api-keys", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "wrong_content_type"), answer.text
    plain = {"Content-Type": "application/json; charset=UTF8"}
    assert (await admin.post("/api/v1/api-keys", content=b'{"name": "x"}', headers=plain)).status_code == 201
