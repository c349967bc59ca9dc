"""A real call of a test is the request that somebody saw and agreed to, has a key of its own, and keeps nobody from testing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.models.status import Role
from app.test_runs import service
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply
from tests.fixtures.people import ApiClients, BrowserClients
from tests.test_runs.test_api import CONTACTS, WORKFLOWS
from tests.test_runs.test_real_calls import call_really, hidden, make, server

__all__ = ["server"]


async def change_ask(program: httpx.AsyncClient, workflow_id: str, **config: Any) -> None:
    document = (await program.get(f"{WORKFLOWS}/{workflow_id}")).json()["data"]
    document["nodes"][0]["data"] |= config
    changed = {name: document[name] for name in ("nodes", "edges", "triggers")}
    answer = await program.patch(f"{WORKFLOWS}/{workflow_id}", json=changed)
    assert answer.status_code == 200, answer.text


async def test_each_press_has_a_key_of_its_own(api: ApiClients, browser: BrowserClients, server: Recorder) -> None:
    program, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    urls = [f"/workflows/{await make(program, server.url)}/test" for _ in range(2)]
    for url in (urls[0], urls[0], urls[1]):
        await call_really(admin, url)
    keys = [one.headers["idempotency-key"] for one in server.asked]
    assert len(keys) == 3 == len(set(keys)), "a service would answer with what it answered to another call"


async def test_what_was_not_seen_is_shown_and_not_called(
    api: ApiClients, browser: BrowserClients, server: Recorder
) -> None:
    program, admin = await api(Role.ADMIN), await browser(Role.ADMIN)
    workflow = await make(program, server.url, method="GET")
    url = f"/workflows/{workflow}/test"
    seen = hidden((await admin.post(f"{url}/call/look", data={"place": "ask#1"})).text)
    await change_ask(program, workflow, method="DELETE")
    again = await admin.post(f"{url}/call", data=seen)
    assert again.headers["hx-retarget"] == "#dialogs" and not server.asked
    assert f"DELETE {server.url}/orders/Ada" in again.text and "asks for something else by now" in again.text
    await program.post(CONTACTS, json={"email": "bo@example.com", "attributes": {"first_name": "Bo"}})
    again = await admin.post(f"{url}/call", data=hidden(again.text))
    assert f"DELETE {server.url}/orders/Bo" in again.text and not server.asked, "it would be about somebody else"
    for unseen in ({"place": "ask#1"}, {**hidden(again.text), "approved": ""}, {**seen, "began": "soon", "run": "é"}):
        assert "Call it now" in (await admin.post(f"{url}/call", data=unseen)).text and not server.asked
    await admin.post(f"{url}/call", data=hidden(again.text))
    assert [(one.method, one.path) for one in server.asked] == [("DELETE", "/orders/Bo")]


async def test_a_service_that_is_waited_for_takes_no_place_of_other_tests(
    api: ApiClients, browser: BrowserClients, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = list[tuple[int, int]]()

    def answer(_: Asked) -> Reply:
        busy.append((service.turns._busy["process"], service.turns._busy["calls"]))
        return json_reply({"n": 7})

    server.answer = answer
    url = f"/workflows/{await make(await api(Role.ADMIN), server.url)}/test"
    assert "really called in a test" in await call_really(await browser(Role.ADMIN), url)
    assert busy == [(0, 1)] and not service.turns._busy
