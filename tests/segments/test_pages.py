"""Pages of segments: the list, one with its members, what is said before deleting, and a contact's page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.ids import uuid7
from app.models import Contact, Segment, SegmentMember, Workflow, Workspace
from app.models.status import Role
from app.segments.growth_chart import chart
from app.segments.pages import members_of
from tests.fixtures.people import BrowserClients

HTMX = {"hx-request": "true"}


async def created(person: Any, name: str = "VIPs") -> str:
    answer = await person.post("/segments/new", data={"name": name, "description": "Our best", "kind": "static"})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def people(session: AsyncSession, workspace: Workspace, *names: str) -> list[Contact]:
    rows = [
        Contact(id=uuid7(), tenant_id=workspace.id, email=f"{name}@example.com", external_id=name) for name in names
    ]
    session.add_all(rows)
    await session.flush()
    return rows


async def test_from_nothing_to_a_segment_with_members(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    ada, bea = await people(db_session, workspace, "ada", "bea")
    person = await browser(Role.MARKETER)
    assert "No segments yet" in (await person.get("/segments")).text
    url = await created(person)
    assert "No contacts yet" in (await person.get(url)).text
    added = await person.post(f"{url}/members", data={"people": f"ada@example.com, bea\n{ada.id} nobody@example.com"})
    assert added.status_code == 303
    shown = (await person.get(url)).text
    assert "ada@example.com" in shown and "bea@example.com" in shown and "From 0 to 2 contacts" in shown
    removed = await person.post(f"{url}/members/{bea.id}/remove")
    assert removed.status_code == 303 and "bea@example.com" not in (await person.get(url)).text
    listed = (await person.get("/segments", params={"search": "best"})).text
    assert "VIPs" in listed and "Static" in listed
    assert "No such segment" in (await person.get("/segments", params={"search": "xyz"})).text


async def test_what_is_wrong_stands_at_its_field(browser: BrowserClients) -> None:
    person = await browser(Role.MARKETER)
    url = await created(person)
    again = await person.post("/segments/new", data={"name": "vips", "kind": "static"})
    assert again.status_code == 422 and "Another segment has this name." in again.text
    edited = await person.post(f"{url}/edit", data={"name": " ", "description": "x"})
    assert edited.status_code == 422 and "Give the segment a name." in edited.text and "data-now" in edited.text
    nobody = await person.post(f"{url}/members", data={"people": " , "})
    assert nobody.status_code == 422 and "Say whom" in nobody.text
    saved = await person.post(f"{url}/edit", data={"name": "Best", "description": ""})
    assert saved.status_code == 303 and "Best" in (await person.get(url)).text


async def test_before_deleting_it_says_what_uses_it_and_what_happens(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    person = await browser(Role.MARKETER)
    url = await created(person)
    assert "Nothing uses it." in (await person.get(url)).text
    graph = {
        "triggers": [{"id": "t", "type": "segment_exit", "data": {"segmentId": url.rpartition("/")[2]}}],
        "nodes": [],
    }
    db_session.add(Workflow(id=uuid7(), tenant_id=workspace.id, name="Come back", status="draft", draft=graph))
    await db_session.flush()
    shown = (await person.get(url)).text
    assert "1 workflow uses it" in shown and "Come back" in shown and "start nobody any more" in shown
    deleted = await person.post(f"{url}/delete")
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/segments")
    assert (await person.get(url)).status_code == 404
    row = (await db_session.scalars(select(Segment))).one()
    await db_session.refresh(row)
    assert row.deleted_at is not None


async def test_a_contact_shows_its_segments_and_is_put_in_and_taken_out(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace
) -> None:
    (ada,) = await people(db_session, workspace, "ada")
    person = await browser(Role.MARKETER)
    url = await created(person)
    segment_id = url.rpartition("/")[2]
    own = f"/contacts/{ada.id}/segments"
    assert f'hx-get="{own}"' in (await person.get(f"/contacts/{ada.id}")).text
    assert "In no segment." in (await person.get(own, headers=HTMX)).text
    put_in = await person.post(own, data={"segment": segment_id})
    assert put_in.headers["location"] == f"/contacts/{ada.id}"
    assert "VIPs" in (await person.get(own, headers=HTMX)).text
    assert "Entered the segment VIPs" in (await person.get(f"/contacts/{ada.id}")).text
    out = await person.post(f"{url}/members/{ada.id}/remove?to=contact")
    assert out.headers["location"] == f"/contacts/{ada.id}"
    assert (await db_session.scalars(select(SegmentMember))).all() == []
    assert (await person.post(own, data={"segment": "x"})).status_code == 303


async def test_viewers_look_and_do_nothing(browser: BrowserClients, workspace: Workspace) -> None:
    url = await created(await browser(Role.MARKETER))
    viewer = await browser(Role.VIEWER)
    shown = (await viewer.get(url)).text
    assert 'data-open="add"' not in shown and "Delete" not in shown
    assert (await viewer.get("/segments/new")).status_code == 403
    assert (await viewer.post(f"{url}/delete")).status_code == 403


def test_what_is_typed_names_people_by_what_it_looks_like() -> None:
    typed = members_of("ada@example.com;crm-1, 0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b\n ada@example.com")
    assert typed.emails == ["ada@example.com"] and typed.external_ids == ["crm-1"]
    assert typed.contact_ids == [UUID("0193a1b2-7c3d-7e4f-8a5b-1c2d3e4f5a6b")]


def test_the_line_of_growth_stays_in_its_box() -> None:
    for values in ([0], [0, 0, 0], [5, 5, 5], [0, 10], [1_000, 1_001], [7, 3, 9]):
        points = [tuple(map(float, point.split(","))) for point in chart(values).line.split()]
        assert len(points) == len(values)
        assert all(0 <= x <= 320 and 0 <= y <= 72 for x, y in points)
    assert chart([1_000, 1_001]).least == 1_000, "a small change of many is seen"
