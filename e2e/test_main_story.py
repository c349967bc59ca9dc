"""The main job: draw a flow by mouse, activate it, import people, see their mails and their runs to the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.pages.sign_in import sign_in
from e2e.product import Product

PEOPLE = 5


def a_csv(directory: Path) -> Path:
    """Five people, two of them on the plan `pro`."""
    file = directory / "people.csv"
    lines = [f"story-{n}@shop.example,Person {n},{'pro' if n < 2 else 'free'}" for n in range(PEOPLE)]
    file.write_text("email,first_name,plan\n" + "\n".join(lines) + "\n")
    return file


def test_a_flow_is_drawn_activated_and_walked(
    open_page: Callable[..., Page], product: Product, tmp_path: Path, shot: Callable[..., Path]
) -> None:
    page = open_page(signed_in=False)
    sign_in(page, product)

    builder = Builder(page)
    builder.create("Main story")
    builder.start_with_event("contact.created")
    builder.add("send_email", (560, 330), "Welcome mail")
    builder.form.choose("f-templateId", "General welcome")
    builder.add("delay", (560, 450), "Two seconds")
    builder.form.fill("f-duration", "2")
    builder.form.choose("f-unit", "seconds")
    builder.add("condition", (560, 570), "Is pro?")
    builder.form.add_rule("contact.plan", "pro")
    builder.add("send_email", (440, 720), "Pro mail")
    builder.form.choose("f-templateId", "Value highlight")
    builder.add("add_tag", (720, 720), "Tag as free")
    builder.form.fill("f-tag", "free-plan")
    builder.add("end", (900, 450), "Over")
    builder.connect_titled("Contact created", "Welcome mail")
    builder.connect_titled("Welcome mail", "Two seconds")
    builder.connect_titled("Two seconds", "Is pro?")
    builder.connect_titled("Is pro?", "Pro mail", "true")
    builder.connect_titled("Is pro?", "Tag as free", "false")
    builder.connect_titled("Pro mail", "Over")
    builder.connect_titled("Tag as free", "Over")
    builder.wait_saved()
    shot(page, "main-story-drawn")
    builder.activate()
    workflow = page.url

    page.goto("/contacts/import")
    page.locator("input[type=file]").set_input_files(a_csv(tmp_path))
    page.get_by_role("button", name="Upload and review").click()
    page.locator("input[name=emit_events]").check()
    page.get_by_role("button", name=f"Import {PEOPLE} rows").click()
    expect(page.get_by_text("Completed")).to_be_visible(timeout=30_000)

    page.goto(f"{workflow}/runs")
    expect(page.locator("tbody .pill", has_text="Completed")).to_have_count(PEOPLE, timeout=30_000)
    page.locator("tbody a.nm").first.click()
    expect(page.get_by_text("Two seconds").first).to_be_visible()
    shot(page, "main-story-run")

    page.goto("/mailbox?search=shop.example")
    expect(page.get_by_text("@shop.example")).to_have_count(PEOPLE + 2, timeout=30_000)
    with product.connect() as database:
        tagged = database.execute(
            "select count(*) from contacts where tags = '{free-plan}' and email like 'story-%'"
        ).fetchone()
    assert tagged == (PEOPLE - 2,)
