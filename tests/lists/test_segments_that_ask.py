"""Segments whose rules name each other, deleted at once: who asks goes before whom it asks for, in whatever order they were chosen."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lists.bulk import BulkJobs
from app.lists.bulk_pages import done_in_words
from app.models import Segment, Workspace
from app.models.status import Role
from app.segments import bulk_verbs
from tests.fixtures.people import ApiClients
from tests.lists.test_segment_list import SEGMENTS, segments


@pytest.fixture
def jobs(db_session: AsyncSession, principals: dict[Role, Principal]) -> BulkJobs:
    return BulkJobs(db_session, principals[Role.MARKETER])


class Asking:
    """Makes segments that ask for others."""

    def __init__(self, api: ApiClients) -> None:
        self._api = api

    async def __call__(self, name: str, *wanted: UUID) -> UUID:
        condition = {"field": "segment", "operator": "in", "value": [str(one) for one in wanted]}
        body = {"name": name, "kind": "dynamic", "rule": {"match": "all", "conditions": [condition]}}
        answer = await (await self._api(Role.MARKETER)).post(SEGMENTS, json=body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["data"]["id"])

    async def left(self) -> list[str]:
        return [row["name"] for row in (await (await self._api(Role.VIEWER)).get(SEGMENTS)).json()["data"]]


@pytest.fixture
def asking(api: ApiClients) -> Asking:
    return Asking(api)


@pytest.fixture
async def first(db_session: AsyncSession, workspace: Workspace) -> Segment:
    return (await segments(db_session, workspace, "Customers"))[0]


@pytest.mark.parametrize("turned", [False, True])
async def test_one_that_asks_and_whom_it_asks_for(jobs: BulkJobs, asking: Asking, first: Segment, turned: bool) -> None:
    ids = [first.id, await asking("Lapsed", first.id)]
    job = await jobs.start("segments", "delete", ids[::-1] if turned else ids, {})
    assert (job.done, job.refused, await asking.left()) == (2, 0, [])


async def test_a_chain_of_three_over_two_batches(
    jobs: BulkJobs, asking: Asking, first: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    verbs = bulk_verbs.BULK.verbs
    monkeypatch.setitem(verbs, "delete", verbs["delete"]._replace(batch=2))
    second = await asking("Lapsed", first.id)
    third = await asking("Lapsed long ago", second)
    job = await jobs.start("segments", "delete", [first.id, third, second], {})
    assert job.target_ids == [third, second, first.id] and (job.done, await asking.left()) == (2, ["Customers"])


async def test_who_is_asked_for_by_one_that_stays_is_left_and_named(
    jobs: BulkJobs, asking: Asking, first: Segment
) -> None:
    second = await asking("Lapsed", first.id)
    await asking("Lapsed long ago", second)
    job = await jobs.start("segments", "delete", [first.id, second], {})
    assert (job.done, job.refused) == (0, 2)
    text = done_in_words(job)
    assert "“Lapsed” (“Lapsed long ago”), “Customers” (“Lapsed”)" in text, text


async def test_one_that_asks_for_two_goes_before_them(jobs: BulkJobs, asking: Asking, first: Segment) -> None:
    other = await asking("Lapsed", first.id)
    third = await asking("Others", first.id, other)
    job = await jobs.start("segments", "delete", [other, first.id, third], {})
    assert job.target_ids == [third, other, first.id] and (job.done, await asking.left()) == (3, [])
