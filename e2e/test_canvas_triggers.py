"""Several triggers in one flow: added and switched off with the mouse, and what each of them starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture
def client(product: Product) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as opened:
        yield opened


def started(product: Product, client: httpx.Client, workflow: str, expected: int) -> int:
    """How many runs a workflow has had, as soon as there are `expected`."""
    for _ in range(60):
        runs: int = client.get(f"/workflows/{workflow}/stats").json()["data"]["completedRuns"]
        if runs >= expected:
            break
        with product.connect() as connection:
            connection.execute("select pg_sleep(0.5)")
    return runs


def test_a_second_trigger_starts_runs_until_it_is_switched_off(
    page: Page, product: Product, client: httpx.Client, expect_accessible: Callable[..., None]
) -> None:
    workflow = create(
        product,
        "Two ways in",
        trigger={"type": "event", "event": "two.bought", "position": {"x": 400, "y": 0}},
        nodes=[node("tag", "add_tag", 400, 168, tag="two-ways-in")],
        edges=[edge("trigger", "tag")],
        settings={"reentry": "always"},
    )
    canvas = Builder(page).open(workflow)
    canvas.open_form("trigger")
    assert page.locator(".trigger-switch").count() == 0, "one trigger has no switch"
    canvas.panel.get_by_role("button", name="Add a trigger").click()
    canvas.choose("event")
    [second] = [one["id"] for one in canvas.graph()["triggers"] if one["id"] != "trigger"]
    assert canvas.ways() == {("trigger", "next", "tag"), (second, "next", "tag")}
    page.get_by_role("button", name="Undo").click()
    expect(canvas.step(second)).to_have_count(0)
    assert canvas.ways() == {("trigger", "next", "tag")}
    page.get_by_role("button", name="Redo").click()
    form = canvas.open_form(second)
    form.locator("#f-event").fill("two.asked")
    form.locator("#f-event").press("Tab")
    expect(canvas.card(second)).to_contain_text("Two asked")
    expect(canvas.step("trigger").get_by_role("switch")).to_be_visible()
    canvas.wait_saved()
    expect_accessible(page)
    client.post(f"/workflows/{workflow}/activate").raise_for_status()

    person = f"two.{workflow[-6:]}@example.com"
    client.post("/contacts", json={"email": person}).raise_for_status()
    for event in ("two.bought", "two.asked"):
        client.post("/events", json={"name": event, "email": person}).raise_for_status()
    assert started(product, client, workflow, 2) == 2
    canvas.open(workflow)
    page.get_by_role("button", name="Results", exact=True).click()
    for trigger in ("trigger", second):
        expect(canvas.card(trigger).locator(".st")).to_contain_text("1")

    page.get_by_role("button", name="Edit", exact=True).click()
    switch = canvas.step(second).get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    canvas.wait_saved()
    client.post(f"/workflows/{workflow}/activate").raise_for_status()
    for event in ("two.asked", "two.bought"):  # one person's events are taken in order
        client.post("/events", json={"name": event, "email": person}).raise_for_status()
    assert started(product, client, workflow, 3) == 3
    latest = client.get(f"/workflows/{workflow}/stats", params={"version": 2}).json()["data"]
    assert latest["totalRuns"] == 1, "what is switched off starts nothing"


def test_a_workflow_about_nobody_is_made_and_started_by_hand(
    page: Page, product: Product, client: httpx.Client, expect_accessible: Callable[..., None]
) -> None:
    workflow = create(
        product,
        "Stock export",
        trigger={"type": "manual", "position": {"x": 400, "y": 0}},
        nodes=[node("tag", "add_tag", 400, 168, tag="vip"), node("end", "end", 400, 336)],
        edges=[edge("trigger", "tag"), edge("tag", "end")],
    )
    canvas = Builder(page).open(workflow)
    form = canvas.open_form("trigger")
    form.get_by_label("A run is about").select_option("none")
    expect(form.get_by_text("Each start is a run of its own")).to_be_visible()
    expect(canvas.step("tag")).to_contain_text("1 error")
    canvas.wait_saved()
    expect_accessible(page)
    refused = client.post(f"/workflows/{workflow}/activate")
    assert refused.status_code == 422 and "needs a contact" in refused.json()["detail"]
    canvas.card("tag").click()
    canvas.press("Delete")
    expect(canvas.step("tag")).to_have_count(0)
    canvas.wait_saved()
    client.post(f"/workflows/{workflow}/activate").raise_for_status()

    page.goto(f"{product.url}/workflows/{workflow}/runs")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Input").fill('{"order": "A-17"}')
    expect_accessible(page)
    page.get_by_role("button", name="Start", exact=True).click()
    row = page.get_by_role("row", name="No contact")
    expect(row).to_contain_text("order A-17")
    expect(row).to_contain_text("Completed")
    row.get_by_role("link", name="No contact").click()
    expect(page.get_by_role("heading", name="No contact").first).to_be_visible()
    expect(page.get_by_text("Started manually or by the API.")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_a_sender_is_set_up_by_its_name(
    open_page: Callable[..., Page],
    product: Product,
    client: httpx.Client,
    expect_accessible: Callable[..., None],
    shot: Callable[..., None],
    theme: str,
    width: int,
) -> None:
    workflow = create(
        product,
        "Paid invoices",
        trigger={"type": "webhook", "data": {"identity": {"email": "$.mail"}}, "position": {"x": 400, "y": 0}},
        nodes=[node("tag", "add_tag", 400, 168, tag="paid")],
        edges=[edge("trigger", "tag")],
    )
    page = open_page(theme=theme, width=width)
    canvas = Builder(page).open(workflow)
    form = canvas.open_form("trigger")
    email = form.locator("[name='identity.email']")
    expect(form.get_by_label("Sender", exact=True)).to_have_value("")
    form.get_by_label("Sender", exact=True).select_option("Stripe")
    expect(form.get_by_text("Copy its signing secret")).to_be_visible()
    expect(form.get_by_label("Sender", exact=True)).to_be_focused()
    expect(email).to_have_value("$.data.object.customer_email")
    expect(form.locator("[name='signature.header']")).to_have_value("Stripe-Signature")
    secret = form.get_by_label("Secret of the sender")
    secret.fill("short")
    form.get_by_role("button", name="Use it").click()
    expect(form.get_by_text("16 to 200 characters")).to_be_visible()
    secret.fill("whsec_of_the_sender_1234")
    form.get_by_role("button", name="Use it").click()
    expect(form.get_by_text("signs now")).to_be_visible()
    canvas.wait_saved()
    (stored,) = client.get(f"/workflows/{workflow}").json()["data"]["triggers"]
    assert stored["data"]["signature"]["covers"] == "time.body" and stored["data"]["deliveryId"] == "$.id"
    assert "sender" not in str(stored["data"]).replace("customer", "")
    email.fill("$.data.object.receipt_email")
    email.press("Tab")
    canvas.wait_saved()
    canvas.press("Escape")
    canvas.open_form("trigger")
    expect(form.get_by_label("Sender", exact=True)).to_have_value("stripe")
    expect_accessible(page)
    shot(page, f"sender-{theme}-{width}", full=True)
    canvas.press("Escape")
    canvas.press("Control+z")
    canvas.press("Control+z")
    canvas.wait_saved()
    (stored,) = client.get(f"/workflows/{workflow}").json()["data"]["triggers"]
    assert stored["data"] == {"identity": {"email": "$.mail"}}, "a preset is undone in one step"
