"""A request reads its document once and hands it on: no second decoding, encoding, hashing or validating of the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow
from app.models import Workspace
from app.models.status import Role, RunStatus
from app.workflows import drafts
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients
from tests.runs.rows import make_contact, make_run
from tests.workflows.examples import PATH, created, op, patch_draft

ONE_STEP: dict[str, Any] = {
    "name": "Counted",
    "trigger": {"type": "event", "event": "signed_up"},
    "nodes": [{"id": "tag", "type": "add_tag", "data": {"tag": "new"}}],
    "edges": [{"source": "trigger", "target": "tag"}],
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of the dear functions was called."""
    counted: Counter[str] = Counter()

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            counted[name] += 1
            return function(*given, **named)

        return called

    monkeypatch.setattr(Flow, "load", wrap("decode", Flow.load))
    monkeypatch.setattr(Flow, "document", wrap("encode", Flow.document))
    monkeypatch.setattr(Flow, "content_hash", wrap("hash", Flow.content_hash))
    monkeypatch.setattr(drafts, "validate", wrap("validate", drafts.validate))
    return counted


async def test_an_op_batch_handles_its_document_once(
    api: ApiClients, browser: BrowserClients, calls: Counter[str]
) -> None:
    """By the API and by the canvas, whose answer says besides whether the draft differs from what is live."""
    client = await api(Role.OWNER)
    flow = await created(client, ONE_STEP)
    assert (await client.post(f"{PATH}/{flow['id']}/activate")).status_code == 200
    calls.clear()
    answer = await patch_draft(client, flow["id"], 1, op("update_node", nodeId="tag", data={"tag": "other"}))
    assert answer.status_code == 200, answer.text
    assert calls == {"decode": 1, "encode": 1, "validate": 1}
    canvas = await browser(Role.OWNER)
    calls.clear()
    batch = {"client": "tab", "ops": [op("update_node", nodeId="tag", data={"tag": "third"})]}
    headers = {"If-Match": '"2"', "hx-request": "true"}
    answer = await canvas.patch(f"/workflows/{flow['id']}/draft", json=batch, headers=headers)
    assert answer.status_code == 200 and '"unpublished":true' in answer.text.replace(" ", "")
    assert calls == {"decode": 1, "encode": 1, "validate": 1, "hash": 1}


async def test_activating_validates_and_hashes_once(api: ApiClients, calls: Counter[str]) -> None:
    """Publishing for the first time, and going on after a pause with nothing new to publish."""
    client = await api(Role.OWNER)
    flow = await created(client, ONE_STEP)
    for _ in range(2):
        calls.clear()
        answer = await client.post(f"{PATH}/{flow['id']}/activate")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["data"]["status"], answer.json()["data"]["issues"]) == ("active", [])
        assert calls == {"decode": 1, "encode": 1, "validate": 1, "hash": 1}
        await client.post(f"{PATH}/{flow['id']}/pause")


async def test_publishing_handles_its_document_once(api: ApiClients, calls: Counter[str]) -> None:
    """Also the answer, which shows the version whole; and going back to a version, which becomes the draft as well."""
    client = await api(Role.OWNER)
    flow = await created(client, ONE_STEP)
    calls.clear()
    assert (await client.post(f"{PATH}/{flow['id']}/versions", json={"changelog": "first"})).status_code == 201
    assert calls == {"decode": 1, "encode": 1, "validate": 1, "hash": 1}
    await patch_draft(client, flow["id"], 1, op("update_node", nodeId="tag", data={"tag": "other"}))
    await client.post(f"{PATH}/{flow['id']}/versions")
    calls.clear()
    assert (await client.post(f"{PATH}/{flow['id']}/versions/1/revert")).status_code == 201
    assert calls == {"decode": 2, "encode": 1, "validate": 1}  # the draft before it too: which steps are changed


async def test_looking_reads_a_document_once(
    api: ApiClients,
    browser: BrowserClients,
    calls: Counter[str],
    db_session: AsyncSession,
    workspace: Workspace,
    clock: Clock,
) -> None:
    """The builder, a run, results, numbers and lists: one decoding for each document that is shown, none where none is."""
    client, canvas = await api(Role.OWNER), await browser(Role.OWNER)
    flow = (await created(client, ONE_STEP))["id"]
    await client.post(f"{PATH}/{flow}/activate")
    contact = await make_contact(db_session, workspace, email="ada@example.com")
    run = await make_run(db_session, workspace, flow, RunStatus.COMPLETED, clock.at, contact_id=contact.id)
    decoded, all_of_it = {"decode": 1}, {"decode": 1, "encode": 1, "validate": 1, "hash": 1}
    draft_beside_version = {"decode": 2, "hash": 1}
    for page, expected in {
        f"/workflows/{flow}": all_of_it,
        f"/workflows/{flow}/activation": all_of_it,
        f"/workflows/{flow}/panel": {"decode": 1, "encode": 1},
        f"/workflows/{flow}/results": draft_beside_version,
        f"/workflows/{flow}/people/{run.id}": {"decode": 1, "hash": 1},
        f"/workflows/{flow}/stats": {"decode": 1, "encode": 1},
        f"/runs/{run.id}": {},
        "/runs": {},
        "/workflows": {"decode": 1, "hash": 1},
        "/": decoded,
    }.items():
        calls.clear()
        assert (await canvas.get(page)).status_code == 200, page
        assert calls == expected, page
    for path, expected in {
        "": all_of_it,
        "/activation-preview": {"decode": 1, "validate": 1, "hash": 1},
        "/versions/1": {"decode": 1, "encode": 1},
        "/versions": {},
        f"/runs/{run.id}": {},
    }.items():
        calls.clear()
        assert (await client.get(f"{PATH}/{flow}{path}")).status_code == 200, path
        assert calls == expected, path
    calls.clear()
    assert (await client.post(f"{PATH}/{flow}/trigger", json={"contactId": str(contact.id)})).status_code == 202
    assert calls == decoded
