"""Steps that post to Slack: what leaves, Slack's words when it refuses, its rate limit, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import pytest

import app.outside.jobs  # brings the performer
from app.connectors.senders import seal_password
from app.engine import failpoints
from app.lib.ids import uuid7
from app.messaging.channels.slack.service import SlackAppConnector, SlackWebhookConnector
from app.nodes.slack import plain
from tests.engine.calling import finish, make_calls
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World, flow, node

RETRY = {"attempts": 2, "backoff": {"type": "fixed", "delay": 0, "jitter": False}}
TOKEN = "xoxb-17653672481-19874698323"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def connector(world: World, kind: str, config: dict[str, Any], secret: str) -> str:
    connector_id = uuid7()
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, secret) values (%s, %s, %s, 0, 'Team', %s, %s)",
        (world.tenant, connector_id, kind, json.dumps(config), seal_password(kind, connector_id, config, secret)),
    )
    return str(connector_id)


def posting(world: World, connector_id: str, **data: Any) -> None:
    nodes = [
        node("a", "slack", RETRY, connectorId=connector_id, **data),
        node("t", "add_tag", tag="told"),
        node("bad", "add_tag", tag="bad"),
    ]
    world.workflow(flow("go", nodes, ("trigger", "a"), ("a", "t"), ("a", "bad", "error")))


def as_documented(asked: Asked) -> None:
    """`chat.postMessage` as Slack documents it."""
    assert (asked.method, asked.path) == ("POST", "/api/chat.postMessage")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["content-type"] == "application/json; charset=utf-8"
    assert set(asked.json) <= {"channel", "text", "blocks"} and asked.json["channel"]


def test_an_app_posts(world: World, url: str, server: Recorder) -> None:
    def answer(asked: Asked) -> Reply:
        as_documented(asked)
        return json_reply({"ok": True, "channel": "C123", "ts": "1503435956.000247", "message": {"text": "x"}})

    server.answer = answer
    config = {"channel": "#general", "baseUrl": f"{server.url}/api"}
    blocks = '[{"type": "section", "text": {"type": "mrkdwn", "text": "*{{ event.name_of }}*"}}]'
    posting(world, connector(world, "slack_app", config, TOKEN), text="Hi <!here> {{ event.name_of }}", blocks=blocks)
    world.emit("go", world.contacts(1), {"name_of": "<!channel> & <@U1>"})
    assert make_calls(url) == 1
    world.engine.advance()
    (asked,) = server.asked
    assert asked.json["channel"] == "#general"
    assert asked.json["text"] == "Hi <!here> &lt;!channel> & &lt;@U1>", "what is filled in calls nobody"
    assert asked.json["blocks"][0]["text"]["text"] == "*&lt;!channel> & &lt;@U1>*"
    assert world.one("select output from steps where node_id = 'a'") == {"ts": "1503435956.000247", "channel": "C123"}
    record = world.one("select detail from outbound_calls")
    assert record["request"]["url"].endswith("/api/chat.postMessage") and TOKEN not in json.dumps(record)


def test_a_webhook_posts(world: World, url: str, server: Recorder) -> None:
    server.answer = lambda asked: Reply(200, b"ok", {"Content-Type": "text/html"})
    secret = f"{server.url}/services/T0/B0/s3cret"
    posting(world, connector(world, "slack_webhook", {}, secret), text="1 < 2 & 3", channel="#ignored")
    world.emit("go", world.contacts(1))
    assert make_calls(url) == 1
    world.engine.advance()
    (asked,) = server.asked
    assert asked.path == "/services/T0/B0/s3cret" and asked.json["text"] == "1 < 2 & 3" and "channel" not in asked.json
    assert world.one("select output from steps where node_id = 'a'") in ({}, None)
    assert "s3cret" not in world.one("select detail::text || target from outbound_calls")


@pytest.mark.parametrize("error", ["channel_not_found", "not_in_channel", "msg_too_long"])
def test_a_refusal_is_told_in_slacks_words(world: World, url: str, server: Recorder, error: str) -> None:
    server.answer = lambda asked: json_reply({"ok": False, "error": error})
    posting(world, connector(world, "slack_app", {"channel": "#x", "baseUrl": f"{server.url}/api"}, TOKEN), text="Hi")
    world.emit("go", world.contacts(1))
    make_calls(url)
    world.engine.advance()
    assert len(server.asked) == 1, "asking again would not help"
    assert error in world.one("select error_message from steps where node_id = 'a'")
    assert world.one("select count(*) from steps where node_id = 'bad'") == 1


def test_a_rate_limit_is_tried_again_when_slack_says(world: World, url: str, server: Recorder) -> None:
    answers = [
        Reply(429, b'{"ok": false, "error": "ratelimited"}', {"Retry-After": "30", "Content-Type": "application/json"}),
        json_reply({"ok": True, "channel": "C1", "ts": "1.2"}),
    ]
    server.answer = lambda asked: answers.pop(0)
    posting(world, connector(world, "slack_app", {"channel": "#x", "baseUrl": f"{server.url}/api"}, TOKEN), text="Hi")
    world.emit("go", world.contacts(1))
    make_calls(url)
    world.engine.advance()
    assert len(server.asked) == 1
    wait_s = world.one("select extract(epoch from resume_at - clock_now()) from runs where resume_at is not null")
    assert wait_s is not None and 15 < wait_s <= 40


def test_a_post_that_was_cut_is_not_made_again(world: World, url: str, server: Recorder) -> None:
    server.answer = lambda asked: Reply(cut=True)
    posting(world, connector(world, "slack_app", {"channel": "#x", "baseUrl": f"{server.url}/api"}, TOKEN), text="Hi")
    world.emit("go", world.contacts(1))
    make_calls(url)
    world.engine.advance()
    make_calls(url)
    assert len(server.asked) == 1 and world.one("select status from outbound_calls") == "uncertain"


def post_and_die(url: str, place: str) -> None:
    """The main function of a worker process that dies at a place of the calls."""
    failpoints.arm(place)
    make_calls(url)
    os._exit(0)


@pytest.mark.parametrize("place", ["call_claimed", "call_made"])
def test_posts_are_recorded_and_none_is_made_twice_when_workers_are_killed(
    world: World, url: str, server: Recorder, place: str
) -> None:
    server.answer = lambda asked: json_reply({"ok": True, "channel": "C1", "ts": "1.2"})
    config = {"channel": "#general", "baseUrl": f"{server.url}/api"}
    posting(world, connector(world, "slack_app", config, TOKEN), text="{{ contact.email }}")
    world.emit("go", world.contacts(5))
    worker = multiprocessing.get_context("fork").Process(target=post_and_die, args=(url, place))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -9
    world.db.execute("update calls set lease_until = now() - interval '1 second'")
    finish(world, url)
    texts = [asked.json["text"] for asked in server.asked]
    assert len(texts) == len(set(texts)), "none was made twice"
    recorded = world.db.execute("select status, times from outbound_calls").fetchall()
    assert recorded == [("uncertain", 1)] * 5, "nothing left that is on no record"
    assert world.one("select count(*) from active_runs where status = 3") == 5, "a person decides"


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "account_inactive"])
def test_a_refused_account_pauses_the_connector_and_the_post_waits(
    world: World, url: str, server: Recorder, error: str
) -> None:
    server.answer = lambda asked: json_reply({"ok": False, "error": error})
    posting(world, connector(world, "slack_app", {"channel": "#x", "baseUrl": f"{server.url}/api"}, TOKEN), text="Hi")
    world.emit("go", world.contacts(1))
    make_calls(url)
    assert world.one("select state from connectors") == "paused" and error in world.one(
        "select state_message from connectors"
    )
    world.engine.advance()
    assert make_calls(url) == 0 and len(server.asked) == 1 and world.one("select count(*) from calls") == 1


def test_a_channel_that_the_app_may_not_post_to_is_no_fault_of_the_account(
    world: World, url: str, server: Recorder
) -> None:
    server.answer = lambda asked: json_reply({"ok": False, "error": "no_permission"})
    posting(world, connector(world, "slack_app", {"channel": "#x", "baseUrl": f"{server.url}/api"}, TOKEN), text="Hi")
    world.emit("go", world.contacts(1))
    finish(world, url)
    assert world.one("select state from connectors") == "ok" and world.one("select count(*) from calls") == 0


def test_the_test_of_a_connection_says_slacks_words(server: Recorder) -> None:
    def tried(kind: Any, settings: dict[str, Any], secret: str) -> Any:
        return asyncio.run(kind.tried(kind.account(settings, secret), 5.0))

    app_settings = {"baseUrl": f"{server.url}/api", "channel": ""}
    server.answer = lambda asked: json_reply({"ok": True, "team": "Northlight", "user": "bot", "team_id": "T0"})
    assert tried(SlackAppConnector, app_settings, TOKEN) == ("sent", "Slack knows bot in Northlight.")
    assert server.asked[-1].path == "/api/auth.test"
    server.answer = lambda asked: json_reply({"ok": False, "error": "token_revoked"})
    assert tried(SlackAppConnector, app_settings, TOKEN) == ("misconfigured", "Slack answered: token_revoked")
    server.answer = lambda asked: Reply(400, b"no_text")
    assert tried(SlackWebhookConnector, {}, f"{server.url}/services/x").result == "sent"
    server.answer = lambda asked: Reply(404, b"no_service")
    assert tried(SlackWebhookConnector, {}, f"{server.url}/services/x").result == "misconfigured"


@pytest.mark.parametrize(
    ("text", "source", "shown"),
    [("a < b & c", "{{ x }}", "a &lt; b &amp; c"), ("<!channel>", "{{ x }}", "&lt;!channel&gt;"),
     ("<https://a.example|A> <!channel>", "<https://a.example|A> {{ x }}", "<https://a.example|A> &lt;!channel>"),
     ("<!here> hi", "<!here> {{ x }}", "<!here> hi")],
)  # fmt: skip
def test_what_is_filled_in_is_text(text: str, source: str, shown: str) -> None:
    assert plain(text, source) == shown
