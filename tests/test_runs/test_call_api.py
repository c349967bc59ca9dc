"""Real calls of a test by the API: shown first, made as it was shown and by whom may, and answered again to a repeated request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.models.status import Role
from app.test_runs import real_calls
from tests.fixtures.http_server import Recorder, json_reply, recording
from tests.fixtures.people import ApiClients
from tests.test_runs.test_api import WORKFLOWS
from tests.test_runs.test_real_calls import make


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(real_calls.turns, "_a_minute", 100)
    with recording() as recorder:
        yield recorder


async def looked(program: httpx.AsyncClient, url: str, place: str = "ask#1") -> dict[str, Any]:
    answer = await program.post(f"{url}/look", json={"place": place})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def agreed(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("place", "began", "runId", "approved")}


async def test_a_call_is_shown_made_and_the_walk_goes_on_with_its_answer(api: ApiClients, server: Recorder) -> None:
    server.answer = lambda asked: json_reply({"n": 7})
    admin = await api(Role.ADMIN)
    workflow = await make(admin, server.url)
    url = f"{WORKFLOWS}/{workflow}/test/call"
    shown = await looked(admin, url)
    assert shown["request"]["url"] == f"{server.url}/orders/Ada" and "t0ken" not in str(shown) and not server.asked
    key = {"Idempotency-Key": "one-press"}
    answers = [await admin.post(url, json=agreed(shown), headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json() == answers[1].json() and len(server.asked) == 1, "a repeated request calls nobody again"
    walked = answers[0].json()["data"]
    assert {step["nodeId"]: step["port"] for step in walked["steps"]}["seven"] == "true"
    later = (await admin.post(f"{WORKFLOWS}/{workflow}/test")).json()["data"]
    assert {step["nodeId"]: step["port"] for step in later["steps"]}["seven"] == "true" and len(server.asked) == 1


async def test_what_changed_since_it_was_shown_is_shown_again_and_not_called(api: ApiClients, server: Recorder) -> None:
    server.answer = lambda asked: json_reply({"n": 7})
    admin = await api(Role.ADMIN)
    url = f"{WORKFLOWS}/{await make(admin, server.url)}/test/call"
    shown = await looked(admin, url)
    for body in ({**agreed(shown), "approved": "something else"}, {**agreed(shown), "approved": ""}):
        refused = await admin.post(url, json=body)
        problem = refused.json()
        assert refused.status_code == 409 and "call_changed" in refused.text and not server.asked, problem
    again = await looked(admin, url)
    assert (await admin.post(url, json=agreed(again))).status_code == 200 and len(server.asked) == 1


async def test_who_may_not_call_and_where_there_is_no_call(api: ApiClients, server: Recorder) -> None:
    admin, marketer, viewer = await api(Role.ADMIN), await api(Role.MARKETER), await api(Role.VIEWER)
    url = f"{WORKFLOWS}/{await make(admin, server.url)}/test/call"
    shown = await looked(marketer, url)
    assert shown["error"] is None and shown["approved"]
    assert (await marketer.post(url, json=agreed(shown))).status_code == 403
    assert (await viewer.post(f"{url}/look", json={"place": "ask#1"})).status_code == 403
    nowhere = await looked(admin, url, "seven#1")
    assert "does not come to a call" in nowhere["error"] and not nowhere["request"] and not nowhere["approved"]
    assert (await admin.post(url, json=agreed(nowhere))).status_code == 409 and not server.asked
