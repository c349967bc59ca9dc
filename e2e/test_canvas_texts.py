"""How the texts of a step come out is shown while they are written, and what happens without a value is chosen there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


def test_texts_come_out_below_the_form_and_say_what_happens_without_a_value(
    open_page: Callable[..., Page],
    product: Product,
    shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None],
) -> None:
    nodes = [
        node(
            "update",
            "update_contact",
            400,
            168,
            set={"hi": "Hi {{ contact.nickname }}"},
            append={"l": "{{ event.x }}"},
            unset=["old"],
        ),
        node("emit", "emit_event", 400, 336, name="trial.ending", properties={"mail": "{{ contact.email }}"}),
        node("vars", "set_variable", 400, 504, set={"n": "{{ vars.n | plus: 1 }}"}),
        node("build", "transform", 400, 672, expression="{'total': event.total * 2}"),
        node("end", "end", 400, 840),
    ]
    order = ["trigger", *[one["id"] for one in nodes]]
    edges = [edge(source, target) for source, target in itertools.pairwise(order)]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    workflow = create(product, "Texts", trigger=trigger, nodes=nodes, edges=edges)
    page = open_page()
    canvas = Builder(page).open(workflow)
    canvas.card("update").click()
    line = canvas.panel.locator(".pair").filter(has=page.locator("[name=key][value=hi]"))
    expect(line.locator(".comes-out")).to_have_text("Hi")
    chip = line.get_by_role("img", name="Variable nickname")
    chip.click()
    asked = line.get_by_role("group", name="If nickname has no value")
    asked.get_by_role("button", name="Fail the step").click()
    expect(line.locator(".text-tried")).to_contain_text("There is no value for contact.nickname.")
    asked.get_by_role("button", name="Write instead").click()
    asked.get_by_role("textbox").fill("you")
    asked.get_by_role("textbox").press("Enter")
    expect(line.locator(".comes-out")).to_have_text("Hi you")
    page.wait_for_function(
        """() => JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph)).nodes
          .find((node) => node.id === 'update').data.set.hi === 'Hi {{ contact.nickname | default: "you" }}'"""
    )
    canvas.wait_saved()
    expect_accessible(page)
    shot(page, "texts-update")
    for name in ("emit", "vars", "build"):
        canvas.card(name).click()
        expect(canvas.panel.locator("form[data-about]")).to_have_attribute("data-about", name)
        shot(page, f"texts-{name}")
    dark = open_page(theme="dark", width=390)
    Builder(dark).open(workflow).card("update").click()
    expect(dark.locator(".comes-out").first).to_have_text("Hi you")
    shot(dark, "texts-dark-narrow")
