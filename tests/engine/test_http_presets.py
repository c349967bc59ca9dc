"""Each preset of the HTTP step sends what its service documents, to a local one that checks it."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

import app.outside.jobs  # brings the performer
from app.flow import presentation
from tests.engine.calling import make_calls
from tests.engine.requests_by_http import RETRY, connector, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def hubspot(asked: Asked) -> Reply:
    assert (asked.method, asked.path) == ("POST", "/base/crm/v3/objects/contacts")
    assert set(asked.json) == {"properties"} and "@" in asked.json["properties"]["email"]
    return json_reply({"id": "1", "properties": asked.json["properties"]}, 201)


def notion(asked: Asked) -> Reply:
    assert (asked.method, asked.path, asked.headers["notion-version"]) == ("POST", "/base/pages", "2022-06-28")
    assert asked.json["parent"] == {"database_id": "DATABASE_ID"}
    (text,) = asked.json["properties"]["Name"]["title"]
    assert "@" in text["text"]["content"]
    return json_reply({"object": "page", "id": "p"})


def airtable(asked: Asked) -> Reply:
    assert (asked.method, asked.path) == ("POST", "/base/Contacts")
    (record,) = asked.json["records"]
    assert set(record) == {"fields"} and asked.json["typecast"] is True
    return json_reply({"records": [{"id": "rec1", **record}]})


def google_sheets(asked: Asked) -> Reply:
    """developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values/append"""
    path, _, query = asked.path.partition("?")
    assert (asked.method, path) == ("POST", "/base/SPREADSHEET_ID/values/Sheet1!A1:append")
    assert parse_qs(query) == {"valueInputOption": ["RAW"], "insertDataOption": ["INSERT_ROWS"]}
    assert set(asked.json) == {"values"}
    ((email, *_),) = asked.json["values"]
    assert "@" in email
    return json_reply(
        {"spreadsheetId": "SPREADSHEET_ID", "updates": {"updatedRange": "Sheet1!A2:C2", "updatedRows": 1}}
    )


def gmail(asked: Asked) -> Reply:
    """developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send: `raw` is RFC 2822 in base64url."""
    assert (asked.method, asked.path) == ("POST", "/base/messages/send") and set(asked.json) == {"raw"}
    raw = asked.json["raw"]
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", raw)
    source = base64.urlsafe_b64decode(raw)
    mail = email.message_from_bytes(source, policy=email.policy.default)
    assert source.isascii() and "@" in mail["To"] and mail["Subject"] == "Your order"
    assert mail.get_content().startswith("Hello ") and mail.get_content_type() == "text/plain"
    return json_reply({"id": "18c", "threadId": "18c", "labelIds": ["SENT"]})


CHECKS = {"hubspot": hubspot, "notion": notion, "airtable": airtable, "google_sheets": google_sheets, "gmail": gmail}


def test_each_preset_has_a_service_that_checks_it() -> None:
    presented = presentation.steps()["http_request"]
    assert {one.id for one in presented.presets} == set(CHECKS)
    for one in presented.presets:
        assert presented.preset_of(one.data) == one


@pytest.mark.parametrize("name", CHECKS)
def test_what_a_preset_sends(world: World, url: str, server: Recorder, name: str) -> None:
    data: dict[str, Any] = presentation.steps()["http_request"].preset_data()[name]
    faults = list[BaseException]()

    def answer(asked: Asked) -> Reply:
        try:
            assert asked.headers["authorization"] == "Bearer t0ken"
            assert asked.headers["content-type"] == "application/json"
            return CHECKS[name](asked)
        except BaseException as error:
            faults.append(error)
            return Reply(400)

    server.answer = answer
    connector_id = connector(world, f"{server.url}/base")
    world.workflow(requesting(connectorId=connector_id, **data))
    world.emit("go", world.contacts(1))
    assert make_calls(url) == 1 and faults == []
    world.engine.advance()
    assert world.one("select output ->> 'status' from steps where node_id = 'a'") in ("200", "201")


@pytest.mark.parametrize("name", ["google_sheets", "gmail"])
def test_what_google_may_have_done_is_not_done_again(world: World, url: str, server: Recorder, name: str) -> None:
    """A row or a mail of which the answer was cut off is uncertain, and somebody decides."""
    data: dict[str, Any] = presentation.steps()["http_request"].preset_data()[name]
    server.answer = lambda asked: Reply(cut=True)
    connector_id = connector(world, f"{server.url}/base")
    world.workflow(requesting(retry=RETRY, connectorId=connector_id, **data))
    world.emit("go", world.contacts(1))
    make_calls(url)
    world.engine.advance()
    make_calls(url)
    assert len(server.asked) == 1 and world.one("select status from outbound_calls") == "uncertain"


def test_a_changed_table_is_still_a_row_of_google_sheets() -> None:
    presented = presentation.steps()["http_request"]
    sheets = next(one for one in presented.presets if one.id == "google_sheets")
    assert presented.preset_of({**sheets.data, "url": "/1AbC/values/Orders!A1:append"}) == sheets
