"""Folders that several requests make and move at once: one of a name, and never three levels."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from app.lib import database
from app.models.status import Role
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import make_key, make_workspace

FOLDERS = "/api/v1/workflow-folders"


async def signed_in() -> dict[str, str]:
    async with database.transaction() as session:
        key = await make_key(session, await make_workspace(session, "Acme"), Role.MARKETER)
    return {"Authorization": f"Bearer {key}"}


async def test_one_name_at_once_makes_one_folder(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    headers = await signed_in()
    answers = await asyncio.gather(
        *(committed_client.post(FOLDERS, json={"name": name}, headers=headers) for name in ("News", "news") * 6)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 11}
    with committed_database.connect() as connection:
        assert connection.execute("select count(*) from folders").fetchone() == (1,)


async def test_a_folder_that_moves_while_one_is_made_in_it_keeps_two_levels(
    committed_database: CommittedDatabase, committed_client: httpx.AsyncClient
) -> None:
    headers = await signed_in()

    async def made(name: str, parent: str | None = None) -> httpx.Response:
        return await committed_client.post(FOLDERS, json={"name": name, "parentId": parent}, headers=headers)

    async def id_of(name: str) -> Any:
        return (await made(name)).json()["data"]["id"]

    outer = await id_of("Outer")
    for number in range(8):
        moving = await id_of(f"Moving {number}")
        answers = await asyncio.gather(
            made(f"Inner {number}", moving),
            committed_client.patch(f"{FOLDERS}/{moving}", json={"parentId": outer}, headers=headers),
        )
        assert sorted(answer.status_code // 100 for answer in answers) == [2, 4], [one.text for one in answers]
    with committed_database.connect() as connection:
        third = "select count(*) from folders f join folders p on p.id = f.parent_id where p.parent_id is not null"
        assert connection.execute(third).fetchone() == (0,)
