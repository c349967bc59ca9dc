"""Steps that call a web service: what leaves, what comes of it, and that what was made is what is recorded, also when workers die."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import app.outside.jobs  # brings the performer
from app.engine import integrity
from app.engine.held_runs import release_runs
from app.lib import database
from app.lib.ids import uuid7
from tests.engine.calling import finish, make_calls
from tests.engine.requests_by_http import CALLS, OUTPUT, RETRY, connector, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Recorder, Reply, endless, json_reply, recording
from tests.fixtures.world import World


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def test_what_leaves_and_what_comes_back(world: World, url: str, server: Recorder) -> None:
    server.answer = lambda asked: json_reply({"n": asked.json["amount"], "list": [{"id": "x"}]}, 201)
    body = {
        "type": "json",
        "value": '{"email": "{{ contact.email }}", "amount": "{{ event.amount }}", "note": "{{ event.note }}"}',
    }
    workflow = world.workflow(
        requesting(
            f"{server.url}/orders",
            headers={"X-Of": "{{ event.amount }}"},
            query={"q": "{{ event.note }}", "t": ["1", "2"]},
            body=body,
        )
    )
    world.emit("go", world.contacts(1), {"amount": 12.5, "note": 'a "b" & c'})
    assert make_calls(url) == 1
    world.engine.advance()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/orders?q=a+%22b%22+%26+c&t=1&t=2")
    assert asked.json["amount"] == 12.5 and asked.json["note"] == 'a "b" & c', "what is filled in stays inside its text"
    run_id = world.one("select id from runs")
    assert asked.headers["idempotency-key"] == f"{run_id}-1" and asked.headers["content-type"] == "application/json"
    assert asked.headers["x-of"] == "12.5" and asked.headers["user-agent"] == "Throughline"
    assert world.runs(workflow) == {"completed": 1}
    output = world.one(OUTPUT)
    assert output["status"] == 201 and output["body"] == {"n": 12.5, "list": [{"id": "x"}]} and "cut" not in output
    assert output["headers"]["content-type"] == "application/json" and output["durationMs"] >= 0
    assert world.one("select tags from contacts") == ["12.5"]
    ((status, times, detail),) = world.db.execute(CALLS).fetchall()
    assert (status, times) == ("answered", 1)
    assert detail["request"]["method"] == "POST" and detail["request"]["url"] == f"{server.url}{asked.path}"
    assert json.loads(detail["request"]["body"]) == asked.json and detail["response"]["status"] == 201
    assert integrity.check(world.db) == []


def test_a_connector_s_credentials_go_to_its_address_and_are_not_recorded(
    world: World, url: str, server: Recorder
) -> None:
    with recording() as other:
        server.answer = lambda asked: Reply(302, b"", {"Location": other.url, "Set-Cookie": "session=s3cret"})
        by = connector(world, f"{server.url}/v1")
        headers = {"X-Api-Key": "k3y"}
        world.workflow(
            requesting("/orders?token=t1", connectorId=by, method="GET", followRedirects=True, headers=headers)
        )
        world.workflow(requesting(f"{other.url}/steal", connectorId=by, method="GET"))
        world.emit("go", world.contacts(1))
        assert make_calls(url) == 2
        world.engine.advance()
        assert (
            server.asked[0].path == "/v1/orders?token=t1" and server.asked[0].headers["authorization"] == "Bearer t0ken"
        )
        assert len(other.asked) == 1 and "authorization" not in other.asked[0].headers
    stored = world.one("select jsonb_agg(detail)::text || coalesce(string_agg(target, ''), '') from outbound_calls")
    stored += world.one("select jsonb_agg(to_jsonb(s))::text from steps s")
    assert not [secret for secret in ("t0ken", "k3y", "t1", "s3cret") if secret in stored]
    assert "its credentials go nowhere else" in stored


def test_a_connector_that_is_gone_fails_the_step_in_words(world: World, url: str, server: Recorder) -> None:
    world.workflow(requesting("/x", connectorId=str(uuid7()), method="GET"))
    world.emit("go", world.contacts(1))
    finish(world, url)
    assert "does not exist any more" in world.one("select error_message from steps where node_id = 'a'")
    assert not server.asked


@pytest.mark.parametrize(
    ("status", "data", "tries"),
    [
        (404, {}, 1), (500, {}, 1), (503, {}, 3), (429, {}, 3), (500, {"method": "PUT"}, 3), (500, {"idempotent": True}, 3),
        (302, {}, 1), (404, {"successCodes": ["2xx", 404]}, 0), (302, {"successCodes": ["3xx"]}, 0), (200, {"successCodes": [201]}, 1),
    ],
)  # fmt: skip
def test_which_answers_fail_and_which_are_tried_again(
    world: World, url: str, server: Recorder, status: int, data: dict[str, Any], tries: int
) -> None:
    server.answer = lambda asked: json_reply({"n": 7, "error": "Such are the words"}, status)
    workflow = world.workflow(requesting(server.url, RETRY, **data))
    world.emit("go", world.contacts(1))
    for _ in range(3):
        finish(world, url)
        world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select tags from contacts") == (["bad"] if tries else ["7"])
    assert len(server.asked) == max(tries, 1) == world.one("select count(*) from outbound_calls")
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1, "a try again is the same request"
    if tries:
        error = world.one("select error_message from steps where node_id = 'a'")
        assert error.startswith(f"The answer was {status} ") and "Such are the words" in error


def test_what_cannot_be_sent_fails_the_step_and_calls_nobody(world: World, url: str, server: Recorder) -> None:
    cases = [
        requesting("http://169.254.169.254/latest"), requesting("{{ event.bad }}"),
        requesting(server.url, headers={"X": "{{ event.bad }}"}),
    ]  # fmt: skip
    for graph in cases:
        world.workflow(graph)
    world.emit("go", world.contacts(1), {"bad": "a\r\nb"})
    finish(world, url)
    errors = [text for (text,) in world.db.execute("select error_message from steps where node_id = 'a'")]
    assert len(errors) == 3 and not server.asked
    assert any("on the public internet" in text for text in errors) and any("line break" in text for text in errors)


def test_a_long_answer_is_cut_and_said(world: World, url: str, server: Recorder) -> None:
    answers = {
        "/endless": Reply(stream=endless), "/nul": Reply(200, b"\0" * 300_000), "/control": Reply(200, b"\x01" * 200_000),
        "/deep": json_reply(json.loads("[" * 90 + "]" * 90)), "/broken": Reply(200, b"{", {"Content-Type": "application/json"}),
    }  # fmt: skip
    server.answer = lambda asked: answers[asked.path]
    for path in answers:
        world.workflow(requesting(server.url + path, method="GET"))
    world.emit("go", world.contacts(1))
    finish(world, url)
    outputs = [output for (output,) in world.db.execute(OUTPUT)]
    assert len(outputs) == 5 and all(isinstance(output["body"], str) for output in outputs)
    assert sorted(bool(output.get("cut")) for output in outputs) == [False, False, True, True, True]
    assert max(len(msgspec.json.encode(output)) for output in outputs) <= 262_144


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_request_that_was_cut_is_held_where_it_must_not_be_repeated(
    world: World, url: str, server: Recorder, method: str
) -> None:
    """The service takes it and says nothing."""
    server.answer = lambda asked: json_reply({"n": 1}, after_s=2)
    workflow = world.workflow(requesting(server.url, RETRY, method=method, timeout=1))
    world.emit("go", world.contacts(1))
    await asyncio.to_thread(make_calls, url)
    world.engine.advance()
    assert len(server.asked) == 1
    if method == "GET":
        assert world.one("select status from outbound_calls") == "failed"
        assert world.one("select error_message from step_attempts").startswith("There was no answer within 1 second")
        return
    assert world.runs(workflow) == {"held": 1}
    assert "nobody knows whether it arrived" in world.one("select error_message from runs")
    assert world.one("select status from outbound_calls") == "uncertain"
    server.answer = lambda asked: json_reply({"n": 2})
    async with database.transaction() as session:
        assert await release_runs(session, world.tenant, [world.one("select id from runs")]) == 1
    world.engine.advance()
    await asyncio.to_thread(finish, world, url)
    assert world.runs(workflow) == {"completed": 1} and world.one("select tags from contacts") == ["2"]
    assert [status for status, *_ in world.db.execute(CALLS)] == ["uncertain", "answered"]
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1


def test_a_server_that_is_away_is_tried_again_whatever_the_method(world: World, url: str, server: Recorder) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        world.workflow(requesting(f"http://127.0.0.1:{closed.getsockname()[1]}/", RETRY))
        world.emit("go", world.contacts(1))
        for _ in range(3):
            finish(world, url)
            world.engine.advance()
    assert world.one("select attempt from steps where node_id = 'a'") == 3
    assert [status for status, *_ in world.db.execute(CALLS)] == ["failed"] * 3
