"""Saving: two tabs, no network, refusals, and what others did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.pages.reach import unreached
from e2e.product import Product
from e2e.workflows import create_small


def rename_tag(canvas: Builder, step: str, tag: str) -> None:
    canvas.open_form(step).get_by_label("Tag", exact=True).fill(tag)


def edit_before_hearing_of_theirs(mine: Builder, tag: str, theirs: Builder, their_tag: str) -> None:
    """Both change the step *good*: mine while its network is gone, so that it cannot hear of theirs first."""
    field = mine.open_form("good").get_by_label("Tag", exact=True)
    mine.page.context.set_offline(True)
    field.fill(tag)
    expect(mine.chip).to_contain_text("Offline")
    rename_tag(theirs, "good", their_tag)
    expect(theirs.card("good")).to_contain_text(their_tag)
    theirs.wait_saved()
    mine.page.context.set_offline(False)


def test_two_tabs_that_touch_different_steps_are_both_kept(product: Product, open_page: Callable[..., Page]) -> None:
    workflow = create_small(product, "Two tabs")
    mine, theirs = Builder(open_page()).open(workflow), Builder(open_page()).open(workflow)
    rename_tag(theirs, "good", "theirs")
    theirs.wait_saved()
    expect(theirs.card("good")).to_contain_text("theirs")
    rename_tag(mine, "bad", "mine")
    expect(mine.card("bad")).to_contain_text("mine")
    expect(mine.card("good")).to_contain_text("theirs")
    mine.wait_saved()
    tags = {node["id"]: node["data"].get("tag") for node in mine.stored(product, workflow)["nodes"]}
    assert tags["good"] == "theirs" and tags["bad"] == "mine"


def test_two_tabs_that_touch_the_same_step_are_asked(
    product: Product, open_page: Callable[..., Page], page_errors: list[str], shot: Callable[[Page, str], None]
) -> None:
    workflow = create_small(product, "Conflict")
    for answer, kept in (("Keep mine", "mine"), ("Take theirs", "theirs")):
        mine, theirs = Builder(open_page()).open(workflow), Builder(open_page()).open(workflow)
        edit_before_hearing_of_theirs(mine, f"mine {answer}", theirs, f"theirs {answer}")
        dialog = mine.page.get_by_role("dialog", name="Editing conflict")
        expect(dialog.get_by_role("row").last).to_contain_text(f"theirs {answer}")
        expect(dialog.get_by_role("row").last).to_contain_text(f"mine {answer}")
        shot(mine.page, f"conflict-{answer[:4].lower()}")
        mine.page.set_viewport_size({"width": 720, "height": 450})  # the same window at 200 %
        assert unreached(mine.page) == []
        expect(mine.chip).to_have_text("Conflict")
        dialog.get_by_role("button", name=answer).click()
        expect(mine.card("good")).to_contain_text(f"{kept} {answer}")
        mine.wait_saved()
        [stored] = [node for node in mine.stored(product, workflow)["nodes"] if node["id"] == "good"]
        assert stored["data"]["tag"] == f"{kept} {answer}"
    page_errors.clear()  # htmx writes to the console that it could not fetch


def test_what_is_being_typed_outlasts_what_others_save(product: Product, open_page: Callable[..., Page]) -> None:
    """Theirs comes by the live stream, into the page in which somebody types, without a reload."""
    workflow = create_small(product, "Typing meanwhile")
    mine, theirs = Builder(open_page()).open(workflow), Builder(open_page()).open(workflow)
    field = mine.open_form("bad").get_by_label("Tag", exact=True)
    field.fill("")
    field.press_sequentially("mine ", delay=30)
    rename_tag(theirs, "good", "theirs")
    theirs.wait_saved()
    expect(theirs.card("good")).to_contain_text("theirs")
    field.press_sequentially("is being typed", delay=150)
    expect(mine.card("good")).to_contain_text("theirs")
    expect(field).to_be_focused()
    expect(field).to_have_value("mine is being typed")
    expect(mine.card("bad")).to_contain_text("mine is being typed")
    mine.wait_saved()
    tags = {node["id"]: node["data"].get("tag") for node in mine.stored(product, workflow)["nodes"]}
    assert (tags["good"], tags["bad"]) == ("theirs", "mine is being typed")


def test_my_side_can_be_saved_as_a_copy(
    product: Product, open_page: Callable[..., Page], page_errors: list[str]
) -> None:
    workflow = create_small(product, "To copy")
    mine, theirs = Builder(open_page()).open(workflow), Builder(open_page()).open(workflow)
    edit_before_hearing_of_theirs(mine, "my own", theirs, "theirs")
    mine.page.get_by_role("button", name="Save mine as a copy").click()
    expect(mine.page.locator("h1")).to_contain_text("To copy (copy)")
    expect(mine.card("good")).to_contain_text("my own")
    theirs.page.reload()
    expect(theirs.card("good")).to_contain_text("theirs")
    page_errors.clear()


def test_without_a_network_work_goes_on_and_is_sent_later(
    product: Product, open_page: Callable[..., Page], page_errors: list[str]
) -> None:
    workflow = create_small(product, "Offline")
    page = open_page()
    canvas = Builder(page).open(workflow)
    page.context.set_offline(True)
    canvas.card("good").click()
    page.keyboard.press("Control+d")
    page.keyboard.press("Delete")
    canvas.entry("end").click()
    expect(canvas.chip).to_contain_text("Offline")
    expect(canvas.chip).to_contain_text("kept")
    assert canvas.stored(product, workflow)["draftRev"] == 1
    page.context.set_offline(False)
    canvas.wait_saved()
    assert "end" in {node["type"] for node in canvas.stored(product, workflow)["nodes"]}
    page_errors.clear()  # htmx writes to the console that it could not fetch


def test_what_a_closed_tab_did_not_send_is_sent_by_the_next(
    product: Product, open_page: Callable[..., Page], page_errors: list[str]
) -> None:
    workflow = create_small(product, "Closed")
    page = open_page()
    canvas = Builder(page).open(workflow)
    page.route("**/draft", lambda route: route.abort())
    canvas.card("wait").click()
    page.keyboard.press("Delete")
    expect(canvas.chip).to_contain_text("changes kept")
    page.unroute("**/draft")
    kept = page.evaluate("Object.values(localStorage).filter(value => value.includes('remove_node')).length")
    assert kept == 1
    context = page.context
    page.close()
    page_errors.clear()
    again = Builder(context.new_page()).open(workflow)
    expect(again.step("wait")).to_have_count(0)
    again.wait_saved()
    assert "wait" not in {node["id"] for node in again.stored(product, workflow)["nodes"]}


def test_a_refused_value_is_told_at_its_field_and_taken_back(page: Page, product: Product) -> None:
    workflow = create_small(product, "Refused")
    canvas = Builder(page).open(workflow)
    form = canvas.open_form("wait")
    form.get_by_label("Wait").fill("400")
    expect(form.get_by_label("Wait")).to_have_attribute("aria-invalid", "true")
    expect(form).to_contain_text("365 days at most")
    expect(form.get_by_label("Wait")).to_have_value("400")
    expect(form.get_by_label("Wait")).to_be_focused()
    expect(canvas.card("wait")).to_contain_text("Wait 1 day")
    canvas.wait_saved()
    form.get_by_label("Wait").fill("4")
    expect(canvas.card("wait")).to_contain_text("Wait 4 days")
    expect(form.get_by_label("Wait")).not_to_have_attribute("aria-invalid", "true")


def test_typing_saves_without_losing_the_cursor(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Typing"))
    field = canvas.open_form("good").get_by_label("Tag", exact=True)
    field.fill("")
    field.press_sequentially("early ", delay=30)
    expect(canvas.card("good")).to_contain_text("early")
    canvas.wait_saved()
    field.press_sequentially("bird", delay=30)
    expect(canvas.card("good")).to_contain_text("early bird")
    expect(field).to_be_focused()


def test_errors_lead_to_the_field(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Issues"))
    canvas.plus("good").click()
    canvas.choose("email")
    mail = canvas.the("send_email")
    expect(canvas.step(mail).locator(".bad")).to_have_text("To do")
    page.keyboard.press("Escape")
    page.locator("#issues-button").click()
    page.get_by_role("button", name="Choose a template").click()
    field = canvas.panel.get_by_label("Template")
    expect(field).to_be_focused()
    page.get_by_role("button", name="Activate v1").click()
    dialog = page.get_by_role("dialog", name="Not ready yet")
    dialog.get_by_role("button", name="Choose a template").click()
    expect(dialog).to_be_hidden()
    field.select_option(label="General welcome")
    expect(page.locator("#issues-button")).to_have_text("No errors")
    page.get_by_role("button", name="Activate v1").click()
    activation = page.get_by_role("dialog", name="Activate version 1")
    expect(activation).to_contain_text("Starts on the event “signed_up”")
    activation.get_by_role("button", name="Activate v1").click()
    expect(page.locator(".top")).to_contain_text("Live v1")
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()


def test_goals_and_entry_are_edited_beside_the_canvas(page: Page, product: Product) -> None:
    workflow = create_small(product, "Goals")
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Goals and rules").click()
    canvas.panel.get_by_role("button", name="Goal", exact=True).click()
    canvas.panel.get_by_label("Name of the goal").fill("Bought")
    canvas.panel.get_by_label("Event that reaches the goal").fill("purchase")
    canvas.panel.get_by_role("radio", name=re.compile("^Once")).check()
    canvas.panel.get_by_role("radio", name=re.compile("^Once")).blur()
    canvas.wait_saved()
    expect(canvas.said).not_to_contain_text("offline")
    stored = canvas.stored(product, workflow)
    [goal] = stored["goals"]
    assert (goal["name"], goal["event"]) == ("Bought", "purchase")
    assert stored["settings"]["reentry"] == "once"


def test_a_goal_says_whether_the_contact_is_checked_too(page: Page, product: Product) -> None:
    """The box follows the event: on for changes of a contact, off for others; without conditions there is none."""
    workflow = create_small(product, "Goals on the contact")
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Goals and rules").click()
    canvas.panel.get_by_role("button", name="Goal", exact=True).click()
    goal = canvas.panel.get_by_role("group", name="Goal", exact=True)
    event, too, enough = (
        goal.get_by_label("Event that"),
        goal.get_by_label("Check the"),
        goal.get_by_label("Meeting the"),
    )
    event.fill("contact.updated")
    expect(too).to_be_hidden()
    goal.get_by_role("button", name="Condition").click()
    goal.get_by_label("Field").fill("contact.plan")
    goal.get_by_label("Value").fill("pro")
    expect(too).to_be_checked()
    expect(enough).to_be_hidden()
    canvas.wait_saved()
    assert canvas.stored(product, workflow)["goals"][0]["checkContact"] is True
    too.uncheck()
    canvas.wait_saved()
    assert canvas.stored(product, workflow)["goals"][0]["checkContact"] is False
    too.check()
    goal.get_by_label("Field").fill("event.changed")
    goal.get_by_label("Field").blur()
    expect(goal).to_contain_text("only when its event happens")
    event.fill("purchase")
    event.blur()
    expect(too).to_be_hidden()
    expect(enough).not_to_be_checked()
    canvas.wait_saved()
    assert "checkContact" not in canvas.stored(product, workflow)["goals"][0]


def test_the_json_of_the_page_survives_hostile_names(page: Page, product: Product) -> None:
    workflow = create_small(product, "</script><img src=x onerror=alert(1)>")
    canvas = Builder(page).open(workflow)
    assert json.dumps(canvas.graph())
    expect(page.locator("h1")).to_contain_text("<img src=x")


TIME_IS_UP = """
  const { setTimeout: start, clearTimeout: end } = window, waits = new Map();
  window.setTimeout = (run, wait, ...more) => {
    const id = start(run, wait, ...more);
    if (wait === 250) waits.set(id, run);
    return id;
  };
  window.clearTimeout = (id) => end(id, waits.delete(id));
  new MutationObserver(() => {
    if (!document.querySelector('#panel form[data-about]')) return;
    for (const [id, run] of waits) (window.clearTimeout(id), run());
  }).observe(document, { childList: true, subtree: true });
"""
"""The word for what takes long is due in the moment in which the form comes in."""


def test_a_form_that_comes_in_at_the_last_moment_stays(product: Product, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script(TIME_IS_UP)
    canvas = Builder(page).open(create_small(product, "Just in time"))
    for step in ("good", "bad", "good"):
        canvas.open_form(step)
        expect(canvas.panel.locator(".panel-note")).to_have_count(0)
