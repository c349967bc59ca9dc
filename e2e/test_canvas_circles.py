"""Steps that lead back, take errors and call other workflows: their cards say where to, their forms offer steps and workflows by name."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


def test_cards_and_forms_name_steps_and_workflows(page: Page, product: Product) -> None:
    """By mouse: a list is gone through, the run goes back, errors are taken, and a workflow is called."""
    callee = create(
        product,
        "Say thanks",
        trigger={"type": "manual"},
        nodes=[node("end", "end", 0, 168)],
        edges=[edge("trigger", "end")],
    )
    workflow = create(
        product,
        "Circles",
        trigger={"type": "event", "event": "circled", "position": {"x": 400, "y": 0}},
        nodes=[
            node("ask", "add_tag", 400, 168, tag="asked"),
            node("each", "loop", 400, 336, items="{{ event.lines }}", maxIterations=5),
            node("one", "add_tag", 120, 504, tag="line"),
            node("again", "goto", 400, 504, target="ask", maxVisits=3),
            node("errors", "error_handler", 760, 168, scope="all"),
            node("call", "sub_workflow", 760, 336),
        ],
        edges=[
            edge("trigger", "ask"), edge("ask", "each"), edge("each", "one", "body"), edge("each", "again", "done"),
            edge("errors", "call"),
        ],
    )  # fmt: skip
    canvas = Builder(page).open(workflow)
    expect(canvas.card("again")).to_contain_text("Go to Add tag “asked”")
    expect(canvas.card("again")).not_to_contain_text("ask,")
    expect(canvas.step("errors").locator(".h.in")).to_have_count(0)
    expect(canvas.step("call").locator(".h.in")).to_have_count(1)
    canvas.open_form("ask")
    name = canvas.panel.locator("[data-step-name]")
    name.fill("Ask once more")
    name.press("Tab")
    expect(canvas.card("again")).to_contain_text("Go to Ask once more")
    panel = canvas.open_form("again")
    expect(panel.get_by_label("Continue at").locator("option:checked")).to_have_text("Ask once more")
    panel.get_by_label("Continue at").select_option(label="Add tag “line”")
    expect(canvas.card("again")).to_contain_text("Go to Add tag “line”")
    panel = canvas.open_form("each")
    expect(panel.get_by_label("Items at most")).to_have_value("5")
    with page.expect_response("**/error_handler/form.js*"):
        panel = canvas.open_form("errors")
    page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done)))")  # its script has run
    panel.get_by_label("Ask once more").check()
    expect(panel.get_by_label("All steps")).not_to_be_checked()
    expect(canvas.card("errors")).to_contain_text("Errors of 1 step")
    panel = canvas.open_form("call")
    panel.get_by_label("Workflow", exact=True).select_option(value=callee)
    panel.get_by_label("For", exact=True).select_option("company")
    panel.get_by_role("button", name="Value").click()
    panel.get_by_label("Name, such as plan").fill("total")
    panel.get_by_role("textbox", name="Value").fill("{{ event.total }}")
    expect(canvas.card("call")).to_contain_text("Call Say thanks")
    expect(canvas.card("call")).to_contain_text("Without a contact, waits for it")
    canvas.wait_saved()
    stored = {one["id"]: one["data"] for one in canvas.stored(product, workflow)["nodes"]}
    assert stored["errors"]["scope"] == ["ask"] and stored["again"]["target"] == "one"
    assert stored["call"] == {
        "workflowId": callee,
        "mode": "wait",
        "audience": "company",
        "input": {"total": "{{ event.total }}"},
    }
