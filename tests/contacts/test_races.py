"""Contacts that many requests create at once: one contact, nothing lost, each change told once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from app.lib import database
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_key, make_workspace

CONTACTS = "/api/v1/contacts"


async def test_upserts_of_one_person_at_once(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    headers = {"Authorization": f"Bearer {key}"}

    async def upsert(number: int) -> Any:
        names = [{"externalId": "u1"}, {"email": "ada@example.com"}, {"externalId": "u1", "email": "ada@example.com"}]
        body = {**names[number % 3 if number else 2], "attributes": {f"k{number}": number}}
        return await committed_client.post(CONTACTS, json=body, headers=headers)

    first = await upsert(0)
    answers = await asyncio.gather(*map(upsert, range(1, 30)))
    assert first.status_code == 201 and {answer.status_code for answer in answers} == {200}
    with committed_database.connect() as connection:
        ((attributes,),) = connection.execute("select attributes from contacts").fetchall()
        assert attributes == {f"k{number}": number for number in range(30)}
        told = Counter(row[0] for row in connection.execute("select name from inbox"))
        assert told == {"contact.created": 1, "contact.updated": 29, "contact.attribute_changed": 29}


async def test_first_contact_at_once_makes_one(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    headers = {"Authorization": f"Bearer {key}"}
    event = {"name": "seen", "email": "ada@example.com"}
    answers = await asyncio.gather(
        *(committed_client.post(CONTACTS, json={"email": "ada@example.com"}, headers=headers) for _ in range(6)),
        *(committed_client.post("/api/v1/events", json=event, headers=headers) for _ in range(6)),
    )
    assert all(answer.status_code in (200, 201, 202) for answer in answers), [answer.text for answer in answers]
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from contacts").fetchone() == (1,)
        told = Counter(row[0] for row in connection.execute("select name from inbox"))
        assert told == {"contact.created": 1, "seen": 6}


async def test_tags_and_attributes_at_once_are_all_kept(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    headers = {"Authorization": f"Bearer {key}"}

    def body(number: int) -> dict[str, Any]:
        field = "tags" if number % 2 else "addTags"
        return {field: [f"t{number}"], "attributes": {f"a{number}": number}, "consent": {f"topic{number}": True}}

    made = await asyncio.gather(
        *(
            committed_client.post(CONTACTS, json={"email": "ada@example.com", **body(number)}, headers=headers)
            for number in range(8)
        )
    )
    assert sorted(answer.status_code for answer in made) == [200] * 7 + [201]
    one = f"{CONTACTS}/{made[0].json()['data']['id']}"
    await asyncio.gather(*(committed_client.patch(one, json=body(number), headers=headers) for number in range(8, 16)))
    ada = (await committed_client.get(one, headers=headers)).json()["data"]
    assert sorted(ada["tags"]) == sorted(f"t{number}" for number in range(16))
    assert ada["attributes"] == {f"a{number}": number for number in range(16)}
    assert ada["consent"] == {f"topic{number}": True for number in range(16)}
    await asyncio.gather(
        committed_client.patch(one, json={"removeTags": ["t1"]}, headers=headers),
        committed_client.patch(one, json={"tags": ["new"]}, headers=headers),
        committed_client.patch(one, json={"attributes": {"a1": None}}, headers=headers),
    )
    ada = (await committed_client.get(one, headers=headers)).json()["data"]
    assert set(ada["tags"]) == {f"t{number}" for number in range(16) if number != 1} | {"new"}
    assert "a1" not in ada["attributes"] and len(ada["attributes"]) == 15
