"""What somebody uses is not deleted: templates and connectors that drafts, versions with people, or messages rely on."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.lib.ids import uuid7
from app.models import Connector, Message, NodeStat, Template, Workflow, WorkflowVersion, Workspace
from app.models.status import Role

KINDS = {"templateId": ("templates", "template_in_use"), "connectorId": ("connectors", "connector_in_use")}


def graph(**data: Any) -> dict[str, Any]:
    """A document with one step that sends, and one that names something else."""
    return {
        "nodes": [
            {"id": "t", "type": "add_tag", "data": {"tag": str(uuid7())}},
            {"id": "mail", "type": "send_email", "data": data},
        ]
    }


class Setting:
    """Workflows, versions and people, written as the product writes them."""

    def __init__(self, session: AsyncSession, workspace: Workspace) -> None:
        self.session, self.tenant = session, workspace.id

    async def add(self, *rows: Any) -> None:
        self.session.add_all(rows)
        await self.session.flush()

    async def template(self) -> UUID:
        made = Template(
            id=uuid7(), tenant_id=self.tenant, name=f"T{uuid7()}", subject="Hi", html="<p>Hi</p>", text="Hi"
        )
        await self.add(made)
        return made.id

    async def connector(self, *, default: bool = False) -> UUID:
        made = Connector(
            id=uuid7(), tenant_id=self.tenant, type="smtp", name=f"C{uuid7()}", config={}, is_default=default
        )
        await self.add(made)
        return made.id

    async def workflow(
        self, name: str, *versions: dict[str, Any], draft: dict[str, Any] | None = None, **more: Any
    ) -> Workflow:
        made = Workflow(
            id=uuid7(),
            tenant_id=self.tenant,
            name=name,
            draft=draft or graph(),
            live_version=len(versions) or None,
            **more,
        )
        await self.add(made)
        for number, document in enumerate(versions, 1):
            await self.add(
                WorkflowVersion(
                    workflow_id=made.id, tenant_id=self.tenant, version=number, graph=document, content_hash=b""
                )
            )
        return made

    async def people(self, workflow: Workflow, version: int, entered: int, **ended: int) -> None:
        for key, n in {"entered": entered, **ended, "seconds": 99}.items():
            for shard in (0, 3):
                await self.add(
                    NodeStat(workflow_id=workflow.id, version=version, node_id="", key=key, shard=shard,
                             tenant_id=self.tenant, n=n if shard else 0)
                )  # fmt: skip

    async def message(self, workflow: Workflow, version: int, status: int, **more: Any) -> None:
        await self.add(
            Message(run_id=uuid7(), seq=2, tenant_id=self.tenant, workflow_id=workflow.id, workflow_version=version,
                    node_id="mail", contact_id=uuid7(), channel=1, status=status, created_at=clock.now(), **more)
        )  # fmt: skip


@pytest.fixture
def setting(db_session: AsyncSession, workspace: Workspace) -> Setting:
    return Setting(db_session, workspace)


async def delete(api: Any, field: str, wanted: UUID) -> Any:
    return await (await api(Role.ADMIN)).delete(f"/api/v1/{KINDS[field][0]}/{wanted}")


async def made(setting: Setting, field: str) -> UUID:
    if field == "templateId":
        return await setting.template()
    await setting.connector(default=True)
    return await setting.connector()


@pytest.mark.parametrize("field", KINDS)
async def test_older_versions_with_people_count(api: Any, setting: Setting, field: str) -> None:
    wanted = await made(setting, field)
    names, other = graph(**{field: str(wanted).upper()}), graph(templateId=str(uuid7()))
    flow = await setting.workflow("Welcome", names, names, other)
    await setting.people(flow, 1, 9, completed=5, goal_reached=1)
    await setting.people(flow, 2, 4, completed=4)
    await setting.people(flow, 3, 7)
    answer = await delete(api, field, wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, KINDS[field][1])
    assert "“Welcome” (v1 with 3 people)" in answer.json()["detail"]
    assert answer.json()["usedBy"] == [
        {
            "workflowId": str(flow.id),
            "workflowName": "Welcome",
            "version": 1,
            "live": False,
            "people": 3,
            "queuedMessages": 0,
        }
    ]
    await setting.people(flow, 4, 0)
    await setting.add(
        NodeStat(workflow_id=flow.id, version=1, node_id="", key="cancelled", shard=9, tenant_id=setting.tenant, n=3)
    )
    assert (await delete(api, field, wanted)).status_code == 204


@pytest.mark.parametrize("field", KINDS)
async def test_drafts_and_live_versions_count_and_the_archive_does_not(api: Any, setting: Setting, field: str) -> None:
    wanted = await made(setting, field)
    names = graph(**{field: str(wanted)})
    draft = await setting.workflow("Draft", draft=names)
    live = await setting.workflow("Live", names, status="paused")
    archived = await setting.workflow("Old", names, draft=names, status="archived")
    await setting.workflow("Gone", names, draft=names, deleted_at=clock.now())
    answer = (await delete(api, field, wanted)).json()
    assert [(use["workflowName"], use["version"], use["live"]) for use in answer["usedBy"]] == [
        ("Draft", None, False),
        ("Live", 1, True),
    ]
    await setting.people(archived, 1, 2)
    assert "“Old” (v1 with 2 people)" in (await delete(api, field, wanted)).json()["detail"]
    for flow in (draft, live):
        flow.status = "archived"
    await setting.session.flush()
    assert [use["workflowName"] for use in (await delete(api, field, wanted)).json()["usedBy"]] == ["Old"]


@pytest.mark.parametrize(
    ("field", "status"), [("templateId", 0), ("templateId", 1), ("connectorId", 0), ("connectorId", 1)]
)
async def test_messages_that_are_still_to_leave_count(api: Any, setting: Setting, field: str, status: int) -> None:
    wanted = await made(setting, field)
    flow = await setting.workflow("Past", graph(**{field: str(wanted)}), graph())
    names = {"template_id": wanted} if field == "templateId" else {"payload": {"connectorId": str(wanted)}}
    for state in (status, status, 2, 8, 10):
        await setting.message(flow, 1, state, **names)
    answer = await delete(api, field, wanted)
    assert answer.status_code == 409 and "“Past” (v1 with 2 messages to send)" in answer.json()["detail"]


async def test_a_connector_that_a_message_waits_for_counts(api: Any, setting: Setting) -> None:
    wanted = await made(setting, "connectorId")
    flow = await setting.workflow("Held", graph())
    await setting.message(flow, 1, 0, connector_id=wanted)
    assert (await delete(api, "connectorId", wanted)).json()["usedBy"][0]["queuedMessages"] == 1


@pytest.mark.parametrize("unnamed", [{}, {"connectorId": None}, {"connectorId": ""}])
async def test_the_last_connector_stays_while_steps_rely_on_the_default(
    api: Any, setting: Setting, unnamed: Any
) -> None:
    only = await setting.connector(default=True)
    await setting.workflow("Draft alone", draft=graph(**unnamed))
    assert (await delete(api, "connectorId", only)).status_code == 204
    only = await setting.connector(default=True)
    flow = await setting.workflow("Live", graph(**unnamed), status="active")
    answer = await delete(api, "connectorId", only)
    assert answer.status_code == 409 and "Add another one and make it the default" in answer.json()["detail"]
    flow.status = "archived"
    await setting.session.flush()
    await setting.message(flow, 1, 0, payload={"subject": "Hi"})
    assert (await delete(api, "connectorId", only)).json()["usedBy"][0]["queuedMessages"] == 1
    flow.live_version = None
    await setting.session.flush()


async def test_what_nobody_uses_goes(api: Any, setting: Setting, other_workspace: Workspace) -> None:
    elsewhere = Setting(setting.session, other_workspace)
    for field in KINDS:
        wanted = await made(setting, field)
        await setting.workflow("Other", graph(**{field: str(uuid7())}), status="active")
        await elsewhere.workflow("Theirs", graph(**{field: str(wanted)}), draft=graph(**{field: str(wanted)}))
        assert (await delete(api, field, wanted)).status_code == 204, field


async def test_pages_say_who_uses_it(browser: Any, setting: Setting) -> None:
    wanted = await setting.template()
    flow = await setting.workflow("Newsletter <1>", graph(templateId=str(wanted)), status="active")
    await setting.people(flow, 1, 2)
    client = await browser(Role.MARKETER)
    answer = await client.post(f"/templates/{wanted}/delete")
    assert answer.status_code == 303 and answer.headers["location"] == f"/templates/{wanted}"
    told = json.loads(unquote(answer.cookies["flash"]))
    assert told["kind"] == "err" and "“Newsletter <1>” (v1 live with 2 people)" in told["text"]
    assert "Used in 1 workflow" in (await client.get(f"/templates/{wanted}")).text


async def test_the_sentence_of_a_page_is_cut_rather_than_lost(browser: Any, setting: Setting) -> None:
    wanted = await setting.template()
    for number in range(7):
        await setting.workflow(f"{number}" + "早" * 250, draft=graph(templateId=str(wanted)))
    answer = await (await browser(Role.MARKETER)).post(f"/templates/{wanted}/delete")
    assert len(answer.headers["set-cookie"]) < 4096
    assert json.loads(unquote(answer.cookies["flash"]))["text"].startswith("This template is still used by “0早")
