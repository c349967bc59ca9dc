"""A program is told what happens: its endpoint is made, hears, fails, is switched off and on, and is sent again what it missed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook as StandardWebhook

from e2e.product import PLAIN, Product

SIZES = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]


class Program:
    """A server that writes down what it is told, and answers as it is asked to."""

    def __init__(self) -> None:
        self.status, self.heard = 200, list[tuple[dict[str, str], bytes]]()
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                program.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(program.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.heard]


@pytest.fixture
def program() -> Iterator[Program]:
    running = Program()
    yield running
    running.server.shutdown()


def contact(product: Product, email: str) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    answer = httpx.post(f"{product.url}/api/v1/contacts", json={"email": email}, headers=headers, **PLAIN)
    assert answer.is_success, answer.text


def test_a_program_is_told_what_happens(
    page: Page,
    product: Product,
    program: Program,
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    open_page: Callable[..., Page],
) -> None:
    # Made, with its secret shown once.
    page.goto("/settings/webhooks")
    expect_accessible(page)
    page.get_by_role("button", name="Add endpoint").first.click()
    dialog = page.get_by_role("dialog", name="Add a webhook endpoint")
    expect_accessible(page)
    shot(page, "endpoint-add")
    dialog.get_by_label("Address").fill(program.url)
    dialog.get_by_label(re.compile("contact.created")).check()
    dialog.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_text("Copy the secret now.")).to_be_visible()
    secret = page.locator("#secret").inner_text().strip()
    expect_accessible(page)
    shot(page, "endpoint-secret")
    page.get_by_role("link", name="Done").click()

    # Heard, and the page says so by itself.
    expect(page.get_by_text("Nothing here")).to_be_visible()
    contact(product, "grace@hear.example")
    expect(page.locator("#rows").get_by_role("link", name="contact.created")).to_be_visible(timeout=30_000)
    expect(page.locator("#rows").get_by_text("Delivered", exact=True)).to_be_visible(timeout=30_000)
    headers, body = program.heard[0]
    StandardWebhook(secret).verify(body, headers)
    assert secret not in page.content()

    # What does not arrive is said, and sent again.
    program.status = 500
    contact(product, "alan@hear.example")
    expect(page.locator("#rows").get_by_text("Waiting", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("#endpoint-state").get_by_text("Nothing has arrived since")).to_be_visible(timeout=30_000)
    shot(page, "endpoint-failing")
    endpoint = page.url.rpartition("/")[2]
    with product.connect() as database:
        database.execute(
            "update webhook_endpoints set enabled = false, disabled_reason = 'failing' where id = %s", (endpoint,)
        )
        database.execute(
            "update event_deliveries set status = 2, next_at = null where endpoint_id = %s and status = 0", (endpoint,)
        )
        database.commit()
    expect(page.locator("#endpoint-state").get_by_text("so it was switched off")).to_be_visible(timeout=30_000)
    for theme, width in SIZES:
        other = open_page(theme=theme, width=width, height=844)
        other.goto(f"/settings/webhooks/{endpoint}")
        expect(other.get_by_text("so it was switched off")).to_be_visible()
        expect_accessible(other)
        shot(other, f"endpoint-off-{theme}-{width}")
        assert other.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{theme} {width}"

    # Switched on again, it gets what it missed.
    program.status = 200
    page.reload()
    page.get_by_role("button", name="Switch on").first.click()
    page.get_by_role("dialog", name="Switch on?").get_by_role("button", name="Switch on").click()
    expect(page.locator("#endpoint-state").get_by_text("On", exact=True)).to_be_visible()
    page.locator("#rows").get_by_role("link", name="contact.created").first.click()
    expect_accessible(page)
    shot(page, "endpoint-delivery")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It is being sent again.")).to_be_visible()
    page.get_by_role("link", name=program.url).click()
    expect(page.locator("#rows").get_by_text("Delivered", exact=True)).to_have_count(2, timeout=30_000)
    assert program.types() and set(program.types()) == {"contact.created"}
    assert len({headers["webhook-id"] for headers, _ in program.heard}) == 2
