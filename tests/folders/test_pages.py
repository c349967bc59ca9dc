"""Folders and tags on the lists of workflows and templates: what is shown, what is moved and tagged, and how it is taken back."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import clock
from app.models import Folder, FolderKind, Template, Workflow, Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock

HTMX = {"hx-request": "true"}


async def rows(session: AsyncSession, workspace: Workspace, *names: str) -> list[Workflow]:
    made = [
        Workflow(tenant_id=workspace.id, name=name, draft={"nodes": [], "edges": []}, updated_at=clock.now())
        for name in names
    ]
    session.add_all(made)
    await session.flush()
    return made


async def folder(session: AsyncSession, workspace: Workspace, name: str, kind: str = "workflow", **more: Any) -> Folder:
    made = Folder(tenant_id=workspace.id, kind=kind, name=name, **more)
    session.add(made)
    await session.flush()
    return made


async def taken_back(client: httpx.AsyncClient, answer: httpx.Response) -> list[Any]:
    """Send what the answer says takes it back, as the page does. What each was answered."""
    answers = []
    for path, fields in answer.json()["undo"]:
        form: dict[str, list[str]] = {}
        for name, value in fields:
            form.setdefault(name, []).append(value)
        again = await client.post(path, data=form)
        assert again.status_code == 200
        answers.append(again.json())
    return answers


async def test_a_folder_is_made_shown_renamed_and_deleted(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    (one,) = await rows(db_session, workspace, "Welcome flow")
    marketer = await browser(Role.MARKETER)
    made = await marketer.post("/folders/workflow", data={"name": "Onboarding"})
    address = made.headers["location"]
    assert re.fullmatch(r"/workflows\?folder=[0-9a-f-]{36}", address)
    empty = (await marketer.get(address)).text
    assert "Nothing in here yet" in empty and "Welcome flow" not in empty and "Onboarding" in empty
    stored = (await db_session.scalars(select(Folder).where(Folder.tenant_id == workspace.id))).one()
    moved = await marketer.post("/folders/workflow/move", data={"id": [str(one.id)], "folder": str(stored.id)})
    assert moved.json()["text"] == "1 workflow moved to “Onboarding”."
    assert "Welcome flow" in (await marketer.get(address)).text
    part = (await marketer.get("/workflows", params={"search": "welc"}, headers=HTMX)).text
    assert "Welcome flow" in part and "Onboarding" in part and 'hx-swap-oob="true"' in part
    form = {"folder": str(stored.id), "name": "Start", "parent": ""}
    assert (await marketer.post("/folders/workflow/change", data=form)).status_code == 303
    assert "Start" in (await marketer.get("/workflows")).text
    assert (await marketer.post(f"/folders/workflow/{stored.id}/delete")).headers["location"] == "/workflows"
    after = (await marketer.get("/workflows")).text
    assert "Welcome flow" in after and "Start</span>" not in after


async def test_what_somebody_moved_on_stays_where_they_put_it(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    mine, moved_on, lost = await rows(db_session, workspace, "Mine", "Moved on", "Lost")
    sales, news = [await folder(db_session, workspace, name) for name in ("Sales", "News")]
    lost.folder_id = sales.id
    await db_session.flush()
    marketer, ids = await browser(Role.MARKETER), [str(row.id) for row in (mine, moved_on)]
    moved = await marketer.post("/folders/workflow/move", data={"id": ids, "folder": str(sales.id)})
    emptied = await marketer.post("/folders/workflow/move", data={"id": [str(lost.id)], "folder": ""})
    for row in (moved_on, lost):
        await marketer.post("/folders/workflow/move", data={"id": [str(row.id)], "folder": str(news.id)})
    assert [one["left"] for one in await taken_back(marketer, moved)] == [1]
    assert [one["left"] for one in await taken_back(marketer, emptied)] == [1]
    for row, place in ((mine, None), (moved_on, news.id), (lost, news.id)):
        await db_session.refresh(row)
        assert row.folder_id == place, row.name


async def test_tags_of_many_are_taken_back_by_few_requests(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    made = await rows(db_session, workspace, *map(str, range(12)))
    for row in made[:4]:
        row.tags = ["Old"]
    await db_session.flush()
    marketer = await browser(Role.MARKETER)
    form = {"id": [str(row.id) for row in made], "add": "new", "remove": ["old"]}
    tagged = await marketer.post("/folders/workflow/tag", data=form)
    assert len(tagged.json()["undo"]) == 2, "one for those that lost a tag, one for the others"
    await taken_back(marketer, tagged)
    for row in made:
        await db_session.refresh(row)
    assert [row.tags for row in made] == [["Old"]] * 4 + [[]] * 8


async def test_several_are_moved_and_tagged_and_it_is_taken_back(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    made = await rows(db_session, workspace, "One", "Two", "Three")
    ids = [str(row.id) for row in made]
    sales = await folder(db_session, workspace, "Sales")
    made[0].folder_id, made[0].tags = sales.id, ["Old"]
    await db_session.flush()
    for row in made:
        await db_session.refresh(row)
    before = [row.updated_at for row in made]
    marketer = await browser(Role.MARKETER)

    async def state() -> list[tuple[bool, list[str]]]:
        for row in made:
            await db_session.refresh(row)
        return [(row.folder_id == sales.id, row.tags) for row in made]

    moved = await marketer.post("/folders/workflow/move", data={"id": ids, "folder": str(sales.id)})
    assert moved.json()["text"] == "2 workflows moved to “Sales”.", "one lay there"
    assert await state() == [(True, ["Old"]), (True, []), (True, [])]
    await taken_back(marketer, moved)
    assert await state() == [(True, ["Old"]), (False, []), (False, [])]
    tagged = await marketer.post("/folders/workflow/tag", data={"id": ids[:2], "add": "new, OLD", "remove": ["none"]})
    assert tagged.json()["text"] == "Tags of 2 workflows changed."
    assert await state() == [(True, ["new", "Old"]), (False, ["new", "OLD"]), (False, [])]
    await taken_back(marketer, tagged)
    assert await state() == [(True, ["Old"]), (False, []), (False, [])]
    untagged = await marketer.post("/folders/workflow/tag", data={"id": ids, "add": "", "remove": ["Old"]})
    assert [tags for _, tags in await state()] == [[], [], []]
    await taken_back(marketer, untagged)
    assert [tags for _, tags in await state()] == [["Old"], [], []]
    assert [row.updated_at for row in made] == before, "nothing was changed about them"
    for path, form in (
        ("move", {"id": ids, "folder": "0b0f2f1e-0000-7000-8000-000000000000"}),
        ("tag", {"id": ids, "add": "x" * 41}),
    ):
        refused = await marketer.post(f"/folders/workflow/{path}", data=form)
        assert refused.status_code == 422 and refused.json()["error"], path


async def test_templates_are_filtered_by_folder_and_tag(
    browser: Any, db_session: AsyncSession, workspace: Workspace
) -> None:
    mails = await folder(db_session, workspace, "Mails", FolderKind.TEMPLATE)
    common = {"tenant_id": workspace.id, "subject": "Hi", "html": "<p>Hi</p>"}
    db_session.add_all([
        Template(**common, name="Filed", folder_id=mails.id, tags=["spring"]), Template(**common, name="Loose"),
    ])  # fmt: skip
    await db_session.flush()
    viewer, marketer = await browser(Role.VIEWER), await browser(Role.MARKETER)
    for query, shown in (
        ({"folder": str(mails.id)}, "Filed"),
        ({"tag": "spring"}, "Filed"),
        ({"folder": "none"}, "Loose"),
    ):
        page = (await viewer.get("/templates", params=query)).text
        names = re.findall(r'<a class="nm cut"[^>]*>([^<]*)</a>', page)
        assert names == [shown], query
        assert "data-row" not in page and "New folder" not in page, "a viewer is not offered what would be refused"
    new = (await marketer.get("/templates/new", params={"folder": str(mails.id)})).text
    assert f'name="folder" value="{mails.id}"' in new
    form = {"name": "Third", "subject": "x", "html": "<p>x</p>", "text": "", "folder": str(mails.id)}
    assert (await marketer.post("/templates", data=form)).status_code == 303
    assert "Third" in (await viewer.get("/templates", params={"folder": str(mails.id)})).text


@pytest.mark.parametrize("kind", ["workflow", "template"])
async def test_others_folders_and_rows_stay_as_they_are(
    browser: Any, db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, kind: str
) -> None:
    theirs = await folder(db_session, other_workspace, "Theirs", kind)
    (row,) = await rows(db_session, other_workspace, "Foreign")
    marketer = await browser(Role.MARKETER)
    assert "Theirs" not in (await marketer.get("/workflows")).text
    assert (await marketer.post(f"/folders/{kind}/{theirs.id}/delete")).status_code == 404
    assert (await marketer.post(f"/folders/{kind}/move", data={"id": [str(row.id)], "folder": ""})).json()["undo"] == []
    tagged = await marketer.post(f"/folders/{kind}/tag", data={"id": [str(row.id)], "add": "x"})
    await db_session.refresh(row)
    assert tagged.json()["undo"] == [] and row.tags == []
    assert (await marketer.post("/folders/nothing", data={"name": "x"})).status_code == 404


async def test_both_lists_are_sorted_as_people_want(
    browser: Any, api: Any, db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    for name in ("Beta", "Gamma", "Alpha"):
        clock.advance(minutes=1)
        db_session.add(Template(tenant_id=workspace.id, name=name, subject="x", html="x", created_at=clock.now()))
        db_session.add(
            Workflow(tenant_id=workspace.id, name=name, draft={"nodes": [], "edges": []}, created_at=clock.now())
        )
    await db_session.flush()
    viewer, program = await browser(Role.VIEWER), await api(Role.VIEWER)
    for path, sort, names in (
        ("/workflows", "name", ["Alpha", "Beta", "Gamma"]),
        ("/workflows", "-created", ["Alpha", "Gamma", "Beta"]),
        ("/templates", "-created", ["Alpha", "Gamma", "Beta"]),
        ("/templates", "-name", ["Gamma", "Beta", "Alpha"]),
    ):
        page = (await viewer.get(path, params={"sort": sort})).text
        assert re.findall(r'<a class="nm[^>]*>([^<]*)</a>', page) == names, (path, sort)
        listed = (await program.get(f"/api/v1{path}", params={"sort": sort, "limit": 2})).json()
        second = await program.get(f"/api/v1{path}", params={"sort": sort, "cursor": listed["meta"]["nextCursor"]})
        assert [row["name"] for row in listed["data"] + second.json()["data"]] == names, (path, sort)
        assert (await program.get(f"/api/v1{path}", params={"sort": "color"})).status_code == 422


async def test_a_name_that_is_refused_is_said_in_the_dialog(browser: Any) -> None:
    marketer, scripted = await browser(Role.MARKETER), {"hx-request": "true"}
    assert (await marketer.post("/folders/workflow", data={"name": "Sales"}, headers=scripted)).headers["hx-redirect"]
    refused = await marketer.post("/folders/workflow", data={"name": "sales"}, headers=scripted)
    assert refused.status_code == 422 and refused.headers["content-type"].startswith("text/plain")
    assert refused.text.startswith("There is a folder of this name.") and "flash" not in refused.headers.get(
        "set-cookie", ""
    )
    plain = await marketer.post("/folders/workflow", data={"name": "sales"})
    assert plain.status_code == 303 and "flash" in plain.headers["set-cookie"], "without scripts above the list"
