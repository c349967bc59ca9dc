"""The sample in the top bar of the builder: whose data previews and cards show, chosen where one edits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture
def greeting(product: Product) -> str:
    """A workflow with a mail that greets by name, and two who signed up."""
    workflow = create(
        product,
        "Greeting",
        trigger={"type": "event", "event": "sample.began", "position": {"x": 400, "y": 0}},
        nodes=[node("mail", "send_email", 400, 168, subject="Good to have you, {{ contact.first_name }}")],
        edges=[edge("trigger", "mail")],
    )
    for name in ("Grace", "Ada"):
        sign_up(product, workflow, name, plan="pro")
    return workflow


def sign_up(product: Product, workflow: str, name: str, **properties: Any) -> None:
    """Somebody begins, as the shop says it."""
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        person = {"email": f"{name}.{workflow[-6:]}@example.com", "attributes": {"first_name": name}}
        client.post("/contacts", json=person).raise_for_status()
        event = {"name": "sample.began", "email": person["email"], "properties": properties}
        client.post("/events", json=event).raise_for_status()


def test_cards_and_forms_show_who_is_chosen_in_the_top_bar(
    page: Page, greeting: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    canvas, chip = Builder(page).open(greeting), page.locator("#sample-chip > summary")
    expect(chip).to_contain_text("Ada")
    expect(canvas.card("mail")).to_contain_text("Good to have you, Ada")
    canvas.card("mail").click()
    expect(page.locator(".text-tried").filter(has_text="Good to have you, Ada").first).to_be_visible()
    chip.click()
    expect(page.locator("#bar-samples")).to_contain_text("Grace")
    expect_accessible(page)
    shot(page, "builder-sample")
    page.locator("#bar-samples").get_by_role("button", name="Grace").first.click()
    expect(chip).to_contain_text("Grace")
    expect(page.locator("#sample-chip > .pop")).to_be_hidden()
    expect(chip).to_be_focused()
    expect(canvas.card("mail")).to_contain_text("Good to have you, Grace")
    expect(page.locator(".text-tried").filter(has_text="Good to have you, Grace").first).to_be_visible()
    canvas.panel.locator("chip-text").first.click(position={"x": 6, "y": 14})
    page.keyboard.press("Control+End")
    page.keyboard.type("!")
    canvas.wait_saved()
    expect(canvas.card("mail")).to_contain_text("Good to have you, Grace!")
    page.reload()
    expect(chip).to_contain_text("Grace")


@pytest.mark.parametrize("width", [1440, 1321, 1024, 720, 390])
def test_the_views_stay_where_they_are_whoever_is_chosen(greeting: str, open_page: Any, width: int) -> None:
    page = open_page(width=width, height=900)
    Builder(page).open(greeting)
    chip = page.locator("#sample-chip > summary")
    places = """() => [...document.querySelectorAll('.top .modes, .top .acts, #activate-button, #sample-chip')]
      .map((part) => { const r = part.getBoundingClientRect(); return [Math.round(r.left), Math.round(r.width), Math.round(r.top)] })"""
    before = page.evaluate(places)
    chip.click()
    expect(page.locator("#bar-samples .who b").first).to_be_visible()
    expect(page.locator("#sample-choice").get_by_role("searchbox")).to_be_visible()
    page.locator("#sample-choice").get_by_text("Invent somebody").click()
    name = "Somebody with a very long name indeed"
    page.locator("#sample-choice textarea[name=contact]").fill(f'{{"attributes": {{"first_name": "{name}"}}}}')
    page.locator("#sample-choice").get_by_role("button", name="Show this person").click()
    expect(page.locator("#sample-name")).to_contain_text(name)
    assert page.evaluate(places) == before
    page.get_by_role("button", name="Results", exact=True).click()
    expect(page.locator("#sample-chip")).to_be_hidden()
    assert page.evaluate(places) == before
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_event_that_comes_in_moves_the_sample_that_nobody_chose(
    product: Product,
    greeting: str,
    open_page: Any,
    shot: Callable[..., Any],
    expect_accessible: Callable[..., None],
    theme: str,
) -> None:
    """While the trigger's list of events is open, which hears of them anyway."""
    page = open_page(theme=theme)
    canvas, chip = Builder(page).open(greeting), page.locator("#sample-chip > summary")
    expect(chip).to_contain_text("Ada")
    canvas.open_form("trigger")
    page.get_by_role("tab", name="Test").click()
    events = page.locator("#step-test .who")
    expect(events.first).to_contain_text("Ada")
    order = {"total": 49.5, "items": [{"sku": "blue-lamp"}, {"sku": "bulb"}], "paid": True}
    sign_up(product, greeting, "Mary", plan="team", order=order, at="2026-11-28T09:00:00Z", note="A long note. " * 40)
    expect(events.first).to_contain_text("Mary")
    expect(events.first).to_contain_text("order › total 49.5")
    expect(events.nth(1)).to_contain_text("plan pro")
    assert events.first.locator(".brief").bounding_box()["height"] <= 33, "two lines at most"
    expect(chip).to_contain_text("Mary")
    expect(canvas.card("mail")).to_contain_text("Good to have you, Mary")
    expect_accessible(page, within="#step-test")
    shot(page, f"trigger-events-{theme}")
    events.filter(has_text="Grace").first.click()
    expect(chip).to_contain_text("Grace")
    expect(events.filter(has_text="Grace").first).to_have_attribute("aria-current", "true")
    sign_up(product, greeting, "Joan", plan="free")
    expect(events.first).to_contain_text("Joan")
    expect(chip).to_contain_text("Grace")
    expect(page.locator("[data-follow-every='5000']")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_of_messages_say_what_kind_they_are_beside_their_text(
    product: Product, open_page: Any, shot: Callable[..., Any], theme: str
) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        templates = {}
        shipped = {"name": "order_shipped", "language": "de", "variables": ["there"]}
        for channel, text, more in (("sms", "Your parcel is here", {}), ("whatsapp", "Hi {{1}}", {"content": shipped})):
            parts = {"name": f"For {channel} {uuid4().hex[:4]}", "channel": channel, "text": text, **more}
            templates[channel] = client.post("/templates", json=parts).raise_for_status().json()["data"]["id"]
    kinds = {
        "sms": {"class": "transactional", "topic": "Parcels"},
        "whatsapp": {"topic": "Parcels", "goOn": "sent"},
    }
    names = ["trigger", *kinds]
    workflow = create(
        product,
        "Parcels",
        trigger={"type": "event", "event": "sample.sent", "position": {"x": 400, "y": 0}},
        nodes=[
            node(one, f"send_{one}", 400, 168 * place, templateId=templates[one], **kinds[one])
            for place, one in enumerate(kinds, 1)
        ],
        edges=[edge(*pair) for pair in pairwise(names)],
    )
    canvas = Builder(open_page(theme=theme)).open(workflow)
    expect(canvas.card("sms")).to_contain_text("“Your parcel is here”")
    expect(canvas.card("sms")).to_contain_text("SMS · Transactional · Parcels")
    expect(canvas.card("whatsapp")).to_contain_text("“Hi there”")
    expect(canvas.card("whatsapp")).to_contain_text("WhatsApp · Marketing · Parcels · waits until sent")
    shot(canvas.page, f"message-cards-{theme}")
