"""Each preset of the HTTP step sends what its service documents, to a local one that checks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import app.outside.jobs  # brings the performer
from app.flow import presentation
from tests.engine.calling import make_calls
from tests.engine.requests_by_http import connector, requesting
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


CHECKS = {"hubspot": hubspot, "notion": notion, "airtable": airtable}


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
