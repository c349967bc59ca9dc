"""What the palette offers: pages and actions to those who may open them, and the workspace's own things by name."""

from __future__ import annotations

import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.finder.places import ACTIONS, PAGES
from app.finder.search import EACH, Group, matching
from app.lib import translation
from app.lib.ids import uuid7
from app.models import Connector, Contact, Folder, FolderKind, Segment, Template, Workflow, Workspace
from app.models.status import Role
from tests.fixtures.people import BrowserClients
from tests.lists.plans import captured


def rows_of(workspace: Workspace, name: str) -> list[object]:
    key = {"tenant_id": workspace.id, "name": name}
    return [
        Workflow(id=uuid7(), draft={}, **key),
        Template(id=uuid7(), **key),
        Folder(id=uuid7(), kind=FolderKind.TEMPLATE.value, **key),
        Segment(id=uuid7(), number=1, kind="static", **key),
        Connector(id=uuid7(), type="smtp", **key),
        Contact(
            id=uuid7(), tenant_id=workspace.id, attributes={"first_name": name}, email=f"p{workspace.id}@example.com"
        ),
    ]


def shown(groups: list[Group]) -> dict[str, list[str]]:
    return {group.heading: [option.label for option in group.options] for group in groups}


async def test_names_are_looked_up_in_all_kinds_of_the_own_workspace(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, principal: Principal
) -> None:
    db_session.add_all([*rows_of(workspace, "Winter 100%"), *rows_of(other_workspace, "Winter 100%")])
    await db_session.flush()
    with captured(db_session) as sent:
        groups = await matching(db_session, principal, "  winter  100% ")
    assert shown(groups) == {
        kind: ["Winter 100%"] for kind in ("Workflows", "Contacts", "Segments", "Templates", "Folders", "Connectors")
    }
    (of_templates,) = next(group.options for group in groups if group.heading == "Folders")
    assert of_templates.url.startswith("/templates?folder=") and of_templates.note == "Templates"
    assert len(sent) <= 5, "a statement for names, and those of the search for contacts"
    assert await matching(db_session, principal, "winter%100") == [], "what was typed is no pattern"


async def test_a_name_that_begins_with_it_comes_first_and_no_kind_fills_the_list(
    db_session: AsyncSession, workspace: Workspace, principal: Principal
) -> None:
    names = ["The onboarding", "Onboarding", *(f"An onboarding {n}" for n in range(EACH))]
    db_session.add_all([Workflow(id=uuid7(), tenant_id=workspace.id, name=name, draft={}) for name in names])
    await db_session.flush()
    (group,) = await matching(db_session, principal, "onboarding")
    assert len(group.options) == EACH and group.options[0].label == "Onboarding"


async def test_actions_are_offered_to_those_who_may(
    db_session: AsyncSession, principals: dict[Role, Principal]
) -> None:
    seen = {role: shown(await matching(db_session, principals[role], "")) for role in principals}
    assert "Actions" not in seen[Role.VIEWER] and "API keys" not in seen[Role.VIEWER]["Pages"]
    assert "New workflow" in seen[Role.MARKETER]["Actions"] and "Invite somebody" not in seen[Role.MARKETER]["Actions"]
    assert seen[Role.OWNER]["Actions"] == [place.label for place in ACTIONS]


async def test_pages_are_known_by_other_words_and_in_the_readers_language(
    db_session: AsyncSession, principal: Principal
) -> None:
    assert shown(await matching(db_session, principal, "bounced")) == {"Pages": ["Suppression list"]}
    with translation.using("de"):
        assert shown(await matching(db_session, principal, "vorlagen")) == {"Seiten": ["Vorlagen"]}
        assert shown(await matching(db_session, principal, "templates")) == {"Seiten": ["Vorlagen"]}


def test_each_place_is_a_page(test_app: Litestar) -> None:
    paths = {route.path for route in test_app.routes}
    assert {place.url.partition("?")[0] for place in (*ACTIONS, *PAGES)} <= paths


async def test_the_palette_is_a_combobox_and_a_search_answers_its_options_alone(browser: BrowserClients) -> None:
    viewer = await browser(Role.VIEWER)
    whole = (await viewer.get("/")).text
    assert 'role="combobox"' in whole and 'role="listbox"' in whole
    part = (await viewer.get("/find?search=messages", headers={"HX-Request": "true"})).text
    assert "<dialog" not in part and 'href="/messages"' in part and "1 result" in part
    none = (await viewer.get("/find?search=<i>zebra", headers={"HX-Request": "true"})).text
    assert "Nothing is called “&lt;i&gt;zebra”." in none and "0 results" in none
    assert "Find anything" in (await viewer.get("/shortcuts")).text


@pytest.mark.parametrize("path", ["/", "/workflows", "/contacts", "/settings/profile"])
async def test_every_page_has_it(browser: BrowserClients, path: str) -> None:
    assert "data-find" in (await (await browser(Role.VIEWER)).get(path)).text
