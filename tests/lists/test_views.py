"""Views and columns that people keep of lists, as pages show them."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Invalid
from app.lib import clock
from app.lists.service import MOST_VIEWS
from app.lists.spec import ListColumn, ListSpec
from app.lists.state import ListState
from app.models import ListColumns, ListView, Segment, SegmentDay, Workspace
from app.models.status import Role
from app.segments.service import SegmentService
from tests.fixtures.people import BrowserClients

SPEC = ListSpec(
    "things",
    "/things",
    (
        ListColumn("name", "Name", order="name", fixed=True),
        ListColumn("made", "Created", "r", order="made", newest_first=True),
        ListColumn("extra", "Extra", shown=False),
    ),
    ("search",),
    "-made",
)


def state(order: str = "-made", **filters: str) -> ListState:
    return ListState(SPEC, filters, order=order, columns=SPEC.usual_columns)


def test_a_press_sorts_and_the_next_one_turns_it_round() -> None:
    name, made = state().headings
    assert (name.sorted, made.sorted) == ("", "descending")
    assert (name.address, made.address) == ("/things?sort=name", "/things?sort=made")
    name, made = state("name", search="a b").headings
    assert (name.sorted, made.sorted) == ("ascending", "")
    assert name.address == "/things?search=a+b&sort=-name" and made.address == "/things?search=a+b&sort=-made"


def test_only_what_is_offered() -> None:
    for wrong in (lambda: SPEC.checked_order("extra"), lambda: SPEC.checked_columns(["name", "other"])):
        with pytest.raises(Invalid):
            wrong()
    assert SPEC.checked_columns(["extra"]) == ("name", "extra") and SPEC.checked_order("") == "-made"


def headings(page: str) -> list[str]:
    head = page[page.index("<thead>") : page.index("</thead>")]
    cells = re.findall(r"<th (?!scope=\"col\" class=\"pick\")[^>]*>(.*?)</th>", head, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


@pytest.fixture
async def some_contacts(browser: BrowserClients) -> None:
    marketer = await browser(Role.MARKETER)
    for email in ("b@example.com", "a@example.com"):
        answer = await marketer.post("/contacts/new", data={"email": email, "external_id": email[0]})
        assert answer.status_code in (200, 303), answer.text


async def test_sorting_is_in_the_address(browser: BrowserClients, some_contacts: None) -> None:
    viewer = await browser(Role.VIEWER)
    page = (await viewer.get("/contacts?sort=email")).text
    assert page.index(">a@example.com") < page.index(">b@example.com")
    assert 'aria-sort="ascending"' in page and 'href="/contacts?sort=-email"' in page
    page = (await viewer.get("/contacts?sort=-email")).text
    assert page.index(">b@example.com") < page.index(">a@example.com")
    assert (await viewer.get("/contacts?sort=phone")).status_code == 422
    assert (await viewer.get("/contacts?columns=secret")).status_code == 422


async def test_columns_are_of_the_person(
    browser: BrowserClients, db_session: AsyncSession, some_contacts: None
) -> None:
    viewer, admin = await browser(Role.VIEWER), await browser(Role.ADMIN)
    form = {"column": ["external_id", "created"], "to": "/contacts?search=a"}
    answer = await viewer.post("/lists/contacts/columns", data=form)
    assert answer.headers["location"] == "/contacts?search=a"
    assert headings((await viewer.get("/contacts")).text) == ["Contact", "External id", "Created"]
    assert headings((await viewer.get("/contacts?columns=phone")).text) == ["Contact", "Phone"]
    assert "Tags" in headings((await admin.get("/contacts")).text)
    refused = await viewer.post("/lists/contacts/columns", data={"column": "secret", "to": "/contacts"})
    assert refused.status_code == 422
    await viewer.post("/lists/contacts/columns", data={"usual": "1", "column": "created", "to": "//elsewhere.example"})
    assert "Tags" in headings((await viewer.get("/contacts")).text)
    assert (await db_session.scalars(select(ListColumns))).all() == []
    assert (await viewer.post("/lists/nothing/columns", data={"to": "/"})).status_code == 404


async def saved(db_session: AsyncSession, name: str) -> ListView:
    return (await db_session.scalars(select(ListView).where(ListView.name == name))).one()


async def test_a_view_is_saved_shared_changed_and_deleted(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, some_contacts: None
) -> None:
    marketer, viewer = await browser(Role.MARKETER), await browser(Role.VIEWER)
    assert 'id="save-view"' not in (await viewer.get("/contacts")).text
    assert 'id="save-view"' in (await viewer.get("/contacts?search=a")).text
    form = {"name": " My  people ", "query": urlencode({"search": "a", "sort": "email", "columns": "phone"})}
    answer = await marketer.post("/lists/contacts/views", data={**form, "to": "/contacts"})
    view = await saved(db_session, "My people")
    assert view.query == {"search": "a", "sort": "email", "columns": "contact,phone"} and not view.shared
    page = (await marketer.get(answer.headers["location"])).text
    assert headings(page) == ["Contact", "Phone"] and 'value="a"' in page
    assert re.search(r'aria-current="page"[^<]*>My people', page) and "Update view" not in page
    assert "My people" not in (await viewer.get("/contacts")).text, "a view is private until it is shared"
    one = f"/lists/contacts/views/{view.id}"
    assert (await viewer.post(f"{one}/delete")).status_code == 404
    assert (await marketer.post(f"{one}/rename", data={"name": "Ours", "shared": "1"})).status_code == 303
    assert "Ours" in (await viewer.get("/contacts")).text
    for verb, sent in (("rename", {"name": "Mine"}), ("update", {"query": "search=b"}), ("delete", {})):
        assert (await viewer.post(f"{one}/{verb}", data=sent)).status_code in (303, 403), verb
    assert (await saved(db_session, "Ours")).query["search"] == "a", "of another: nothing was changed"
    assert "Update view" in (await marketer.get(f"/contacts?search=b&view={view.id}")).text
    await marketer.post(f"{one}/update", data={"query": "search=b"})
    await db_session.refresh(view)
    assert view.query == {"search": "b"}
    admin = await browser(Role.ADMIN)
    assert (await admin.post(f"{one}/delete")).headers["location"] == "/contacts"
    assert "Ours" not in (await viewer.get("/contacts")).text


async def test_what_is_no_view_is_refused(browser: BrowserClients, db_session: AsyncSession) -> None:
    viewer = await browser(Role.VIEWER)
    for sent in (
        {"name": ""}, {"name": "x" * 61}, {"name": "A", "query": "secret=1"}, {"name": "A", "query": "sort=phone"},
        {"name": "A", "shared": "1"},
    ):  # fmt: skip
        await viewer.post("/lists/contacts/views", data={"to": "/contacts", **sent})
    assert (await db_session.scalars(select(ListView))).all() == []
    for number in range(MOST_VIEWS + 1):
        await viewer.post(
            "/lists/contacts/views", data={"to": "/contacts", "name": f"View {number}", "query": "search=a"}
        )
    assert len((await db_session.scalars(select(ListView))).all()) == MOST_VIEWS


async def test_another_workspace_does_not_see_a_shared_view(
    browser: BrowserClients, db_session: AsyncSession, other_workspace: Workspace
) -> None:
    db_session.add(ListView(tenant_id=other_workspace.id, list_name="contacts", name="Theirs", shared=True, query={}))
    await db_session.flush()
    owner = await browser(Role.OWNER)
    assert "Theirs" not in (await owner.get("/contacts")).text
    view = await saved(db_session, "Theirs")
    assert (await owner.post(f"/lists/contacts/views/{view.id}/delete")).status_code == 404


async def test_segments_are_sorted_by_any_of_their_columns(
    db_session: AsyncSession, workspace: Workspace, principals: dict[Role, Principal]
) -> None:
    for number, (name, kind, members) in enumerate((("B", "static", 5), ("A", "dynamic", 7), ("C", "static", 8)), 1):
        rule = {"match": "all", "conditions": []} if kind == "dynamic" else None
        db_session.add(Segment(tenant_id=workspace.id, number=number, name=name, kind=kind, rule=rule))
        db_session.add(
            SegmentDay(tenant_id=workspace.id, segment=number, day=clock.now().date(), shard=0, entered=members)
        )
    await db_session.flush()
    segments = SegmentService(db_session, principals[Role.VIEWER])
    for order, expected in (
        ("name", "ABC"),
        ("-name", "CBA"),
        ("members", "BAC"),
        ("-members", "CAB"),
        ("kind", "ABC"),
    ):
        names, cursor = "", None
        for _ in range(3):
            page = await segments.list(order=order, limit=1, cursor=cursor)
            names, cursor = names + page.items[0].segment.name, page.next_cursor
        assert (names, cursor) == (expected, None), order
