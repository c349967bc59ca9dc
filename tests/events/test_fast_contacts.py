"""People who are new are made before the framework, once, and with all of the request that names them or not at all."""

from __future__ import annotations

import asyncio

from app.lib.ids import uuid7
from tests.events.test_api import EVENTS
from tests.events.test_fast_faults import BLOCKED
from tests.fixtures.routes import Sides


async def test_a_person_whom_many_requests_name_at_once_is_made_once(sides: Sides) -> None:
    people = [{"externalId": "p1"}, {"email": "P1@example.com"}, {"externalId": "p2"}, {"externalId": "u1"}]
    answers = await asyncio.gather(
        *(sides.fast.client.post(EVENTS, json={"name": f"n{number}", **people[number % 4]}) for number in range(40))
    )
    assert {answer.status_code for answer in answers} == {202} and sides.app.store.stored == 40
    contact_ids = [{answer.json()["data"]["contactId"] for answer in answers[person::4]} for person in range(4)]
    assert [len(ids) for ids in contact_ids] == [1, 1, 1, 1] and len(set.union(*contact_ids)) == 4
    with sides.database.connect() as connection:
        for table in ("events", "inbox"):
            rows = connection.execute(
                f"select contact_id::text from {table} where name = 'contact.created' order by 1"
            ).fetchall()
            assert {one for (one,) in rows} == set.union(*contact_ids[:3]) and len(rows) == 3
        first = connection.execute("select name from events where contact_id = %s order by id", (*contact_ids[0],))
        assert next(iter(first)) == ("contact.created",), "it is told before what was done"


async def test_nobody_is_made_for_a_request_that_is_refused(sides: Sides) -> None:
    refused = [{"name": "a", "externalId": "nobody"}, {"name": "b", "contactId": str(uuid7())}]
    known = [{"name": "a", "externalId": "nobody", "id": "k"}, {"name": "c", "email": "no@example.com"}]
    assert await sides.alike({"name": "a", "externalId": "u1", "id": "k"}) == 202
    answers = await asyncio.gather(
        sides.fast.client.post(EVENTS, json=refused),
        sides.fast.client.post(EVENTS, json={"name": "d", "externalId": "somebody"}),
        sides.fast.client.post(EVENTS, json=known),
    )
    assert [answer.status_code for answer in answers] == [422, 202, 409]
    with sides.database.connect() as connection:
        people = connection.execute(
            "select external_id from contacts where tenant_id = %s order by 1", (sides.fast.workspace.id,)
        )
        assert people.fetchall() == [("somebody",), ("u1",)]


async def test_a_person_whom_another_process_makes_meanwhile_is_made_once(sides: Sides) -> None:
    """The statement stores nothing of what came together, and the application finds that person."""
    with sides.database.connect() as other, sides.database.connect() as watcher:
        with other.transaction():
            other.execute(
                "insert into contacts (id, tenant_id, external_id) values (%s, %s, 'p1')",
                (other_id := uuid7(), sides.fast.workspace.id),
            )
            batch = [{"name": "a", "externalId": "p2", "id": "one"}, {"name": "b", "externalId": "p1"}]
            waiting = asyncio.create_task(sides.fast.client.post(EVENTS, json=batch))
            while not watcher.execute(BLOCKED).fetchall():
                await asyncio.sleep(0.01)
        answer = await waiting
        assert answer.status_code == 202 and answer.json()["data"][1]["contactId"] == str(other_id)
        assert sides.app.store.stored == 0 and sides.app.store.space.events == 0
        names = watcher.execute("select name from events where tenant_id = %s order by id", (sides.fast.workspace.id,))
        assert [name for (name,) in names] == ["before", "contact.created", "a", "b"]


async def test_a_key_that_ended_makes_nobody(sides: Sides) -> None:
    with sides.database.connect() as connection:
        connection.execute("update api_keys set revoked_at = now() where tenant_id = %s", (sides.fast.workspace.id,))
        answer = await sides.fast.client.post(EVENTS, json={"name": "a", "externalId": "new"})
        assert answer.status_code == 401
        assert connection.execute("select count(*) from contacts where external_id = 'new'").fetchone() == (0,)
