"""A session that ends while somebody works: what was typed stays, one is asked to sign in, and it is saved then."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

ROLE_IN_MAIN = """
update memberships m set role = %s from users u, workspaces w
where u.id = m.user_id and u.email = %s and w.id = m.tenant_id and w.name = 'Main'
"""


def end_session(page: Page) -> None:
    """As an expired cookie, or *Sign out everywhere else* in another browser."""
    page.context.clear_cookies(name="session")


def sign_in_again(page: Page, product: Product) -> None:
    """By the dialog, in the tab that it opens, which closes itself."""
    with page.expect_popup() as opened:
        page.get_by_role("dialog", name="You are signed out").get_by_role("link", name="Sign in").click()
    tab = opened.value
    tab.get_by_label("Email").fill(product.email)
    tab.get_by_label("Password", exact=True).fill(product.password)
    with tab.expect_event("close"):
        tab.get_by_role("button", name="Sign in").click()


def test_expired_session_in_the_builder(
    product: Product,
    open_page: Callable[..., Page],
    expect_accessible: Callable[..., None],
    shot: Callable[..., object],
) -> None:
    workflow = create_small(product, "Expired")
    page = open_page()
    canvas = Builder(page).open(workflow)
    tag = canvas.open_form("good").get_by_label("Tag", exact=True)
    page.wait_for_load_state("networkidle")  # what the page asks for by itself would say it first
    end_session(page)
    tag.fill("kept")
    dialog = page.get_by_role("dialog", name="You are signed out")
    expect(dialog).to_be_visible()
    expect(canvas.chip).to_have_text("Signed out, 1 change kept")
    expect(tag).to_have_value("kept")
    expect_accessible(page, within="#session-dialog")
    shot(page, "signed-out-in-the-builder")

    dialog.get_by_role("button", name="Later").click()
    canvas.card("wait").click()
    page.keyboard.press("Delete")
    expect(canvas.chip).to_have_text(re.compile(r"Signed out, [2-9] changes kept"))
    assert canvas.stored(product, workflow)["draftRev"] == 1
    expect_accessible(page)
    shot(page, "signed-out-later")
    page.get_by_role("button", name="Sign in", exact=True).click()
    sign_in_again(page, product)
    expect(dialog).to_be_hidden()
    canvas.wait_saved()
    stored = {node["id"]: node for node in canvas.stored(product, workflow)["nodes"]}
    assert stored["good"]["data"]["tag"] == "kept"
    assert "wait" not in stored

    # Across a reload: the sign-in page comes in between, and the edits are sent by the page after it.
    tag = canvas.open_form("good").get_by_label("Tag", exact=True)
    end_session(page)
    tag.fill("over a reload")
    expect(dialog).to_be_visible()
    page.reload()
    expect(page).to_have_url(f"{product.url}/sign-in?next=%2Fworkflows%2F{workflow}%3Fstep%3Dgood")
    page.get_by_label("Email").fill(product.email)
    page.get_by_label("Password", exact=True).fill(product.password)
    page.get_by_role("button", name="Sign in").click()
    expect(canvas.card("good")).to_contain_text("over a reload")
    canvas.wait_saved()
    stored = {node["id"]: node for node in canvas.stored(product, workflow)["nodes"]}
    assert stored["good"]["data"]["tag"] == "over a reload"


def test_a_form_that_is_sent_signed_out_keeps_what_was_typed(product: Product, open_page: Callable[..., Page]) -> None:
    """A form that loads a page, one that htmx previews, and one that htmx sends."""
    page = open_page()
    page.goto("/settings/profile")
    page.get_by_label("Name").fill("Olivia Owner")
    end_session(page)
    page.get_by_role("button", name="Save").first.click()
    dialog = page.get_by_role("dialog", name="You are signed out")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Olivia Owner")
    dialog.get_by_role("button", name="Later").click()
    expect(page.get_by_label("Name")).to_have_value("Olivia Owner")
    page.get_by_role("button", name="Save").first.click()
    sign_in_again(page, product)
    expect(page.locator("body")).to_have_attribute("data-user-name", "Olivia Owner", timeout=20_000)

    page.goto("/templates/new")
    page.get_by_label("Name").fill("Kept template")
    page.get_by_label("Subject").fill("Hello again")
    end_session(page)
    page.get_by_role("button", name="Save").click()
    sign_in_again(page, product)
    expect(page.locator("h1")).to_contain_text("Kept template")

    page.goto("/workflows")
    page.get_by_role("button", name="New workflow").first.click()
    form = page.locator("#new-workflow-form")
    form.get_by_label("Name").first.fill("Made after signing in")
    end_session(page)
    form.get_by_role("button", name="Create").last.click()
    sign_in_again(page, product)
    expect(page.locator("h1")).to_contain_text("Made after signing in")


def test_a_role_that_was_taken_away_leaves_a_copy(
    product: Product, open_page: Callable[..., Page], shot: Callable[..., object]
) -> None:
    workflow = create_small(product, "No more")
    page = open_page()
    canvas = Builder(page).open(workflow)
    tag = canvas.open_form("good").get_by_label("Tag", exact=True)
    with product.connect() as db:
        db.execute(ROLE_IN_MAIN, ["viewer", product.email])
    try:
        tag.fill("mine alone")
        dialog = page.get_by_role("dialog", name="You may not edit any more")
        expect(dialog).to_contain_text("1 change is not saved")
        expect(canvas.chip).to_have_text("Not saved, 1 change kept")
        shot(page, "role-taken-away")
        with page.expect_download() as file:
            dialog.get_by_role("link", name="Download").click()
        assert file.value.suggested_filename == "No more.json"
        assert "mine alone" in file.value.path().read_text()
        dialog.get_by_role("button", name="Discard").click()
        expect(page.get_by_text("View only")).to_be_visible()
        expect(canvas.card("good")).not_to_contain_text("mine alone")
        assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:')).length") == 0
    finally:
        with product.connect() as db:
            db.execute(ROLE_IN_MAIN, ["owner", product.email])


def test_a_page_of_another_workspace_saves_nothing_there(product: Product, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/settings/workspace")
    name = page.get_by_label("Name", exact=True).input_value()
    with product.connect() as db:
        before = dict(db.execute("select id, name from workspaces").fetchall())
    (here,) = [workspace for workspace, called in before.items() if called == name]
    other = page.context.new_page()
    other.goto("/settings/workspace")
    other.get_by_label("New workspace").fill("Second")
    other.get_by_role("button", name="Create workspace").click()
    expect(other.get_by_text("This is Second.")).to_be_visible()

    page.get_by_label("Name", exact=True).fill(f"{name} and more")
    page.get_by_role("button", name="Save").first.click()
    dialog = page.get_by_role("dialog", name=f"This page belongs to {name}")
    expect(dialog).to_contain_text("You went to Second in another tab")
    dialog.get_by_role("link", name=f"Back to {name}").click()
    expect(page.locator("body")).to_have_attribute("data-workspace-name", f"{name} and more", timeout=20_000)
    with product.connect() as db:
        after = dict(db.execute("select id, name from workspaces").fetchall())
        made = [workspace for workspace in after if workspace not in before]
        try:
            assert [after.pop(workspace) for workspace in made] == ["Second"]
            assert after == {**before, here: f"{name} and more"}
        finally:
            db.execute("update workspaces set name = %s where id = %s", (name, here))
            db.execute("delete from workspaces where id = any(%s)", (made,))
