"""Notifications in a browser: a page of a site subscribes through the product's own door, and the service worker shows and reports."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import PLAIN, Product
from tests.fixtures.http_server import Recorder, Reply, recording
from tests.messaging.push_services.fake import Browser

KEY = "an-identity-key-of-the-site"
STUBS = """
  const stub = { subscription: null, key: null };
  const registration = { pushManager: {
    getSubscription: async () => stub.subscription,
    subscribe: async ({ userVisibleOnly, applicationServerKey }) => {
      if (!userVisibleOnly || applicationServerKey.length !== 65) throw new Error("no key of a site");
      stub.key = applicationServerKey;
      return (stub.subscription = {
        endpoint: SUBSCRIPTION.endpoint, options: { applicationServerKey: applicationServerKey.buffer },
        toJSON: () => ({ ...SUBSCRIPTION, expirationTime: null }), unsubscribe: async () => { stub.subscription = null; return true; },
      });
    },
  } };
  const container = { register: async (url) => { stub.worker = url; return registration; }, ready: Promise.resolve(registration),
    getRegistration: async () => registration };
  Object.defineProperty(navigator, "serviceWorker", { value: container });
  window.PushManager = class {};
  window.Notification = { requestPermission: async () => window.permission || "granted" };
"""
WORKER = """
  self.seen = [];
  self.registration = { showNotification: async (title, options) => self.seen.push(["shown", title, options]) };
  self.clients = { matchAll: async () => [], openWindow: async (url) => self.seen.push(["opened", url]) };
"""
FIRE = """async ([name, more]) => {
  const waits = [], event = new Event(name);
  Object.assign(event, more.text === undefined ? { notification: { ...more, close: () => self.seen.push(["closed"]) } }
    : { data: { json: () => JSON.parse(more.text) } }, { waitUntil: (promise) => waits.push(promise) });
  self.dispatchEvent(event);
  await Promise.all(waits);
  return self.seen;
}"""


@pytest.fixture
def site() -> Iterator[Recorder]:
    with recording() as recorder:
        html = Reply(200, b"<!doctype html><title>Northlight</title>", {"Content-Type": "text/html"})
        recorder.answer = lambda asked: html if asked.method == "GET" else Reply(204)
        yield recorder


@pytest.fixture
def api(product: Product) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {product.api_key()}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, **PLAIN) as client:
        yield client


def test_a_visitor_subscribes_and_stands_on_the_page_of_the_contact(
    open_page: Callable[..., Page], product: Product, site: Recorder, api: httpx.Client, page_errors: list[str],
    expect_accessible: Callable[..., None], shot: Callable[..., Any],
) -> None:  # fmt: skip
    origin = site.url.replace("127.0.0.1", "localhost")
    config = {"contact": "mailto:push@northlight.example", "origins": origin, "identityKey": KEY}
    connector = api.post("/connectors", json={"name": "Site", "type": "web_push", "config": config}).json()["data"]
    page = open_page()
    page.goto(f"/connectors/{connector['id']}")
    expect(page.locator("main")).to_contain_text("On your site")
    code = page.get_by_label("On each page", exact=True).inner_text()
    address = code.partition('src="')[2].partition("/throughline-push.js")[0]
    expect_accessible(page)
    shot(page, "push-connector", full=True)

    visitor = open_page(signed_in=False)
    subscription = {"endpoint": "https://push.example.com/abc", "keys": Browser("").keys}
    visitor.add_init_script(f"const SUBSCRIPTION = {json.dumps(subscription)};\n{STUBS}")
    visitor.goto(f"{origin}/shop")
    visitor.add_script_tag(url=f"{address}/throughline-push.js")
    who = {"externalId": "push-42", "signature": "00", "app": "Shop"}
    wrong = visitor.evaluate("(who) => throughlinePush.subscribe(who).catch((error) => error.message)", who)
    assert "not proven whose browser" in wrong
    page_errors.clear()
    who["signature"] = hmac.new(KEY.encode(), b"push-42", hashlib.sha256).hexdigest()
    for _ in range(2):  # each visit says that the browser was seen
        told = visitor.evaluate("(who) => throughlinePush.subscribe(who)", who)
        assert told["subscribed"] and told["permission"] == "granted" and told["id"]
    visitor.evaluate("window.permission = 'denied'")
    assert visitor.evaluate("(who) => throughlinePush.subscribe(who)", who) == {
        "subscribed": False,
        "permission": "denied",
    }
    contact = api.get("/contacts", params={"externalId": "push-42"}).json()["data"][0]["id"]
    page.goto(f"/contacts/{contact}")
    devices = page.locator("#contact-devices")
    expect(devices.get_by_role("listitem")).to_have_count(1)
    expect(devices).to_contain_text("Browser, Shop")
    expect_accessible(page)
    shot(page, "push-devices")
    assert visitor.evaluate("throughlinePush.unsubscribe()") == {"removed": True}
    assert visitor.evaluate("throughlinePush.unsubscribe()") == {"removed": False}
    page.reload()
    expect(devices).to_contain_text("None that takes notifications.")


def test_the_service_worker_shows_opens_and_reports(
    open_page: Callable[..., Page], site: Recorder, api: httpx.Client
) -> None:
    config = {"contact": "mailto:push@northlight.example", "origins": site.url}
    connector = api.post("/connectors", json={"name": "Worker", "type": "web_push", "config": config}).json()["data"]
    page = open_page()
    page.goto(f"/connectors/{connector['id']}")
    code = page.get_by_label("throughline-push-worker.js", exact=False).first.inner_text()
    worker = open_page(signed_in=False)
    worker.goto(f"{site.url}/shop")
    worker.add_script_tag(content=WORKER)
    worker.add_script_tag(url=code.partition('"')[2].partition('"')[0])
    content = {
        "title": "Shoes",
        "body": "They are back",
        "link": "https://shop.example/",
        "tag": "shoes",
        "report": f"{site.url}/r?m=1",
    }
    seen = worker.evaluate(FIRE, ["push", {"text": json.dumps(content)}])
    assert [what[:2] for what in seen] == [["shown", "Shoes"]]
    options = seen[0][2]
    assert options["body"] == "They are back" and options["tag"] == "shoes" and options["renotify"]
    assert len(worker.evaluate(FIRE, ["push", {"text": "not ours"}])) == 1
    seen = worker.evaluate(FIRE, ["notificationclick", {"data": options["data"]}])
    assert seen[1:] == [["closed"], ["opened", "https://shop.example/"]]
    told = [(asked.path, asked.body) for asked in site.asked if asked.method == "POST"]
    assert told == [("/r?m=1&k=delivered", b""), ("/r?m=1&k=clicked", b'{"url":"https://shop.example/"}')]
