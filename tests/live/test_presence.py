"""Who has a workflow open: seen by those who have it open too, in this web process and in others, and by nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
import redis
from redis.asyncio.client import Pipeline

from app.accounts.principal import Principal
from app.live import presence as module
from app.live.presence import MOST_TABS, Presence
from app.live.stream import LiveStream, Topic
from app.models.status import Role
from tests.live.listening import until

WORKFLOW = UUID("0b0f2f1e-0000-7000-8000-000000000001")


def person(name: str, tenant_id: int = 1) -> Principal:
    return Principal(kind="user", id=uuid4(), tenant_id=tenant_id, role=Role.VIEWER, name=name)


class Tab:
    """A tab of a person, and what it was shown last."""

    def __init__(self, process: Presence, who: Principal, tab: str, workflow_id: UUID = WORKFLOW) -> None:
        self.process, self.who = process, who
        self.stream = LiveStream(who, Topic(workflow_id=workflow_id, hints=True), tab=tab)
        self.shown: list[dict[str, str]] = []
        process.join(self.stream)

    async def select(self, step: str) -> None:
        assert self.stream.topic.workflow_id
        await self.process.select(self.who, self.stream.topic.workflow_id, self.stream.tab, step)

    def close(self) -> None:
        self.process.leave(self.stream)

    def sees(self, *wanted: tuple[str, str]) -> Callable[[], bool]:
        """Does it show these (name, step), by name?"""

        def look() -> bool:
            while self.stream._pieces:
                text = self.stream._pieces.popleft().decode()
                self.shown = json.loads(text.split("data: ", 1)[1])["tabs"]
            return [(one["name"], one["step"]) for one in self.shown] == sorted(wanted)

        return look


@asynccontextmanager
async def processes(*urls: str | None) -> AsyncIterator[list[Presence]]:
    made = [Presence(lambda url=url: url) for url in urls]  # type: ignore[misc]
    try:
        yield made
    finally:
        for one in made:
            await one.stop()


@pytest.fixture
def url(redis_url: str) -> str:
    client = redis.Redis.from_url(redis_url)
    for key in client.scan_iter("presence:*"):
        client.delete(key)
    return redis_url


@pytest.mark.parametrize("away", [None, "redis://127.0.0.1:9/0"], ids=["without Valkey", "Valkey is away"])
async def test_people_of_one_process_see_each_other_whatever_becomes_of_valkey(away: str | None) -> None:
    async with processes(away) as [web]:
        ada, rosa = Tab(web, person("Ada"), "a"), Tab(web, person("Rosa"), "r")
        await ada.select("mail")
        await until(rosa.sees(("Ada", "mail"), ("Rosa", "")))
        ada.close()
        await until(rosa.sees(("Rosa", "")))
        rosa.close()
        await until(lambda: not web._left and not web._shown and not web._due)


async def test_a_tab_that_goes_during_a_round_trip_leaves_nothing_behind(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, going = Pipeline.execute, list[Tab]()

    async def slow(pipeline: Pipeline) -> object:
        while going:
            going.pop().close()
        return await execute(pipeline)

    monkeypatch.setattr(Pipeline, "execute", slow)
    client, key = redis.Redis.from_url(url), f"presence:1:{WORKFLOW}"
    async with processes(url, url) as [web, other]:
        ada, rosa = Tab(web, person("Ada"), "a"), Tab(other, person("Rosa"), "r")
        await until(rosa.sees(("Ada", ""), ("Rosa", "")))
        going.append(ada)
        await ada.select("mail")
        await until(rosa.sees(("Rosa", "")))
        assert client.hlen(key) == 1
        going.append(rosa)
        await rosa.select("mail")
        await until(lambda: not (client.exists(key) or web._left or other._left or web._shown or other._shown))


async def test_people_of_other_processes_are_seen_too(url: str) -> None:
    async with processes(url, url) as [web, other]:
        ada, rosa = Tab(web, person("Ada"), "a"), Tab(other, person("Rosa"), "r")
        await until(ada.sees(("Ada", ""), ("Rosa", "")))
        await until(rosa.sees(("Ada", ""), ("Rosa", "")))
        await rosa.select("wait")
        await until(ada.sees(("Ada", ""), ("Rosa", "wait")))
        # A browser's request comes to any process, whichever has its stream.
        await other.select(ada.who, WORKFLOW, "a", "mail")
        await until(rosa.sees(("Ada", "mail"), ("Rosa", "wait")))
        ada.close()
        await until(rosa.sees(("Rosa", "wait")))


async def test_what_a_process_left_behind_that_died_expires(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.1)
    async with processes(url) as [web]:
        async with processes(url) as [dying]:
            monkeypatch.setattr(module, "GOOD_S", 1.0)
            Tab(dying, person("Ada"), "a")
            rosa = Tab(web, person("Rosa"), "r")
            await until(rosa.sees(("Ada", ""), ("Rosa", "")))
        await until(rosa.sees(("Rosa", "")))
        await until(lambda: redis.Redis.from_url(url).hlen(f"presence:1:{WORKFLOW}") == 1)
    assert 0 < redis.Redis.from_url(url).ttl(f"presence:1:{WORKFLOW}") <= module.KEEP_S


async def test_nobody_is_seen_in_another_workspace_or_workflow(url: str) -> None:
    async with processes(url) as [web]:
        ada = Tab(web, person("Ada"), "a")
        stranger, elsewhere = Tab(web, person("Eve", 2), "e"), Tab(web, person("Rosa"), "r", uuid4())
        for tab, name in ((ada, "Ada"), (stranger, "Eve"), (elsewhere, "Rosa")):
            await until(tab.sees((name, "")))


async def test_nobody_moves_the_tab_of_somebody_else(url: str) -> None:
    async with processes(url, url) as [web, other]:
        ada, eve = Tab(web, person("Ada"), "a"), person("Eve")
        Tab(web, eve, "a")
        await until(ada.sees(("Ada", ""), ("Eve", "")))
        for process in (web, other):
            await process.select(eve, WORKFLOW, "a", "mail")
            await process.select(person("Eve", 2), WORKFLOW, "a", "sms")
        await until(ada.sees(("Ada", ""), ("Eve", "mail")))


async def test_a_tab_that_comes_back_by_another_stream_is_there_once(url: str) -> None:
    async with processes(url) as [web]:
        who = person("Ada")
        before, again = Tab(web, who, "a"), Tab(web, who, "a")
        before.close()
        await until(again.sees(("Ada", "")))


async def test_no_more_than_so_many_are_shown(url: str) -> None:
    async with processes(url) as [web]:
        tabs = [Tab(web, person(f"P{number:03}"), "t") for number in range(MOST_TABS + 5)]
        await until(tabs[0].sees(*((f"P{number:03}", "") for number in range(MOST_TABS))))
        assert not tabs[-1].stream._pieces
        for tab in tabs:
            tab.close()
