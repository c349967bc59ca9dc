"""`/api/v1/workflows/{id}/triggers`: what changes the draft, and what holds at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.models.status import Role
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created

FLOW: dict[str, Any] = {
    "name": "Ways in",
    "triggers": [
        {"id": "trigger", "type": "event", "data": {"event": "cart.left"}},
        {"id": "hand", "type": "manual", "data": {}},
    ],
    "nodes": [{"id": "end", "type": "end"}],
    "edges": [{"source": "trigger", "target": "end"}, {"source": "hand", "target": "end"}],
}


async def live(api: ApiClients) -> tuple[httpx.AsyncClient, str]:
    """An admin and the address of the active workflow FLOW."""
    admin = await api(Role.ADMIN)
    path = f"{PATH}/{(await created(admin, FLOW))['id']}"
    assert (await admin.post(f"{path}/activate")).status_code == 200
    return admin, path


async def test_the_first_added_trigger_takes_the_place_of_the_empty_one(api: ApiClients) -> None:
    marketer = await api(Role.MARKETER)
    path = f"{PATH}/{(await created(marketer, {'name': 'New'}))['id']}"
    answer = await marketer.post(f"{path}/triggers", json={"type": "event", "config": {"event": "order.paid"}})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["data"]["id"], answer.json()["data"]["title"]) == ("trigger", "order.paid")
    second = await marketer.post(f"{path}/triggers", json={"id": "second", "type": "manual"})
    assert second.status_code == 201, second.text
    listed = (await marketer.get(f"{path}/triggers")).json()["data"]
    assert [one["id"] for one in listed] == ["trigger", "second"]
    assert all(one["live"] is None for one in listed)


async def test_a_trigger_that_is_added_leads_where_the_first_one_does(api: ApiClients) -> None:
    admin, path = await live(api)
    made = (await admin.post(f"{path}/triggers", json={"type": "api"})).json()["data"]
    assert (made["id"], made["target"]) == ("trigger-2", "end")
    draft = (await admin.get(path)).json()["data"]
    assert {"trigger-2"} <= {edge["source"] for edge in draft["edges"] if edge["target"] == "end"}


async def test_a_change_is_of_the_draft_until_it_is_published(api: ApiClients) -> None:
    admin, path = await live(api)
    answer = await admin.patch(f"{path}/triggers/hand", json={"enabled": False})
    assert answer.json()["data"]["enabled"] is False
    assert answer.json()["data"]["live"] == {"version": 1, "enabled": True, "published": False}
    assert (await admin.post(f"{path}/versions")).status_code == 201
    (hand,) = [one for one in (await admin.get(f"{path}/triggers")).json()["data"] if one["id"] == "hand"]
    assert hand["live"] == {"version": 2, "enabled": False, "published": True}


async def test_switching_off_holds_at_once_and_leaves_the_rest_of_the_draft(api: ApiClients) -> None:
    admin, path = await live(api)
    await admin.patch(f"{path}/triggers/trigger", json={"data": {"event": "cart.abandoned"}})
    answer = await admin.post(f"{path}/triggers/hand/disable")
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["live"] == {"version": 2, "enabled": False, "published": True}
    version = (await admin.get(f"{path}/versions/2")).json()["data"]
    assert [(one["id"], one["enabled"], one["data"].get("event")) for one in version["triggers"]] == [
        ("trigger", True, "cart.left"),
        ("hand", False, None),
    ]
    assert version["changelog"] == "Switched off: Started manually"
    draft = (await admin.get(path)).json()["data"]
    assert draft["triggers"][0]["data"]["event"] == "cart.abandoned" and draft["hasUnpublishedChanges"]
    again = await admin.post(f"{path}/triggers/hand/disable")
    assert again.json()["data"]["live"]["version"] == 2, "switched off already: no new version"


async def test_the_last_trigger_that_is_on_is_not_switched_off(api: ApiClients) -> None:
    admin, path = await live(api)
    await admin.post(f"{path}/triggers/hand/disable")
    answer = await admin.post(f"{path}/triggers/trigger/disable")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_trigger")


async def test_what_is_only_in_the_draft_cannot_be_switched_at_once(api: ApiClients) -> None:
    admin, path = await live(api)
    await admin.post(f"{path}/triggers", json={"id": "more", "type": "api"})
    assert (await admin.post(f"{path}/triggers/more/enable")).json()["code"] == "trigger_not_live"
    assert (await admin.post(f"{path}/triggers/nowhere/enable")).json()["code"] == "trigger_not_found"


async def test_a_trigger_is_removed_from_the_draft_and_stays_live(api: ApiClients) -> None:
    admin, path = await live(api)
    assert (await admin.delete(f"{path}/triggers/hand")).json()["data"] == {"id": "hand"}
    assert [one["id"] for one in (await admin.get(f"{path}/triggers")).json()["data"]] == ["trigger"]
    assert (await admin.get(f"{path}/triggers/hand")).status_code == 404
    assert len((await admin.get(f"{path}/versions/1")).json()["data"]["triggers"]) == 2
    last = await admin.delete(f"{path}/triggers/trigger")
    assert last.status_code == 422, last.text


@pytest.mark.parametrize(
    ("body", "path", "word"),
    [
        ({"type": "carrier_pigeon"}, "type", "carrier_pigeon"),
        ({"type": "event", "data": {"event": "a"}, "config": {}}, "config", "two names"),
        ({"type": "event", "id": "end"}, "id", "end"),
        ({"type": "event", "data": {"events": "x"}}, "data.events", "event"),
    ],
)
async def test_what_does_not_fit_is_refused_in_words(
    api: ApiClients, body: dict[str, Any], path: str, word: str
) -> None:
    admin, address = await live(api)
    answer = await admin.post(f"{address}/triggers", json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["path"].endswith(path) and word in error["message"], error
    assert not error["path"].startswith("ops"), error


async def test_roles(api: ApiClients) -> None:
    _, path = await live(api)
    viewer, marketer = await api(Role.VIEWER), await api(Role.MARKETER)
    assert (await viewer.post(f"{path}/triggers", json={"type": "api"})).status_code == 403
    assert (await marketer.post(f"{path}/triggers/hand/disable")).status_code == 403


async def test_publishing_a_version_lets_contacts_in_on_it(api: ApiClients) -> None:
    admin = await api(Role.ADMIN)
    path = f"{PATH}/{(await created(admin, FLOW))['id']}"
    assert (await admin.post(f"{path}/versions")).status_code == 201
    first = await admin.post(f"{path}/versions/1/publish")
    assert (first.status_code, first.json()["data"]["version"]) == (200, 1)
    assert (await admin.get(path)).json()["data"]["status"] == "active"
    await admin.patch(f"{path}/triggers/trigger", json={"data": {"event": "cart.abandoned"}})
    await admin.post(f"{path}/versions")
    back = await admin.post(f"{path}/versions/1/publish")
    assert (back.json()["data"]["version"], back.json()["data"]["live"]) == (3, True)
    assert back.json()["data"]["triggers"][0]["data"]["event"] == "cart.left"
    assert (await admin.post(f"{path}/versions/9/publish")).status_code == 404
