"""The address of the builder says what is shown: links, Back and a reload keep it, and undo outlives a reload and an activation."""

from __future__ import annotations

import contextlib
import re
from uuid import uuid4

from playwright.sync_api import Error, Page, Route, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small, edge, node


def demo_workflow(product: Product) -> str:
    """A workflow of the demo workspace that has runs; its contacts enter while the product starts."""
    query = "select workflow_id from runs group by workflow_id order by count(*) desc limit 1"
    with product.connect() as connection:
        for _ in range(60):
            if row := connection.execute(query).fetchone():
                return str(row[0])
            connection.execute("select pg_sleep(0.5)")
    raise AssertionError("nobody entered the workflows of the demo")


def test_mode_version_person_and_step_are_in_the_address(page: Page, product: Product) -> None:
    workflow = demo_workflow(product)
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Results").click()
    expect(page).to_have_url(re.compile(r"\?mode=results$"))
    select = page.locator("#results-bar select")
    select.select_option("0")
    expect(page).to_have_url(re.compile("version=0"))
    page.get_by_role("button", name="Person", exact=True).click()
    canvas.panel.locator(".who").first.click()
    expect(page).to_have_url(re.compile(r"mode=person&run=[0-9a-f-]{36}$"))
    name = page.locator("#person-bar [data-name]").inner_text()
    page.reload()
    expect(page.locator("#person-bar [data-name]")).to_have_text(name)
    page.go_back()
    page.go_back()
    expect(select).to_have_value("0")
    page.go_back()
    page.go_back()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_have_attribute("aria-pressed", "true")
    step = str(page.locator(".node:not(.k-trigger)").first.get_attribute("data-id"))
    canvas.open_form(step)
    expect(page).to_have_url(re.compile(f"step={step}$"))
    page.reload()
    expect(canvas.panel.locator(f"form[data-about='{step}']")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(f"/workflows/{workflow}?step=gone&mode=fly")
    canvas.ready()
    expect(page).to_have_url(re.compile(r"/workflows/[0-9a-f-]{36}$"))


def test_back_shows_the_version_of_the_address_while_other_results_are_on_their_way(
    page: Page, product: Product
) -> None:
    workflow = demo_workflow(product)
    Builder(page).open(workflow)
    held: list[Route] = []
    page.route(re.compile("/results$"), lambda route: held.append(route))
    with page.expect_request(re.compile("/results$")):
        page.get_by_role("button", name="Results").click()
    with page.expect_response(re.compile(r"/results\?version=0$")):
        page.evaluate(
            "history.pushState(null, '', '?mode=results&version=0'); dispatchEvent(new PopStateEvent('popstate'))"
        )
        page.unroute(re.compile("/results$"))
        with contextlib.suppress(Error):  # the page gave it up
            held[0].continue_()
    expect(page.locator("#results-bar select")).to_have_value("0")
    expect(page).to_have_url(re.compile("version=0"))


def test_a_reload_leaves_the_view_and_what_is_gone_gives_way(page: Page, product: Product) -> None:
    workflow = demo_workflow(product)
    canvas = Builder(page).open(f"{workflow}?mode=results")
    select = page.locator("#results-bar select")
    expect(select).to_be_visible()
    first = page.locator(".node").first
    before = canvas.centre(first)
    for _ in range(2):
        with page.expect_response(re.compile("/results")):
            page.reload()
        expect(select).to_be_visible()
        page.wait_for_function("id => localStorage.getItem(`view:${id}`)", arg=workflow)
    x, y = canvas.centre(first)
    assert abs(x - before[0]) < 2 and abs(y - before[1]) < 2
    page.goto(f"/workflows/{workflow}?mode=results&version=999")
    expect(select).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?mode=results$"))
    page.goto(f"/workflows/{workflow}?mode=person&run={uuid4()}")
    expect(canvas.panel.locator(".who").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?mode=person$"))
    canvas.panel.locator(".who").first.click()
    expect(page.locator("#person-bar [data-name]")).to_be_visible()
    expect(page.locator(".node.now")).to_be_in_viewport(ratio=1)


def test_a_step_may_be_called_as_what_every_object_has(page: Page, product: Product, page_errors: list[str]) -> None:
    names = ["constructor", "__proto__"]
    steps = [node(name, "condition", 0, 168 * (index + 1), conditions=[]) for index, name in enumerate(names)]
    trigger = {"type": "event", "event": "x", "position": {"x": 0, "y": 0}}
    edges = [edge("trigger", names[0]), edge(names[0], names[1], "true")]
    canvas = Builder(page).open(f"{create(product, 'Names', trigger=trigger, nodes=steps, edges=edges)}?mode=results")
    for name in names:
        expect(canvas.card(name).locator(".st")).to_contain_text("Completed")
    assert not page_errors


def test_undo_outlives_a_reload_and_an_activation(page: Page, product: Product) -> None:
    canvas = Builder(page).open(
        create(
            product,
            "Undo",
            trigger={"type": "event", "event": "x", "position": {"x": 0, "y": 0}},
            nodes=[node("tag", "add_tag", 0, 168, tag="t")],
            edges=[edge("trigger", "tag")],
        )
    )
    canvas.plus("tag").click()
    canvas.choose("remove tag")
    added = canvas.the("remove_tag")
    canvas.form.fill("f-tag", "t")
    canvas.wait_saved()
    page.reload()
    canvas.ready()
    canvas.activate()
    canvas.ready()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_enabled()
    undo.click()
    undo.click()
    assert added not in {one["id"] for one in canvas.graph()["nodes"]}
    canvas.wait_saved()
    assert canvas.ways() == {("trigger", "next", "tag")}
    page.reload()
    page.get_by_role("button", name="Redo").click()
    assert added in {one["id"] for one in canvas.graph()["nodes"]}


def test_undo_is_not_offered_over_what_others_changed(page: Page, product: Product) -> None:
    workflow = create_small(product, "Undo and others")
    canvas = Builder(page).open(workflow)
    canvas.card("good").click()
    page.keyboard.press("Delete")
    canvas.wait_saved()
    page.goto("/workflows")
    with product.connect() as connection:
        connection.execute("update workflows set draft_rev = draft_rev + 3 where id = %s", [workflow])
    canvas.open(workflow)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_person_is_found_by_address_and_the_list_is_walked_by_arrow_keys(page: Page, product: Product) -> None:
    workflow = demo_workflow(product)
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Person", exact=True).click()
    names = canvas.panel.locator(".who b")
    expect(names.first).to_be_visible()
    name = names.last.inner_text()
    search = page.get_by_role("searchbox", name="Find a person by name or email")
    search.fill(name)
    expect(canvas.panel.locator(".who b").filter(has_not_text=name)).to_have_count(0)
    expect(search).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(canvas.panel.locator(".who").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#person-bar [data-name]")).to_have_text(name)
    search.fill("nobody is called this")
    expect(canvas.panel).to_contain_text("No run of anybody who is called that.")
