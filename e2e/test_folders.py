"""Folders and tags of workflows and templates: by menu, by dragging, several at once, and taken back."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import PLAIN, Product
from e2e.workflows import create


def test_workflows_are_filed_by_menu_by_dragging_and_several_at_once(page: Page, product: Product) -> None:
    mark = f"{time.time_ns()}"
    names = [f"Filed {letter} {mark}" for letter in "ABC"]
    for name in names:
        create(product, name)
    page.goto("/workflows")
    page.get_by_role("button", name="New folder").click()
    dialog = page.get_by_role("dialog", name="New folder")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_role("button", name="Create folder").click()
    expect(dialog.get_by_text("Fill this in.")).to_be_visible()
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill(f"Sales {mark}")
    expect(dialog.get_by_text("Fill this in.")).to_have_count(0)
    dialog.get_by_role("button", name="Create folder").click()
    shelf = page.get_by_role("navigation", name="Folders")
    here = shelf.get_by_role("link", name=f"Sales {mark}")
    expect(here).to_have_attribute("aria-current", "page")
    expect(page.get_by_text("Nothing in here yet")).to_be_visible()

    page.get_by_role("link", name="All workflows").click()
    page.get_by_role("row").filter(has_text=names[0]).drag_to(here)
    expect(page.locator(".toast")).to_contain_text("1 workflow moved to")
    expect(here).to_contain_text("1")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Taken back.")
    expect(here).to_contain_text("0")

    page.get_by_role("searchbox").fill(mark)
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Select all on this page").check()
    bar = page.get_by_role("toolbar", name="Selected")
    expect(bar).to_contain_text("3 selected")
    bar.get_by_role("button", name="Move").click()
    moving = page.get_by_role("dialog", name="Move to folder")
    expect(moving.get_by_label("Folder")).to_be_focused()
    moving.get_by_label("Folder").select_option(label=f"Sales {mark}")
    moving.get_by_role("button", name="Move", exact=True).click()
    expect(here).to_contain_text("3")
    here.click()
    expect(page.locator("tbody tr")).to_have_count(3)

    row = page.get_by_role("row").filter(has_text=names[1])
    row.hover()
    row.get_by_label(f"More for {names[1]}").click()
    row.get_by_role("button", name="Tags").click()
    tagging = page.get_by_role("dialog", name="Tags")
    tagging.get_by_label("Add").fill(f"vip{mark}, spring")
    tagging.get_by_role("button", name="Save").click()
    expect(row.locator(".tag").first).to_have_text("spring")
    page.get_by_role("navigation", name="Tags").get_by_role("link", name=f"vip{mark}").click()
    expect(page.locator("tbody tr")).to_have_count(1)

    here.hover()
    page.get_by_label(f"More for the folder Sales {mark}").click()
    page.get_by_role("button", name="Delete folder").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete folder").click()
    expect(page.locator(".toast").last).to_contain_text("What was in it is still here.")
    page.get_by_role("searchbox").fill(mark)
    expect(page.locator("tbody tr")).to_have_count(3)


def test_all_templates_that_fit_are_tagged_and_taken_back(
    page: Page, product: Product, shot: Callable[..., None]
) -> None:
    mark = f"all{time.time_ns()}"
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for number in range(26):
        body = {"name": f"{mark} {number:02}", "subject": "Hi", "html": "<p>Hi</p>", "tags": [mark]}
        assert httpx.post(f"{product.url}/api/v1/templates", json=body, headers=headers, **PLAIN).status_code == 201
    page.goto(f"/templates?tag={mark}")
    page.get_by_label("Select all on this page").check()
    bar = page.get_by_role("toolbar", name="Selected")
    expect(bar).to_contain_text("24 selected")
    bar.get_by_role("button", name="Select all that fit").click()
    expect(bar).to_contain_text("all 26 templates that fit")
    bar.get_by_role("button", name="Tags").click()
    tagging = page.get_by_role("dialog", name="Tags")
    expect(tagging).to_contain_text("all 26 templates that fit")
    tagging.get_by_label("Add").fill(f"spring{mark}")
    shot(page, "folders-all-that-fit")
    tagging.get_by_role("button", name="Save").click()
    done = page.locator("#bulk-jobs").get_by_role("status")
    expect(done).to_contain_text("Tags of 26 templates changed.")
    tag = page.get_by_role("navigation", name="Tags").get_by_role("link", name=f"spring{mark}")
    expect(tag).to_contain_text("26")
    done.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Taken back for 26 templates.")
    expect(tag).to_have_count(0)

    # Which tags all of them have, the page does not know: any is typed, and the server suggests.
    page.get_by_label("Select all on this page").check()
    bar.get_by_role("button", name="Select all that fit").click()
    bar.get_by_role("button", name="Tags").click()
    tagging.get_by_label("Remove").fill(f"nobody, {mark[:-1].upper()}")
    suggested = page.locator(f"#known-tags option[value='nobody, {mark}']")
    expect(suggested).to_have_count(1)
    shot(page, "folders-remove-typed")
    tagging.get_by_label("Remove").fill(f"nobody{mark}")
    tagging.get_by_role("button", name="Save").click()
    expect(page.locator(".toast").last).to_contain_text(f"None of them has the tag “nobody{mark}”.")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_lists_with_folders_are_for_everybody(
    open_page: Callable[..., Page],
    product: Product,
    expect_accessible: Callable[[Page], None],
    shot: Callable[..., None],
    theme: str,
    width: int,
) -> None:
    mark = f"{theme}{width}{time.time_ns()}"[:20]
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for kind in ("workflow", "template"):
        folders = f"{product.url}/api/v1/{kind}-folders"
        sales = httpx.post(folders, json={"name": f"Sales {mark}"}, headers=headers, **PLAIN).json()["data"]["id"]
        inner = {"name": "Germany", "parentId": sales}
        filed = httpx.post(folders, json=inner, headers=headers, **PLAIN).json()["data"]["id"]
        body = {"name": f"Filed {mark}", "folderId": filed, "tags": ["spring", "vip"]}
        more = {"subject": "Hi", "html": "<p>Hi</p>"} if kind == "template" else {}
        made = httpx.post(f"{product.url}/api/v1/{kind}s", json={**body, **more}, headers=headers, **PLAIN)
        assert made.status_code == 201, made.text
    page = open_page(theme=theme, width=width)
    for path in ("/workflows", "/templates"):
        page.goto(path)
        page.get_by_role("navigation", name="Folders").get_by_role("link", name=f"Sales {mark}").click()
        expect(page.get_by_text(f"Filed {mark}", exact=True)).to_be_visible()
        page.get_by_label(f"Select Filed {mark}").check()
        expect(page.get_by_role("toolbar", name="Selected")).to_be_visible()
        expect_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        shot(page, f"folders{path.replace('/', '-')}-{theme}-{width}")
